//! Tokens that need no code: a client's own, one for whoever just signed up, one from the command line.

use super::access_rules::{authenticate_client, require_member, tell_revoked};
use crate::clock::Timestamp;
use crate::domain::account::AccountState;
use crate::domain::oauth::OauthFault;
use crate::domain::refusal::Refusal;
use crate::domain::scope::Scopes;
use crate::ids::{AccountId, AppId};
use crate::secret::TokenHash;
use crate::store::error::StoreError;
use crate::store::tables::tokens::NewToken;
use crate::store::tables::{apps, tokens};
use crate::store::writer::{Unit, UnitError, Write};

/// The most tokens of one account; one more ends the one that was used longest ago.
pub const TOKENS_PER_ACCOUNT_MAX: usize = 500;
/// The most tokens that a client has for itself; one more ends the oldest.
pub const CLIENT_TOKENS_PER_APP_MAX: usize = 20;

/// A token that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// What it opens.
    pub scopes: Scopes,
    /// When it was made.
    pub made_at: Timestamp,
}

/// Gives a client a token of its own, which reaches no user's route.
#[derive(Debug, Clone)]
pub struct IssueClientToken {
    /// The client.
    pub client_id: String,
    /// The hash of its secret.
    pub client_secret: TokenHash,
    /// What it asks for, no more than it registered; `None` for all of that.
    pub scopes: Option<Scopes>,
    /// The hash of the token to be.
    pub token: TokenHash,
}

impl Unit for IssueClientToken {
    type Answer = Result<Issued, OauthFault>;

    fn apply(&self, write: &mut Write<'_>) -> Result<Self::Answer, UnitError> {
        let connection = write.connection;
        let app = match authenticate_client(connection, &self.client_id, self.client_secret)? {
            Ok(app) => app,
            Err(fault) => return Ok(Err(fault)),
        };
        let scopes = self.scopes.clone().unwrap_or_else(|| app.scopes.clone());
        if scopes.is_empty() || !app.scopes.covers_all(&scopes) {
            return Ok(Err(OauthFault::InvalidScope));
        }
        tokens::insert(
            connection,
            &NewToken {
                hash: self.token,
                app: Some(app.id),
                account: None,
                scopes: &scopes,
                code: None,
                made_at: write.now,
            },
        )?;
        let surplus =
            tokens::delete_surplus_of_client(connection, app.id, CLIENT_TOKENS_PER_APP_MAX)?;
        tell_revoked(write, surplus);
        Ok(Ok(Issued {
            scopes,
            made_at: write.now,
        }))
    }
}

/// Gives a client a token of an account whose password it knows.
#[derive(Debug, Clone)]
pub struct IssueUserToken {
    /// The client.
    pub client_id: String,
    /// The hash of its secret.
    pub client_secret: TokenHash,
    /// Whose.
    pub account: AccountId,
    /// What it asks for, no more than it registered; `None` for all of that.
    pub scopes: Option<Scopes>,
    /// The hash of the token to be.
    pub token: TokenHash,
}

impl Unit for IssueUserToken {
    type Answer = Result<Issued, OauthFault>;

    fn apply(&self, write: &mut Write<'_>) -> Result<Self::Answer, UnitError> {
        let app = authenticate_client(write.connection, &self.client_id, self.client_secret)?;
        let app = match app {
            Ok(app) => app,
            Err(fault) => return Ok(Err(fault)),
        };
        if require_member(write.connection, self.account)?.state != AccountState::Active {
            return Ok(Err(OauthFault::InvalidGrant));
        }
        let scopes = self.scopes.as_ref().unwrap_or(&app.scopes);
        if scopes.is_empty() || !app.scopes.covers_all(scopes) {
            return Ok(Err(OauthFault::InvalidScope));
        }
        apps::set_used(write.connection, app.id)?;
        let app = Some(app.id);
        let issued = insert_user_token(write, self.token, app, self.account, scopes, None)?;
        Ok(Ok(issued))
    }
}

/// Makes a token for an account without asking anybody: for the command line, and for whoever just signed up through a
/// client. Any scope may be asked for: what the account's role doesn't allow is refused at every request.
#[derive(Debug, Clone)]
pub struct CreateToken {
    /// Whose.
    pub account: AccountId,
    /// The client; `None` for one from the command line.
    pub app: Option<AppId>,
    /// What it opens.
    pub scopes: Scopes,
    /// The hash of the token to be.
    pub token: TokenHash,
}

impl Unit for CreateToken {
    type Answer = Issued;

    fn apply(&self, write: &mut Write<'_>) -> Result<Issued, UnitError> {
        let member = require_member(write.connection, self.account)?;
        if member.state == AccountState::Suspended {
            return Err(Refusal::forbidden("This account is suspended").into());
        }
        if self.scopes.is_empty() {
            return Err(Refusal::invalid("A token needs a scope").into());
        }
        let issued = insert_user_token(
            write,
            self.token,
            self.app,
            self.account,
            &self.scopes,
            None,
        )?;
        Ok(issued)
    }
}

pub(super) fn insert_user_token(
    write: &mut Write<'_>,
    token: TokenHash,
    app: Option<AppId>,
    account: AccountId,
    scopes: &Scopes,
    code: Option<TokenHash>,
) -> Result<Issued, StoreError> {
    let connection = write.connection;
    tokens::insert(
        connection,
        &NewToken {
            hash: token,
            app,
            account: Some(account),
            scopes,
            code,
            made_at: write.now,
        },
    )?;
    let surplus = tokens::delete_surplus_of_account(connection, account, TOKENS_PER_ACCOUNT_MAX)?;
    tell_revoked(write, surplus);
    Ok(Issued {
        scopes: scopes.clone(),
        made_at: write.now,
    })
}
