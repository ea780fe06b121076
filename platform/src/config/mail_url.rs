//! Where mail goes.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::Url;

use crate::features;
use crate::secret::{MASK, Secret};

/// How the connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MailSecurity {
    /// Not at all: `smtp://`, port 25.
    Plain,
    /// TLS that both sides switch to after they have met; without it nothing is sent: `smtp+starttls://`, port 587.
    StartTls,
    /// TLS from the first byte: `smtps://`, port 465 (RFC 8314).
    Tls,
}

impl MailSecurity {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Plain, Self::StartTls, Self::Tls];

    /// The scheme of the URL, without `://`.
    #[must_use]
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Plain => "smtp",
            Self::StartTls => "smtp+starttls",
            Self::Tls => "smtps",
        }
    }

    /// The port unless another is given.
    #[must_use]
    pub const fn port_default(self) -> u16 {
        match self {
            Self::Plain => 25,
            Self::StartTls => 587,
            Self::Tls => 465,
        }
    }
}

/// The way mail leaves. Its `Display` and `Debug` mask the password.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum MailUrl {
    /// No mail is sent.
    #[default]
    Off,
    /// A mail server takes it.
    Smtp {
        /// How the connection is protected.
        security: MailSecurity,
        /// A host name or an IP address, without brackets.
        host: String,
        /// The port.
        port: u16,
        /// User name and password.
        login: Option<(String, Secret<String>)>,
    },
    /// Each mail becomes a file of this directory.
    Directory(PathBuf),
    /// The text goes to standard output.
    Console,
}

/// Why a text is not a [`MailUrl`]. None of the reasons repeats any of it, since it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailUrlError {
    /// It begins with nothing known.
    #[error("has to start with smtp://, smtps://, smtp+starttls://, file: or console:")]
    Scheme,
    /// It isn't a URL.
    #[error(
        "is not a URL such as smtps://user:password@mail.example.org (in user and password, write @ as %40, : as %3A, / as %2F, % as %25)"
    )]
    Syntax,
    /// The server's name is missing.
    #[error("names no mail server: write smtps://mail.example.org")]
    Host,
    /// The port is 0.
    #[error("has port 0, at which nobody listens")]
    Port,
    /// There is more after host and port.
    #[error("has to end after the host and port")]
    Path,
    /// A user without a password, or the other way round.
    #[error("needs both a user name and a password, or neither")]
    HalfLogin,
    /// User name or password isn't text.
    #[error(
        "has a user name or password that isn't UTF-8 once its %XX are decoded, or has control characters"
    )]
    LoginText,
    /// A password would cross a network in the clear.
    #[error(
        "would send the password unprotected: write smtp+starttls:// or smtps:// (smtp:// with a password is for this machine alone, as in smtp://user:password@127.0.0.1)"
    )]
    Unprotected,
    /// `file:` without a directory.
    #[error("names no directory: write file:DIR or file:///DIR")]
    Directory,
    /// `console:` with something behind it.
    #[error("has to end after console:")]
    Console,
    /// This kinglet can't send any.
    #[error("can't be set: this kinglet was built without the feature mail, so it sends none")]
    LeftOut,
}

impl MailUrl {
    /// Whether mail leaves at all.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        features::MAIL && !matches!(self, Self::Off)
    }
}

impl FromStr for MailUrl {
    type Err = MailUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Ok(Self::Off);
        }
        if !features::MAIL {
            return Err(MailUrlError::LeftOut);
        }
        let (scheme, rest) = text.split_once(':').ok_or(MailUrlError::Scheme)?;
        let scheme = scheme.to_ascii_lowercase();
        match scheme.as_str() {
            "console" if rest.is_empty() => return Ok(Self::Console),
            "console" => return Err(MailUrlError::Console),
            "file" => return directory(rest),
            _ => {}
        }
        let security = MailSecurity::ALL
            .into_iter()
            .find(|security| security.scheme() == scheme && rest.starts_with("//"))
            .ok_or(MailUrlError::Scheme)?;
        server(security, text)
    }
}

fn directory(rest: &str) -> Result<MailUrl, MailUrlError> {
    let path = match rest.strip_prefix("//") {
        None => rest,
        Some(absolute) if absolute.starts_with('/') => absolute,
        Some(_) => return Err(MailUrlError::Directory),
    };
    if path.is_empty() || path.contains('\0') {
        return Err(MailUrlError::Directory);
    }
    Ok(MailUrl::Directory(path.into()))
}

