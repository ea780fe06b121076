//! Mail to a server by SMTP (RFC 5321).
//!
//! The connections are lettre's, their keeping is not: a connection goes back only after its server has answered
//! everything, so a mail that was given up half way can't make the next one read its answers. And what a refusal means
//! depends on the step it comes at.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::Message;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use tokio::net::TcpStream;

use super::{CheckError, REASON_CHARACTERS_MAX, SendError};
use crate::config::MailSecurity;
use crate::mail::one_line;
use crate::secret::{MASK, Secret};

/// The most connections kept for the next mail.
pub const CONNECTIONS_IDLE_MAX: usize = 4;

/// How long a kept connection has to show that it still lives.
const ALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// A mail server.
pub(super) struct Smtp {
    security: MailSecurity,
    host: String,
    port: u16,
    login: Option<Credentials>,
    /// Texts that no reason may repeat.
    secrets: Vec<Secret<String>>,
    hello: ClientId,
    timeout: Duration,
    tls: Mutex<Option<TlsParameters>>,
    idle: Mutex<Vec<AsyncSmtpConnection>>,
}

/// How far the conversation got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Before any mail: connection, TLS, log-in.
    Greeting,
    /// Who sends it.
    Sender,
    /// Who gets it.
    Recipient,
    /// The mail itself.
    Content,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Smtp({}://{})", self.security.scheme(), self.server())
    }
}

