//! `GET /.well-known/oauth-authorization-server`: what this server can do (RFC 8414).

use serde::Serialize;

use crate::context::Context;
use crate::domain::scope::KNOWN_SCOPES;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::problem::Problem;
use crate::reply::{self, Response};

#[derive(Serialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    revocation_endpoint: String,
    userinfo_endpoint: String,
    app_registration_endpoint: String,
    scopes_supported: &'static [&'static str],
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 1],
    grant_types_supported: &'static [&'static str],
    token_endpoint_auth_methods_supported: [&'static str; 2],
    revocation_endpoint_auth_methods_supported: [&'static str; 2],
    code_challenge_methods_supported: [&'static str; 1],
}

/// `GET /.well-known/oauth-authorization-server`: the endpoints and what they understand.
pub(super) async fn metadata(context: Context, _: Guest, _: Call) -> Result<Response, Problem> {
    let url = context.renderer.url();
    let auth_methods = ["client_secret_basic", "client_secret_post"];
    reply::json(&Metadata {
        issuer: url.to_owned(),
        authorization_endpoint: format!("{url}/oauth/authorize"),
        token_endpoint: format!("{url}/oauth/token"),
        revocation_endpoint: format!("{url}/oauth/revoke"),
        userinfo_endpoint: format!("{url}/oauth/userinfo"),
        app_registration_endpoint: format!("{url}/api/v1/apps"),
        scopes_supported: KNOWN_SCOPES,
        response_types_supported: ["code"],
        response_modes_supported: ["query"],
        grant_types_supported: if context.password_grant {
            &["authorization_code", "client_credentials", "password"]
        } else {
            &["authorization_code", "client_credentials"]
        },
        token_endpoint_auth_methods_supported: auth_methods,
        revocation_endpoint_auth_methods_supported: auth_methods,
        code_challenge_methods_supported: ["S256"],
    })
}
