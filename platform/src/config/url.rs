//! The public address of an instance.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use url::{Host, Url};

use crate::domain::text::render;
use crate::ids::PostId;

/// The address under which people reach the instance: scheme, host and perhaps a port.
///
/// Links, cookies and redirects follow it, never the connection or the `Host` header. It is written
/// without a slash at the end, so that a path can be appended.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct InstanceUrl {
    text: String,
    authority: String,
    is_https: bool,
}

/// Why a text is not an [`InstanceUrl`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstanceUrlError {
    /// There is no `http://` or `https://` in front.
    #[error("has to start with http:// or https://")]
    Scheme,
    /// It isn't a URL.
    #[error("is not a URL such as https://example.org")]
    Syntax,
    /// It has a user name or a password.
    #[error("must not hold a user name or a password")]
    Credentials,
    /// It has more than scheme, host and port.
    #[error("has to end after the host and port: paths, queries and fragments have no place in it")]
    Path,
    /// It names an address nobody can connect to.
    #[error("names an address that nobody can connect to: use the name people type")]
    Unreachable,
}

impl InstanceUrl {
    /// An account's page.
    #[must_use]
    pub fn profile_url(&self, name: &str) -> String {
        format!("{}/@{name}", self.text)
    }

    /// An account's lasting identifier.
    #[must_use]
    pub fn account_uri(&self, name: &str) -> String {
        format!("{}/users/{name}", self.text)
    }

    /// A post's page.
    #[must_use]
    pub fn post_url(&self, name: &str, post: PostId) -> String {
        format!("{}/@{name}/{post}", self.text)
    }

    /// A post's lasting identifier.
    #[must_use]
    pub fn post_uri(&self, name: &str, post: PostId) -> String {
        format!("{}/users/{name}/statuses/{post}", self.text)
    }

    /// A tag's page.
    #[must_use]
    pub fn tag_url(&self, name: &str) -> String {
        render::tag_url(&self.text, name)
    }

    /// `http://` and the address listened on; the wildcards `0.0.0.0` and `[::]` become `localhost`.
    #[must_use]
    pub fn from_listen(listen: SocketAddr) -> Self {
        Self::from_parts(false, host_of(listen), listen.port())
    }

    /// `https://` and the name of the certificate, without one as [`from_listen`](Self::from_listen).
    #[must_use]
    pub fn from_tls_listen(listen: SocketAddr, name: Option<&str>) -> Self {
        let host = name.map_or_else(|| host_of(listen), str::to_owned);
        Self::from_parts(true, host, listen.port())
    }

    fn from_parts(is_https: bool, host: String, port: u16) -> Self {
        let (scheme, port_default) = if is_https {
            ("https", 443)
        } else {
            ("http", 80)
        };
        let authority = if port == port_default {
            host
        } else {
            format!("{host}:{port}")
        };
        Self {
            text: format!("{scheme}://{authority}"),
            authority,
            is_https,
        }
    }

    /// The address without a slash at the end, such as `https://example.org`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Host and, unless it is the scheme's own, port: what stands after the `@` in full account names.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The host without the port: what stands after the `@` in mail addresses. Brackets of IPv6 addresses stay.
    #[must_use]
    pub fn host(&self) -> &str {
        match self.authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => &self.authority,
        }
    }

    /// Whether clients reach the instance over TLS, which decides `Secure` on cookies and HSTS.
    #[must_use]
    pub const fn is_https(&self) -> bool {
        self.is_https
    }
}

/// The host that people on the same machine reach a listener by.
fn host_of(listen: SocketAddr) -> String {
    if listen.ip().to_canonical().is_unspecified() {
        "localhost".to_owned()
    } else if listen.is_ipv6() {
        format!("[{}]", listen.ip())
    } else {
        listen.ip().to_string()
    }
}

impl FromStr for InstanceUrl {
    type Err = InstanceUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.to_ascii_lowercase();
        if !lower.starts_with("http://") && !lower.starts_with("https://") {
            return Err(InstanceUrlError::Scheme);
        }
        let url = Url::parse(text).map_err(|_| InstanceUrlError::Syntax)?;
        let host = url.host().ok_or(InstanceUrlError::Syntax)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InstanceUrlError::Credentials);
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(InstanceUrlError::Path);
        }
        let unspecified = match &host {
            Host::Ipv4(ip) => ip.is_unspecified(),
            Host::Ipv6(ip) => ip.is_unspecified(),
            Host::Domain(_) => false,
        };
        if unspecified || url.port() == Some(0) {
            return Err(InstanceUrlError::Unreachable);
        }
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        Ok(Self {
            text: format!("{}://{authority}", url.scheme()),
            authority,
            is_https: url.scheme() == "https",
        })
    }
}

impl fmt::Display for InstanceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for InstanceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InstanceUrl({})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<InstanceUrl, InstanceUrlError> {
        text.parse()
    }

    #[test]
    fn the_canonical_form_has_no_default_port_and_no_slash() {
        for (given, text, authority, is_https) in [
            (
                "https://Example.ORG/",
                "https://example.org",
                "example.org",
                true,
            ),
            (
                "https://example.org:443",
                "https://example.org",
                "example.org",
                true,
            ),
            (
                "HTTP://example.org:8420/",
                "http://example.org:8420",
                "example.org:8420",
                false,
            ),
            (
                "http://[::1]:8420",
                "http://[::1]:8420",
                "[::1]:8420",
                false,
            ),
            (
                "https://bücher.example",
                "https://xn--bcher-kva.example",
                "xn--bcher-kva.example",
                true,
            ),
        ] {
            let url = parsed(given).expect(given);
            assert_eq!(
                (url.as_str(), url.authority(), url.is_https()),
                (text, authority, is_https)
            );
        }
    }

    #[test]
    fn each_defect_has_its_reason() {
        for (given, reason) in [
            ("", InstanceUrlError::Scheme),
            ("example.org", InstanceUrlError::Scheme),
            ("localhost:8420", InstanceUrlError::Scheme),
            ("ftp://example.org", InstanceUrlError::Scheme),
            ("https://", InstanceUrlError::Syntax),
            ("https://exa mple.org", InstanceUrlError::Syntax),
            ("https://example.org:99999", InstanceUrlError::Syntax),
            ("https://me@example.org", InstanceUrlError::Credentials),
            ("https://me:pw@example.org", InstanceUrlError::Credentials),
            ("https://example.org/blog", InstanceUrlError::Path),
            ("https://example.org/?a", InstanceUrlError::Path),
            ("https://example.org/#a", InstanceUrlError::Path),
            ("http://0.0.0.0:8420", InstanceUrlError::Unreachable),
            ("http://[::]:8420", InstanceUrlError::Unreachable),
            ("http://example.org:0", InstanceUrlError::Unreachable),
        ] {
            assert_eq!(parsed(given), Err(reason), "{given}");
        }
    }

    #[test]
    fn a_listen_address_gives_a_url_that_parses_to_itself() {
        for (listen, text) in [
            ("127.0.0.1:8420", "http://127.0.0.1:8420"),
            ("0.0.0.0:8420", "http://localhost:8420"),
            ("[::]:8420", "http://localhost:8420"),
            ("[::ffff:0.0.0.0]:8420", "http://localhost:8420"),
            ("[::1]:8420", "http://[::1]:8420"),
            ("192.0.2.7:80", "http://192.0.2.7"),
        ] {
            let url = InstanceUrl::from_listen(listen.parse().expect(listen));
            assert_eq!(url.as_str(), text);
            assert_eq!(parsed(text), Ok(url));
        }
    }
}
