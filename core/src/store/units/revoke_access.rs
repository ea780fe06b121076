//! Tokens and sessions end before their time.

use super::access_rules::{authenticate_client, tell_revoked};
use super::rules::require_active;
use crate::domain::access::Grant;
use crate::domain::event::Event;
use crate::domain::oauth::OauthFault;
use crate::domain::refusal::Refusal;
use crate::ids::{AccountId, AppId, SessionId, TokenId};
use crate::secret::TokenHash;
use crate::store::tables::{codes, sessions, tokens};
use crate::store::writer::{Unit, UnitError, Write};

/// A client gives a token back (RFC 7009). What isn't there is no error.
#[derive(Debug, Clone)]
pub struct RevokeToken {
    /// The client.
    pub client_id: String,
    /// The hash of its secret.
    pub client_secret: TokenHash,
    /// The token's hash.
    pub token: TokenHash,
}

impl Unit for RevokeToken {
    type Answer = Result<(), OauthFault>;

    fn apply(&self, write: &mut Write<'_>) -> Result<Self::Answer, UnitError> {
        let connection = write.connection;
        let app = match authenticate_client(connection, &self.client_id, self.client_secret)? {
            Ok(app) => app,
            Err(fault) => return Ok(Err(fault)),
        };
        let Some(access) = tokens::find(connection, self.token)? else {
            return Ok(Ok(()));
        };
        match access.grant {
            Grant::Token { app: Some(of), .. } if of == app.id => {}
            _ => return Ok(Err(OauthFault::UnauthorizedClient)),
        }
        tokens::delete(connection, self.token)?;
        write.tell(Event::TokenRevoked(self.token));
        Ok(Ok(()))
    }
}

/// A member ends one of its tokens.
#[derive(Debug, Clone, Copy)]
pub struct RevokeOwnToken {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub token: TokenId,
}

impl Unit for RevokeOwnToken {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_active(write.connection, self.account)?;
        let revoked = tokens::delete_by_id(write.connection, self.account, self.token)?;
        tell_revoked(write, revoked);
        Ok(())
    }
}

/// A member no longer lets a client in: its tokens and codes end.
#[derive(Debug, Clone, Copy)]
pub struct RevokeAppAccess {
    /// Who.
    pub account: AccountId,
    /// Which client.
    pub app: AppId,
}

impl Unit for RevokeAppAccess {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_active(write.connection, self.account)?;
        codes::delete_of_app(write.connection, self.account, self.app)?;
        let revoked = tokens::delete_of_app(write.connection, self.account, self.app)?;
        tell_revoked(write, revoked);
        Ok(())
    }
}

/// Somebody logs out.
#[derive(Debug, Clone, Copy)]
pub struct CloseSession {
    /// The hash of the cookie.
    pub session: TokenHash,
}

impl Unit for CloseSession {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        if sessions::delete(write.connection, self.session)? {
            write.tell(Event::TokenRevoked(self.session));
        }
        Ok(())
    }
}

/// A member ends one of its sessions.
#[derive(Debug, Clone, Copy)]
pub struct CloseOwnSession {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub session: SessionId,
}

impl Unit for CloseOwnSession {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_active(write.connection, self.account)?;
        let closed = sessions::delete_by_id(write.connection, self.account, self.session)?;
        if closed.is_empty() {
            return Err(Refusal::NotFound.into());
        }
        tell_revoked(write, closed);
        Ok(())
    }
}
