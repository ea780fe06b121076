//! What a browser carries: the session's cookie, the cookie of a visitor's forms, the tokens that forms are held against,
//! and the word about what just happened.
//!
//! A form's token is made of the cookie that the browser carries, so no other site can make one, and masked anew for
//! every page, so that a page which is compressed and holds what a stranger chose doesn't give it away (BREACH).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{HeaderMap, HeaderValue, ORIGIN};
use rand::CryptoRng;
use sha2::{Digest, Sha256};

use crate::config::InstanceUrl;
use crate::domain::access::SESSION_IDLE_MILLIS_MAX;
use crate::extract::auth::{SESSION_COOKIE, cookie};
use crate::features;
use crate::problem::Problem;
use crate::secret::{Secret, random_token, same_bytes};

/// Bytes of a mask and of what it masks.
const TAG_BYTES: usize = 32;
/// Longest value of a cookie that is looked at, in bytes.
const COOKIE_BYTES_MAX: usize = 128;
/// Random bytes of a visitor's cookie: 256 bits.
const VISITOR_BYTES: usize = 32;
/// How long the word about what happened waits for the next page, in seconds.
const NOTICE_SECS_MAX: i64 = 60;

/// The cookies of the website.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// Who is logged in.
    Session,
    /// What a visitor's forms (log-in, sign-up, set-up, reset) are held against.
    Visitor,
    /// What just happened, for the next page.
    Notice,
}

impl Cookie {
    /// The cookie's name. With `__Host-` browsers take it only from this host, over TLS and for every path.
    fn name(self, url: &InstanceUrl) -> &'static str {
        match (self, url.is_https()) {
            (Self::Session, _) => SESSION_COOKIE,
            (Self::Visitor, true) => "__Host-kinglet_visitor",
            (Self::Visitor, false) => "kinglet_visitor",
            (Self::Notice, true) => "__Host-kinglet_notice",
            (Self::Notice, false) => "kinglet_notice",
        }
    }

    /// The cookie's value in a request.
    pub(crate) fn of(self, headers: &HeaderMap, url: &InstanceUrl) -> Option<Secret<String>> {
        let value = cookie(headers, self.name(url))?;
        let is_token = !value.is_empty()
            && value.len() <= COOKIE_BYTES_MAX
            && value
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        is_token.then(|| Secret::new(value.to_owned()))
    }

    /// The header that gives a browser this cookie.
    pub(crate) fn set(self, value: &str, url: &InstanceUrl) -> HeaderValue {
        let seconds = match self {
            Self::Session => Some(SESSION_IDLE_MILLIS_MAX / 1000),
            // Ends with the browser.
            Self::Visitor => None,
            Self::Notice => Some(NOTICE_SECS_MAX),
        };
        self.header(value, seconds, url)
    }

    /// The header that takes it back.
    pub(crate) fn clear(self, url: &InstanceUrl) -> HeaderValue {
        self.header("", Some(0), url)
    }

    fn header(self, value: &str, seconds: Option<i64>, url: &InstanceUrl) -> HeaderValue {
        let name = self.name(url);
        let age = seconds.map_or(String::new(), |seconds| format!("; Max-Age={seconds}"));
        let secure = if url.is_https() { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path=/{age}; HttpOnly; SameSite=Lax{secure}");
        HeaderValue::from_str(&text).expect("names and values of cookies are ASCII tokens")
    }
}

/// A new value of a visitor's cookie.
pub(crate) fn new_visitor(rng: &mut impl CryptoRng) -> Secret<String> {
    random_token::<VISITOR_BYTES>(rng)
}

/// What a form's token must unmask to.
fn tag(cookie: &Secret<String>) -> [u8; TAG_BYTES] {
    Sha256::new()
        .chain_update(b"kinglet form\0")
        .chain_update(cookie.expose().as_bytes())
        .finalize()
        .into()
}

