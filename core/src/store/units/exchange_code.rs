//! A client exchanges its code for a token, once.

use super::access_rules::{authenticate_client, tell_revoked};
use super::issue_token::{Issued, insert_user_token};
use crate::domain::oauth::OauthFault;
use crate::secret::TokenHash;
use crate::store::tables::{accounts, codes, tokens};
use crate::store::writer::{Unit, UnitError, Write};

/// Exchanges a code. A second try ends what the first one got (RFC 6749, section 4.1.2): one of the two was a thief.
#[derive(Debug, Clone)]
pub struct ExchangeCode {
    /// The client.
    pub client_id: String,
    /// The hash of its secret.
    pub client_secret: TokenHash,
    /// The code's hash.
    pub code: TokenHash,
    /// Where the code was sent to; compared byte for byte.
    pub redirect_uri: String,
    /// The challenge that the client's verifier answers, if it sent one.
    pub verifier: Option<TokenHash>,
    /// The hash of the token to be.
    pub token: TokenHash,
}

impl Unit for ExchangeCode {
    type Answer = Result<Issued, OauthFault>;

    fn apply(&self, write: &mut Write<'_>) -> Result<Self::Answer, UnitError> {
        let connection = write.connection;
        let app = match authenticate_client(connection, &self.client_id, self.client_secret)? {
            Ok(app) => app,
            Err(fault) => return Ok(Err(fault)),
        };
        let Some(code) = codes::find(connection, self.code)? else {
            // A code may be forgotten already while its token lives on.
            let revoked = tokens::delete_of_code(connection, self.code)?;
            tell_revoked(write, revoked);
            return Ok(Err(OauthFault::InvalidGrant));
        };
        if code.used {
            let revoked = tokens::delete_of_code(connection, self.code)?;
            tell_revoked(write, revoked);
            return Ok(Err(OauthFault::InvalidGrant));
        }
        // A verifier for a code without a challenge is a downgrade (RFC 9700, section 4.8.2): both or neither.
        let is_meant_for_it = code.app == app.id
            && code.redirect_uri == self.redirect_uri
            && code.challenge == self.verifier
            && code.expires_at > write.now;
        if !is_meant_for_it || !accounts::is_visible(connection, code.account)? {
            return Ok(Err(OauthFault::InvalidGrant));
        }
        codes::set_used(connection, self.code)?;
        let issued = insert_user_token(
            write,
            self.token,
            Some(app.id),
            code.account,
            &code.scopes,
            Some(self.code),
        )?;
        Ok(Ok(issued))
    }
}
