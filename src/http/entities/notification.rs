//! `Notification`.
//!
//! Source: <https://docs.joinmastodon.org/entities/Notification/>.

use serde::Serialize;

use super::Renderer;
use super::account::Account;
use super::status::Status;
use crate::clock::Timestamp;
use crate::domain::notification::NotificationView;
use crate::ids::{AccountId, NotificationId};

/// One thing that happened to the caller.
#[derive(Debug, Clone, Serialize)]
pub struct Notification {
    /// Its id.
    pub id: NotificationId,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// When.
    pub created_at: Timestamp,
    /// Groups what belongs together; here nothing does.
    pub group_key: String,
    /// Who did it.
    pub account: Account,
    /// The post it is about; only there when it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

/// Who may notify the caller without being asked: everybody, as nothing else is built.
#[derive(Debug, Clone, Serialize)]
pub struct NotificationPolicy {
    /// Whom the caller doesn't follow.
    pub for_not_following: &'static str,
    /// Who doesn't follow the caller.
    pub for_not_followers: &'static str,
    /// Whose account is new.
    pub for_new_accounts: &'static str,
    /// Whoever writes directly without being asked.
    pub for_private_mentions: &'static str,
    /// Whom moderators limited.
    pub for_limited_accounts: &'static str,
    /// What waits for an answer.
    pub summary: PolicySummary,
}

/// What a policy holds back.
#[derive(Debug, Clone, Serialize)]
pub struct PolicySummary {
    /// From how many accounts.
    pub pending_requests_count: u32,
    /// How many notifications.
    pub pending_notifications_count: u32,
}

impl NotificationPolicy {
    /// Nothing is held back.
    pub const ACCEPT_ALL: Self = Self {
        for_not_following: "accept",
        for_not_followers: "accept",
        for_new_accounts: "accept",
        for_private_mentions: "accept",
        for_limited_accounts: "accept",
        summary: PolicySummary {
            pending_requests_count: 0,
            pending_notifications_count: 0,
        },
    };
}

impl Renderer {
    /// A notification as its reader gets it.
    pub fn notification(&self, view: &NotificationView, reader: AccountId) -> Notification {
        let notification = view.notification;
        Notification {
            id: notification.id,
            kind: notification.kind.api_name(),
            created_at: notification.id.time(),
            group_key: format!("ungrouped-{}", notification.id),
            account: self.account(&view.from),
            status: view
                .post
                .as_ref()
                .map(|post| self.status(post, Some(reader))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{FIRST, ada, bob, post, renderer, view};
    use super::*;
    use crate::domain::notification;
    use crate::domain::notification::NotificationKind;
    use serde_json::{Value, json};

    fn shown(kind: NotificationKind, about: bool) -> Value {
        let post = about.then(|| view(post(16, &ada(), "a"), ada()));
        let view = NotificationView {
            notification: notification::Notification {
                id: NotificationId(FIRST + 9),
                kind,
                from: bob().id,
                post: post.as_ref().map(|view| view.post.facts.id),
            },
            from: bob(),
            post,
        };
        serde_json::to_value(renderer().notification(&view, ada().id)).expect("JSON")
    }

    #[test]
    fn a_favourite_comes_with_its_status() {
        let json = shown(NotificationKind::Favourite, true);
        assert_eq!(json["id"], "100000000000000009");
        assert_eq!(json["type"], "favourite");
        assert_eq!(json["created_at"], "2018-05-09T15:15:06.250Z");
        assert_eq!(json["group_key"], "ungrouped-100000000000000009");
        assert_eq!(json["account"]["acct"], "Bob");
        assert_eq!(json["status"]["id"], "100000000000000016");
    }

    #[test]
    fn a_follow_has_no_status_at_all() {
        let json = shown(NotificationKind::Follow, false);
        assert_eq!(json["type"], json!("follow"));
        assert_eq!(json.get("status"), None);
    }
}
