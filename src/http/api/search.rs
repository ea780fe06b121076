//! Search for accounts, posts and tags, and single tags.

use super::accounts::local_name;
use crate::actors::posts::fill::{PostSource, read_posts, show_post};
use crate::context::Context;
use crate::domain::account::Account;
use crate::domain::page::{PAGE_DEFAULT, PAGE_MAX, PAGE_OF_ACCOUNTS_MAX, Page};
use crate::domain::post::PostView;
use crate::domain::text::hashtags;
use crate::domain::text::query as search_query;
use crate::domain::visibility::Onlooker;
use crate::entities::account;
use crate::entities::search::Search;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::extract::form::Form;
use crate::extract::page::page;
use crate::ids::{AccountId, PostId};
use crate::limits::Kind;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::routing::{Access, Family};
use crate::store::queries::accounts::FindAccountByName;
use crate::store::queries::lists::{AuthorChoice, PostList};
use crate::store::queries::search::{OFFSET_MAX, SearchAccounts, SearchTags};

/// How many accounts a search for accounts gives when the caller doesn't say.
const ACCOUNTS_DEFAULT: usize = 40;

/// The family's routes.
pub fn family() -> Family<Context> {
    Family::new("search")
        .get("/api/v2/search", Access::Anyone("read:search"), search)
        .limited(Kind::Search)
        .get(
            "/api/v1/accounts/search",
            Access::User("read:accounts"),
            accounts,
        )
        .limited(Kind::Search)
        .get("/api/v1/tags/:name", Access::Anyone("read"), tag)
}

/// What kind of thing is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Accounts,
    Posts,
    Tags,
}

/// Which part of the results is wanted.
#[derive(Debug, Clone, Copy)]
struct Part {
    limit: usize,
    offset: usize,
}

impl Part {
    fn of(query: &Form, limit_default: usize, limit_max: usize) -> Result<Self, Problem> {
        let offset = query.integer("offset")?.unwrap_or(0).max(0);
        Ok(Self {
            limit: page(query, limit_default, limit_max)?.limit,
            offset: usize::try_from(offset).unwrap_or(usize::MAX),
        })
    }
}

/// `GET /api/v2/search?q=`: accounts, posts and tags; `type` chooses one of them, `limit` and `offset` a part of each.
/// Found are posts that the caller may see, newest first. An address of this instance finds what it leads to.
async fn search(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let query = call.query()?;
    let typed = query.required("q")?.trim();
    let onlooker = guest.onlooker();
    let part = Part::of(&query, PAGE_DEFAULT, PAGE_MAX)?;
    let chosen = match query.text("type")? {
        None | Some("") => None,
        Some("accounts") => Some(Wanted::Accounts),
        Some("statuses") => Some(Wanted::Posts),
        Some("hashtags") => Some(Wanted::Tags),
        Some(_) => {
            return Err(Problem::invalid(
                "The parameter \"type\" must be accounts, statuses or hashtags",
            ));
        }
    };
    // A sign before a name says what is meant.
    let meant = match typed.chars().next() {
        Some('@') => Some(Wanted::Accounts),
        Some('#' | '＃') => Some(Wanted::Tags),
        _ => None,
    };
    let wants = |kind| {
        chosen.is_none_or(|chosen| chosen == kind) && meant.is_none_or(|meant| meant == kind)
    };
    let renderer = &app.renderer;
    let mut results = Search::default();
    if let Some(target) = target(typed, renderer.url()) {
        if part.offset == 0 {
            match led_to(&app, &onlooker, target).await? {
                Some(Found::Account(account)) if wants(Wanted::Accounts) => {
                    results.accounts.push(renderer.account(&account));
                }
                Some(Found::Post(view)) if wants(Wanted::Posts) => {
                    let status = renderer.status(&view, onlooker.account);
                    results.statuses.push(status);
                }
                _ => {}
            }
        }
        return reply::json(&results);
    }
    if wants(Wanted::Accounts) {
        let followed_only = query.flag("following")?.unwrap_or(false);
        let found = find_accounts(&app, &onlooker, typed, followed_only, part).await?;
        results.accounts = found.iter().map(|found| renderer.account(found)).collect();
    }
    if wants(Wanted::Posts) {
        let author = query.parsed("account_id", "an id")?;
        let found = find_posts(&app, &onlooker, typed, author, part).await?;
        results.statuses = renderer.statuses(&found, onlooker.account);
    }
    if wants(Wanted::Tags) {
        let has_viewer = onlooker.account.is_some();
        let found = find_tags(&app, typed, part).await?.into_iter();
        results.hashtags = found.map(|name| renderer.tag(name, has_viewer)).collect();
    }
    reply::json(&results)
}

/// `GET /api/v1/accounts/search?q=`: accounts by their names; `following` keeps to whom the caller follows.
async fn accounts(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    guest.member()?;
    let query = call.query()?;
    let typed = query.required("q")?.trim();
    let part = Part::of(&query, ACCOUNTS_DEFAULT, PAGE_OF_ACCOUNTS_MAX)?;
    let followed_only = query.flag("following")?.unwrap_or(false);
    let found = find_accounts(&app, &guest.onlooker(), typed, followed_only, part).await?;
    let renderer = &app.renderer;
    let entities: Vec<account::Account> =
        found.iter().map(|found| renderer.account(found)).collect();
    reply::json(&entities)
}

