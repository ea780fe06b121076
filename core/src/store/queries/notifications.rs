//! Notifications and markers.

use crate::domain::account::{Account, AccountState};
use crate::domain::marker::{MarkedTimeline, Marker};
use crate::domain::notification::{Notification, NotificationKind};
use crate::domain::page::Page;
use crate::domain::relationship::Relations;
use crate::domain::visibility::Onlooker;
use crate::ids::{AccountId, NotificationId};
use crate::store::error::StoreError;
use crate::store::reader::{Query, View};
use crate::store::tables::{accounts, markers, notifications};

/// A candidate of a list of notifications.
#[derive(Debug, Clone)]
pub struct NotificationCandidate {
    /// The notification.
    pub notification: Notification,
    /// Who did it; `None` when the reader isn't to be told.
    pub from: Option<Account>,
}

/// The candidates of a part of somebody's notifications, at most the page's limit; fewer only when there are no more.
#[derive(Debug, Clone)]
pub struct ListNotifications {
    /// Who reads; without an account there are none.
    pub reader: Onlooker,
    /// Which part.
    pub page: Page,
    /// Which kinds; others come without a sender.
    pub kinds: Vec<NotificationKind>,
    /// Only from this account.
    pub from: Option<AccountId>,
}

impl Query for ListNotifications {
    type Answer = Vec<NotificationCandidate>;

    fn run(&self, view: &View<'_>) -> Result<Self::Answer, StoreError> {
        let Some(account) = self.reader.account else {
            return Ok(Vec::new());
        };
        let mut candidates = Vec::new();
        for notification in notifications::page(view.connection, account, &self.page)? {
            let is_wanted = self.kinds.contains(&notification.kind)
                && self.from.is_none_or(|from| from == notification.from);
            let from = if is_wanted {
                sender(view, &self.reader.relations, &notification)?
            } else {
                None
            };
            candidates.push(NotificationCandidate { notification, from });
        }
        Ok(candidates)
    }
}

/// One of somebody's notifications.
#[derive(Debug, Clone)]
pub struct FindNotification {
    /// Who reads.
    pub reader: Onlooker,
    /// Which.
    pub id: NotificationId,
}

impl Query for FindNotification {
    type Answer = Option<NotificationCandidate>;

    fn run(&self, view: &View<'_>) -> Result<Self::Answer, StoreError> {
        let Some(account) = self.reader.account else {
            return Ok(None);
        };
        let Some(notification) = notifications::find(view.connection, account, self.id)? else {
            return Ok(None);
        };
        let from = sender(view, &self.reader.relations, &notification)?;
        Ok(Some(NotificationCandidate { notification, from }))
    }
}

/// Who did it, unless the reader isn't to be told: blocked either way, muted with notifications, or hidden. Only whoever
/// signed up is told of while waiting for approval: that is what the notification is about.
fn sender(
    view: &View<'_>,
    relations: &Relations,
    notification: &Notification,
) -> Result<Option<Account>, StoreError> {
    let from = notification.from;
    let is_muted = relations
        .mutes
        .get(&from)
        .is_some_and(|mute| mute.hides_notifications);
    if is_muted || relations.is_blocked_either_way(from) {
        return Ok(None);
    }
    let waits = notification.kind == NotificationKind::SignUp;
    let found = accounts::find(view.connection, from)?;
    Ok(found.filter(|account| {
        !account.state.is_hidden() || (waits && account.state == AccountState::Pending)
    }))
}

/// How far somebody has read.
#[derive(Debug, Clone)]
pub struct FindMarkers {
    /// Who.
    pub account: AccountId,
    /// What.
    pub timelines: Vec<MarkedTimeline>,
}

impl Query for FindMarkers {
    /// Those that were ever set.
    type Answer = Vec<Marker>;

    fn run(&self, view: &View<'_>) -> Result<Vec<Marker>, StoreError> {
        let mut found = Vec::new();
        for timeline in MarkedTimeline::ALL {
            if self.timelines.contains(&timeline) {
                found.extend(markers::find(view.connection, self.account, timeline)?);
            }
        }
        Ok(found)
    }
}
