//! A member lets a client in: the client gets a code, which it exchanges for a token.

use super::rules::require_active;
use crate::domain::access::CODE_MILLIS_MAX;
use crate::domain::oauth::OauthFault;
use crate::domain::scope::Scopes;
use crate::ids::AccountId;
use crate::secret::TokenHash;
use crate::store::tables::codes::Code;
use crate::store::tables::{apps, codes};
use crate::store::writer::{Unit, UnitError, Write};

/// Issues a code, bound to all that is named here.
#[derive(Debug, Clone)]
pub struct IssueCode {
    /// The code's hash.
    pub code: TokenHash,
    /// The client.
    pub client_id: String,
    /// Who lets it in.
    pub account: AccountId,
    /// Where the code is sent to; compared byte for byte.
    pub redirect_uri: String,
    /// What the client may do.
    pub scopes: Scopes,
    /// The challenge by S256, if the client gave one.
    pub challenge: Option<TokenHash>,
}

impl Unit for IssueCode {
    type Answer = Result<(), OauthFault>;

    fn apply(&self, write: &mut Write<'_>) -> Result<Self::Answer, UnitError> {
        let connection = write.connection;
        require_active(connection, self.account)?;
        let Some(app) = apps::by_client_id(connection, &self.client_id)? else {
            return Ok(Err(OauthFault::InvalidClient));
        };
        if !app.redirect_uris.contains(&self.redirect_uri) {
            return Ok(Err(OauthFault::InvalidRedirectUri));
        }
        if self.scopes.is_empty() || !app.scopes.covers_all(&self.scopes) {
            return Ok(Err(OauthFault::InvalidScope));
        }
        codes::insert(
            connection,
            &Code {
                hash: self.code,
                app: app.id,
                account: self.account,
                redirect_uri: self.redirect_uri.clone(),
                scopes: self.scopes.clone(),
                challenge: self.challenge,
                expires_at: write.now.plus_millis(CODE_MILLIS_MAX),
                used: false,
            },
        )?;
        Ok(Ok(()))
    }
}
