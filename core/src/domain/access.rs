//! Access: by what somebody is recognised, and what it opens.

use std::sync::Arc;

use super::account::{AccountState, Role};
use super::scope::Scopes;
use super::visibility::Onlooker;
use crate::clock::Timestamp;
use crate::ids::{AccountId, AppId, SessionId, TokenId};
use crate::secret::TokenHash;

/// A session that nobody used for so long is over, in milliseconds: 30 days.
pub const SESSION_IDLE_MILLIS_MAX: i64 = 30 * 24 * 60 * 60 * 1000;
/// How long an authorization code may be exchanged, in milliseconds (RFC 6749, section 4.1.2, recommends at most this).
pub const CODE_MILLIS_MAX: i64 = 10 * 60 * 1000;
/// How precisely the last use is known, in milliseconds: one write an hour per token or session.
pub const LAST_USE_MILLIS: i64 = 60 * 60 * 1000;
/// How long a set-up or a reset link works, in milliseconds.
pub const LINK_MILLIS_MAX: i64 = 24 * 60 * 60 * 1000;
/// How long a link to a new password works that was asked for by mail, in milliseconds: an hour.
pub const RESET_MILLIS_MAX: i64 = 60 * 60 * 1000;
/// How long the link works that confirms a mail address, in milliseconds: as long as the account waits for it.
pub const CONFIRMATION_MILLIS_MAX: i64 = 7 * 24 * 60 * 60 * 1000;

/// What somebody shows to be recognised; the store knows only its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Credential {
    /// An access token of OAuth.
    Token(TokenHash),
    /// The cookie of the website.
    Session(TokenHash),
}

/// What a credential opens, beside what role and state of its account say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// The API, as far as the scopes go.
    Token {
        /// The token's row.
        id: TokenId,
        /// The client that it was made for; none for one from the command line.
        app: Option<AppId>,
        /// What its owner allowed.
        scopes: Scopes,
    },
    /// The website.
    Session(SessionId),
}

/// A credential that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// What it opens.
    pub grant: Grant,
    /// On whose behalf; `None` for a client's own token, which reaches no user's route.
    pub account: Option<AccountId>,
    /// When it was last used, give or take [`LAST_USE_MILLIS`].
    pub last_used: Timestamp,
}

impl Access {
    /// Whether it is still good at `now`: sessions end when they are idle, tokens don't.
    pub fn stands_at(&self, now: Timestamp) -> bool {
        match self.grant {
            Grant::Token { .. } => true,
            Grant::Session(_) => now.millis() - self.last_used.millis() <= SESSION_IDLE_MILLIS_MAX,
        }
    }

    /// Whether this use is worth a write.
    pub fn is_use_news(&self, now: Timestamp) -> bool {
        now.millis() - self.last_used.millis() >= LAST_USE_MILLIS
    }
}

/// The account behind a credential, as far as access asks: taken anew at every request, whatever a token claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The account.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Where it is in its life.
    pub state: AccountState,
    /// The commit that last ended several of its credentials at once.
    pub access_commit: i64,
}

/// Who asks, and with what right.
#[derive(Debug, Clone)]
pub struct Caller {
    /// What was shown, and what it opens.
    pub access: Arc<Access>,
    /// The account; `None` for a client's own token.
    pub member: Option<Arc<Member>>,
    /// What the rules of visibility want to know.
    pub onlooker: Onlooker,
}

impl Caller {
    /// The scopes of a token; `None` for a session, which has no bounds but its account's.
    pub fn scopes(&self) -> Option<&Scopes> {
        match &self.access.grant {
            Grant::Token { scopes, .. } => Some(scopes),
            Grant::Session(_) => None,
        }
    }

    /// Whether a scope is held, itself or through a wider one. A session holds every scope.
    pub fn allows(&self, scope: &str) -> bool {
        self.scopes().is_none_or(|scopes| scopes.allows(scope))
    }

    /// The client of a token.
    pub fn app(&self) -> Option<AppId> {
        match &self.access.grant {
            Grant::Token { app, .. } => *app,
            Grant::Session(_) => None,
        }
    }
}

/// A registered client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// Its row.
    pub id: AppId,
    /// Its name in OAuth.
    pub client_id: String,
    /// What people know it by.
    pub name: String,
    /// Where people read about it.
    pub website: Option<String>,
    /// Where codes may be sent to, exactly as registered.
    pub redirect_uris: Vec<String>,
    /// The most that it may ask for.
    pub scopes: Scopes,
    /// When it was registered.
    pub made_at: Timestamp,
}

/// A session, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionEntry {
    /// Its row.
    pub id: SessionId,
    /// What the browser calls itself.
    pub agent: String,
    /// When it was opened.
    pub made_at: Timestamp,
    /// When it was last used, give or take [`LAST_USE_MILLIS`].
    pub last_used: Timestamp,
}

/// A token, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenEntry {
    /// Its row.
    pub id: TokenId,
    /// The client: its row, name and website; none for a token from the command line.
    pub app: Option<(AppId, String, Option<String>)>,
    /// What it opens.
    pub scopes: Scopes,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it was last used, give or take [`LAST_USE_MILLIS`].
    pub last_used: Timestamp,
}

/// Who takes an action on somebody else's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// Whoever has the data directory: the command line.
    Operator,
    /// A member; its role is asked in the transaction.
    Member(AccountId),
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Nobody but the operator.
    Closed,
    /// Everybody, once somebody with the role for it has agreed.
    Approval,
    /// Everybody.
    Open,
    /// Who holds an invitation.
    Invite,
}
