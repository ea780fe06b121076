//! What has happened: facts of committed units, handed to whoever keeps something in memory.

use std::sync::Arc;

use super::job::Lane;
use super::post::PostFacts;
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
    /// A post or boost is new.
    PostPublished {
        /// The entry.
        entry: Arc<PostFacts>,
        /// For a boost, what it spreads.
        boosting: Option<Arc<Boosting>>,
    },
    /// A post's text, warning or mentions changed.
    PostEdited {
        /// The post as it is now.
        post: Arc<PostFacts>,
        /// Whether who is mentioned changed.
        mentions_changed: bool,
    },
    /// A post is gone, and with it every boost of it.
    PostDeleted(Arc<PostFacts>),
    /// A boost was taken back.
    BoostRemoved(Arc<PostFacts>),
    /// A post's counters changed.
    PostCountsChanged(PostId),
    /// What an account has done with a post changed.
    MarksChanged {
        /// The account.
        account: AccountId,
        /// The post.
        post: PostId,
    },
    /// What stands between two accounts changed, in either direction.
    RelationsChanged {
        /// Who acted.
        from: AccountId,
        /// With whom.
        to: AccountId,
    },
    /// An account's profile, counters, role or state changed.
    AccountChanged(AccountId),
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
