//! Timelines, favourites and bookmarks: pages of posts.
//!
//! Source: <https://docs.joinmastodon.org/methods/timelines/>.

use crate::actors::posts::fill::{PostSource, read_posts};
use crate::context::Context;
use crate::domain::page::{PAGE_DEFAULT, PAGE_MAX, Page};
use crate::domain::text::hashtags;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::extract::form::Form;
use crate::extract::page;
use crate::pages;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::routing::{Access, Family};
use crate::store::queries::lists::{FURTHER_TAGS_MAX, PostList, TagChoice};

/// The family's routes.
pub fn family() -> Family<Context> {
    Family::new("timelines")
        .get(
            "/api/v1/timelines/home",
            Access::User("read:statuses"),
            home,
        )
        .get(
            "/api/v1/timelines/public",
            Access::Anyone("read:statuses"),
            public,
        )
        .get(
            "/api/v1/timelines/tag/:tag",
            Access::Anyone("read:statuses"),
            tag,
        )
        .get(
            "/api/v1/favourites",
            Access::User("read:favourites"),
            favourites,
        )
        .get(
            "/api/v1/bookmarks",
            Access::User("read:bookmarks"),
            bookmarks,
        )
}

/// `GET /api/v1/timelines/home`: the caller's own posts and those of whom it follows, newest first.
async fn home(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let page = page::page(&call.query()?, PAGE_DEFAULT, PAGE_MAX)?;
    posts_page(&app, &guest, &call, PostSource::Home, page).await
}

/// `GET /api/v1/timelines/public`: everybody's public posts. `remote` and `only_media` ask for what isn't there.
async fn public(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    require_open_timelines(&app, &guest)?;
    let query = call.query()?;
    let page = page::page(&query, PAGE_DEFAULT, PAGE_MAX)?;
    if asks_for_nothing(&query)? {
        return reply::json::<[(); 0]>(&[]);
    }
    let source = PostSource::List(PostList::Public);
    posts_page(&app, &guest, &call, source, page).await
}

/// `GET /api/v1/timelines/tag/:tag`: public posts with a tag; `any[]`, `all[]` and `none[]` name further tags.
async fn tag(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    require_open_timelines(&app, &guest)?;
    let query = call.query()?;
    let page = page::page(&query, PAGE_DEFAULT, PAGE_MAX)?;
    let Some(name) = hashtags::normalize(call.param("tag")) else {
        return reply::json::<[(); 0]>(&[]);
    };
    if asks_for_nothing(&query)? {
        return reply::json::<[(); 0]>(&[]);
    }
    let further = |parameter: &str| -> Result<Vec<String>, Problem> {
        let names = query.list(parameter)?;
        if names.len() > FURTHER_TAGS_MAX {
            return Err(Problem::invalid(format!(
                "{parameter} takes at most {FURTHER_TAGS_MAX} tags"
            )));
        }
        Ok(names.into_iter().filter_map(hashtags::normalize).collect())
    };
    let choice = TagChoice {
        name,
        any: further("any")?,
        all: further("all")?,
        none: further("none")?,
    };
    let source = PostSource::List(PostList::Tagged(choice));
    posts_page(&app, &guest, &call, source, page).await
}

/// `GET /api/v1/favourites`: the posts that the caller favours, the one favoured last first.
async fn favourites(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let page = page::page(&call.query()?, PAGE_DEFAULT, PAGE_MAX)?;
    let source = PostSource::List(PostList::FavouritesOf(guest.member()?.id));
    posts_page(&app, &guest, &call, source, page).await
}

/// `GET /api/v1/bookmarks`: the posts that the caller keeps, the one kept last first.
async fn bookmarks(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let page = page::page(&call.query()?, PAGE_DEFAULT, PAGE_MAX)?;
    let source = PostSource::List(PostList::BookmarksOf(guest.member()?.id));
    posts_page(&app, &guest, &call, source, page).await
}

/// A page of posts with the links to its neighbours.
async fn posts_page(
    app: &Context,
    guest: &Guest,
    call: &Call,
    source: PostSource,
    page: Page,
) -> Result<Response, Problem> {
    let filled = read_posts(&app.actors, &guest.onlooker(), &source, page).await?;
    let viewer = guest.account();
    Ok(pages::answer_posts(&app.renderer, call, &filled, viewer))
}

/// An instance may keep its timelines to its members.
fn require_open_timelines(app: &Context, guest: &Guest) -> Result<(), Problem> {
    if app.instance.config.timelines.anonymous_timelines || guest.account().is_some() {
        return Ok(());
    }
    Err(Problem::unauthenticated(
        "This instance shows its timelines to members only",
    ))
}

/// Nothing here comes from elsewhere, and there are no media.
fn asks_for_nothing(query: &Form) -> Result<bool, Problem> {
    Ok(query.flag("remote")?.unwrap_or(false) || query.flag("only_media")?.unwrap_or(false))
}
