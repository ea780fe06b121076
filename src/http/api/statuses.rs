//! Statuses: publish, read, edit, delete, boost, favourite, bookmark.
//!
//! Source: <https://docs.joinmastodon.org/methods/statuses/>.

use crate::actors::posts::fill::{read_thread, show_post, show_posts};
use crate::actors::posts::{Draft, RewritePost, WritePost};
use crate::context::Context;
use crate::domain::page::PAGE_MAX;
use crate::domain::post::PostView;
use crate::domain::rendered::Rendered;
use crate::domain::visibility::Visibility;
use crate::entities::status::StatusSource;
use crate::extract::auth::Guest;
use crate::extract::call::{Call, IDEMPOTENCY_KEY};
use crate::extract::form::Form;
use crate::ids::PostId;
use crate::limits::Kind;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::routing::{Access, Family};
use crate::store::queries::threads::FindPostVersions;
use crate::store::units::{BoostPost, DeletePost, Mark, MarkPost, UnboostPost};

/// The family's routes.
pub fn family() -> Family<Context> {
    const READ: Access = Access::Anyone("read:statuses");
    const WRITE: Access = Access::User("write:statuses");
    const FAVOURITE: Access = Access::User("write:favourites");
    const BOOKMARK: Access = Access::User("write:bookmarks");
    Family::new("statuses")
        .post("/api/v1/statuses", WRITE, publish)
        .limited(Kind::Posting)
        .get("/api/v1/statuses", READ, show_several)
        .get("/api/v1/statuses/:id", READ, show)
        .put("/api/v1/statuses/:id", WRITE, edit)
        .limited(Kind::Posting)
        .delete("/api/v1/statuses/:id", WRITE, delete)
        .get("/api/v1/statuses/:id/context", READ, context)
        .get(
            "/api/v1/statuses/:id/source",
            Access::User("read:statuses"),
            source,
        )
        .get("/api/v1/statuses/:id/history", READ, history)
        .get("/api/v1/statuses/:id/card", READ, card)
        .post("/api/v1/statuses/:id/reblog", WRITE, boost)
        .limited(Kind::Posting)
        .post("/api/v1/statuses/:id/unreblog", WRITE, unboost)
        .post("/api/v1/statuses/:id/favourite", FAVOURITE, favourite)
        .post("/api/v1/statuses/:id/unfavourite", FAVOURITE, unfavourite)
        .post("/api/v1/statuses/:id/bookmark", BOOKMARK, bookmark)
        .post("/api/v1/statuses/:id/unbookmark", BOOKMARK, unbookmark)
}

/// `POST /api/v1/statuses`: publishes a post and answers it. A repeated `Idempotency-Key` answers the post of the first
/// try.
async fn publish(app: Context, guest: Guest, mut call: Call) -> Result<Response, Problem> {
    let author = guest.member()?.id;
    let form = call.form().await?;
    refuse_what_is_missing(&form)?;
    let reply_to = form.parsed::<PostId>("in_reply_to_id", "the id of a status")?;
    let message = WritePost {
        author,
        draft: draft(&form)?,
        visibility: visibility(&form)?,
        reply_to,
        app: guest.app(),
        idempotency_key: call.header(IDEMPOTENCY_KEY).map(str::to_owned),
    };
    let post = app.actors.posts.send(message).await??;
    answer(&app, &guest, post).await
}

/// `GET /api/v1/statuses?id[]=`: several posts at once; what the caller may not see is left out.
async fn show_several(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let mut ids = call.query()?.ids::<PostId>("id")?;
    ids.truncate(PAGE_MAX);
    let views = show_posts(&app.actors, &guest.onlooker(), ids).await?;
    let viewer = guest.account();
    Ok(reply::joined_json(|| {
        app.renderer.statuses_json(views.iter(), viewer)
    }))
}

/// `GET /api/v1/statuses/:id`: a post or a boost.
async fn show(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    answer(&app, &guest, call.id("id")?).await
}

/// `PUT /api/v1/statuses/:id`: replaces the text of the caller's own post, and answers it.
async fn edit(app: Context, guest: Guest, mut call: Call) -> Result<Response, Problem> {
    let author = guest.member()?.id;
    let post = call.id("id")?;
    let form = call.form().await?;
    refuse_what_is_missing(&form)?;
    let message = RewritePost {
        author,
        post,
        draft: draft(&form)?,
    };
    app.actors.posts.send(message).await??;
    answer(&app, &guest, post).await
}

/// `DELETE /api/v1/statuses/:id`: deletes the caller's own post; the answer has its source, so that it can be written
/// anew.
async fn delete(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let author = guest.member()?.id;
    let id = call.id("id")?;
    let view = visible(&app, &guest, id).await?;
    let post = app.actors.perform(DeletePost { author, post: id }).await?;
    let view = PostView {
        post: Rendered::new(post).into(),
        ..view
    };
    reply::json(&app.renderer.deleted_status(&view, author))
}

