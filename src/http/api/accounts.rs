//! Accounts as others see them.

use crate::actors::posts::fill::read_posts_by;
use crate::context::Context;
use crate::domain::account::Account;
use crate::domain::page::{PAGE_DEFAULT, PAGE_MAX};
use crate::domain::text::hashtags::normalize;
use crate::entities::account;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::extract::page::page;
use crate::ids::AccountId;
use crate::pages;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::routing::{Access, Family};
use crate::store::queries::accounts::{FindAccountByName, FindAccounts};
use crate::store::queries::lists::AuthorChoice;

/// The family's routes.
pub fn family() -> Family<Context> {
    Family::new("accounts")
        .get("/api/v1/accounts", Access::Anyone("read:accounts"), several)
        .get(
            "/api/v1/accounts/lookup",
            Access::Anyone("read:accounts"),
            lookup,
        )
        .get("/api/v1/accounts/:id", Access::Anyone("read:accounts"), one)
        .get(
            "/api/v1/accounts/:id/statuses",
            Access::Anyone("read:statuses"),
            statuses,
        )
}

/// `GET /api/v1/accounts?id[]=`: accounts by their ids; those that aren't there are left out.
async fn several(app: Context, _: Guest, call: Call) -> Result<Response, Problem> {
    let ids = call.query()?.ids("id")?;
    let found = app.actors.find(FindAccounts { ids }).await?;
    let renderer = &app.renderer;
    let entities: Vec<account::Account> = found
        .iter()
        .map(|account| renderer.account(account))
        .collect();
    reply::json(&entities)
}

/// `GET /api/v1/accounts/lookup?acct=`: the account with a name, with or without this instance's host.
async fn lookup(app: Context, _: Guest, call: Call) -> Result<Response, Problem> {
    let query = call.query()?;
    let name =
        local_name(query.required("acct")?, app.renderer.host()).ok_or_else(Problem::not_found)?;
    let found = app.actors.find(FindAccountByName { name }).await?;
    let found = found.ok_or_else(Problem::not_found)?;
    reply::json(&app.renderer.account(&found))
}

/// The name in `name`, `@name` or `name@host`, when the host is this instance's.
pub(super) fn local_name(typed: &str, host: &str) -> Option<String> {
    let typed = typed.trim();
    let typed = typed.strip_prefix('@').unwrap_or(typed);
    match typed.split_once('@') {
        None => Some(typed.to_owned()),
        Some((name, theirs)) => theirs.eq_ignore_ascii_case(host).then(|| name.to_owned()),
    }
}

/// An account that is there for others.
pub(super) async fn find(app: &Context, id: AccountId) -> Result<Account, Problem> {
    let found = app.actors.find(FindAccounts { ids: vec![id] }).await?;
    found.into_iter().next().ok_or_else(Problem::not_found)
}

/// `GET /api/v1/accounts/:id`: an account.
async fn one(app: Context, _: Guest, call: Call) -> Result<Response, Problem> {
    let account = find(&app, call.id("id")?).await?;
    reply::json(&app.renderer.account(&account))
}

/// `GET /api/v1/accounts/:id/statuses`: an account's posts and boosts that the caller may see, newest first;
/// `exclude_replies`, `exclude_reblogs`, `tagged` leave some out. Posts with media and pinned posts there are none.
async fn statuses(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let query = call.query()?;
    let author = call.id("id")?;
    let page = page(&query, PAGE_DEFAULT, PAGE_MAX)?;
    let flag = |name| query.flag(name).map(|flag| flag.unwrap_or(false));
    let tagged = match query.text("tagged")? {
        None | Some("") => None,
        // What is no tag stands on no post.
        Some(tag) => Some(normalize(tag).unwrap_or_default()),
    };
    let choice = AuthorChoice {
        author,
        excludes_replies: flag("exclude_replies")?,
        excludes_boosts: flag("exclude_reblogs")?,
        tagged,
    };
    if flag("only_media")? || flag("pinned")? {
        find(&app, author).await?;
        return reply::json(&[(); 0]);
    }
    let onlooker = guest.onlooker();
    let filled = read_posts_by(&app.actors, &onlooker, choice, page).await?;
    let filled = filled.ok_or_else(Problem::not_found)?;
    let viewer = onlooker.account;
    Ok(pages::answer_posts(&app.renderer, &call, &filled, viewer))
}

#[cfg(test)]
mod tests {
    use super::local_name;

    #[test]
    fn names_may_carry_our_host_and_no_other() {
        for ours in [
            "ada",
            "@ada",
            " ada@Kinglet.example:8420 ",
            "@ada@kinglet.example:8420",
        ] {
            assert_eq!(
                local_name(ours, "kinglet.example:8420").as_deref(),
                Some("ada"),
                "{ours}"
            );
        }
        assert_eq!(local_name("ada@other.example", "kinglet.example"), None);
        assert_eq!(local_name("ada@", "kinglet.example"), None);
    }
}
