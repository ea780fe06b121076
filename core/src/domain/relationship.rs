//! What stands between two accounts.

use std::collections::{HashMap, HashSet};

use crate::ids::AccountId;

/// What a follower wants of a followee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowOptions {
    /// Whether the followee's boosts show in the follower's home.
    pub shows_boosts: bool,
    /// Whether each new post of the followee makes a notification.
    pub notifies: bool,
}

impl Default for FollowOptions {
    fn default() -> Self {
        Self {
            shows_boosts: true,
            notifies: false,
        }
    }
}

/// What a mute covers beside timelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MuteOptions {
    /// Whether notifications of the muted account are hidden too.
    pub hides_notifications: bool,
}

/// All that one account has to do with others: enough to decide what it may see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relations {
    /// Whom it follows.
    pub follows: HashMap<AccountId, FollowOptions>,
    /// Whom it blocks.
    pub blocks: HashSet<AccountId>,
    /// Who blocks it.
    pub blocked_by: HashSet<AccountId>,
    /// Whom it mutes.
    pub mutes: HashMap<AccountId, MuteOptions>,
}

impl Relations {
    /// Whether either has blocked the other.
    pub fn is_blocked_either_way(&self, other: AccountId) -> bool {
        self.blocks.contains(&other) || self.blocked_by.contains(&other)
    }
}

/// What the rules ask of one account's relations, in whatever form they are kept.
pub trait Standing {
    /// Whether it follows the other.
    fn follows(&self, other: AccountId) -> bool;
    /// Whether it follows the other and wants the other's boosts.
    fn follows_boosts_of(&self, other: AccountId) -> bool;
    /// Whether either has blocked the other.
    fn is_blocked_either_way(&self, other: AccountId) -> bool;
    /// Whether it mutes the other.
    fn mutes(&self, other: AccountId) -> bool;
}

impl Standing for Relations {
    fn follows(&self, other: AccountId) -> bool {
        self.follows.contains_key(&other)
    }

    fn follows_boosts_of(&self, other: AccountId) -> bool {
        let options = self.follows.get(&other);
        options.is_some_and(|options| options.shows_boosts)
    }

    fn is_blocked_either_way(&self, other: AccountId) -> bool {
        self.is_blocked_either_way(other)
    }

    fn mutes(&self, other: AccountId) -> bool {
        self.mutes.contains_key(&other)
    }
}

/// How one account stands to another, as `GET /api/v1/accounts/relationships` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relationship {
    /// The other account.
    pub other: AccountId,
    /// Set when the account follows the other.
    pub following: Option<FollowOptions>,
    /// The other follows the account.
    pub followed_by: bool,
    /// The account asked to follow the other and waits.
    pub requested: Option<FollowOptions>,
    /// The other asked to follow the account and waits.
    pub requested_by: bool,
    /// The account blocks the other.
    pub blocking: bool,
    /// The other blocks the account.
    pub blocked_by: bool,
    /// Set when the account mutes the other.
    pub muting: Option<MuteOptions>,
}
