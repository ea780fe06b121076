//! What has happened: facts of committed units, handed to whoever keeps something in memory.

use std::sync::Arc;

use super::job::Lane;
use super::post::{PostCounter, PostFacts, PostMark, Wording};
use crate::ids::{AccountId, PostId};
use crate::secret::TokenHash;

/// What a new boost spreads, with all that tells whether it is the first of its post in somebody's home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boosting {
    /// The boosted post.
    pub post: PostFacts,
    /// The newest of its other boosts that are young enough to collapse this one, and by whom.
    pub lately: Vec<(PostId, AccountId)>,
    /// Whether these are all.
    pub are_all_told: bool,
}

/// One committed change.
#[derive(Debug, Clone)]
pub enum Event {
    /// A post or boost is new; its author has one more entry.
    PostPublished {
        /// The entry.
        entry: Arc<PostFacts>,
        /// What it says; nothing for a boost.
        wording: Option<Arc<Wording>>,
        /// For a boost, what it spreads.
        boosting: Option<Arc<Boosting>>,
    },
    /// Entries of an account came out of an archive, with the dates that they had: they lie anywhere among the others.
    EntriesImported {
        /// Whose they are.
        author: AccountId,
        /// The newest of them.
        newest: PostId,
        /// The hashtags on them, in normal form.
        tags: Vec<String>,
    },
    /// A post's text, warning or mentions changed.
    PostEdited {
        /// The post as it is now.
        post: Arc<PostFacts>,
        /// Whether who is mentioned changed.
        mentions_changed: bool,
        /// The hashtags in it before, in normal form.
        tags_before: Vec<String>,
        /// The hashtags in it now, in normal form.
        tags: Vec<String>,
    },
    /// A post is gone, and with it every boost of it.
    PostDeleted(Arc<PostFacts>),
    /// A boost was taken back.
    BoostRemoved(Arc<PostFacts>),
    /// One of a post's counters moved.
    PostCounted {
        /// The post.
        post: PostId,
        /// Which counter.
        counter: PostCounter,
        /// By how many.
        by: i64,
    },
    /// A post or boost is another, or gone, in a way that no home can tell.
    PostChanged(PostId),
    /// An account put a mark on a post or took it off.
    PostMarked {
        /// The account.
        account: AccountId,
        /// The post.
        post: PostId,
        /// Which mark.
        mark: PostMark,
        /// Whether it stands now.
        stands: bool,
    },
    /// The counters of both ends of a follow moved.
    FollowCounted {
        /// Who follows.
        follower: AccountId,
        /// Whom.
        followee: AccountId,
        /// By how many.
        by: i64,
    },
    /// What stands between two accounts changed, in either direction.
    RelationsChanged {
        /// Who acted.
        from: AccountId,
        /// With whom.
        to: AccountId,
    },
    /// An account's profile, role or state changed, or its counters in a way that no other event tells.
    AccountChanged(AccountId),
    /// What an account is told beside posts changed: its notifications, how far it has read them, who asks to follow it.
    ReaderChanged(AccountId),
    /// An account became hidden or visible again: everything that was derived from it is stale.
    AccountVisibilityChanged(AccountId),
    /// A token or session is no longer valid.
    TokenRevoked(TokenHash),
    /// A token's or session's last use was written down.
    TokenUsed(TokenHash),
    /// A job waits for a worker of this lane, or one may go on.
    JobAdded(Lane),
    /// When tasks run by the clock changed.
    SchedulesChanged,
    /// Several sessions and tokens of an account ended, or its role or state changed.
    CredentialsChanged(AccountId),
}
