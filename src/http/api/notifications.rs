//! What happened to the caller, and how far the caller has read.

use std::collections::HashMap;

use serde::Serialize;

use crate::actors::posts::fill::{NotificationChoice, read_notification, read_notifications};
use crate::context::Context;
use crate::domain::marker::MarkedTimeline;
use crate::domain::notification::NotificationKind;
use crate::domain::page::{PAGE_OF_ACCOUNTS_MAX, Page};
use crate::entities::marker;
use crate::entities::notification::NotificationPolicy;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::extract::form::Form;
use crate::extract::page::page;
use crate::ids::{AccountId, NotificationId, PostId};
use crate::pages;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::routing::{Access, Family};
use crate::store::queries::notifications::FindMarkers;
use crate::store::units::{ClearNotifications, DismissNotification, RemoveCleared, SetMarkers};

/// How many notifications a page has when the caller doesn't say.
const NOTIFICATIONS_DEFAULT: usize = 40;
/// Unread notifications are counted up to here when the caller doesn't say.
const UNREAD_DEFAULT: usize = 100;
/// The most that unread notifications are counted up to.
const UNREAD_MAX: usize = 1000;
/// How many units remove what was cleared before the answer; the next clearing goes on.
const CLEARING_UNITS_MAX: usize = 1000;

/// The family's routes.
pub fn family() -> Family<Context> {
    let read = Access::User("read:notifications");
    let write = Access::User("write:notifications");
    Family::new("notifications")
        .get("/api/v1/notifications", read, list)
        .get("/api/v1/notifications/unread_count", read, unread_count)
        .get("/api/v1/notifications/:id", read, one)
        .post("/api/v1/notifications/clear", write, clear)
        .post("/api/v1/notifications/dismiss", write, dismiss_named)
        .post("/api/v1/notifications/:id/dismiss", write, dismiss)
        .get("/api/v2/notifications/policy", read, policy)
        .get("/api/v1/markers", Access::User("read:statuses"), markers)
        .post(
            "/api/v1/markers",
            Access::User("write:statuses"),
            set_markers,
        )
}

/// Which notifications a query asks for. Kinds that aren't known are kinds that nothing has.
fn choice(query: &Form) -> Result<NotificationChoice, Problem> {
    let kinds = |name| -> Result<Vec<NotificationKind>, Problem> {
        let names = query.list(name)?.into_iter();
        Ok(names.filter_map(NotificationKind::from_api_name).collect())
    };
    let wanted = if query.list("types")?.is_empty() {
        NotificationKind::ALL.to_vec()
    } else {
        kinds("types")?
    };
    let unwanted = kinds("exclude_types")?;
    Ok(NotificationChoice {
        kinds: wanted
            .into_iter()
            .filter(|kind| !unwanted.contains(kind))
            .collect(),
        from: query.parsed("account_id", "an id")?,
    })
}

/// `GET /api/v1/notifications`: what happened to the caller, newest first; `types[]`, `exclude_types[]` and `account_id`
/// narrow it.
async fn list(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let reader = guest.member()?.id;
    let query = call.query()?;
    let page = page(&query, NOTIFICATIONS_DEFAULT, PAGE_OF_ACCOUNTS_MAX)?;
    let choice = choice(&query)?;
    let filled = read_notifications(&app.actors, &guest.onlooker(), &choice, page).await?;
    let renderer = &app.renderer;
    pages::answer(renderer.url(), &call, &filled, |view| {
        renderer.notification(view, reader)
    })
}

/// `GET /api/v1/notifications/:id`: one of the caller's notifications.
async fn one(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let reader = guest.member()?.id;
    let found = read_notification(&app.actors, &guest.onlooker(), call.id("id")?).await?;
    let found = found.ok_or_else(Problem::not_found)?;
    reply::json(&app.renderer.notification(&found, reader))
}

/// How many.
#[derive(Debug, Serialize)]
struct Count {
    count: usize,
}

/// `GET /api/v1/notifications/unread_count`: how many notifications the caller would find above the marker, counted up to
/// `limit`.
async fn unread_count(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let account = guest.member()?.id;
    let query = call.query()?;
    let limit = page(&query, UNREAD_DEFAULT, UNREAD_MAX)?.limit;
    let choice = choice(&query)?;
    let timelines = vec![MarkedTimeline::Notifications];
    let marker = FindMarkers { account, timelines };
    let marker = app.actors.find(marker).await?;
    let page = Page {
        since_id: marker.first().map(|marker| marker.last_read),
        ..Page::newest(limit)
    };
    let unread = read_notifications(&app.actors, &guest.onlooker(), &choice, page).await?;
    reply::json(&Count {
        count: unread.entries.len(),
    })
}

