//! Where finished traces are sent to.

use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::features;

/// The path that collectors take traces at, unless another one is given (OTLP/HTTP 1.x).
const TRACES_PATH: &str = "/v1/traces";

/// The address of an OpenTelemetry collector that takes OTLP over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectorUrl(Url);

impl CollectorUrl {
    /// The address that traces are posted to.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for CollectorUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// Why a text is no address of a collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CollectorUrlError {
    /// There is nothing that could send.
    #[error("can't be used: this kinglet was built without the feature \"otlp\"")]
    LeftOut,
    /// It is no URL.
    #[error("is no URL such as http://127.0.0.1:4318")]
    Malformed,
    /// TLS is left to a collector beside kinglet.
    #[error(
        "has to begin with http://: let a collector on this machine send on what has to be encrypted"
    )]
    Scheme,
    /// Secrets don't belong into it.
    #[error("may have no user, password, query or fragment")]
    Parts,
}

impl FromStr for CollectorUrl {
    type Err = CollectorUrlError;

    fn from_str(text: &str) -> Result<Self, CollectorUrlError> {
        if features::OTLP {
            Self::read(text)
        } else {
            Err(CollectorUrlError::LeftOut)
        }
    }
}

impl CollectorUrl {
    fn read(text: &str) -> Result<Self, CollectorUrlError> {
        let mut url: Url = text.parse().map_err(|_| CollectorUrlError::Malformed)?;
        if url.scheme() != "http" {
            return Err(CollectorUrlError::Scheme);
        }
        if !url.has_host() {
            return Err(CollectorUrlError::Malformed);
        }
        let is_plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !is_plain {
            return Err(CollectorUrlError::Parts);
        }
        if url.path() == "/" {
            url.set_path(TRACES_PATH);
        }
        Ok(Self(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_have_a_path_of_their_own_unless_another_is_given() {
        for (given, meant) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"),
            ("http://collector/otlp/t", "http://collector/otlp/t"),
        ] {
            let url = CollectorUrl::read(given).expect(given);
            assert_eq!(url.as_str(), meant);
            assert_eq!(
                CollectorUrl::read(meant),
                Ok(url),
                "it is read as it is written"
            );
        }
    }

    #[test]
    fn nothing_is_promised_that_was_left_out_of_the_build() {
        let url: Result<CollectorUrl, _> = "http://127.0.0.1:4318".parse();
        assert_eq!(url.is_ok(), features::OTLP);
    }

    #[test]
    fn what_would_be_left_out_is_refused() {
        for (text, error) in [
            ("", CollectorUrlError::Malformed),
            ("127.0.0.1:4318", CollectorUrlError::Malformed),
            ("https://collector.example", CollectorUrlError::Scheme),
            ("localhost:4318", CollectorUrlError::Scheme),
            ("http://user:secret@collector/", CollectorUrlError::Parts),
            ("http://collector/?key=secret", CollectorUrlError::Parts),
            ("http://collector/#here", CollectorUrlError::Parts),
        ] {
            assert_eq!(CollectorUrl::read(text), Err(error), "{text}");
        }
    }
}
