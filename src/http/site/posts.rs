//! One post: its page with the thread, its versions, marks on it, boosts of it, its end.

use std::collections::HashMap;

use super::compose;
use super::frame::Visit;
use super::render;
use super::session::{Notice, local_path};
use super::timelines::answered;
use super::views::Nav;
use super::views::post::{Answer, DeletePostPage, HistoryPage, PostPage};
use crate::actors::posts::fill::{read_thread, show_post};
use crate::context::Context;
use crate::domain::post::PostView;
use crate::domain::visibility::Visibility;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::ids::PostId;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::store::queries::threads::FindPostVersions;
use crate::store::units::{BoostPost, DeletePost, Mark, MarkPost, UnboostPost};

/// The post that the path names, as the reader gets it.
async fn visible(visit: &Visit) -> Result<PostView, Problem> {
    let id: PostId = visit.call.id("id")?;
    let view = show_post(&visit.context.actors, &visit.onlooker, id).await?;
    view.ok_or_else(Problem::not_found)
}

/// The reader's own post that the path names; others' are as good as none.
pub(super) async fn own(visit: &Visit) -> Result<PostView, Problem> {
    let member = visit.member()?;
    let view = visible(visit).await?;
    let is_own = view.post.facts.author == member && view.post.facts.boost_of.is_none();
    if is_own {
        Ok(view)
    } else {
        Err(Problem::not_found())
    }
}

/// The address of a post's own page when it isn't the one that was asked for.
fn elsewhere(visit: &Visit, view: &PostView) -> Option<String> {
    if let Some((post, author)) = &view.boosted {
        return Some(render::post_path(&author.name, post.facts.id));
    }
    let name = &view.author.name;
    (visit.call.param("name") != name).then(|| render::post_path(name, view.post.facts.id))
}

/// How deep each post below another lies; one whose parent isn't shown counts as a direct answer.
fn depths(focus: PostId, below: &[PostView]) -> Vec<u32> {
    let mut depths = HashMap::from([(focus, 0)]);
    let of = |view: &PostView| {
        let parent = view.post.facts.reply_to.map(|parent| parent.post);
        let depth = parent
            .and_then(|parent| depths.get(&parent).copied())
            .unwrap_or(0)
            + 1;
        depths.insert(view.post.facts.id, depth);
        depth
    };
    below.iter().map(of).collect()
}

/// `GET /@:name/:id`: a post with its thread.
pub(super) async fn post(context: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let view = visible(&visit).await?;
    if let Some(path) = elsewhere(&visit, &view) {
        return reply::see_other(&path);
    }
    let id = view.post.facts.id;
    let (above, below) = read_thread(&visit.context.actors, &visit.onlooker, id).await?;
    let all: Vec<PostView> = above.iter().chain([&view]).chain(&below).cloned().collect();
    let answered = answered(&visit, &all).await?;
    let renderer = visit.renderer();
    let mut focus = renderer.card(&view, &answered);
    focus.focus = true;
    let frame = visit.frame(Nav::Elsewhere).await?;
    let reply = match visit.reader() {
        Some(_) => Some(compose::reply_form(&visit, &frame, &view).await?),
        None => None,
    };
    let depths = depths(id, &below);
    let descendants = below.iter().zip(depths).map(|(view, depth)| Answer {
        post: renderer.card(view, &answered),
        depth,
    });
    let page = PostPage {
        frame,
        ancestors: above
            .iter()
            .map(|view| renderer.card(view, &answered))
            .collect(),
        summary: render::excerpt(&view.post),
        canonical_url: format!("{}{}", visit.context.instance.url.as_str(), focus.path),
        indexable: view.post.facts.visibility == Visibility::Public && view.author.discoverable,
        post: focus,
        reply,
        descendants: descendants.collect(),
    };
    visit.page(&page)
}

/// `GET /@:name/:id/history`: all versions of a post.
pub(super) async fn history(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let view = visible(&visit).await?;
    if let Some(path) = elsewhere(&visit, &view) {
        return reply::see_other(&format!("{path}/history"));
    }
    let post = view.post.facts.id;
    let earlier = visit.context.actors.find(FindPostVersions { post }).await?;
    let page = HistoryPage {
        frame: visit.frame(Nav::Elsewhere).await?,
        author: render::author(&view.author),
        post_path: render::post_path(&view.author.name, post),
        revisions: visit.renderer().revisions(&view.post, &earlier),
        language: view.post.language.clone(),
    };
    visit.page(&page)
}

/// `GET /posts/:id/delete`: asks before a post is deleted.
pub(super) async fn ask_delete(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let view = own(&visit).await?;
    let answered = answered(&visit, std::slice::from_ref(&view)).await?;
    let mut post = visit.renderer().card(&view, &answered);
    post.actions = None;
    let page = DeletePostPage {
        frame: visit.frame(Nav::Elsewhere).await?,
        post,
    };
    visit.page(&page)
}

/// `POST /posts/:id/delete`: deletes a post.
pub(super) async fn delete(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    visit.form().await?;
    let unit = DeletePost {
        author: visit.member()?,
        post: visit.call.id("id")?,
    };
    visit.context.actors.perform(unit).await?;
    visit.go("/", Some(Notice::PostDeleted))
}

/// What is done with a single button of a post.
#[derive(Debug, Clone, Copy)]
enum Act {
    Favourite,
    Unfavourite,
    Bookmark,
    Unbookmark,
    Boost,
    Unboost,
}

async fn act(context: Context, guest: Guest, call: Call, act: Act) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let form = visit.form().await?;
    let account = visit.member()?;
    let post: PostId = visit.call.id("id")?;
    let actors = &visit.context.actors;
    let mark = |mark, on| MarkPost {
        account,
        post,
        mark,
        on,
    };
    match act {
        Act::Favourite => actors.perform(mark(Mark::Favourite, true)).await?,
        Act::Unfavourite => actors.perform(mark(Mark::Favourite, false)).await?,
        Act::Bookmark => actors.perform(mark(Mark::Bookmark, true)).await?,
        Act::Unbookmark => actors.perform(mark(Mark::Bookmark, false)).await?,
        Act::Boost => {
            let unit = BoostPost {
                author: account,
                post,
                visibility: compose::preferences(&visit).await?.visibility,
            };
            actors.perform(unit).await?
        }
        Act::Unboost => {
            let unit = UnboostPost {
                author: account,
                post,
            };
            actors.perform(unit).await?
        }
    };
    // The card stands where it was.
    let path = local_path(form.text("return_to")?.unwrap_or_default());
    let path = path.split('#').next().unwrap_or(path);
    let path = format!("{path}#p-{post}");
    visit.go(&path, None)
}

acts! {
    /// `POST /posts/:id/favourite`: favours a post.
    favourite Favourite,
    /// `POST /posts/:id/unfavourite`: no longer.
    unfavourite Unfavourite,
    /// `POST /posts/:id/bookmark`: keeps a post.
    bookmark Bookmark,
    /// `POST /posts/:id/unbookmark`: no longer.
    unbookmark Unbookmark,
    /// `POST /posts/:id/boost`: boosts a post.
    boost Boost,
    /// `POST /posts/:id/unboost`: no longer.
    unboost Unboost,
}
