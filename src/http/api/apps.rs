//! Clients: they introduce themselves, and look at themselves.
//!
//! Source: <https://docs.joinmastodon.org/methods/apps/>.

use crate::actors::users::RegisterClient;
use crate::context::Context;
use crate::domain::scope::Scopes;
use crate::entities::application::{Application, CredentialApplication};
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::limits::Kind;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::routing::{Access, Family};
use crate::store::queries::access::ReadApp;

/// The family's routes.
pub fn family() -> Family<Context> {
    Family::new("apps")
        .post("/api/v1/apps", Access::Public, register)
        .limited(Kind::AppRegistration)
        .get("/api/v1/apps/verify_credentials", Access::Client, verify)
}

/// `POST /api/v1/apps`: registers a client, whose secret is shown this once.
async fn register(context: Context, _: Guest, mut call: Call) -> Result<Response, Problem> {
    let form = call.form().await?;
    let scopes = form.text("scopes")?.unwrap_or_default();
    let scopes = Scopes::parse(scopes)
        .map_err(|unknown| Problem::invalid(format!("Validation failed: {unknown}")))?;
    let redirect_uris = form
        .list("redirect_uris")?
        .into_iter()
        .flat_map(str::split_whitespace)
        .map(str::to_owned)
        .collect();
    let website = form.text("website")?.map(str::trim);
    let registering = context.actors.users.send(RegisterClient {
        name: form.text("client_name")?.unwrap_or_default().to_owned(),
        website: website
            .filter(|website| !website.is_empty())
            .map(str::to_owned),
        redirect_uris,
        scopes: if scopes.is_empty() {
            Scopes::default_for_apps()
        } else {
            scopes
        },
    });
    let registered = registering.await??;
    let mut response = reply::json(&CredentialApplication::of(
        &registered.app,
        registered.secret,
    ))?;
    reply::forbid_storing(&mut response);
    Ok(response)
}

/// `GET /api/v1/apps/verify_credentials`: the client of the token. A token from the command line has none.
async fn verify(context: Context, guest: Guest, _: Call) -> Result<Response, Problem> {
    let app = guest.app().ok_or_else(Problem::not_found)?;
    let app = context.actors.find(ReadApp { app }).await?;
    reply::json(&Application::of(&app.ok_or_else(Problem::not_found)?))
}
