//! Sessions are opened, and the use of sessions and tokens is written down now and then.

use super::access_rules::tell_revoked;
use super::enqueue::{enqueue, takes_mail};
use super::rules::require_active;
use crate::domain::access::Credential;
use crate::domain::event::Event;
use crate::domain::job::Job;
use crate::domain::mail::MailKind;
use crate::domain::refusal::Refusal;
use crate::ids::{AccountId, SessionId};
use crate::secret::TokenHash;
use crate::store::tables::{credentials, sessions, tokens};
use crate::store::writer::{Unit, UnitError, Write};

/// The most sessions of one account; one more ends the one that was used longest ago.
pub const SESSIONS_PER_ACCOUNT_MAX: usize = 100;
/// How much of what a browser calls itself is kept, in characters.
pub const AGENT_CHARS_MAX: usize = 200;

/// Opens a session for whoever showed the right password.
#[derive(Debug, Clone)]
pub struct OpenSession {
    /// Whose.
    pub account: AccountId,
    /// The hash that the password was held against; `None` for whoever just made the account.
    pub password_hash: Option<String>,
    /// The hash of the new cookie.
    pub session: TokenHash,
    /// The session that the browser had before: nobody else may go on with it.
    pub replaces: Option<TokenHash>,
    /// What the browser calls itself.
    pub agent: String,
}

impl Unit for OpenSession {
    type Answer = SessionId;

    fn apply(&self, write: &mut Write<'_>) -> Result<SessionId, UnitError> {
        let connection = write.connection;
        require_active(connection, self.account)?;
        if self.password_hash.is_some()
            && credentials::password_hash(connection, self.account)? != self.password_hash
        {
            return Err(Refusal::Conflict("The password was changed meanwhile".into()).into());
        }
        let mut is_known_browser = false;
        if let Some(old) = self.replaces {
            let session = sessions::find(connection, old)?;
            is_known_browser = session.is_some_and(|old| old.account == Some(self.account));
            if sessions::delete(connection, old)? {
                write.tell(Event::TokenRevoked(old));
            }
        }
        let agent: String = self.agent.chars().take(AGENT_CHARS_MAX).collect();
        let id = sessions::insert(connection, self.session, self.account, &agent, write.now)?;
        let surplus = sessions::delete_surplus_of_account(
            connection,
            self.account,
            SESSIONS_PER_ACCOUNT_MAX,
        )?;
        tell_revoked(write, surplus);
        let is_first = credentials::set_logged_in(connection, self.account)?;
        let is_news = self.password_hash.is_some() && !is_first && !is_known_browser;
        if is_news && takes_mail(write, self.account, MailKind::LogIn)? {
            let (account, session) = (self.account, id);
            enqueue(write, &Job::LogInMail { account, session })?;
        }
        Ok(id)
    }

    /// Whoever is to free some space has to get in.
    fn may_use_reserve(&self) -> bool {
        true
    }
}

/// Writes down that a credential is in use, unless that was done within the hour.
#[derive(Debug, Clone, Copy)]
pub struct TouchAccess {
    /// Which.
    pub credential: Credential,
}

impl Unit for TouchAccess {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        let (access, hash) = match self.credential {
            Credential::Token(hash) => (tokens::find(write.connection, hash)?, hash),
            Credential::Session(hash) => (sessions::find(write.connection, hash)?, hash),
        };
        if !access.is_some_and(|access| access.is_use_news(write.now)) {
            return Ok(());
        }
        match self.credential {
            Credential::Token(_) => tokens::set_last_used(write.connection, hash, write.now)?,
            Credential::Session(_) => sessions::set_last_used(write.connection, hash, write.now)?,
        }
        write.tell(Event::TokenUsed(hash));
        Ok(())
    }
}
