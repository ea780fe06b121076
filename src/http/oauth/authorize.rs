//! What a client asks of a person: the request to `/oauth/authorize`, checked before anything of it is shown.

use crate::actors::Actors;
use crate::domain::access::App;
use crate::domain::oauth::{
    OUT_OF_BAND, OauthFault, STATE_BYTES_MAX, parse_challenge, with_parameters,
};
use crate::domain::scope::Scopes;
use crate::extract::form::Form;
use crate::problem::Problem;
use crate::secret::TokenHash;
use crate::store::queries::access::FindApp;

use super::client::parameter;

/// The parameters that the consent form carries unchanged from the request.
pub const CARRIED: [&str; 7] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
];

/// A request that may be shown to a person: client, redirect URI, scopes and challenge are checked.
#[derive(Debug, Clone)]
pub struct AuthorizeRequest {
    /// The client.
    pub app: App,
    /// Where the answer goes: one of the client's redirect URIs, byte for byte.
    pub redirect_uri: String,
    /// What it asks for, no more than it registered.
    pub scopes: Scopes,
    /// What it wants back with the answer.
    pub state: Option<String>,
    /// What its verifier must answer.
    pub challenge: Option<TokenHash>,
}

impl AuthorizeRequest {
    /// Reads and checks a request. Nothing wrong with it is told to the redirect URI: whoever registers a client must
    /// not be able to send people somewhere by a link to this server before they agreed to anything (RFC 9700, section
    /// 4.11.2).
    ///
    /// # Errors
    /// What is wrong, for a page.
    pub async fn read(actors: &Actors, form: &Form) -> Result<Self, Problem> {
        let client_id = parameter(form, "client_id")?.ok_or(OauthFault::InvalidRequest)?;
        let client_id = client_id.to_owned();
        let app = actors.find(FindApp { client_id }).await?;
        let app = app.ok_or_else(|| page_problem(OauthFault::InvalidClient))?;
        let redirect_uri = parameter(form, "redirect_uri")?.unwrap_or_default();
        if !app.redirect_uris.iter().any(|known| known == redirect_uri) {
            return Err(page_problem(OauthFault::InvalidRedirectUri));
        }
        if parameter(form, "response_type")? != Some("code") {
            return Err(page_problem(OauthFault::UnsupportedResponseType));
        }
        let scopes = match parameter(form, "scope")? {
            None => Scopes::default_for_apps(),
            Some(scope) => {
                Scopes::parse(scope).map_err(|_| page_problem(OauthFault::InvalidScope))?
            }
        };
        if scopes.is_empty() || !app.scopes.covers_all(&scopes) {
            return Err(page_problem(OauthFault::InvalidScope));
        }
        let state = parameter(form, "state")?.map(str::to_owned);
        if state
            .as_ref()
            .is_some_and(|state| state.len() > STATE_BYTES_MAX)
        {
            return Err(page_problem(OauthFault::InvalidRequest));
        }
        Ok(Self {
            redirect_uri: redirect_uri.to_owned(),
            scopes,
            state,
            challenge: challenge(form)?,
            app,
        })
    }

    /// Whether the code is shown for the person to copy.
    pub fn is_out_of_band(&self) -> bool {
        self.redirect_uri == OUT_OF_BAND
    }

    /// The redirect URI with the answer and the client's state.
    pub fn answer(&self, parameters: &[(&str, &str)]) -> String {
        let mut parameters = parameters.to_vec();
        if let Some(state) = &self.state {
            parameters.push(("state", state));
        }
        with_parameters(&self.redirect_uri, &parameters)
    }
}

/// The challenge: none, or by S256. `plain`, which RFC 7636 takes for granted without a method, protects nothing.
fn challenge(form: &Form) -> Result<Option<TokenHash>, Problem> {
    let challenge = parameter(form, "code_challenge")?;
    let method = parameter(form, "code_challenge_method")?;
    match (challenge, method) {
        (None, None) => Ok(None),
        (Some(challenge), Some("S256")) => parse_challenge(challenge)
            .map(Some)
            .ok_or_else(|| page_problem(OauthFault::InvalidRequest)),
        _ => Err(page_problem(OauthFault::InvalidRequest)),
    }
}

/// A fault as a page tells it.
fn page_problem(fault: OauthFault) -> Problem {
    Problem::malformed(format!("{fault}."))
}
