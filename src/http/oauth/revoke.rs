//! `POST /oauth/revoke`: a client gives a token back (RFC 7009).

use super::client::{ClientCredentials, parameter, parameters};
use crate::context::Context;
use crate::domain::oauth::OauthFault;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::secret::TokenHash;
use crate::store::units::RevokeToken;

/// `POST /oauth/revoke`: the token no longer holds. A token that isn't there is gone as well.
pub(super) async fn revoke(
    context: Context,
    _: Guest,
    mut call: Call,
) -> Result<Response, Problem> {
    let form = parameters(&mut call).await?;
    let client = ClientCredentials::of(&call, &form)?;
    let token = parameter(&form, "token")?.ok_or(OauthFault::InvalidRequest)?;
    let revoked = context
        .actors
        .perform(RevokeToken {
            client_id: client.client_id.clone(),
            client_secret: TokenHash::of(client.client_secret.expose()),
            token: TokenHash::of(token),
        })
        .await?;
    match revoked {
        Ok(()) => Ok(reply::json_bytes("{}")),
        Err(fault) => Err(client.problem(fault)),
    }
}
