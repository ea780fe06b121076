//! Lists of accounts: followers, blocks, who favours what. Their cursors are rows of the list, so clients follow `Link`.

use serde::Serialize;

use super::accounts::find;
use crate::actors::posts::fill::show_post;
use crate::clock::Timestamp;
use crate::context::Context;
use crate::domain::page::PAGE_OF_ACCOUNTS_MAX;
use crate::domain::visibility::Onlooker;
use crate::entities::account::Account;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::extract::page::page;
use crate::ids::PostId;
use crate::pages;
use crate::problem::Problem;
use crate::reply::Response;
use crate::routing::{Access, Family};
use crate::store::queries::accounts::{AccountList, ListAccounts};

/// How many accounts a page has when the caller doesn't say.
const ACCOUNTS_DEFAULT: usize = 40;

/// The family's routes.
pub fn family() -> Family<Context> {
    Family::new("lists of accounts")
        .get(
            "/api/v1/accounts/:id/followers",
            Access::Anyone("read:accounts"),
            followers,
        )
        .get(
            "/api/v1/accounts/:id/following",
            Access::Anyone("read:accounts"),
            following,
        )
        .get("/api/v1/blocks", Access::User("read:blocks"), blocks)
        .get("/api/v1/mutes", Access::User("read:mutes"), mutes)
        .get(
            "/api/v1/follow_requests",
            Access::User("read:follows"),
            follow_requests,
        )
        .get(
            "/api/v1/statuses/:id/favourited_by",
            Access::Anyone("read:accounts"),
            favourited_by,
        )
        .get(
            "/api/v1/statuses/:id/reblogged_by",
            Access::Anyone("read:accounts"),
            reblogged_by,
        )
}

async fn list<E: Serialize>(
    app: &Context,
    onlooker: Onlooker,
    call: &Call,
    list: AccountList,
    entity: impl Fn(Account) -> E,
) -> Result<Response, Problem> {
    let page = page(&call.query()?, ACCOUNTS_DEFAULT, PAGE_OF_ACCOUNTS_MAX)?;
    let query = ListAccounts {
        list,
        onlooker,
        page,
    };
    let filled = app.actors.find(query).await?;
    let renderer = &app.renderer;
    pages::answer(renderer.url(), call, &filled, |account| {
        entity(renderer.account(account))
    })
}

/// `GET /api/v1/accounts/:id/followers`: who follows an account, the latest first.
async fn followers(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let account = find(&app, call.id("id")?).await?.id;
    let of = AccountList::FollowersOf(account);
    list(&app, guest.onlooker(), &call, of, |account| account).await
}

/// `GET /api/v1/accounts/:id/following`: whom an account follows, the latest first.
async fn following(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let account = find(&app, call.id("id")?).await?.id;
    let of = AccountList::FollowedBy(account);
    list(&app, guest.onlooker(), &call, of, |account| account).await
}

/// `GET /api/v1/blocks`: whom the caller blocks.
async fn blocks(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let of = AccountList::BlockedBy(guest.member()?.id);
    list(&app, guest.onlooker(), &call, of, |account| account).await
}

/// Somebody who is muted.
#[derive(Debug, Serialize)]
struct MutedAccount {
    #[serde(flatten)]
    account: Account,
    /// No mute ends by itself.
    mute_expires_at: Option<Timestamp>,
}

/// `GET /api/v1/mutes`: whom the caller mutes.
async fn mutes(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let of = AccountList::MutedBy(guest.member()?.id);
    list(&app, guest.onlooker(), &call, of, |account| MutedAccount {
        account,
        mute_expires_at: None,
    })
    .await
}

/// `GET /api/v1/follow_requests`: who asks to follow the caller.
async fn follow_requests(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let of = AccountList::AskingToFollow(guest.member()?.id);
    list(&app, guest.onlooker(), &call, of, |account| account).await
}

/// `GET /api/v1/statuses/:id/favourited_by`: who favours a post that the caller may see.
async fn favourited_by(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let onlooker = guest.onlooker();
    let post = shown_post(&app, &onlooker, call.id("id")?).await?;
    let of = AccountList::Favouring(post);
    list(&app, onlooker, &call, of, |account| account).await
}

/// `GET /api/v1/statuses/:id/reblogged_by`: who boosts a post that the caller may see, as far as the boosts may be seen.
async fn reblogged_by(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let onlooker = guest.onlooker();
    let post = shown_post(&app, &onlooker, call.id("id")?).await?;
    let of = AccountList::Boosting(post);
    list(&app, onlooker, &call, of, |account| account).await
}

/// The post that an entry shows, when the onlooker may see it.
async fn shown_post(app: &Context, onlooker: &Onlooker, id: PostId) -> Result<PostId, Problem> {
    let view = show_post(&app.actors, onlooker, id).await?;
    let view = view.ok_or_else(Problem::not_found)?;
    Ok(view.post.facts.shown_post())
}