/// A token for the forms of one page.
pub(crate) fn form_token(cookie: &Secret<String>, rng: &mut impl CryptoRng) -> String {
    let mut bytes = [0; 2 * TAG_BYTES];
    let (mask, masked) = bytes.split_at_mut(TAG_BYTES);
    rng.fill_bytes(mask);
    let tag = tag(cookie);
    for ((out, mask), tag) in masked.iter_mut().zip(mask.iter()).zip(tag) {
        *out = mask ^ tag;
    }
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Whether a form's token belongs to the cookie.
pub(crate) fn is_form_token(token: &str, cookie: &Secret<String>) -> bool {
    let Ok(bytes) = URL_SAFE_NO_PAD.decode(token) else {
        return false;
    };
    if bytes.len() != 2 * TAG_BYTES {
        return false;
    }
    let (mask, masked) = bytes.split_at(TAG_BYTES);
    let unmasked: Vec<u8> = mask.iter().zip(masked).map(|(a, b)| a ^ b).collect();
    same_bytes(&unmasked, &tag(cookie))
}

/// Refuses a form that another site sent. Browsers say where a form comes from; programs may not.
///
/// # Errors
/// Forbidden, with the address to use.
pub(crate) fn require_own_origin(headers: &HeaderMap, url: &InstanceUrl) -> Result<(), Problem> {
    let mut origins = headers.get_all(ORIGIN).into_iter();
    if origins.all(|origin| origin.as_bytes() == url.as_str().as_bytes()) {
        return Ok(());
    }
    Err(Problem::forbidden(format!(
        "This form was not sent from {}. Open that address and try again",
        url.as_str()
    )))
}

/// A path on this site to go on at; anything else becomes the front page, so nobody is led astray by a link.
pub(crate) fn local_path(text: &str) -> &str {
    let rest = text.strip_prefix('/');
    let is_local = rest.is_some_and(|rest| !rest.starts_with(['/', '\\']))
        && text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if is_local { text } else { "/" }
}

/// What just happened, told on the next page. Only these sentences can be told, so a planted cookie says nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    /// The session is over.
    LoggedOut,
    /// A new account is in.
    Welcome,
    /// The profile was changed.
    ProfileSaved,
    /// The password was replaced by its holder.
    PasswordChanged,
    /// The password was replaced by a link.
    PasswordReset,
    /// A post is gone.
    PostDeleted,
    /// A post was edited.
    PostSaved,
    /// A post went out.
    PostPublished,
    /// Another is asked.
    FollowRequested,
    /// Another is blocked.
    Blocked,
    /// Another is muted.
    Muted,
    /// A request to follow was answered.
    RequestAnswered,
    /// No notification is left.
    NotificationsCleared,
    /// An archive is being written.
    ArchiveAsked,
    /// An uploaded archive is being taken in.
    ImportBegun,
    /// It is not any more.
    ImportCancelled,
    /// Another browser's session was ended.
    SessionEnded,
    /// An application is shut out.
    AppRevoked,
    /// A queue or a task was stopped.
    Paused,
    /// A queue or a task goes on.
    Resumed,
    /// A task runs as soon as it can.
    TaskDue,
    /// Jobs are tried as soon as they can.
    JobRetried,
    /// A job is forgotten.
    JobDropped,
    /// Somebody was let in.
    Approved,
    /// Somebody was turned away.
    Rejected,
    /// The choices about mail are kept.
    MailSaved,
    /// A mail with a link is on its way to the new address.
    AddressWaits,
    /// The address is changed, or was the same.
    AddressChanged,
    /// A mail with a link is on its way once more.
    ConfirmationSent,
    /// It was on its way already.
    ConfirmationWaits,
    /// Mail is sent to the address again.
    AddressTrusted,
    /// The address is confirmed.
    AddressConfirmed,
}

impl Notice {
    const ALL: &[(Self, &str, &str)] = &[
        (Self::LoggedOut, "logged-out", "You are logged out."),
        (
            Self::Welcome,
            "welcome",
            if features::WEB {
                "Welcome! This is your home: posts of people you follow come in here."
            } else {
                "Welcome! Your account is ready."
            },
        ),
        (
            Self::ProfileSaved,
            "profile-saved",
            "Your profile is saved.",
        ),
        (
            Self::PasswordChanged,
            "password-changed",
            "Your password is changed. Your other sessions have ended.",
        ),
        (
            Self::PasswordReset,
            "password-reset",
            "Your password is set. Log in with it.",
        ),
        (Self::PostDeleted, "post-deleted", "Your post is deleted."),
        (Self::PostSaved, "post-saved", "Your post is saved."),
        (Self::PostPublished, "post-published", "Your post is out."),
        (
            Self::FollowRequested,
            "follow-requested",
            "Your request is sent. You follow as soon as it is accepted.",
        ),
        (
            Self::Blocked,
            "blocked",
            "Blocked. You no longer see each other.",
        ),
        (
            Self::Muted,
            "muted",
            "Muted. Their posts no longer come into your timelines.",
        ),
        (
            Self::RequestAnswered,
            "request-answered",
            "The request is answered.",
        ),
        (
            Self::NotificationsCleared,
            "notifications-cleared",
            "Your notifications are cleared.",
        ),
        (
            Self::ArchiveAsked,
            "archive-asked",
            "Your archive is being put together. It can be fetched here as soon as it is ready.",
        ),
        (
            Self::ImportBegun,
            "import-begun",
            "Your archive is here. It is being taken in.",
        ),
        (
            Self::ImportCancelled,
            "import-cancelled",
            "It is taken in no further. What is here stays.",
        ),
        (
            Self::SessionEnded,
            "session-ended",
            "That session has ended.",
        ),
        (
            Self::AppRevoked,
            "app-revoked",
            "The app no longer has access to your account.",
        ),
        (
            Self::Paused,
            "paused",
            "Paused. Nothing of it runs until you resume it.",
        ),
        (Self::Resumed, "resumed", "It goes on."),
        (
            Self::TaskDue,
            "task-due",
            "The task runs now. Reload the page to see how it went.",
        ),
        (
            Self::JobRetried,
            "job-retried",
            "It is tried again now. Reload the page to see how it went.",
        ),
        (Self::JobDropped, "job-dropped", "The job is dropped."),
        (Self::Approved, "approved", "They are in."),
        (
            Self::Rejected,
            "rejected",
            "They are turned away. The name is free again.",
        ),
        (Self::MailSaved, "mail-saved", "Your choices are saved."),
        (
            Self::AddressWaits,
            "address-waits",
            "A mail is on its way to the new address. It counts as soon as you use the link in it.",
        ),
        (
            Self::AddressChanged,
            "address-changed",
            "This is your mail address.",
        ),
        (
            Self::ConfirmationSent,
            "confirmation-sent",
            "The mail is on its way.",
        ),
        (
            Self::ConfirmationWaits,
            "confirmation-waits",
            "The mail was sent a moment ago. Look for it among what your mailbox sorts out, too.",
        ),
        (
            Self::AddressTrusted,
            "address-trusted",
            "Mail is sent to your address again.",
        ),
        (
            Self::AddressConfirmed,
            "address-confirmed",
            "Your mail address is confirmed.",
        ),
    ];

