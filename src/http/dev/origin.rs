//! Where pages come from that may use the instance, beside those of this machine.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// The origin of a page as browsers write it: `https://elk.zone`, `chrome-extension://abc`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

/// A text that is no origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an origin is a scheme and a host, such as https://elk.zone")]
pub struct NoOrigin;

impl Origin {
    /// As browsers write it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The origin of an address.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        let origin = url.origin();
        if origin.is_tuple() {
            return Some(Self(origin.ascii_serialization()));
        }
        // Extensions and apps have schemes of their own, with an origin that the standard of addresses knows nothing of.
        match url.host()? {
            Host::Domain("") => None,
            host => {
                let port = url.port().map(|port| format!(":{port}"));
                let port = port.unwrap_or_default();
                Some(Self(format!("{}://{host}{port}", url.scheme())))
            }
        }
    }
}

impl FromStr for Origin {
    type Err = NoOrigin;

    fn from_str(text: &str) -> Result<Self, NoOrigin> {
        let url = Url::parse(text).map_err(|_| NoOrigin)?;
        let is_bare = matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        Self::of(&url).filter(|_| is_bare).ok_or(NoOrigin)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for (typed, written) in [
            ("https://elk.zone", "https://elk.zone"),
            ("https://Elk.Zone:443/", "https://elk.zone"),
            ("http://192.0.2.1:5173", "http://192.0.2.1:5173"),
            ("http://[2001:DB8::1]:80", "http://[2001:db8::1]"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("chrome-extension://abc", "chrome-extension://abc"),
        ] {
            let origin: Result<Origin, _> = typed.parse();
            assert_eq!(origin.map(|origin| origin.to_string()), Ok(written.into()));
        }
        for bad in [
            "",
            "*",
            "null",
            "elk.zone",
            "https://",
            "https://elk.zone/app",
            "https://elk.zone?x",
            "https://me@elk.zone",
            "data:text/html,x",
            "file:///tmp",
        ] {
            assert_eq!(bad.parse::<Origin>(), Err(NoOrigin), "{bad}");
        }
    }
}
