//! The home timeline as a rule: which entries of its sources a reader gets.
//!
//! A home is a pure function of committed state. Its *candidates* are defined by [`is_candidate`]; among candidates,
//! a boost is left out when an older candidate for the same post lies less than [`BOOST_COLLAPSE_MILLIS`] back;
//! what blocks, mutes and visibility take out ([`is_shown`]) goes last. The merge over the store and the fan-out into
//! resident windows both ask these functions, so they can't disagree.

use super::event::Boosting;
use super::post::PostFacts;
use super::relationship::Standing;
use super::visibility::{Visibility, member_may_see};
use crate::ids::{AccountId, PostId};

/// A boost this soon after an older candidate for the same post is left out: 24 hours.
pub const BOOST_COLLAPSE_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Whether the entry comes from one of the reader's sources: itself, and whom it follows.
#[inline] // Asked of every resident reader for every post, in another crate.
pub fn is_candidate(reader: AccountId, relations: &impl Standing, entry: &PostFacts) -> bool {
    if entry.author == reader {
        return true;
    }
    if entry.boost_of.is_some() {
        return relations.follows_boosts_of(entry.author);
    }
    if !relations.follows(entry.author) {
        return false;
    }
    if entry.visibility == Visibility::Direct && !entry.mentions.contains(&reader) {
        return false;
    }
    match entry.reply_to {
        None => true,
        Some(parent) => {
            parent.author == reader
                || parent.author == entry.author
                || relations.follows(parent.author)
        }
    }
}

/// What is to collapse this boost lies above this id.
pub fn collapse_horizon(boost: PostId) -> PostId {
    // "Less than 24 hours back", in whole milliseconds.
    let horizon = boost.time().plus_millis(1 - BOOST_COLLAPSE_MILLIS);
    PostId(PostId::floor_of(horizon).0 - 1)
}

/// Whether an older candidate for the same post makes a newer boost of it superfluous.
pub fn collapses(older: PostId, newer_boost: PostId) -> bool {
    older < newer_boost
        && newer_boost.time().millis() - older.time().millis() < BOOST_COLLAPSE_MILLIS
}

/// Whether a new boost is superfluous for the reader; `None` when too much was boosted lately to be told with it.
pub fn is_superfluous(
    reader: AccountId,
    relations: &impl Standing,
    boost: PostId,
    boosting: &Boosting,
) -> Option<bool> {
    let post = &boosting.post;
    if collapses(post.id, boost) && is_candidate(reader, relations, post) {
        return Some(true);
    }
    let is_by_source = |by| by == reader || relations.follows_boosts_of(by);
    let collapses =
        |(older, by): &(PostId, AccountId)| collapses(*older, boost) && is_by_source(*by);
    if boosting.lately.iter().any(collapses) {
        return Some(true);
    }
    boosting.are_all_told.then_some(false)
}

/// Whether the reader wants to and may see the entry; `boosted` is the boosted post of a boost.
#[inline] // As above.
pub fn is_shown(
    reader: AccountId,
    relations: &impl Standing,
    entry: &PostFacts,
    boosted: Option<&PostFacts>,
) -> bool {
    let wanted =
        |post: &PostFacts| member_may_see(reader, relations, post) && !relations.mutes(post.author);
    wanted(entry) && boosted.is_none_or(wanted)
}