fn server(security: MailSecurity, text: &str) -> Result<MailUrl, MailUrlError> {
    let url = Url::parse(text).map_err(|error| match error {
        url::ParseError::EmptyHost => MailUrlError::Host,
        _ => MailUrlError::Syntax,
    })?;
    let host = url.host_str().filter(|host| !host.is_empty());
    let host = host.ok_or(MailUrlError::Host)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.contains('%') {
        return Err(MailUrlError::Syntax);
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(MailUrlError::Path);
    }
    let port = url.port().unwrap_or(security.port_default());
    if port == 0 {
        return Err(MailUrlError::Port);
    }
    let login = match (url.username(), url.password()) {
        ("", None) => None,
        ("", Some(_)) | (_, None | Some("")) => return Err(MailUrlError::HalfLogin),
        (user, Some(password)) => Some((decoded(user)?, Secret::new(decoded(password)?))),
    };
    if login.is_some() && security == MailSecurity::Plain && !is_this_machine(host) {
        return Err(MailUrlError::Unprotected);
    }
    Ok(MailUrl::Smtp {
        security,
        host: host.to_ascii_lowercase(),
        port,
        login,
    })
}

fn decoded(part: &str) -> Result<String, MailUrlError> {
    let text = percent_decode_str(part).decode_utf8();
    let text = text.map_err(|_| MailUrlError::LoginText)?;
    if text.chars().any(char::is_control) {
        return Err(MailUrlError::LoginText);
    }
    Ok(text.into_owned())
}

/// Only addresses count: a name can be resolved to anything.
fn is_this_machine(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    address.is_ok_and(|address| address.to_canonical().is_loopback())
}

impl fmt::Display for MailUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => Ok(()),
            Self::Console => f.write_str("console:"),
            Self::Directory(path) => write!(f, "file:{}", path.display()),
            Self::Smtp {
                security,
                host,
                port,
                login,
            } => {
                write!(f, "{}://", security.scheme())?;
                if let Some((user, _)) = login {
                    write!(f, "{}:{MASK}@", utf8_percent_encode(user, NON_ALPHANUMERIC))?;
                }
                if host.contains(':') {
                    write!(f, "[{host}]:{port}")
                } else {
                    write!(f, "{host}:{port}")
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<MailUrl, MailUrlError> {
        text.parse()
    }

    #[test]
    fn every_way_is_read_and_shown_without_its_password() {
        for (given, shown) in [
            ("", ""),
            ("console:", "console:"),
            ("file:mail", "file:mail"),
            ("file:///var/mail", "file:/var/mail"),
            ("smtp://localhost", "smtp://localhost:25"),
            ("SMTPS://Mail.Example.org/", "smtps://mail.example.org:465"),
            ("smtp+starttls://[::1]", "smtp+starttls://[::1]:587"),
            (
                "smtps://me%40example.org:hunter%3A2@mail.example.org:2465",
                "smtps://me%40example%2Eorg:***@mail.example.org:2465",
            ),
            (
                "smtp://u:hunter2@127.0.0.1:2525",
                "smtp://u:***@127.0.0.1:2525",
            ),
            ("smtp://u:hunter2@[::1]", "smtp://u:***@[::1]:25"),
        ] {
            let url = parsed(given).expect(given);
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("hunter"), "{given}");
        }
    }

    #[test]
    fn user_and_password_are_decoded() {
        let url = parsed("smtps://me%40b:p%2Fw%C3%BC@h").expect("a URL");
        let MailUrl::Smtp {
            login: Some((user, password)),
            ..
        } = url
        else {
            panic!("{url}");
        };
        assert_eq!(
            (user.as_str(), password.expose().as_str()),
            ("me@b", "p/wü")
        );
    }

    #[test]
    fn each_defect_has_its_reason_and_none_tells_the_password() {
        for (given, reason) in [
            ("hunter2", MailUrlError::Scheme),
            ("http://u:hunter2@h", MailUrlError::Scheme),
            ("smtp:u:hunter2@h", MailUrlError::Scheme),
            ("smtps://", MailUrlError::Host),
            ("smtps://u:hunter2@h:99999", MailUrlError::Syntax),
            ("smtps://u:hunter2@h h", MailUrlError::Syntax),
            ("smtps://u:hunter2@h:0", MailUrlError::Port),
            ("smtps://u:hunter2@h/box", MailUrlError::Path),
            ("smtps://u:p#hunter2@h", MailUrlError::Syntax),
            ("smtps://u@h", MailUrlError::HalfLogin),
            ("smtps://u:@h", MailUrlError::HalfLogin),
            ("smtps://:hunter2@h", MailUrlError::HalfLogin),
            ("smtps://u:hunter2%FF@h", MailUrlError::LoginText),
            ("smtps://u:hunter2%0D%0AQUIT@h", MailUrlError::LoginText),
            (
                "smtp://u:hunter2@mail.example.org",
                MailUrlError::Unprotected,
            ),
            ("smtp://u:hunter2@localhost", MailUrlError::Unprotected),
            ("file:", MailUrlError::Directory),
            ("file://dir", MailUrlError::Directory),
            ("console:x", MailUrlError::Console),
        ] {
            assert_eq!(parsed(given), Err(reason), "{given}");
            assert!(!reason.to_string().contains("hunter2"));
        }
    }
}
