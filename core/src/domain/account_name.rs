//! What an account may be called and what it may say about itself: names, bio, profile fields,
//! mail address, password. Every fault is a sentence that can be shown to the person who typed.

use super::text::characters::{clean_line, clean_lines, is_blank};
use super::text::count::graphemes;
use thiserror::Error;

/// Longest user name, characters (all ASCII).
pub const USERNAME_CHARS_MAX: usize = 30;

/// Longest display name, characters as a person sees them (grapheme clusters).
pub const DISPLAY_NAME_CHARS_MAX: usize = 30;

/// Longest bio, characters as a person sees them.
pub const BIO_CHARS_MAX: usize = 500;

/// How many profile fields an account has.
pub const PROFILE_FIELDS_MAX: usize = 4;

/// Longest name or value of a profile field, characters as a person sees them.
pub const FIELD_CHARS_MAX: usize = 255;

/// How many bytes one character of a profile text may take on average. A family in one emoji
/// takes 25; towers of marks take hundreds and are refused.
pub const BYTES_PER_CHAR_MAX: usize = 32;

/// Longest mail address, bytes (RFC 5321, section 4.5.3.1.3, without the angle brackets).
pub const EMAIL_BYTES_MAX: usize = 254;

/// Shortest password, characters (NIST SP 800-63B asks for no less).
pub const PASSWORD_CHARS_MIN: usize = 8;

/// Longest password, bytes: long enough for any phrase, short enough to hash at no extra cost.
pub const PASSWORD_BYTES_MAX: usize = 256;

/// Names that are words of our own addresses, or that would let their bearer pass for those who
/// run the instance. Sorted.
const RESERVED: &[&str] = &[
    "_kinglet",
    "about",
    "abuse",
    "account",
    "accounts",
    "activity",
    "actor",
    "admin",
    "administrator",
    "all",
    "anonymous",
    "api",
    "app",
    "apps",
    "assets",
    "auth",
    "authorize",
    "avatar",
    "avatars",
    "blocks",
    "bookmarks",
    "bot",
    "compose",
    "contact",
    "custom",
    "delete",
    "deleted",
    "direct",
    "discover",
    "domain_blocks",
    "edit",
    "embed",
    "emoji",
    "everyone",
    "explore",
    "export",
    "favicon",
    "favourites",
    "federated",
    "feed",
    "feeds",
    "filters",
    "follow",
    "follow_requests",
    "followers",
    "following",
    "header",
    "headers",
    "health",
    "help",
    "here",
    "home",
    "hostmaster",
    "imprint",
    "inbox",
    "index",
    "info",
    "instance",
    "instance_actor",
    "invite",
    "invites",
    "kinglet",
    "lists",
    "local",
    "login",
    "logout",
    "mail",
    "mailer_daemon",
    "manifest",
    "me",
    "media",
    "mod",
    "moderation",
    "moderator",
    "mutes",
    "new",
    "nobody",
    "nodeinfo",
    "noreply",
    "notifications",
    "null",
    "oauth",
    "official",
    "outbox",
    "owner",
    "password",
    "post",
    "postmaster",
    "posts",
    "preferences",
    "privacy",
    "profile",
    "proxy",
    "public",
    "redirect",
    "register",
    "relay",
    "remote_interaction",
    "report",
    "reports",
    "reset",
    "robots",
    "root",
    "rss",
    "rules",
    "search",
    "security",
    "self",
    "sessions",
    "settings",
    "setup",
    "share",
    "sharedinbox",
    "signin",
    "signout",
    "signup",
    "sitemap",
    "staff",
    "static",
    "status",
    "statuses",
    "streaming",
    "support",
    "system",
    "tag",
    "tags",
    "terms",
    "timeline",
    "timelines",
    "tos",
    "undefined",
    "user",
    "users",
    "verify",
    "web",
    "webfinger",
    "webmaster",
    "well_known",
    "www",
];

