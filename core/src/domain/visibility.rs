//! Who may see a post: the one place that decides.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::post::PostFacts;
use super::relationship::{Relations, Standing};
use crate::ids::AccountId;

/// For whom a post is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Visibility {
    /// Everybody; listed in public timelines.
    #[serde(rename = "public")]
    Public,
    /// Everybody; not listed in public timelines.
    #[serde(rename = "unlisted")]
    Unlisted,
    /// The author's followers and whoever is mentioned.
    #[serde(rename = "private")]
    Followers,
    /// Only whoever is mentioned.
    #[serde(rename = "direct")]
    Direct,
}

impl Visibility {
    /// Every visibility, widest first.
    pub const ALL: [Self; 4] = [Self::Public, Self::Unlisted, Self::Followers, Self::Direct];

    /// The name in Mastodon's API.
    pub const fn api_name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Unlisted => "unlisted",
            Self::Followers => "private",
            Self::Direct => "direct",
        }
    }

    /// The visibility that the API calls by this name.
    pub fn from_api_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|visibility| visibility.api_name() == name)
    }

    /// Whether strangers may see it: only such posts are counted, boosted by others and searched by strangers.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Public | Self::Unlisted)
    }
}

/// Who looks.
#[derive(Debug, Clone, Copy)]
pub enum Viewer<'a> {
    /// Somebody without an account.
    Anonymous,
    /// A member, with the relations that hold for this request.
    Member(AccountId, &'a Relations),
}

/// Who looks, in a form that can be sent to another thread.
#[derive(Debug, Clone, Default)]
pub struct Onlooker {
    /// The account; `None` for somebody without one.
    pub account: Option<AccountId>,
    /// The relations that hold for this request; empty for somebody without an account.
    pub relations: Arc<Relations>,
}

impl Onlooker {
    /// As the rules want it.
    pub fn viewer(&self) -> Viewer<'_> {
        match self.account {
            None => Viewer::Anonymous,
            Some(account) => Viewer::Member(account, &self.relations),
        }
    }
}

impl Viewer<'_> {
    /// The viewer's account, if there is one.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Anonymous => None,
            Self::Member(account, _) => Some(*account),
        }
    }

    /// Whether a block, in either direction, stands between the viewer and the account.
    pub fn is_blocked_from(&self, other: AccountId) -> bool {
        match self {
            Self::Anonymous => false,
            Self::Member(_, relations) => relations.is_blocked_either_way(other),
        }
    }

    /// Whether the viewer muted the account.
    pub fn mutes(&self, other: AccountId) -> bool {
        match self {
            Self::Anonymous => false,
            Self::Member(_, relations) => relations.mutes.contains_key(&other),
        }
    }
}

/// Whether the viewer may see the post. For a boost this must be asked of the boost and of the boosted post.
///
/// A mute is no matter of visibility: it takes posts out of timelines, the muted post stays readable in its place.
pub fn may_see(viewer: Viewer<'_>, post: &PostFacts) -> bool {
    match viewer {
        Viewer::Anonymous => !post.author_hidden && post.visibility.is_open(),
        Viewer::Member(account, relations) => member_may_see(account, relations, post),
    }
}

/// [`may_see`] for a member whose relations are kept in a form of their own.
pub fn member_may_see(account: AccountId, relations: &impl Standing, post: &PostFacts) -> bool {
    if post.author_hidden {
        return false;
    }
    if account == post.author {
        return true;
    }
    if relations.is_blocked_either_way(post.author) {
        return false;
    }
    match post.visibility {
        Visibility::Public | Visibility::Unlisted => true,
        Visibility::Followers => relations.follows(post.author) || post.mentions.contains(&account),
        Visibility::Direct => post.mentions.contains(&account),
    }
}
