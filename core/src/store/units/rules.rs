//! What several units ask before they act.

use rusqlite::Connection;

use crate::domain::account::Preferences;
use crate::domain::event::Event;
use crate::domain::notification::NotificationKind;
use crate::domain::post::{PostCounter, PostFacts};
use crate::domain::refusal::Refusal;
use crate::domain::relationship::Relations;
use crate::domain::visibility::{Viewer, may_see};
use crate::ids::{AccountId, NotificationId, PostId};
use crate::store::error::StoreError;
use crate::store::tables::notifications::NewNotification;
use crate::store::tables::{accounts, blocks, follows, mutes, notifications, posts};
use crate::store::writer::{UnitError, Write};

/// Whoever acts must be in use at this moment, whatever a token or a cache said before.
pub(super) fn require_active(connection: &Connection, account: AccountId) -> Result<(), UnitError> {
    match accounts::state(connection, account)? {
        Some(state) if !state.is_hidden() => Ok(()),
        _ => Err(login_is_disabled()),
    }
}

/// Moves a counter of a post.
pub(super) fn count(
    write: &mut Write<'_>,
    post: PostId,
    counter: PostCounter,
    by: i64,
) -> Result<(), StoreError> {
    posts::count(write.connection, post, counter, by)?;
    write.tell(Event::PostCounted { post, counter, by });
    Ok(())
}

/// As [`require_active`], for whoever writes; answers what the author's posts start with.
pub(super) fn require_author(
    connection: &Connection,
    account: AccountId,
) -> Result<Preferences, UnitError> {
    match accounts::author(connection, account)? {
        Some((state, preferences)) if !state.is_hidden() => Ok(preferences),
        _ => Err(login_is_disabled()),
    }
}

fn login_is_disabled() -> UnitError {
    Refusal::forbidden("Your login is currently disabled").into()
}

/// The account that an action is about: there, not hidden, and not oneself.
pub(super) fn require_other(
    connection: &Connection,
    actor: AccountId,
    other: AccountId,
) -> Result<(), UnitError> {
    if !accounts::is_visible(connection, other)? {
        return Err(Refusal::NotFound.into());
    }
    if actor == other {
        return Err(Refusal::forbidden("This action can't be taken on your own account").into());
    }
    Ok(())
}

/// All that stands between a viewer and one other account.
fn relations_with(
    connection: &Connection,
    viewer: AccountId,
    other: AccountId,
) -> Result<Relations, StoreError> {
    let mut relations = Relations::default();
    if let Some(options) = follows::find(connection, viewer, other)? {
        relations.follows.insert(other, options);
    }
    if blocks::stands(connection, viewer, other)? {
        relations.blocks.insert(other);
    }
    if blocks::stands(connection, other, viewer)? {
        relations.blocked_by.insert(other);
    }
    Ok(relations)
}

/// A post that the actor may see; a boost's id stands for the boosted post, as clients send either.
pub(super) fn require_visible_post(
    connection: &Connection,
    actor: AccountId,
    id: PostId,
) -> Result<PostFacts, UnitError> {
    let seen = visible_post(connection, actor, id)?;
    match seen.boost_of {
        None => Ok(seen),
        Some(boosted) => visible_post(connection, actor, boosted.post),
    }
}

fn visible_post(
    connection: &Connection,
    actor: AccountId,
    id: PostId,
) -> Result<PostFacts, UnitError> {
    let facts = posts::facts(connection, id)?.ok_or(Refusal::NotFound)?;
    let relations = relations_with(connection, actor, facts.author)?;
    if may_see(Viewer::Member(actor, &relations), &facts) {
        Ok(facts)
    } else {
        Err(Refusal::NotFound.into())
    }
}

/// The actor's own entry.
pub(super) fn require_own_post(
    connection: &Connection,
    actor: AccountId,
    id: PostId,
) -> Result<PostFacts, UnitError> {
    match posts::facts(connection, id)? {
        Some(facts) if facts.author == actor => Ok(facts),
        _ => Err(Refusal::NotFound.into()),
    }
}

/// Tells an account what happened, unless it did it itself, blocks or mutes the sender, or was told already.
pub(super) fn notify(
    write: &mut Write<'_>,
    account: AccountId,
    kind: NotificationKind,
    sender: AccountId,
    post: Option<PostId>,
) -> Result<(), UnitError> {
    let connection = write.connection;
    if account == sender
        || blocks::stands_either_way(connection, account, sender)?
        || mutes::find(connection, account, sender)?.is_some_and(|mute| mute.hides_notifications)
    {
        return Ok(());
    }
    let id = NotificationId(write.next_id());
    notifications::insert(
        connection,
        &NewNotification {
            id,
            account,
            kind,
            sender,
            post,
        },
    )?;
    write.tell(Event::ReaderChanged(account));
    Ok(())
}

/// Takes back what an account was told.
pub(super) fn take_back(
    write: &mut Write<'_>,
    account: AccountId,
    kind: NotificationKind,
    sender: AccountId,
    post: Option<PostId>,
) -> Result<(), StoreError> {
    notifications::delete(write.connection, account, kind, sender, post)?;
    write.tell(Event::ReaderChanged(account));
    Ok(())
}