    /// The value of its cookie.
    pub(crate) fn code(self) -> &'static str {
        let found = Self::ALL.iter().find(|(notice, ..)| *notice == self);
        found.map_or("", |(_, code, _)| code)
    }

    /// What a cookie's value says.
    pub(crate) fn sentence_of(code: &str) -> Option<&'static str> {
        let found = Self::ALL.iter().find(|(_, known, _)| *known == code);
        found.map(|(.., sentence)| *sentence)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use http::header::COOKIE;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn url(text: &str) -> InstanceUrl {
        text.parse().expect("a URL")
    }

    #[test]
    fn a_token_holds_for_its_cookie_alone_and_never_looks_the_same() {
        let mut rng = StdRng::seed_from_u64(1);
        let (mine, other) = (new_visitor(&mut rng), new_visitor(&mut rng));
        let tokens: HashSet<String> = (0..50).map(|_| form_token(&mine, &mut rng)).collect();
        assert_eq!(tokens.len(), 50);
        for token in &tokens {
            assert!(is_form_token(token, &mine));
            assert!(!is_form_token(token, &other));
            let mut broken = token.clone();
            let last = broken.pop().expect("not empty");
            assert!(!is_form_token(&broken, &mine));
            broken.insert(0, last);
            assert!(!is_form_token(&broken, &mine));
        }
        for bad in ["", "!", "AAAA", &"A".repeat(86), &"A".repeat(1000)] {
            assert!(!is_form_token(bad, &mine), "{bad}");
        }
    }

    #[test]
    fn cookies_are_found_among_others_and_only_when_they_can_be_ours() {
        let url = url("http://localhost");
        let found = |line: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, HeaderValue::from_str(line).expect("a header"));
            Cookie::Session.of(&headers, &url).map(Secret::into_exposed)
        };
        assert_eq!(
            found("a=b; kinglet_session=x-Y_9;c=d"),
            Some("x-Y_9".into())
        );
        for none in [
            "",
            "kinglet_session",
            "kinglet_session=",
            "my_kinglet_session=x",
            "kinglet_session=a b",
            "kinglet_session=\"x\"",
            &format!("kinglet_session={}", "x".repeat(129)),
        ] {
            assert_eq!(found(none), None, "{none}");
        }
    }

    #[test]
    fn cookies_follow_the_instances_address() {
        let plain = Cookie::Session.set("x", &url("http://localhost"));
        assert_eq!(
            plain,
            "kinglet_session=x; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"
        );
        let safe = Cookie::Visitor.set("x", &url("https://birds.example"));
        assert_eq!(
            safe,
            "__Host-kinglet_visitor=x; Path=/; HttpOnly; SameSite=Lax; Secure"
        );
    }

    #[test]
    fn only_ways_within_this_site_are_gone_on() {
        for good in ["/", "/@ada/1#p-1", "/search?q=a%20b&type="] {
            assert_eq!(local_path(good), good);
        }
        for bad in [
            "",
            "//evil.example",
            "/\\evil.example",
            "/a\\b",
            "https://evil.example/",
            "javascript:alert(1)",
            "evil",
            "/\t/evil.example",
            "/\n/evil.example",
            "/ä",
            " /",
        ] {
            assert_eq!(local_path(bad), "/", "{bad:?}");
        }
    }

    #[test]
    fn a_foreign_origin_is_refused_and_a_missing_one_is_not() {
        let url = url("https://birds.example");
        let check = |origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(origin) = origin {
                headers.insert(ORIGIN, HeaderValue::from_static(origin));
            }
            require_own_origin(&headers, &url).is_ok()
        };
        assert!(check(None));
        assert!(check(Some("https://birds.example")));
        for bad in [
            "null",
            "http://birds.example",
            "https://birds.example:444",
            "https://evil.example",
            "https://birds.example.evil.example",
        ] {
            assert!(!check(Some(bad)), "{bad}");
        }
    }

    #[test]
    fn every_notice_has_a_sentence_and_no_other_value_has() {
        for &(notice, code, sentence) in Notice::ALL {
            assert_eq!(notice.code(), code);
            assert_eq!(Notice::sentence_of(code), Some(sentence));
            assert!(code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
        }
        assert_eq!(Notice::sentence_of("<b>"), None);
    }
}
