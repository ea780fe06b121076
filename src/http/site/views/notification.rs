//! Notifications.

use askama::Template;

use super::account::Author;
use super::post::PostCard;
use super::{Frame, Moment, Pager, filters};

/// What happened.
#[derive(Debug, Clone)]
pub enum Happening {
    /// Somebody mentioned or answered the reader: the whole post.
    Mention(Box<PostCard>),
    /// Somebody whose posts the reader asked to be told of wrote one: the whole post.
    NewPost(Box<PostCard>),
    /// Somebody favourited a post of the reader.
    Favourite(PostExcerpt),
    /// Somebody boosted a post of the reader.
    Boost(PostExcerpt),
    /// Somebody edited a post that the reader had boosted or favourited.
    Edit(PostExcerpt),
    /// Somebody follows the reader.
    Follow,
    /// Somebody signed up and waits for a moderator's decision.
    SignUp,
    /// Somebody asks to follow; `id` is the asking account's, for `/follow-requests/ID/accept`.
    FollowRequest {
        /// The asking account's id.
        id: String,
    },
}

/// A post in a few words.
#[derive(Debug, Clone)]
pub struct PostExcerpt {
    /// Address of its page.
    pub path: String,
    /// Its beginning as plain text; the content warning where there is one.
    pub text: String,
}

/// One entry of the list.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The notification's id; of a request to follow, where only these are listed, the asking account's.
    pub id: String,
    /// Who did it.
    pub who: Author,
    /// When, if it is known.
    pub when: Option<Moment>,
    /// Whether it came after the reader's last visit.
    pub unread: bool,
    /// What happened.
    pub what: Happening,
}

/// The tabs above the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotificationTab {
    /// Everything, `/notifications`.
    All,
    /// Mentions, `/notifications?only=mentions`.
    Mentions,
    /// Follow requests that wait, `/notifications?only=requests`.
    Requests,
}

impl NotificationTab {
    /// Whether `name` is the value of the query's `only` for this tab.
    #[must_use]
    pub fn is(self, name: &str) -> bool {
        let own = match self {
            Self::All => "",
            Self::Mentions => "mentions",
            Self::Requests => "requests",
        };
        own == name
    }
}

/// `GET /notifications`.
#[derive(Debug, Clone, Template)]
#[template(path = "notifications.html")]
pub struct NotificationsPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// The current tab.
    pub tab: NotificationTab,
    /// The entries, newest first.
    pub entries: Vec<Entry>,
    /// The newest entry, when it was not read before: what "Mark as read" reads up to.
    pub unread_up_to: Option<String>,
    /// Neighbouring pages.
    pub pager: Pager,
}
