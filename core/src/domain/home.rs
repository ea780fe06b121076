//! The home timeline as a rule: which entries of its sources a reader gets.
//!
//! A home is a pure function of committed state. Its *candidates* are defined by [`is_candidate`]; among candidates,
//! a boost is left out when an older candidate for the same post lies less than [`BOOST_COLLAPSE_MILLIS`] back;
//! what blocks, mutes and visibility take out ([`is_shown`]) goes last. The merge over the store and the fan-out into
//! resident windows both ask these functions, so they can't disagree.

use super::post::PostFacts;
use super::relationship::Relations;
use super::visibility::{Viewer, Visibility, may_see};
use crate::ids::{AccountId, PostId};

/// A boost this soon after an older candidate for the same post is left out: 24 hours.
pub const BOOST_COLLAPSE_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Whether the entry comes from one of the reader's sources: itself, and whom it follows.
pub fn is_candidate(reader: AccountId, relations: &Relations, entry: &PostFacts) -> bool {
    if entry.author == reader {
        return true;
    }
    let Some(options) = relations.follows.get(&entry.author) else {
        return false;
    };
    if entry.boost_of.is_some() {
        return options.shows_boosts;
    }
    if entry.visibility == Visibility::Direct && !entry.mentions.contains(&reader) {
        return false;
    }
    match entry.reply_to {
        None => true,
        Some(parent) => {
            parent.author == reader
                || parent.author == entry.author
                || relations.follows.contains_key(&parent.author)
        }
    }
}

/// Whether an older candidate for the same post makes a newer boost of it superfluous.
pub fn collapses(older: PostId, newer_boost: PostId) -> bool {
    older < newer_boost
        && newer_boost.time().millis() - older.time().millis() < BOOST_COLLAPSE_MILLIS
}

/// Whether the reader wants to and may see the entry; `boosted` is the boosted post of a boost.
pub fn is_shown(
    reader: AccountId,
    relations: &Relations,
    entry: &PostFacts,
    boosted: Option<&PostFacts>,
) -> bool {
    let viewer = Viewer::Member(reader, relations);
    let wanted = |post: &PostFacts| may_see(viewer, post) && !viewer.mutes(post.author);
    wanted(entry) && boosted.is_none_or(wanted)
}
