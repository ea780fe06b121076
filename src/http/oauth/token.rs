//! `POST /oauth/token`: a code, or a client's secret, becomes a token.

use serde::Serialize;

use super::client::{ClientCredentials, parameter, parameters};
use crate::actors::users::{GivenToken, GrantClientToken, RedeemCode, RedeemPassword};
use crate::context::Context;
use crate::domain::oauth::OauthFault;
use crate::domain::scope::Scopes;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::extract::form::Form;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::secret::Secret;

/// A token as clients get it. Tokens don't expire.
#[derive(Serialize)]
pub struct TokenEntity {
    access_token: String,
    token_type: &'static str,
    scope: String,
    created_at: i64,
}

impl TokenEntity {
    /// The answer with a token, which no cache may keep (RFC 6749, section 5.1).
    ///
    /// # Errors
    /// None but what [`reply::json`] may say.
    pub fn answer(given: GivenToken) -> Result<Response, Problem> {
        let mut response = reply::json(&Self {
            access_token: given.token.into_exposed(),
            token_type: "Bearer",
            scope: given.scopes.to_string(),
            created_at: given.made_at.seconds(),
        })?;
        reply::forbid_storing(&mut response);
        Ok(response)
    }
}

/// The scopes that are asked for.
fn scopes(form: &Form) -> Result<Option<Scopes>, Problem> {
    let scope = parameter(form, "scope")?;
    let scopes = scope.map(|scope| Scopes::parse(scope).map_err(|_| OauthFault::InvalidScope));
    Ok(scopes.transpose()?)
}

/// `POST /oauth/token`: an access token for an authorization code or for the client itself; for developers also for a
/// name and a password.
pub(super) async fn token(context: Context, _: Guest, mut call: Call) -> Result<Response, Problem> {
    let form = parameters(&mut call).await?;
    let grant_type = parameter(&form, "grant_type")?.ok_or(OauthFault::InvalidRequest)?;
    let is_known = match grant_type {
        "authorization_code" | "client_credentials" => true,
        "password" => context.password_grant,
        _ => false,
    };
    if !is_known {
        return Err(OauthFault::UnsupportedGrantType.into());
    }
    let client = ClientCredentials::of(&call, &form)?;
    let users = &context.actors.users;
    let given = if grant_type == "authorization_code" {
        let code = parameter(&form, "code")?.ok_or(OauthFault::InvalidRequest)?;
        let redirect_uri = parameter(&form, "redirect_uri")?.ok_or(OauthFault::InvalidRequest)?;
        let verifier = parameter(&form, "code_verifier")?;
        let redeeming = users.send(RedeemCode {
            client_id: client.client_id.clone(),
            client_secret: client.client_secret.clone(),
            code: Secret::new(code.to_owned()),
            redirect_uri: redirect_uri.to_owned(),
            verifier: verifier.map(|verifier| Secret::new(verifier.to_owned())),
        });
        redeeming.await??
    } else if grant_type == "password" {
        let login = parameter(&form, "username")?.ok_or(OauthFault::InvalidRequest)?;
        let password = parameter(&form, "password")?.ok_or(OauthFault::InvalidRequest)?;
        let granting = users.send(RedeemPassword {
            client_id: client.client_id.clone(),
            client_secret: client.client_secret.clone(),
            login: login.to_owned(),
            password: Secret::new(password.to_owned()),
            scopes: scopes(&form)?,
        });
        granting.await??
    } else {
        let scopes = scopes(&form)?;
        let granting = users.send(GrantClientToken {
            client_id: client.client_id.clone(),
            client_secret: client.client_secret.clone(),
            scopes,
        });
        granting.await??
    };
    match given {
        Ok(given) => TokenEntity::answer(given),
        Err(OauthFault::InvalidGrant) if grant_type == "password" => Err(Problem::oauth(
            OauthFault::InvalidGrant.code(),
            "The name, the mail address or the password is wrong, or the account isn't in use",
        )),
        Err(fault) => Err(client.problem(fault)),
    }
}