/// Why a user name can't be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UsernameFault {
    /// Nothing was typed.
    #[error("Choose a user name.")]
    Empty,
    /// More than [`USERNAME_CHARS_MAX`].
    #[error("A user name can have at most {USERNAME_CHARS_MAX} characters.")]
    TooLong,
    /// Something other than ASCII letters, digits, underscore.
    #[error("A user name can have only letters from A to Z, digits and the underscore.")]
    ForbiddenCharacter,
    /// See [`is_reserved`].
    #[error("This user name is reserved. Choose another one.")]
    Reserved,
}

/// Why a display name, bio or profile field is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProfileFault {
    /// More than [`DISPLAY_NAME_CHARS_MAX`], or too many bytes for that.
    #[error("A display name can have at most {DISPLAY_NAME_CHARS_MAX} characters.")]
    DisplayNameTooLong,
    /// More than [`BIO_CHARS_MAX`], or too many bytes for that.
    #[error("A bio can have at most {BIO_CHARS_MAX} characters.")]
    BioTooLong,
    /// More than [`PROFILE_FIELDS_MAX`].
    #[error("A profile can have at most {PROFILE_FIELDS_MAX} fields.")]
    TooManyFields,
    /// More than [`FIELD_CHARS_MAX`], or too many bytes for that.
    #[error(
        "The name and the value of a field can have at most {FIELD_CHARS_MAX} characters each."
    )]
    FieldTooLong,
    /// A value stands there without a name.
    #[error("A field needs a name.")]
    FieldWithoutName,
}

/// Why a mail address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EmailFault {
    /// Nothing was typed.
    #[error("Enter a mail address.")]
    Empty,
    /// More than [`EMAIL_BYTES_MAX`].
    #[error("A mail address can have at most {EMAIL_BYTES_MAX} characters.")]
    TooLong,
    /// Not of the shape `name@host`.
    #[error("This is not a mail address.")]
    Malformed,
}

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PasswordFault {
    /// Fewer than [`PASSWORD_CHARS_MIN`].
    #[error("A password needs at least {PASSWORD_CHARS_MIN} characters.")]
    TooShort,
    /// More than [`PASSWORD_BYTES_MAX`].
    #[error("A password can have at most {PASSWORD_BYTES_MAX} bytes.")]
    TooLong,
    /// One character over and over.
    #[error("A password must not be one character repeated.")]
    Repetitive,
    /// The user name or the mail address.
    #[error("A password must not be the user name or the mail address.")]
    SameAsName,
}

/// The key under which a user name is unique and looked up: names differ in more than letter case.
#[must_use]
pub fn username_key(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// Whether only those who run the instance may hand out `name`, in any letter case.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    RESERVED.binary_search(&username_key(name).as_str()).is_ok()
}

/// Checks that `name` has the form of a user name: 1 to [`USERNAME_CHARS_MAX`] of `A-Za-z0-9_`.
///
/// # Errors
/// Says what is wrong; never [`UsernameFault::Reserved`].
pub fn check_username_form(name: &str) -> Result<(), UsernameFault> {
    if name.is_empty() {
        return Err(UsernameFault::Empty);
    }
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(UsernameFault::ForbiddenCharacter);
    }
    if name.len() > USERNAME_CHARS_MAX {
        return Err(UsernameFault::TooLong);
    }
    Ok(())
}

/// Checks a user name that somebody chose at sign-up: its form, and that it is not reserved.
///
/// # Errors
/// Says what is wrong.
pub fn check_username(name: &str) -> Result<(), UsernameFault> {
    check_username_form(name)?;
    if is_reserved(name) {
        Err(UsernameFault::Reserved)
    } else {
        Ok(())
    }
}

/// The display name as it is stored: one line without control characters and direction overrides.
/// Empty if nothing of it could be seen; then the user name is shown.
///
/// # Errors
/// If it is too long.
pub fn clean_display_name(name: &str) -> Result<String, ProfileFault> {
    let name = visible(clean_line(name));
    fits(&name, DISPLAY_NAME_CHARS_MAX)
        .then_some(name)
        .ok_or(ProfileFault::DisplayNameTooLong)
}