impl Smtp {
    pub(super) fn new(
        security: MailSecurity,
        host: &str,
        port: u16,
        login: Option<&(String, Secret<String>)>,
        hello_host: &str,
        timeout: Duration,
    ) -> Self {
        let secrets = login.map_or_else(Vec::new, |(user, password)| {
            let password = password.expose();
            let plain = STANDARD.encode(format!("\0{user}\0{password}"));
            let texts = [plain, STANDARD.encode(password), password.clone()];
            texts.map(Secret::new).into()
        });
        Self {
            security,
            host: host.to_owned(),
            port,
            login: login
                .map(|(user, password)| Credentials::new(user.clone(), password.expose().clone())),
            secrets,
            hello: client_id(hello_host),
            timeout,
            tls: Mutex::new(None),
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Host and port.
    pub(super) fn server(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    pub(super) async fn send(&self, message: &Message) -> Result<(), SendError> {
        let kept = self.kept().await;
        let mut connection = match kept {
            Some(connection) => connection,
            None => self
                .connect()
                .await
                .map_err(|error| self.judged(Step::Greeting, &error))?,
        };
        match hand_over(&mut connection, message).await {
            Ok(()) => {
                self.keep(connection);
                Ok(())
            }
            Err((step, error)) => {
                let judged = self.judged(step, &error);
                // Whoever said no in due form may be talked to again.
                if error.status().is_some() && !matches!(judged, SendError::Unreachable(_)) {
                    self.keep(connection);
                }
                Err(judged)
            }
        }
    }

    /// Connects, agrees on encryption, logs in, hangs up.
    pub(super) async fn check(&self) -> Result<(), CheckError> {
        let line = |text: &str| one_line(text, REASON_CHARACTERS_MAX);
        let address = (self.host.as_str(), self.port);
        // By itself at first: the library tells a server that isn't there from one that fails at TLS by words only.
        let reached = tokio::time::timeout(self.timeout, TcpStream::connect(address)).await;
        reached
            .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
            .map(drop)
            .map_err(|error| CheckError::Unreachable(line(&error.to_string())))?;
        let met = tokio::time::timeout(self.timeout, self.check_conversation()).await;
        met.unwrap_or_else(|_| Err(CheckError::Unwilling("it says nothing in time".to_owned())))
    }

    async fn check_conversation(&self) -> Result<(), CheckError> {
        let said = |error: &Error| one_line(&self.said(error), REASON_CHARACTERS_MAX);
        let insecure = |error: Error| CheckError::Insecure(said(&error));
        let at_once = match self.security {
            MailSecurity::Tls => Some(self.tls().map_err(insecure)?),
            MailSecurity::StartTls | MailSecurity::Plain => None,
        };
        let address = (self.host.as_str(), self.port);
        let timeout = Some(self.timeout);
        let connected =
            AsyncSmtpConnection::connect_tokio1(address, timeout, &self.hello, at_once, None).await;
        let mut connection = connected.map_err(|error| match (self.security, error.status()) {
            (MailSecurity::Tls, None) => CheckError::Insecure(said(&error)),
            _ => CheckError::Unwilling(said(&error)),
        })?;
        if self.security == MailSecurity::StartTls {
            let parameters = self.tls().map_err(insecure)?;
            let agreed = connection.starttls(parameters, &self.hello).await;
            agreed.map_err(insecure)?;
        }
        if let Some(login) = &self.login {
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            let let_in = connection.auth(&mechanisms, login).await;
            let_in.map_err(|error| CheckError::LogIn(said(&error)))?;
        }
        // It has agreed to everything; how it says good-bye tells nothing.
        drop(connection.quit().await);
        Ok(())
    }

    /// A connection that was kept and still lives, cleared of what the last mail left.
    async fn kept(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let mut connection = self.idle().pop()?;
            let reset = tokio::time::timeout(ALIVE_TIMEOUT, connection.command(Rset)).await;
            if matches!(reset, Ok(Ok(_))) {
                return Some(connection);
            }
        }
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle();
        if idle.len() < CONNECTIONS_IDLE_MAX {
            idle.push(connection);
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<AsyncSmtpConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let address = (self.host.as_str(), self.port);
        let timeout = Some(self.timeout);
        let at_once = match self.security {
            MailSecurity::Tls => Some(self.tls()?),
            MailSecurity::StartTls | MailSecurity::Plain => None,
        };
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(address, timeout, &self.hello, at_once, None)
                .await?;
        if self.security == MailSecurity::StartTls {
            connection.starttls(self.tls()?, &self.hello).await?;
        }
        if let Some(login) = &self.login {
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&mechanisms, login).await?;
        }
        Ok(connection)
    }

    /// The rules of TLS, with the system's certificates, which are read once.
    fn tls(&self) -> Result<TlsParameters, Error> {
        let mut known = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(parameters) = &*known {
            return Ok(parameters.clone());
        }
        let parameters = TlsParameters::new(self.host.clone())?;
        *known = Some(parameters.clone());
        Ok(parameters)
    }

    fn judged(&self, step: Step, error: &Error) -> SendError {
        let said = self.said(error);
        let Some(code) = error.status().map(u16::from) else {
            return SendError::unreachable(format!("{}: {said}", self.server()));
        };
        let reason = one_line(&said, REASON_CHARACTERS_MAX);
        match code {
            _ if step == Step::Greeting || is_servers_fault(code) => {
                SendError::unreachable(format!("{}: {said}", self.server()))
            }
            400..=499 => SendError::Later(reason),
            _ => {
                let answer = std::error::Error::source(error).map(ToString::to_string);
                let bounced = is_bounce(step, &answer.unwrap_or_default());
                SendError::Refused { reason, bounced }
            }
        }
    }

    /// What happened, in the server's words where there are any.
    fn said(&self, error: &Error) -> String {
        let answer = std::error::Error::source(error).map(ToString::to_string);
        let mut said = match (error.status(), answer) {
            (Some(code), Some(answer)) => format!("{code} {answer}"),
            _ => error.to_string(),
        };
        for secret in &self.secrets {
            said = said.replace(secret.expose().as_str(), MASK);
        }
        said
    }
}

async fn hand_over(
    connection: &mut AsyncSmtpConnection,
    message: &Message,
) -> Result<(), (Step, Error)> {
    let envelope = message.envelope();
    let from = MailFrom::new(envelope.from().cloned(), Vec::new());
    let at = |step| move |error| (step, error);
    connection.command(from).await.map_err(at(Step::Sender))?;
    for to in envelope.to() {
        let to = Rcpt::new(to.clone(), Vec::new());
        connection.command(to).await.map_err(at(Step::Recipient))?;
    }
    connection.command(Data).await.map_err(at(Step::Content))?;
    let content = connection.message(&message.formatted()).await;
    content.map_err(at(Step::Content))?;
    Ok(())
}

/// Codes that are about the connection rather than the mail: shutting down, and everything about logging in (RFC 4954,
/// section 6) or TLS (RFC 3207, section 4).
const fn is_servers_fault(code: u16) -> bool {
    matches!(code, 421 | 432 | 454 | 530 | 534 | 535 | 538)
}

/// Whether a refusal says that the recipient's address is no good.
///
/// Only enhanced codes (RFC 3463, section 3.2; RFC 7505 for 5.1.10) say it for certain. A plain 550 may be the server's
/// own policy, a wrong relay or a list of blocked hosts, and would turn off the mail of everybody who is written to
/// meanwhile.
fn is_bounce(step: Step, answer: &str) -> bool {
    step != Step::Sender && matches!(enhanced_code(answer), Some((5, 1, 1 | 2 | 3 | 6 | 10)))
}

/// The enhanced code that an answer begins with.
fn enhanced_code(answer: &str) -> Option<(u16, u16, u16)> {
    let mut parts = answer.split_whitespace().next()?.split('.');
    let mut next = || -> Option<u16> { parts.next()?.parse().ok() };
    let code = (next()?, next()?, next()?);
    (parts.next().is_none() && matches!(code.0, 2 | 4 | 5)).then_some(code)
}

/// How the instance presents itself: by name, or by its address in brackets.
fn client_id(host: &str) -> ClientId {
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => ClientId::Ipv4(address),
        Ok(IpAddr::V6(address)) => ClientId::Ipv6(address),
        Err(_) => {
            let is_sound = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
            let name: String = host.chars().filter(is_sound).collect();
            ClientId::Domain(if name.is_empty() {
                "localhost".to_owned()
            } else {
                name
            })
        }
    }
}
