//! `Relationship`.
//!
//! Source: <https://docs.joinmastodon.org/entities/Relationship/>.

use serde::Serialize;

use crate::domain::relationship;
use crate::ids::AccountId;

/// How the caller stands to another account. Clients need every field.
#[derive(Debug, Clone, Serialize)]
pub struct Relationship {
    /// The other account.
    pub id: AccountId,
    /// The caller follows it.
    pub following: bool,
    /// Its boosts show in the caller's home.
    pub showing_reblogs: bool,
    /// Its new posts make notifications.
    pub notifying: bool,
    /// The languages the caller wants of it; null for all.
    pub languages: Option<()>,
    /// It follows the caller.
    pub followed_by: bool,
    /// The caller blocks it.
    pub blocking: bool,
    /// It blocks the caller.
    pub blocked_by: bool,
    /// The caller mutes it.
    pub muting: bool,
    /// The caller mutes its notifications too.
    pub muting_notifications: bool,
    /// The caller asked to follow it and waits.
    pub requested: bool,
    /// It asked to follow the caller and waits.
    pub requested_by: bool,
    /// The caller blocks its whole host.
    pub domain_blocking: bool,
    /// The caller recommends it.
    pub endorsed: bool,
    /// The caller's private note about it.
    pub note: &'static str,
}

impl From<relationship::Relationship> for Relationship {
    fn from(stands: relationship::Relationship) -> Self {
        let follow = stands.following.or(stands.requested);
        Self {
            id: stands.other,
            following: stands.following.is_some(),
            showing_reblogs: follow.is_some_and(|follow| follow.shows_boosts),
            notifying: follow.is_some_and(|follow| follow.notifies),
            languages: None,
            followed_by: stands.followed_by,
            blocking: stands.blocking,
            blocked_by: stands.blocked_by,
            muting: stands.muting.is_some(),
            muting_notifications: stands.muting.is_some_and(|mute| mute.hides_notifications),
            requested: stands.requested.is_some(),
            requested_by: stands.requested_by,
            domain_blocking: false,
            endorsed: false,
            note: "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::relationship::{FollowOptions, MuteOptions};
    use serde_json::json;

    const STRANGER: relationship::Relationship = relationship::Relationship {
        other: AccountId(7),
        following: None,
        followed_by: false,
        requested: None,
        requested_by: false,
        blocking: false,
        blocked_by: false,
        muting: None,
    };

    #[test]
    fn every_field_of_a_strangers_relationship_is_there() {
        let json = serde_json::to_value(Relationship::from(STRANGER)).expect("JSON");
        assert_eq!(
            json,
            json!({
                "id": "7", "following": false, "showing_reblogs": false, "notifying": false,
                "languages": null, "followed_by": false, "blocking": false, "blocked_by": false,
                "muting": false, "muting_notifications": false, "requested": false,
                "requested_by": false, "domain_blocking": false, "endorsed": false, "note": ""
            })
        );
    }

    #[test]
    fn options_show_while_a_request_waits() {
        let waiting = Relationship::from(relationship::Relationship {
            requested: Some(FollowOptions {
                shows_boosts: true,
                notifies: true,
            }),
            muting: Some(MuteOptions {
                hides_notifications: false,
            }),
            ..STRANGER
        });
        assert!(waiting.requested && !waiting.following);
        assert!(waiting.showing_reblogs && waiting.notifying);
        assert!(waiting.muting && !waiting.muting_notifications);
    }
}
