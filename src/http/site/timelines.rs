//! Lists of posts: the front page, the public timeline, tags, favourites, bookmarks; and what every list of posts needs.

use super::compose;
use super::frame::Visit;
use super::render::{self, Answered};
use super::views::post::{PostCard, PostListPage, ReplyTo};
use super::views::timeline::{HomePage, PublicPage, TagPage};
use super::views::{Nav, Pager};
use crate::actors::posts::fill::{PostSource, read_posts, show_posts};
use crate::actors::users::ReadInstance;
use crate::context::Context;
use crate::domain::page::{Filled, PAGE_DEFAULT, Page};
use crate::domain::post::PostView;
use crate::domain::text::hashtags;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::extract::page;
use crate::ids::PostId;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::store::queries::accounts::FindAccounts;
use crate::store::queries::lists::{PostList, TagChoice};

/// The page of a list that was asked for. A cursor that is none leads to the beginning: people edit addresses by hand.
pub(super) fn page_of(visit: &Visit) -> Page {
    let asked = visit
        .call
        .query()
        .and_then(|query| page::page(&query, PAGE_DEFAULT, PAGE_DEFAULT));
    let asked = asked.unwrap_or(Page::newest(PAGE_DEFAULT));
    Page {
        since_id: None,
        limit: PAGE_DEFAULT,
        ..asked
    }
}

/// The neighbours of a page at `path`, which may have a query of its own.
pub(super) fn pager<T>(path: &str, asked: &Page, filled: &Filled<T>) -> Pager {
    let separator = if path.contains('?') { '&' } else { '?' };
    let with = |name: &str, cursor: i64| format!("{path}{separator}{name}={cursor}");
    let newest = filled.entries.first().map(|(cursor, _)| *cursor);
    let is_first = asked.max_id.is_none() && !asked.from_oldest();
    let newer = match newest {
        _ if is_first => None,
        Some(newest) => Some(with("min_id", newest)),
        // Beyond the end of the list the way back is its beginning.
        None => Some(path.to_owned()),
    };
    Pager {
        newer,
        older: filled.older_below.map(|below| with("max_id", below)),
    }
}

/// Whom posts answer, as far as the reader may know: with a link where the answered post may be seen.
pub(super) async fn answered(visit: &Visit, views: &[PostView]) -> Result<Answered, Problem> {
    let actors = &visit.context.actors;
    let shown = views
        .iter()
        .map(|view| view.boosted.as_ref().map_or(&view.post, |(post, _)| post));
    let mut parents: Vec<_> = shown.filter_map(|post| post.facts.reply_to).collect();
    parents.sort_unstable_by_key(|parent| parent.post);
    parents.dedup();
    let ids: Vec<PostId> = parents.iter().map(|parent| parent.post).collect();
    let mut answered = Answered::new();
    for view in show_posts(actors, &visit.onlooker, ids).await? {
        let id = view.post.facts.id;
        let reply_to = ReplyTo {
            name: view.author.name.clone(),
            path: Some(render::post_path(&view.author.name, id)),
        };
        answered.insert(id, reply_to);
    }
    parents.retain(|parent| !answered.contains_key(&parent.post));
    if parents.is_empty() {
        return Ok(answered);
    }
    let ids = parents.iter().map(|parent| parent.author).collect();
    let authors = actors.find(FindAccounts { ids }).await?;
    for parent in parents {
        if let Some(author) = authors.iter().find(|author| author.id == parent.author) {
            let reply_to = ReplyTo {
                name: author.name.clone(),
                path: None,
            };
            answered.insert(parent.post, reply_to);
        }
    }
    Ok(answered)
}

/// Posts as cards.
pub(super) async fn cards(visit: &Visit, views: &[PostView]) -> Result<Vec<PostCard>, Problem> {
    let answered = answered(visit, views).await?;
    let renderer = visit.renderer();
    Ok(views
        .iter()
        .map(|view| renderer.card(view, &answered))
        .collect())
}

/// A page of a list of posts at `path`, with its neighbours.
pub(super) async fn posts(
    visit: &Visit,
    source: &PostSource,
    path: &str,
) -> Result<(Vec<PostCard>, Pager), Problem> {
    let (actors, onlooker) = (&visit.context.actors, &visit.onlooker);
    let mut asked = page_of(visit);
    let mut filled = read_posts(actors, onlooker, source, asked).await?;
    if asked.from_oldest() && filled.entries.len() < asked.limit {
        // The way back has reached the beginning, which is a whole page.
        asked = Page::newest(asked.limit);
        filled = read_posts(actors, onlooker, source, asked).await?;
    }
    let pager = pager(path, &asked, &filled);
    let views: Vec<PostView> = filled.into_values().collect();
    Ok((cards(visit, &views).await?, pager))
}

