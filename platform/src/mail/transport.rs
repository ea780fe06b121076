//! How mail leaves: to a mail server, into a directory, or onto the console.

mod smtp;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Mail, one_line};
use crate::config::{self, InstanceUrl, MailUrl};
use smtp::Smtp;

pub use smtp::CONNECTIONS_IDLE_MAX;

/// The most characters of the reason why a mail did not leave.
pub const REASON_CHARACTERS_MAX: usize = 300;

/// Why a mail did not leave. The reasons are one line of at most [`REASON_CHARACTERS_MAX`] characters and hold neither
/// the password nor the mail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The destination's fault, which other mail would meet as well: no connection, no TLS, a refused log-in, a server
    /// that shuts down (421), broken off or took too long.
    #[error("{0}")]
    Unreachable(String),
    /// The server wants this mail later: greylisting, a full mailbox (4xx).
    #[error("{0}")]
    Later(String),
    /// The server doesn't want this mail, now or later (5xx).
    #[error("{reason}")]
    Refused {
        /// What it said.
        reason: String,
        /// Whether the address itself is no good, so that no other mail should go there.
        bounced: bool,
    },
}

/// Why no mail would leave, as far as can be told without one. The reasons are as those of [`SendError`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// No connection.
    #[error("{0}")]
    Unreachable(String),
    /// No encryption, or a certificate that isn't believed.
    #[error("{0}")]
    Insecure(String),
    /// The user name or the password is refused.
    #[error("{0}")]
    LogIn(String),
    /// The server refuses to talk, or speaks no SMTP.
    #[error("{0}")]
    Unwilling(String),
}

impl SendError {
    fn unreachable(reason: impl AsRef<str>) -> Self {
        Self::Unreachable(one_line(reason.as_ref(), REASON_CHARACTERS_MAX))
    }
}

/// The way out for mail. It keeps connections for the next mail; who has nothing more to send drops it.
#[derive(Debug)]
pub struct Outbox {
    way: Way,
    timeout: Duration,
}

#[derive(Debug)]
enum Way {
    Off,
    Smtp(Box<Smtp>),
    Directory(PathBuf),
    Console,
}

impl Outbox {
    /// The way that the settings name, for the instance at this address.
    pub fn of(settings: &config::Mail, url: &InstanceUrl) -> Self {
        let timeout = Duration::from_secs(settings.timeout_secs);
        Self::new(&settings.url, timeout, url.host())
    }

    /// The way that `url` names. One mail takes at most `timeout`; `hello_host` is how the instance presents itself to
    /// mail servers. Nothing is connected to yet.
    #[must_use]
    pub fn new(url: &MailUrl, timeout: Duration, hello_host: &str) -> Self {
        let way = match url {
            MailUrl::Off => Way::Off,
            MailUrl::Console => Way::Console,
            MailUrl::Directory(path) => Way::Directory(path.clone()),
            MailUrl::Smtp {
                security,
                host,
                port,
                login,
            } => Way::Smtp(Box::new(Smtp::new(
                *security,
                host,
                *port,
                login.as_ref(),
                hello_host,
                timeout,
            ))),
        };
        Self { way, timeout }
    }

    /// Gets as far as the first mail and hangs up: connection, encryption, log-in. Ways that lead to no server are fine.
    ///
    /// # Errors
    ///
    /// See [`CheckError`].
    pub async fn check(&self) -> Result<(), CheckError> {
        match &self.way {
            Way::Smtp(smtp) => smtp.check().await,
            Way::Off | Way::Directory(_) | Way::Console => Ok(()),
        }
    }

    /// Sends one mail. When it fails after the server has taken the mail, as when the answer is lost, the mail may
    /// arrive and may be sent again; both copies have the same id then.
    ///
    /// # Errors
    ///
    /// See [`SendError`].
    pub async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let message = mail.message().map_err(|error| SendError::Refused {
            reason: error.to_string(),
            // It may be the sender's address as well.
            bounced: false,
        })?;
        match &self.way {
            Way::Off => Err(SendError::unreachable("mail is turned off (mail.url)")),
            Way::Console => print(&console_text(mail)).map_err(|error| {
                SendError::unreachable(format!("can't write to standard output: {error}"))
            }),
            Way::Directory(path) => {
                let directory = path.clone();
                let name = format!("{}.eml", mail.id.as_str());
                let bytes = message.formatted();
                let stored =
                    tokio::task::spawn_blocking(move || store(&directory, &name, &bytes)).await;
                stored.map_err(io::Error::other).flatten().map_err(|error| {
                    SendError::unreachable(format!("can't write into {}: {error}", path.display()))
                })
            }
            // The bounds on single steps would let a server that says one word now and then hold a mail for hours.
            Way::Smtp(smtp) => {
                let sent = tokio::time::timeout(self.timeout, smtp.send(&message)).await;
                sent.unwrap_or_else(|_| {
                    Err(SendError::unreachable(format!(
                        "{} took longer than {} seconds",
                        smtp.server(),
                        self.timeout.as_secs_f32()
                    )))
                })
            }
        }
    }
}

/// Writes a file that is there as a whole or not at all; one of the same name is replaced.
fn store(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let mut file = tempfile::Builder::new()
        .prefix(".")
        .suffix(".partial")
        .tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(directory.join(name))?;
    File::open(directory)?.sync_all()
}

/// What a person wants to see of a mail.
fn console_text(mail: &Mail) -> String {
    format!(
        "To: {}\nSubject: {}\nMessage-ID: {}\n\n{}\n",
        one_line(&mail.to, REASON_CHARACTERS_MAX),
        mail.content.subject,
        mail.id,
        mail.content.text.trim_end()
    )
}

fn print(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.flush()
}

#[cfg(test)]
mod tests;