/// An answer that says nothing but yes.
#[derive(Debug, Serialize)]
struct Done {}

/// `POST /api/v1/notifications/clear`: the caller's notifications are gone.
async fn clear(app: Context, guest: Guest, _: Call) -> Result<Response, Problem> {
    let account = guest.member()?.id;
    let actors = &app.actors;
    let mut remain = actors.perform(ClearNotifications { account }).await?;
    for _ in 0..CLEARING_UNITS_MAX {
        if !remain {
            break;
        }
        remain = actors.perform(RemoveCleared { account }).await?;
    }
    reply::json(&Done {})
}

/// `POST /api/v1/notifications/:id/dismiss`: one of the caller's notifications is gone.
async fn dismiss(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let (account, id) = (guest.member()?.id, call.id("id")?);
    let unit = DismissNotification { account, id };
    app.actors.perform(unit).await?;
    reply::json(&Done {})
}

/// `POST /api/v1/notifications/dismiss`: the same, with the id in the body, as older clients do.
async fn dismiss_named(app: Context, guest: Guest, mut call: Call) -> Result<Response, Problem> {
    let account = guest.member()?.id;
    let id = call.form().await?.required("id")?.parse();
    let id: NotificationId = id.map_err(|_| Problem::not_found())?;
    let unit = DismissNotification { account, id };
    app.actors.perform(unit).await?;
    reply::json(&Done {})
}

/// `GET /api/v2/notifications/policy`: everybody's notifications are accepted.
async fn policy(_: Context, _: Guest, _: Call) -> Result<Response, Problem> {
    reply::json(&NotificationPolicy::ACCEPT_ALL)
}

/// `GET /api/v1/markers?timeline[]=`: how far the caller has read.
async fn markers(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let account = guest.member()?.id;
    let query = call.query()?;
    let names = query.list("timeline")?.into_iter();
    let timelines = names.filter_map(MarkedTimeline::from_api_name).collect();
    answer_markers(&app, account, timelines).await
}

async fn answer_markers(
    app: &Context,
    account: AccountId,
    timelines: Vec<MarkedTimeline>,
) -> Result<Response, Problem> {
    let found = FindMarkers { account, timelines };
    let found = app.actors.find(found).await?;
    reply::json(&marker::by_timeline(&found))
}

/// `POST /api/v1/markers`: remembers how far the caller has read: `home[last_read_id]`, `notifications[last_read_id]`.
async fn set_markers(app: Context, guest: Guest, mut call: Call) -> Result<Response, Problem> {
    let account = guest.member()?.id;
    let last_read = last_read(&call.form().await?)?;
    let timelines = last_read.keys().copied().collect();
    let unit = SetMarkers {
        account,
        last_read: last_read.into_iter().collect(),
    };
    app.actors.perform(unit).await?;
    answer_markers(&app, account, timelines).await
}

fn last_read(form: &Form) -> Result<HashMap<MarkedTimeline, i64>, Problem> {
    let mut last_read = HashMap::new();
    for timeline in MarkedTimeline::ALL {
        let Some(marker) = form.object(timeline.api_name())? else {
            continue;
        };
        // Both kinds of ids have one form.
        if let Some(id) = marker.parsed::<PostId>("last_read_id", "an id")? {
            last_read.insert(timeline, id.0);
        }
    }
    Ok(last_read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::form::from_urlencoded;

    fn form(text: &str) -> Form {
        from_urlencoded(text.as_bytes()).expect("a form")
    }

    #[test]
    fn kinds_are_chosen_and_left_out() {
        let kinds = |query| choice(&form(query)).expect("a choice").kinds;
        assert_eq!(kinds(""), NotificationKind::ALL);
        assert_eq!(
            kinds("types[]=mention&types[]=poll&types[]=reblog&exclude_types[]=reblog"),
            [NotificationKind::Mention]
        );
        assert!(
            kinds("types[]=poll").is_empty(),
            "what isn't known is not everything"
        );
    }

    #[test]
    fn markers_nest_and_bad_ids_are_refused() {
        let read = last_read(&form("home[last_read_id]=12&other[last_read_id]=1"));
        let read = read.expect("markers");
        assert_eq!(read.get(&MarkedTimeline::Home), Some(&12));
        assert_eq!(read.len(), 1);
        for bad in ["home[last_read_id]=x", "home=12"] {
            assert!(last_read(&form(bad)).is_err(), "{bad}");
        }
    }
}
