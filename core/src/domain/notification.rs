//! Notifications: what happened to an account while it was away.

use super::account::Account;
use super::post::PostView;
use crate::ids::{AccountId, NotificationId, PostId};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotificationKind {
    /// Somebody named the account in a post.
    Mention,
    /// Somebody boosted its post.
    Boost,
    /// Somebody favours its post.
    Favourite,
    /// Somebody follows it.
    Follow,
    /// Somebody asks to follow it.
    FollowRequest,
    /// Somebody whose posts it asked to be told of posted.
    NewPost,
    /// A post that it boosted was edited.
    PostEdited,
    /// Somebody signed up (for moderators).
    SignUp,
}

impl NotificationKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Mention,
        Self::Boost,
        Self::Favourite,
        Self::Follow,
        Self::FollowRequest,
        Self::NewPost,
        Self::PostEdited,
        Self::SignUp,
    ];

    /// The name in Mastodon's API.
    pub const fn api_name(self) -> &'static str {
        match self {
            Self::Mention => "mention",
            Self::Boost => "reblog",
            Self::Favourite => "favourite",
            Self::Follow => "follow",
            Self::FollowRequest => "follow_request",
            Self::NewPost => "status",
            Self::PostEdited => "update",
            Self::SignUp => "admin.sign_up",
        }
    }

    /// The kind that the API calls by this name.
    pub fn from_api_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.api_name() == name)
    }

    /// Whether an entry without its post would be broken: clients crash on a mention without a status.
    pub const fn needs_post(self) -> bool {
        matches!(
            self,
            Self::Mention | Self::Boost | Self::Favourite | Self::NewPost | Self::PostEdited
        )
    }
}

/// One thing that happened to one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notification {
    /// Its id; also its time.
    pub id: NotificationId,
    /// What happened.
    pub kind: NotificationKind,
    /// Who did it.
    pub from: AccountId,
    /// The post it is about.
    pub post: Option<PostId>,
}

/// A notification with all that its rendering needs; its reader may see everything in it.
#[derive(Debug, Clone)]
pub struct NotificationView {
    /// What happened.
    pub notification: Notification,
    /// Who did it.
    pub from: Account,
    /// The post it is about, as its reader sees it.
    pub post: Option<PostView>,
}
