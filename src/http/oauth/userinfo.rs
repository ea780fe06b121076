//! `GET /oauth/userinfo`: who a token's person is, in OpenID Connect's words.

use serde::Serialize;

use crate::context::Context;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::store::queries::accounts::FindOwnAccount;

#[derive(Serialize)]
struct UserInfo {
    iss: String,
    sub: String,
    name: String,
    preferred_username: String,
    profile: String,
    picture: String,
}

/// `GET /oauth/userinfo`: the person's lasting identifier, names, profile and picture.
pub(super) async fn userinfo(context: Context, guest: Guest, _: Call) -> Result<Response, Problem> {
    let account = guest.member()?.id;
    let own = context.actors.find(FindOwnAccount { account }).await?;
    let account = own.ok_or_else(Problem::not_found)?.account;
    let renderer = &context.renderer;
    reply::json(&UserInfo {
        iss: renderer.url().to_owned(),
        sub: renderer.account_uri(&account.name),
        name: if account.display_name.is_empty() {
            account.name.clone()
        } else {
            account.display_name.clone()
        },
        preferred_username: account.name.clone(),
        profile: renderer.profile_url(&account.name),
        picture: renderer.avatar_url(account.id),
    })
}