async fn find_accounts(
    app: &Context,
    onlooker: &Onlooker,
    typed: &str,
    followed_only: bool,
    part: Part,
) -> Result<Vec<Account>, Problem> {
    let Some(name) = local_name(typed, app.renderer.host()) else {
        return Ok(Vec::new());
    };
    let Some(expression) = search_query::parse(&name).and_then(|query| query.matches) else {
        return Ok(Vec::new());
    };
    let query = SearchAccounts {
        expression,
        name,
        viewer: onlooker.account,
        followed_only,
        limit: part.limit,
        offset: part.offset,
    };
    Ok(app.actors.find(query).await?)
}

async fn find_posts(
    app: &Context,
    onlooker: &Onlooker,
    typed: &str,
    author: Option<AccountId>,
    part: Part,
) -> Result<Vec<PostView>, Problem> {
    let Some(query) = search_query::parse(typed).filter(|_| part.offset <= OFFSET_MAX) else {
        return Ok(Vec::new());
    };
    let named = match query.from.as_deref() {
        None => None,
        Some("me") => Some(onlooker.account),
        Some(name) => {
            let name = name.to_owned();
            let found = app.actors.find(FindAccountByName { name }).await?;
            Some(found.map(|account| account.id))
        }
    };
    let author = match (author, named) {
        (author, None) => author,
        // Nobody has that name, or two different authors are asked for.
        (_, Some(None)) => return Ok(Vec::new()),
        (Some(author), Some(Some(named))) if author != named => return Ok(Vec::new()),
        (_, Some(named)) => named,
    };
    let list = match (query.matches, author) {
        (Some(expression), author) => PostList::Matching { expression, author },
        (None, Some(author)) => PostList::By(AuthorChoice {
            author,
            excludes_replies: false,
            excludes_boosts: true,
            tagged: None,
        }),
        (None, None) => return Ok(Vec::new()),
    };
    // What comes before the part has to be looked at, as not all of it is for the onlooker.
    let page = Page::newest(part.offset + part.limit);
    let source = PostSource::List(list);
    let found = read_posts(&app.actors, onlooker, &source, page).await?;
    Ok(found.into_values().skip(part.offset).collect())
}

async fn find_tags(app: &Context, typed: &str, part: Part) -> Result<Vec<String>, Problem> {
    let bare = typed.strip_prefix(['#', '＃']).unwrap_or(typed);
    let Some(prefix) = hashtags::normalize(bare) else {
        return Ok(Vec::new());
    };
    let query = SearchTags {
        prefix,
        limit: part.limit,
        offset: part.offset,
    };
    Ok(app.actors.find(query).await?)
}

/// `GET /api/v1/tags/:name`: a tag, whether anybody used it or not.
async fn tag(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let name = hashtags::normalize(call.param("name")).ok_or_else(Problem::not_found)?;
    let has_viewer = guest.onlooker().account.is_some();
    reply::json(&app.renderer.tag(name, has_viewer))
}

/// What an address of this instance names.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    Account(String),
    Post(String, PostId),
    Nothing,
}

/// What an address names: `URL/@NAME`, `URL/@NAME/ID`, `URL/users/NAME`, `URL/users/NAME/statuses/ID`. `None` for what is no
/// address; other servers' addresses name nothing that is here.
fn target(typed: &str, instance_url: &str) -> Option<Target> {
    if !(typed.starts_with("https://") || typed.starts_with("http://"))
        || typed.contains(char::is_whitespace)
    {
        return None;
    }
    let Some(path) = typed.strip_prefix(instance_url) else {
        return Some(Target::Nothing);
    };
    let path = path.split(['?', '#']).next().unwrap_or("");
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let (name, id) = match parts.as_slice() {
        [name] => (name.strip_prefix('@'), None),
        [name, id] if name.starts_with('@') => (name.strip_prefix('@'), Some(*id)),
        ["users", name] => (Some(*name), None),
        ["users", name, "statuses", id] => (Some(*name), Some(*id)),
        _ => (None, None),
    };
    Some(match (name, id.map(str::parse)) {
        (Some(name), None) => Target::Account(name.to_owned()),
        (Some(name), Some(Ok(id))) => Target::Post(name.to_owned(), id),
        _ => Target::Nothing,
    })
}

enum Found {
    Account(Box<Account>),
    Post(Box<PostView>),
}

async fn led_to(
    app: &Context,
    onlooker: &Onlooker,
    target: Target,
) -> Result<Option<Found>, Problem> {
    match target {
        Target::Nothing => Ok(None),
        Target::Account(name) => {
            let found = app.actors.find(FindAccountByName { name }).await?;
            Ok(found.map(|account| Found::Account(Box::new(account))))
        }
        Target::Post(name, id) => {
            let view = show_post(&app.actors, onlooker, id).await?;
            let view = view.filter(|view| view.author.name.eq_ignore_ascii_case(&name));
            Ok(view.map(|view| Found::Post(Box::new(view))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_instance_name_accounts_and_posts() {
        let at = |typed| target(typed, "https://kinglet.example");
        let ada = || Some(Target::Account("ada".to_owned()));
        let post = || Some(Target::Post("ada".to_owned(), PostId(17)));
        assert_eq!(at("https://kinglet.example/@ada"), ada());
        assert_eq!(at("https://kinglet.example/users/ada/"), ada());
        assert_eq!(at("https://kinglet.example/@ada/17?x=1#y"), post());
        assert_eq!(at("https://kinglet.example/users/ada/statuses/17"), post());
        for nothing in [
            "https://other.example/@ada",
            "https://kinglet.example/about",
            "https://kinglet.example/@ada/x",
            "https://kinglet.example.evil/@ada/17",
            "https://kinglet.example",
        ] {
            assert_eq!(at(nothing), Some(Target::Nothing), "{nothing}");
        }
        assert_eq!(at("words https://kinglet.example/@ada"), None);
        assert_eq!(at("@ada"), None);
    }
}
