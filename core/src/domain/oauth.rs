//! OAuth 2: the faults that its endpoints tell apart, and where a code may be sent to.
//!
//! Sources: RFC 6749 (sections 4.1.2.1 and 5.2), RFC 7009, RFC 7636, RFC 8252, RFC 9700.

use url::{Host, Url};

use crate::secret::TokenHash;

/// Out of band: the code is shown on a page, for the person to copy.
pub const OUT_OF_BAND: &str = "urn:ietf:wg:oauth:2.0:oob";
/// The longest redirect URI, in bytes.
pub const REDIRECT_URI_BYTES_MAX: usize = 2000;
/// The most redirect URIs of one client.
pub const REDIRECT_URIS_MAX: usize = 20;
/// The longest `state` that is carried through, in bytes.
pub const STATE_BYTES_MAX: usize = 4096;

/// Why an OAuth endpoint refuses; the name goes into `error`, the sentence into `error_description`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum OauthFault {
    /// A parameter is missing, malformed or given twice.
    #[error("A parameter is missing, malformed or not supported")]
    InvalidRequest,
    /// The client is unknown or didn't show its secret.
    #[error("The client is unknown, or its secret is missing or wrong")]
    InvalidClient,
    /// The code is unknown, used, too old, or not meant for this client, address or verifier.
    #[error(
        "The code is unknown, used or expired, or was not made for this client and redirect URI"
    )]
    InvalidGrant,
    /// This client may not do this.
    #[error("The client may not do this")]
    UnauthorizedClient,
    /// There are only authorization codes and client credentials.
    #[error("This grant type is not supported")]
    UnsupportedGrantType,
    /// Only codes are given out.
    #[error("This response type is not supported")]
    UnsupportedResponseType,
    /// A scope that doesn't exist, or more than the client registered.
    #[error("A requested scope is unknown, or wider than what the client registered")]
    InvalidScope,
    /// An address that was not registered.
    #[error("The redirect URI is not one of those that the client registered")]
    InvalidRedirectUri,
    /// The person said no.
    #[error("The person denied the request")]
    AccessDenied,
}

impl OauthFault {
    /// The error code in the words of the RFCs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::AccessDenied => "access_denied",
        }
    }
}

/// Why nothing may be sent to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedirectUriFault {
    /// Nothing was given.
    #[error("Redirect URI can't be blank")]
    Empty,
    /// More than [`REDIRECT_URI_BYTES_MAX`].
    #[error("Redirect URI is too long")]
    TooLong,
    /// A character that a URI can't have (RFC 3986, section 2): what a browser would repair is refused.
    #[error("Redirect URI must be a URI")]
    ForbiddenCharacter,
    /// No scheme, or nothing after it.
    #[error("Redirect URI must be an absolute URI")]
    NotAbsolute,
    /// A scheme by which the browser would run or show what the URI holds.
    #[error("Redirect URI has a scheme that is not allowed")]
    ForbiddenScheme,
    /// RFC 6749, section 3.1.2.
    #[error("Redirect URI can't contain a fragment")]
    Fragment,
    /// A web address without a host, or with a user name in it that makes it look like another's.
    #[error("Redirect URI must name a host and no user")]
    BadHost,
}

/// By these a browser runs or shows the URI's own content in place of calling somebody.
const FORBIDDEN_SCHEMES: &[&str] = &[
    "javascript",
    "data",
    "vbscript",
    "file",
    "blob",
    "about",
    "filesystem",
    "view-source",
];

