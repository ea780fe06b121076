//! Mail addresses in the configuration.

use std::fmt;
use std::str::FromStr;

/// The longest mail address in bytes (RFC 5321, section 4.5.3.1.3, without the angle brackets).
pub const MAIL_ADDRESS_BYTES_MAX: usize = 254;

/// An address that mail can be sent to, of the plain form `name@host`.
///
/// Only its shape is checked; whether it exists is found out by sending mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailAddress(String);

/// The text does not have the shape of a mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a mail address such as admin@example.org")]
pub struct MailAddressError;

impl MailAddress {
    /// The address as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MailAddress {
    type Err = MailAddressError;

    fn from_str(text: &str) -> Result<Self, MailAddressError> {
        let (name, host) = text.rsplit_once('@').ok_or(MailAddressError)?;
        let plain = |part: &str, forbidden: &[char]| {
            !part.is_empty()
                && !part.contains(|c: char| c.is_whitespace() || c.is_control())
                && !part.contains(forbidden)
        };
        let sound = text.len() <= MAIL_ADDRESS_BYTES_MAX
            && plain(name, &['@', '<', '>', '"', ',', ';', '(', ')', '\\'])
            && plain(host, &['<', '>', '"', ',', ';', '(', ')', '\\', '/'])
            && !host.starts_with('.')
            && !host.ends_with('.');
        if sound {
            Ok(Self(text.to_owned()))
        } else {
            Err(MailAddressError)
        }
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_addresses_pass() {
        for good in [
            "a@b",
            "admin@example.org",
            "first.last+tag@sub.example.org",
            "ü@bücher.example",
        ] {
            assert_eq!(good.parse::<MailAddress>().expect(good).as_str(), good);
        }
        let long = format!("{}@example.org", "a".repeat(MAIL_ADDRESS_BYTES_MAX));
        for bad in [
            "",
            "@",
            "admin",
            "admin@",
            "@example.org",
            "a b@example.org",
            "a@@example.org",
            "Admin <admin@example.org>",
            "a@example.org,b@example.org",
            "a@example.org\n",
            "a@.org",
            &long,
        ] {
            assert!(bad.parse::<MailAddress>().is_err(), "{bad}");
        }
    }
}