/// `GET /api/v1/statuses/:id/context`: the posts above and below, as far as the caller may see them.
async fn context(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let post: PostId = call.id("id")?;
    let view = visible(&app, &guest, post).await?;
    let shown = view.post.facts.shown_post();
    let (ancestors, descendants) = read_thread(&app.actors, &guest.onlooker(), shown).await?;
    let viewer = guest.account();
    Ok(reply::joined_json(|| {
        app.renderer.context_json(&ancestors, &descendants, viewer)
    }))
}

/// `GET /api/v1/statuses/:id/source`: the source text of the caller's own post, for editing.
async fn source(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let view = visible(&app, &guest, call.id("id")?).await?;
    if view.author.id != guest.member()?.id {
        return Err(Problem::not_found());
    }
    reply::json(&StatusSource::of(&view.post))
}

/// `GET /api/v1/statuses/:id/history`: every version of a post, the oldest first.
async fn history(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let post = call.id("id")?;
    let before = app.actors.find(FindPostVersions { post }).await?;
    let view = visible(&app, &guest, post).await?;
    reply::json(&app.renderer.status_edits(&view, &before))
}

/// `GET /api/v1/statuses/:id/card`: there are no previews of links.
async fn card(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    visible(&app, &guest, call.id("id")?).await?;
    reply::json(&serde_json::Map::new())
}

/// `POST /api/v1/statuses/:id/reblog`: boosts a post and answers the boost.
async fn boost(app: Context, guest: Guest, mut call: Call) -> Result<Response, Problem> {
    let author = guest.member()?.id;
    let post = call.id("id")?;
    let visibility = visibility(&call.form().await?)?.unwrap_or(Visibility::Public);
    let boost = app
        .actors
        .perform(BoostPost {
            author,
            post,
            visibility,
        })
        .await?;
    answer(&app, &guest, boost).await
}

/// `POST /api/v1/statuses/:id/unreblog`: takes a boost back and answers the post.
async fn unboost(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let author = guest.member()?.id;
    let post = app
        .actors
        .perform(UnboostPost {
            author,
            post: call.id("id")?,
        })
        .await?;
    answer(&app, &guest, post).await
}

/// `POST /api/v1/statuses/:id/favourite`
async fn favourite(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    mark(app, guest, call, Mark::Favourite, true).await
}

/// `POST /api/v1/statuses/:id/unfavourite`
async fn unfavourite(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    mark(app, guest, call, Mark::Favourite, false).await
}

/// `POST /api/v1/statuses/:id/bookmark`
async fn bookmark(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    mark(app, guest, call, Mark::Bookmark, true).await
}

/// `POST /api/v1/statuses/:id/unbookmark`
async fn unbookmark(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    mark(app, guest, call, Mark::Bookmark, false).await
}

async fn mark(
    app: Context,
    guest: Guest,
    call: Call,
    mark: Mark,
    on: bool,
) -> Result<Response, Problem> {
    let account = guest.member()?.id;
    let post = call.id("id")?;
    let post = app
        .actors
        .perform(MarkPost {
            account,
            post,
            mark,
            on,
        })
        .await?;
    answer(&app, &guest, post).await
}

async fn visible(app: &Context, guest: &Guest, id: PostId) -> Result<PostView, Problem> {
    show_post(&app.actors, &guest.onlooker(), id)
        .await?
        .ok_or_else(Problem::not_found)
}

async fn answer(app: &Context, guest: &Guest, id: PostId) -> Result<Response, Problem> {
    let view = visible(app, guest, id).await?;
    let viewer = guest.account();
    Ok(reply::joined_json(|| {
        app.renderer.status_json(&view, viewer)
    }))
}

fn draft(form: &Form) -> Result<Draft, Problem> {
    Ok(Draft {
        text: form.text("status")?.unwrap_or_default().to_owned(),
        spoiler: form.text("spoiler_text")?.unwrap_or_default().to_owned(),
        sensitive: form.flag("sensitive")?,
        language: form.text("language")?.map(str::to_owned),
    })
}

fn visibility(form: &Form) -> Result<Option<Visibility>, Problem> {
    let Some(name) = form.text("visibility")?.filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    let known = Visibility::from_api_name(name).ok_or_else(|| {
        Problem::invalid("visibility must be public, unlisted, private or direct")
    })?;
    Ok(Some(known))
}

/// A post that silently loses its picture, its poll or its date is worse than one that is refused.
fn refuse_what_is_missing(form: &Form) -> Result<(), Problem> {
    if !form.list("media_ids")?.is_empty() {
        return Err(Problem::invalid("This server doesn't take media yet"));
    }
    if form.object("poll")?.is_some() {
        return Err(Problem::invalid("This server has no polls yet"));
    }
    if form
        .text("scheduled_at")?
        .is_some_and(|date| !date.is_empty())
    {
        return Err(Problem::invalid("This server doesn't schedule posts yet"));
    }
    Ok(())
}