/// The bio as it is stored: several lines without control characters.
///
/// # Errors
/// If it is too long.
pub fn clean_bio(bio: &str) -> Result<String, ProfileFault> {
    let bio = visible(clean_lines(bio));
    fits(&bio, BIO_CHARS_MAX)
        .then_some(bio)
        .ok_or(ProfileFault::BioTooLong)
}

/// The profile fields (name, value) as they are stored: one line each; empty ones are left out.
///
/// # Errors
/// If there are too many, one is too long, or a value has no name.
pub fn clean_fields<'t>(
    fields: impl IntoIterator<Item = (&'t str, &'t str)>,
) -> Result<Vec<(String, String)>, ProfileFault> {
    let mut clean = Vec::new();
    for (name, value) in fields {
        let (name, value) = (visible(clean_line(name)), visible(clean_line(value)));
        match (name.is_empty(), value.is_empty()) {
            (true, true) => continue,
            (true, false) => return Err(ProfileFault::FieldWithoutName),
            (false, _) => {}
        }
        if !fits(&name, FIELD_CHARS_MAX) || !fits(&value, FIELD_CHARS_MAX) {
            return Err(ProfileFault::FieldTooLong);
        }
        if clean.len() == PROFILE_FIELDS_MAX {
            return Err(ProfileFault::TooManyFields);
        }
        clean.push((name, value));
    }
    Ok(clean)
}

/// The mail address as it is stored and compared: trimmed, its host in lower case. Whether mail
/// arrives there only mail can tell; what passes is safe within a header and a command of SMTP.
///
/// # Errors
/// If it is empty, too long, or not of the form `name@host` in ASCII.
pub fn clean_email(address: &str) -> Result<String, EmailFault> {
    let address = address.trim();
    if address.is_empty() {
        return Err(EmailFault::Empty);
    }
    if address.len() > EMAIL_BYTES_MAX {
        return Err(EmailFault::TooLong);
    }
    let (name, host) = address.rsplit_once('@').ok_or(EmailFault::Malformed)?;
    if is_mailbox(name) && is_mail_host(host) {
        Ok(format!("{name}@{}", host.to_ascii_lowercase()))
    } else {
        Err(EmailFault::Malformed)
    }
}

/// Checks a new password: [`PASSWORD_CHARS_MIN`] characters to [`PASSWORD_BYTES_MAX`] bytes, any
/// characters, spaces included; not one character repeated; not `username` or `email`.
///
/// # Errors
/// Says what is wrong.
pub fn check_password(password: &str, username: &str, email: &str) -> Result<(), PasswordFault> {
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(PasswordFault::TooLong);
    }
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return Err(PasswordFault::TooShort);
    }
    let mut chars = password.chars();
    let first = chars.next();
    if chars.all(|c| Some(c) == first) {
        return Err(PasswordFault::Repetitive);
    }
    if password.eq_ignore_ascii_case(username) || password.eq_ignore_ascii_case(email) {
        return Err(PasswordFault::SameAsName);
    }
    Ok(())
}

/// `text`, or nothing if there is nothing in it to be seen.
fn visible(text: String) -> String {
    if text.chars().all(is_blank) {
        String::new()
    } else {
        text
    }
}

fn fits(text: &str, chars_max: usize) -> bool {
    text.len() <= chars_max * BYTES_PER_CHAR_MAX && graphemes(text) <= chars_max
}

/// A dot-atom (RFC 5322, section 3.2.3) of at most 64 bytes (RFC 5321, section 4.5.3.1.1).
fn is_mailbox(name: &str) -> bool {
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    };
    name.len() <= 64 && name.split('.').all(is_atom)
}