/// Checks where a client wants its codes: a web address, an address of its own scheme, or [`OUT_OF_BAND`].
///
/// # Errors
/// Says what is wrong.
pub fn check_redirect_uri(uri: &str) -> Result<(), RedirectUriFault> {
    if uri.is_empty() {
        return Err(RedirectUriFault::Empty);
    }
    if uri.len() > REDIRECT_URI_BYTES_MAX {
        return Err(RedirectUriFault::TooLong);
    }
    if uri.contains('#') {
        return Err(RedirectUriFault::Fragment);
    }
    if !uri
        .bytes()
        .all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b))
    {
        return Err(RedirectUriFault::ForbiddenCharacter);
    }
    let scheme = scheme(uri).ok_or(RedirectUriFault::NotAbsolute)?;
    if FORBIDDEN_SCHEMES.contains(&scheme.as_str()) {
        return Err(RedirectUriFault::ForbiddenScheme);
    }
    if is_web(&scheme) {
        // "http:host" and "http:///host" are repaired by browsers, so only the plain form is let through.
        let rest = &uri[scheme.len() + 1..];
        let url = Url::parse(uri).map_err(|_| RedirectUriFault::BadHost)?;
        let sound = rest.starts_with("//")
            && !rest.starts_with("///")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && !rest[2..]
                .split(['/', '?'])
                .next()
                .is_some_and(|authority| authority.contains('@'));
        if !sound {
            return Err(RedirectUriFault::BadHost);
        }
    }
    Ok(())
}

/// The scheme in lower case, when something follows it.
fn scheme(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once(':')?;
    let mut bytes = scheme.bytes();
    let sound = bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        && !rest.is_empty();
    sound.then(|| scheme.to_ascii_lowercase())
}

fn is_web(scheme: &str) -> bool {
    scheme == "http" || scheme == "https"
}

/// The source expression of a Content-Security-Policy that admits a checked redirect URI and as little else as the
/// syntax can say: the origin of a web address, the scheme of another. `None` for [`OUT_OF_BAND`], which leads nowhere.
pub fn csp_source(uri: &str) -> Option<String> {
    if uri == OUT_OF_BAND {
        return None;
    }
    let scheme = scheme(uri)?;
    if !is_web(&scheme) {
        return Some(format!("{scheme}:"));
    }
    let url = Url::parse(uri).ok()?;
    match url.host()? {
        // CSP has no syntax for these (Content Security Policy Level 3, section 2.3.1).
        Host::Ipv6(_) => Some(format!("{scheme}:")),
        Host::Domain(_) | Host::Ipv4(_) => Some(url.origin().ascii_serialization()),
    }
}

/// A redirect URI with parameters appended to those that it has.
pub fn with_parameters(uri: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in parameters {
        query.append_pair(name, value);
    }
    let separator = match uri.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some((_, before)) if before.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{uri}{separator}{}", query.finish())
}

/// Reads a challenge by `S256` (RFC 7636, section 4.2): the SHA-256 of the verifier, which is what the store keeps of
/// any token.
pub fn parse_challenge(challenge: &str) -> Option<TokenHash> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(challenge)
        .ok()?;
    TokenHash::from_bytes(&bytes)
}

