//! Telling many: those who asked to be told of new posts, those who boosted a post that was edited.

use super::rules::notify;
use super::step_job::Step;
use crate::domain::job::Job;
use crate::domain::notification::NotificationKind;
use crate::ids::{AccountId, PostId};
use crate::store::tables::{follows, posts};
use crate::store::writer::{UnitError, Write};

/// The most people that one unit tells.
pub(super) const TOLD_PER_UNIT_MAX: usize = 100;

/// Tells the next followers who asked for it of a post, unless it is gone or hidden meanwhile.
pub(super) fn tell_more_followers(
    write: &mut Write<'_>,
    post: PostId,
    after: AccountId,
) -> Result<Step, UnitError> {
    match posts::facts(write.connection, post)? {
        Some(facts) if !facts.author_hidden => tell_followers(write, facts.author, post, after),
        _ => Ok(Step::Done),
    }
}

/// Tells the next followers who asked for it of an author's post.
pub(super) fn tell_followers(
    write: &mut Write<'_>,
    author: AccountId,
    post: PostId,
    after: AccountId,
) -> Result<Step, UnitError> {
    let followers =
        follows::notified_followers(write.connection, author, after, TOLD_PER_UNIT_MAX)?;
    for follower in &followers {
        notify(
            write,
            *follower,
            NotificationKind::NewPost,
            author,
            Some(post),
        )?;
    }
    Ok(match followers.last() {
        Some(last) if followers.len() == TOLD_PER_UNIT_MAX => {
            Step::Left(Job::TellFollowers { post, after: *last })
        }
        _ => Step::Done,
    })
}

/// Tells the next people who boosted a post that it was edited.
pub(super) fn tell_boosters(
    write: &mut Write<'_>,
    post: PostId,
    after: PostId,
) -> Result<Step, UnitError> {
    let Some(facts) = posts::facts(write.connection, post)? else {
        return Ok(Step::Done);
    };
    let boosts = posts::boosts(write.connection, post, after, TOLD_PER_UNIT_MAX)?;
    for boost in &boosts {
        if let Some(boost) = posts::facts(write.connection, *boost)? {
            notify(
                write,
                boost.author,
                NotificationKind::PostEdited,
                facts.author,
                Some(post),
            )?;
        }
    }
    Ok(match boosts.last() {
        Some(last) if boosts.len() == TOLD_PER_UNIT_MAX => {
            Step::Left(Job::TellBoosters { post, after: *last })
        }
        _ => Step::Done,
    })
}