/// Labels of letters, digits and inner hyphens (RFC 1123, section 2.1).
fn is_mail_host(host: &str) -> bool {
    host.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn usernames_are_short_and_plain() {
        assert_eq!(check_username("Ann_3"), Ok(()));
        assert_eq!(check_username(&"a".repeat(30)), Ok(()));
        assert_eq!(check_username(&"a".repeat(31)), Err(UsernameFault::TooLong));
        assert_eq!(check_username(""), Err(UsernameFault::Empty));
        for name in ["a b", "a.b", "é", "a\0", "@a", "а"] {
            assert_eq!(
                check_username(name),
                Err(UsernameFault::ForbiddenCharacter),
                "{name}"
            );
        }
    }

    #[test]
    fn reserved_names_are_refused_in_any_case() {
        assert!(RESERVED.is_sorted());
        for name in RESERVED {
            assert_eq!(
                check_username_form(name),
                Ok(()),
                "{name} could never be chosen"
            );
            assert_eq!(
                check_username(&name.to_uppercase()),
                Err(UsernameFault::Reserved)
            );
        }
    }

    #[test]
    fn display_names_are_one_visible_line() {
        assert_eq!(
            clean_display_name("  Ann\n\tB\u{202E} "),
            Ok("Ann B".to_owned())
        );
        assert_eq!(
            clean_display_name("\u{200B}\u{3164} \u{2800}"),
            Ok(String::new())
        );
        assert_eq!(clean_display_name(&"👩‍👩‍👧‍👦".repeat(30)), Ok("👩‍👩‍👧‍👦".repeat(30)));
        for long in ["a".repeat(31), format!("a{}", "\u{301}".repeat(600))] {
            assert_eq!(
                clean_display_name(&long),
                Err(ProfileFault::DisplayNameTooLong)
            );
        }
    }

    #[test]
    fn fields_are_bounded_and_named() {
        assert_eq!(
            clean_fields([("", " "), ("Web", " https://example.org ")]),
            Ok(vec![("Web".to_owned(), "https://example.org".to_owned())])
        );
        assert_eq!(
            clean_fields([("", "x")]),
            Err(ProfileFault::FieldWithoutName)
        );
        assert_eq!(
            clean_fields([("a", "b"); 5]),
            Err(ProfileFault::TooManyFields)
        );
        let long = "x".repeat(256);
        assert_eq!(
            clean_fields([("a", long.as_str())]),
            Err(ProfileFault::FieldTooLong)
        );
        assert_eq!(clean_bio(&"x".repeat(501)), Err(ProfileFault::BioTooLong));
        assert_eq!(clean_bio("a\r\n\r\nb\0 "), Ok("a\n\nb".to_owned()));
    }

    #[test]
    fn mail_addresses_have_one_form() {
        assert_eq!(
            clean_email(" Ann.B+x@Example.ORG "),
            Ok("Ann.B+x@example.org".to_owned())
        );
        assert_eq!(clean_email("ann@localhost"), Ok("ann@localhost".to_owned()));
        assert_eq!(clean_email(" "), Err(EmailFault::Empty));
        assert_eq!(
            clean_email(&format!("a@{}", "b.".repeat(200))),
            Err(EmailFault::TooLong)
        );
        for address in [
            "ann",
            "@example.org",
            "ann@",
            "a b@example.org",
            ".a@b.c",
            "a..b@c",
            "a@b..c",
            "a@-b",
            "a@b\r\nc",
            "a@b>",
            "a@b@c",
            "ä@b.c",
        ] {
            assert_eq!(
                clean_email(address),
                Err(EmailFault::Malformed),
                "{address}"
            );
        }
    }

    #[test]
    fn passwords_are_long_but_not_endless() {
        let check = |password: &str| check_password(password, "annabelle", "ann@example.org");
        assert_eq!(check("correct horse"), Ok(()));
        assert_eq!(check("pässwörd"), Ok(()));
        assert_eq!(check("short"), Err(PasswordFault::TooShort));
        assert_eq!(check("aaaaaaaaaa"), Err(PasswordFault::Repetitive));
        assert_eq!(check(&"ab".repeat(129)), Err(PasswordFault::TooLong));
        assert_eq!(check("Annabelle"), Err(PasswordFault::SameAsName));
        assert_eq!(check("ann@example.org"), Err(PasswordFault::SameAsName));
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing(text in any::<String>()) {
            if let Ok(name) = clean_display_name(&text) {
                prop_assert_eq!(clean_display_name(&name), Ok(name.clone()));
                prop_assert!(!name.chars().any(char::is_control));
            }
            if let Ok(bio) = clean_bio(&text) {
                prop_assert_eq!(clean_bio(&bio), Ok(bio.clone()));
            }
        }
    }
}