/// The challenge that a verifier answers; `None` when it is no verifier (RFC 7636, section 4.1).
pub fn verifier_challenge(verifier: &str) -> Option<TokenHash> {
    let sound = (43..=128).contains(&verifier.len())
        && verifier
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
    sound.then(|| TokenHash::of(verifier))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_real_clients_register_is_accepted() {
        for good in [
            OUT_OF_BAND,
            "https://phanpy.social/",
            "https://elk.zone/api/birds.example/oauth/https%3A%2F%2Felk.zone",
            "oauth2redirect://com.keylesspalace.tusky/",
            "com.tapbots.Ivory.10217:/request_token",
            "icecubesapp://",
            "tuba://auth_code",
            "http://127.0.0.1:43211/callback?from=kinglet",
            "http://[::1]:8080/",
            "http://localhost",
        ] {
            assert_eq!(check_redirect_uri(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_would_run_in_the_browser_or_mislead_is_refused() {
        for bad in [
            "",
            "/callback",
            "//evil.example/",
            "callback",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "java\tscript:alert(1)",
            " javascript:alert(1)",
            "data:text/html,x",
            "VBSCRIPT:x",
            "file:///etc/passwd",
            "blob:https://a.example/1",
            "about:blank",
            "https://a.example/#fragment",
            "app:/#",
            "https:a.example",
            "https:///a.example",
            "https://",
            "https://user@a.example/",
            "https://@a.example/",
            "https://user:pass@a.example/",
            "https://a.example\\@b.example/",
            "https://a.example/ b",
            "https://a.example/\r\nSet-Cookie: a=b",
            "https://b\u{fc}cher.example/",
            "app:",
            "1app://x",
        ] {
            assert!(check_redirect_uri(bad).is_err(), "{bad:?}");
        }
        let long = format!("https://a.example/{}", "a".repeat(REDIRECT_URI_BYTES_MAX));
        assert_eq!(check_redirect_uri(&long), Err(RedirectUriFault::TooLong));
    }

    #[test]
    fn the_policy_names_exactly_the_target() {
        let source = |uri| csp_source(uri).unwrap_or_default();
        assert_eq!(source("https://a.example/x?y"), "https://a.example");
        assert_eq!(source("http://127.0.0.1:81/x"), "http://127.0.0.1:81");
        assert_eq!(source("http://[::1]:81/x"), "http:");
        assert_eq!(source("Tuba://auth_code"), "tuba:");
        assert_eq!(csp_source(OUT_OF_BAND), None);
    }

    #[test]
    fn parameters_join_those_that_are_there() {
        let joined = |uri| with_parameters(uri, &[("code", "a b"), ("state", "1&2")]);
        assert_eq!(joined("app:/x"), "app:/x?code=a+b&state=1%262");
        assert_eq!(joined("app:/x?y=z"), "app:/x?y=z&code=a+b&state=1%262");
        assert_eq!(joined("app:/x?"), "app:/x?code=a+b&state=1%262");
    }

    #[test]
    fn the_example_of_rfc_7636_holds() {
        let challenge = parse_challenge("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        let verifier = verifier_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert!(challenge.is_some());
        assert_eq!(challenge, verifier);
        assert_eq!(verifier_challenge("too short"), None);
        assert_eq!(
            parse_challenge("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw"),
            None
        );
    }

    proptest! {
        /// Whatever passes: the browser's own parser finds the same scheme, none of the forbidden, no fragment, and
        /// for the web the host that a reader of the text would name.
        #[test]
        fn what_passes_means_the_same_to_a_browser(
            uri in "(https?|javascript|data|app|com.x|[a-zA-Z]{1,6})?:?[/\\\\]{0,3}[a-z@:#?. \t%/]{0,12}",
        ) {
            if check_redirect_uri(&uri).is_ok() {
                let url = Url::parse(&uri).map_err(|error| TestCaseError::fail(format!("{uri:?}: {error}")));
                if uri.starts_with("http") {
                    let url = url?;
                    prop_assert!(["http", "https"].contains(&url.scheme()) || !is_web(url.scheme()));
                    if is_web(url.scheme()) {
                        let authority = uri.split("//").nth(1).unwrap_or_default();
                        let host = authority.split(['/', '?', ':']).next().unwrap_or_default();
                        prop_assert_eq!(url.host_str().map(|h| h.trim_end_matches('.')), Some(host.trim_end_matches('.')));
                    }
                } else if let Ok(url) = url {
                    prop_assert!(!FORBIDDEN_SCHEMES.contains(&url.scheme()));
                    prop_assert!(url.fragment().is_none());
                }
            }
        }

        /// A code never changes where it is sent to.
        #[test]
        fn parameters_never_change_the_target(query in "[a-z=&]{0,8}", state in "\\PC{0,20}") {
            let uri = format!("https://a.example/back?{query}");
            let target = with_parameters(&uri, &[("code", "c"), ("state", &state)]);
            let url = Url::parse(&target).expect("still a URL");
            prop_assert_eq!(url.host_str(), Some("a.example"));
            prop_assert_eq!(url.path(), "/back");
            let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
            prop_assert!(pairs.contains(&("state".to_owned(), state)));
            prop_assert!(target.starts_with(&uri));
        }
    }
}