/// Visitors get the timelines of strangers only where the instance shows them.
///
/// # Errors
/// Unauthenticated, which leads to the log-in page.
pub(super) fn require_timelines(visit: &Visit) -> Result<(), Problem> {
    let is_open = visit.context.instance.config.timelines.anonymous_timelines;
    if is_open || visit.reader().is_some() {
        return Ok(());
    }
    Err(Problem::unauthenticated("Please log in first"))
}

/// `GET /`: home for members, the public timeline for visitors.
pub(super) async fn front(context: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let visit = Visit::new(context, guest, call);
    if visit.reader().is_some() {
        home(visit).await
    } else {
        public_page(visit, "/").await
    }
}

async fn home(mut visit: Visit) -> Result<Response, Problem> {
    let (posts, pager) = posts(&visit, &PostSource::Home, "/").await?;
    let frame = visit.frame(Nav::Home).await?;
    let compose = match pager.newer {
        Some(_) => None,
        None => Some(compose::home_form(&visit, &frame).await?),
    };
    let page = HomePage {
        frame,
        compose,
        posts,
        pager,
    };
    visit.page(&page)
}

/// `GET /public`: everybody's public posts.
pub(super) async fn public(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    public_page(Visit::new(context, guest, call), "/public").await
}

async fn public_page(mut visit: Visit, path: &str) -> Result<Response, Problem> {
    require_timelines(&visit)?;
    let facts = visit.context.actors.users.send(ReadInstance).await??;
    let (posts, pager) = posts(&visit, &PostSource::List(PostList::Public), path).await?;
    let page = PublicPage {
        frame: visit.frame(Nav::Public).await?,
        accounts: u64::try_from(facts.accounts).unwrap_or(0),
        posts_total: u64::try_from(facts.posts).unwrap_or(0),
        posts,
        pager,
    };
    visit.page(&page)
}

/// `GET /tags/:name`: public posts with a tag.
pub(super) async fn tag(context: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let written = visit.call.param("name").to_owned();
    let name = hashtags::normalize(&written).ok_or_else(Problem::not_found)?;
    if name != written {
        return reply::see_other(&render::tag_path(&name));
    }
    require_timelines(&visit)?;
    let choice = TagChoice {
        name: name.clone(),
        ..TagChoice::default()
    };
    let source = PostSource::List(PostList::Tagged(choice));
    let (posts, pager) = posts(&visit, &source, &render::tag_path(&name)).await?;
    let page = TagPage {
        frame: visit.frame(Nav::Elsewhere).await?,
        tag: name,
        posts,
        pager,
    };
    visit.page(&page)
}

/// `GET /favourites`: what the reader favours.
pub(super) async fn favourites(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let source = PostSource::List(PostList::FavouritesOf(visit.member()?));
    let (posts, pager) = posts(&visit, &source, "/favourites").await?;
    let page = PostListPage {
        frame: visit.frame(Nav::Favourites).await?,
        heading: "Favourites".to_owned(),
        icon: "star",
        empty: "Posts that you favourite come here.".to_owned(),
        posts,
        pager,
    };
    visit.page(&page)
}

/// `GET /bookmarks`: what the reader keeps.
pub(super) async fn bookmarks(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let source = PostSource::List(PostList::BookmarksOf(visit.member()?));
    let (posts, pager) = posts(&visit, &source, "/bookmarks").await?;
    let page = PostListPage {
        frame: visit.frame(Nav::Bookmarks).await?,
        heading: "Bookmarks".to_owned(),
        icon: "bookmark",
        empty: "Posts that you bookmark come here. Only you see them.".to_owned(),
        posts,
        pager,
    };
    visit.page(&page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(cursors: &[i64], older_below: Option<i64>) -> Filled<()> {
        Filled {
            entries: cursors.iter().map(|cursor| (*cursor, ())).collect(),
            older_below,
        }
    }

    #[test]
    fn pages_lead_to_their_neighbours_and_the_first_to_none_that_is_newer() {
        let full: Vec<i64> = (1..=20).rev().collect();
        let first = pager("/", &Page::newest(20), &filled(&full, Some(1)));
        assert_eq!(first.newer, None);
        assert_eq!(first.older.as_deref(), Some("/?max_id=1"));
        let below = Page {
            max_id: Some(9),
            ..Page::newest(20)
        };
        let second = pager("/search?q=a", &below, &filled(&[8, 7], None));
        assert_eq!(second.newer.as_deref(), Some("/search?q=a&min_id=8"));
        assert_eq!(second.older, None);
        let beyond = pager("/tags/a", &below, &filled(&[], None));
        assert_eq!(beyond.newer.as_deref(), Some("/tags/a"));
        let above = Page {
            min_id: Some(3),
            ..Page::newest(20)
        };
        let back = pager("/", &above, &filled(&[5, 4], Some(4)));
        assert_eq!(back.newer.as_deref(), Some("/?min_id=5"));
        assert_eq!(back.older.as_deref(), Some("/?max_id=4"));
    }
}
