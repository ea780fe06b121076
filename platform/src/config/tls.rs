//! What certificates are asked for with: names of hosts and the address of a certificate authority.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// The longest name of a host, in bytes (RFC 1035).
const NAME_BYTES_MAX: usize = 253;
/// The longest part between two dots, in bytes (RFC 1035).
const LABEL_BYTES_MAX: usize = 63;

/// The name of a host, in lower case and without a dot at the end; no address, no wildcard.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DomainName(String);

/// A text that is no [`DomainName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not the name of a host such as example.org (wildcards need another way to prove them)")]
pub struct DomainNameError;

impl DomainName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DomainName {
    type Err = DomainNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let is_label = |label: &str| {
            (1..=LABEL_BYTES_MAX).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        // A last label of digits would be an IPv4 address.
        let last = name.rsplit('.').next().unwrap_or_default();
        let numeric = last.bytes().all(|b| b.is_ascii_digit());
        if name.len() > NAME_BYTES_MAX || numeric || !name.split('.').all(is_label) {
            return Err(DomainNameError);
        }
        Ok(Self(name))
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a certificate authority's ACME directory (RFC 8555) is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcmeDirectory(String);

/// A text that is no [`AcmeDirectory`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not an https:// URL")]
pub struct AcmeDirectoryError;

impl AcmeDirectory {
    /// Let's Encrypt's.
    #[must_use]
    pub fn lets_encrypt() -> Self {
        Self("https://acme-v02.api.letsencrypt.org/directory".to_owned())
    }

    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AcmeDirectory {
    type Err = AcmeDirectoryError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|_| AcmeDirectoryError)?;
        if url.scheme() != "https" || !url.username().is_empty() || url.password().is_some() {
            return Err(AcmeDirectoryError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for AcmeDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_hosts_are_told_from_what_is_none() {
        for (text, name) in [
            ("Example.ORG", "example.org"),
            ("a-b.example.org.", "a-b.example.org"),
            ("localhost", "localhost"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(text.parse::<DomainName>().expect(text).as_str(), name);
        }
        let long = format!("{}.example", "a".repeat(64));
        for wrong in [
            "",
            ".",
            "*.example.org",
            "192.0.2.1",
            "::1",
            "a..b",
            "-a.b",
            "a_b.c",
            &long,
        ] {
            assert_eq!(wrong.parse::<DomainName>(), Err(DomainNameError), "{wrong}");
        }
    }

    #[test]
    fn a_directory_is_reached_over_tls_alone() {
        for wrong in [
            "http://ca.example/dir",
            "ca.example",
            "https://a:b@ca.example/",
        ] {
            assert!(wrong.parse::<AcmeDirectory>().is_err(), "{wrong}");
        }
        assert!(
            "https://localhost:14000/dir"
                .parse::<AcmeDirectory>()
                .is_ok()
        );
    }
}
