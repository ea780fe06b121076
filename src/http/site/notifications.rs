//! Notifications: what happened, who asks to follow, what was read.

use super::frame::Visit;
use super::render::{self, Answered};
use super::session::{Notice, local_path};
use super::timelines::{answered, page_of, pager};
use super::views::notification::{
    Entry, Happening, NotificationTab, NotificationsPage, PostExcerpt,
};
use super::views::{Nav, Pager};
use crate::actors::posts::fill::{NotificationChoice, read_notifications};
use crate::context::Context;
use crate::domain::marker::MarkedTimeline;
use crate::domain::notification::{NotificationKind, NotificationView};
use crate::domain::post::PostView;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::ids::{AccountId, NotificationId};
use crate::problem::Problem;
use crate::reply::Response;
use crate::store::queries::accounts::{AccountList, ListAccounts};
use crate::store::units::{ClearNotifications, RemoveCleared, SetMarkers};

/// How often a rest of cleared notifications is removed before the answer; they are out of sight already.
const CLEARING_ROUNDS_MAX: usize = 8;

fn tab_of(name: &str) -> NotificationTab {
    [NotificationTab::Mentions, NotificationTab::Requests]
        .into_iter()
        .find(|tab| tab.is(name))
        .unwrap_or(NotificationTab::All)
}

fn happening(visit: &Visit, view: &NotificationView, answered: &Answered) -> Option<Happening> {
    let card = || -> Option<Box<_>> {
        let post = view.post.as_ref()?;
        Some(Box::new(visit.renderer().card(post, answered)))
    };
    let excerpt = || -> Option<PostExcerpt> {
        let view = view.post.as_ref()?;
        let (post, author) = match &view.boosted {
            Some((post, author)) => (post, author),
            None => (&view.post, &view.author),
        };
        Some(PostExcerpt {
            path: render::post_path(&author.name, post.facts.id),
            text: render::excerpt(post),
        })
    };
    Some(match view.notification.kind {
        NotificationKind::Mention => Happening::Mention(card()?),
        NotificationKind::NewPost => Happening::NewPost(card()?),
        NotificationKind::Favourite => Happening::Favourite(excerpt()?),
        NotificationKind::Boost => Happening::Boost(excerpt()?),
        NotificationKind::PostEdited => Happening::Edit(excerpt()?),
        NotificationKind::Follow => Happening::Follow,
        NotificationKind::FollowRequest => Happening::FollowRequest {
            id: view.from.id.to_string(),
        },
        NotificationKind::SignUp => Happening::SignUp,
    })
}

async fn entries(
    visit: &Visit,
    tab: NotificationTab,
    last_read: i64,
) -> Result<(Vec<Entry>, Pager), Problem> {
    let choice = match tab {
        NotificationTab::Mentions => NotificationChoice {
            kinds: vec![NotificationKind::Mention],
            from: None,
        },
        NotificationTab::All | NotificationTab::Requests => NotificationChoice::default(),
    };
    let path = match tab {
        NotificationTab::Mentions => "/notifications?only=mentions",
        NotificationTab::All | NotificationTab::Requests => "/notifications",
    };
    let asked = page_of(visit);
    let actors = &visit.context.actors;
    let filled = read_notifications(actors, &visit.onlooker, &choice, asked).await?;
    let pager = pager(path, &asked, &filled);
    let views: Vec<NotificationView> = filled.into_values().collect();
    let posts: Vec<PostView> = views.iter().filter_map(|view| view.post.clone()).collect();
    let answered = answered(visit, &posts).await?;
    let renderer = visit.renderer();
    let entry = |view: &NotificationView| {
        Some(Entry {
            id: view.notification.id.to_string(),
            who: render::author(&view.from),
            when: Some(renderer.moment(view.notification.id.time())),
            unread: view.notification.id.0 > last_read,
            what: happening(visit, view, &answered)?,
        })
    };
    Ok((views.iter().filter_map(entry).collect(), pager))
}

/// Who waits for an answer: all of them, whatever became of the notifications.
async fn requests(visit: &Visit, account: AccountId) -> Result<(Vec<Entry>, Pager), Problem> {
    let asked = page_of(visit);
    let filled = visit
        .context
        .actors
        .find(ListAccounts {
            list: AccountList::AskingToFollow(account),
            onlooker: visit.onlooker.clone(),
            page: asked,
        })
        .await?;
    let pager = pager("/notifications?only=requests", &asked, &filled);
    let entry = |account: crate::domain::account::Account| Entry {
        id: account.id.to_string(),
        who: render::author(&account),
        when: None,
        unread: false,
        what: Happening::FollowRequest {
            id: account.id.to_string(),
        },
    };
    Ok((filled.into_values().map(entry).collect(), pager))
}

/// `GET /notifications`: what happened. Looking at it marks nothing as read, as no GET changes anything.
pub(super) async fn list(context: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let account = visit.member()?;
    let only = visit.call.query()?;
    let tab = tab_of(only.text("only")?.unwrap_or_default());
    let last_read = visit.own_facts().await?.map_or(0, |own| own.last_read);
    let (entries, pager) = match tab {
        NotificationTab::Requests => requests(&visit, account).await?,
        NotificationTab::All | NotificationTab::Mentions => entries(&visit, tab, last_read).await?,
    };
    let newest = entries.first().filter(|entry| entry.unread);
    let unread_up_to = newest
        .filter(|_| tab == NotificationTab::All)
        .map(|entry| entry.id.clone());
    let page = NotificationsPage {
        frame: visit.frame(Nav::Notifications).await?,
        tab,
        entries,
        unread_up_to,
        pager,
    };
    visit.page(&page)
}

/// `POST /notifications/read`: what was seen is read, on every client.
pub(super) async fn read(context: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let form = visit.form().await?;
    let last_read: Option<NotificationId> = form.parsed("last_read", "the id of a notification")?;
    let last_read = last_read.ok_or_else(|| Problem::invalid("Nothing to be marked as read"))?;
    let unit = SetMarkers {
        account: visit.member()?,
        last_read: vec![(MarkedTimeline::Notifications, last_read.0)],
    };
    visit.context.actors.perform(unit).await?;
    let path = local_path(form.text("return_to")?.unwrap_or_default()).to_owned();
    visit.go(&path, None)
}

/// `POST /notifications/clear`: removes them all.
pub(super) async fn clear(context: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    visit.form().await?;
    let account = visit.member()?;
    let actors = visit.context.actors.clone();
    let mut has_rest = actors.perform(ClearNotifications { account }).await?;
    for _ in 0..CLEARING_ROUNDS_MAX {
        if !has_rest {
            break;
        }
        has_rest = actors.perform(RemoveCleared { account }).await?;
    }
    visit.go("/notifications", Some(Notice::NotificationsCleared))
}
