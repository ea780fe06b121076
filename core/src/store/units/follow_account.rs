//! Following: at once, or on request where the other wants to be asked.

use super::enqueue::{enqueue, takes_mail};
use super::mark_stale::mark_stale;
use super::mention::wants_silence;
use super::rules::{notify, require_active, require_other, take_back};
use crate::domain::event::Event;
use crate::domain::job::Job;
use crate::domain::mail::MailKind;
use crate::domain::notification::NotificationKind;
use crate::domain::refusal::Refusal;
use crate::domain::relationship::FollowOptions;
use crate::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::tables::{accounts, blocks, follow_requests, follows};
use crate::store::writer::{Unit, UnitError, Write};

/// Follows an account, or asks to; again, it changes the options.
#[derive(Debug, Clone)]
pub struct FollowAccount {
    /// Who wants to follow.
    pub follower: AccountId,
    /// Whom.
    pub followee: AccountId,
    /// Whether boosts show; `None` keeps what is set.
    pub shows_boosts: Option<bool>,
    /// Whether each new post makes a notification; `None` keeps what is set.
    pub notifies: Option<bool>,
    /// The most accounts that one may follow.
    pub follows_max: i64,
}

/// What became of the wish to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    /// It holds.
    Now,
    /// The other is asked.
    Requested,
}

impl Unit for FollowAccount {
    type Answer = Followed;

    fn apply(&self, write: &mut Write<'_>) -> Result<Followed, UnitError> {
        let connection = write.connection;
        require_active(connection, self.follower)?;
        require_other(connection, self.follower, self.followee)?;
        // A block is not told: whoever is blocked finds nobody there.
        if blocks::stands(connection, self.followee, self.follower)? {
            return Err(Refusal::NotFound.into());
        }
        if blocks::stands(connection, self.follower, self.followee)? {
            return Err(Refusal::forbidden("You block this account").into());
        }
        let standing = follows::find(connection, self.follower, self.followee)?;
        let waiting = follow_requests::find(connection, self.follower, self.followee)?;
        let before = standing.or(waiting).unwrap_or_default();
        let options = FollowOptions {
            shows_boosts: self.shows_boosts.unwrap_or(before.shows_boosts),
            notifies: self.notifies.unwrap_or(before.notifies),
        };
        // A request becomes a follow without being asked again, so it counts as one.
        let is_more = standing.is_none() && waiting.is_none();
        if is_more
            && accounts::following_count(connection, self.follower)?
                + follow_requests::count_by(connection, self.follower)?
                >= self.follows_max
        {
            return Err(Refusal::invalid(format!(
                "You can't follow more than {} accounts",
                self.follows_max
            ))
            .into());
        }
        if standing.is_none() && accounts::is_locked(connection, self.followee)? {
            let is_new =
                follow_requests::upsert(connection, self.follower, self.followee, options)?;
            if is_new {
                let kind = NotificationKind::FollowRequest;
                notify(write, self.followee, kind, self.follower, None)?;
                // How many ask is told also to whoever isn't notified.
                write.tell(Event::ReaderChanged(self.followee));
                self.mail_request(write)?;
            }
            return Ok(Followed::Requested);
        }
        follow(write, self.follower, self.followee, options)?;
        Ok(Followed::Now)
    }
}

impl FollowAccount {
    fn mail_request(&self, write: &mut Write<'_>) -> Result<(), StoreError> {
        let (account, follower) = (self.followee, self.follower);
        if takes_mail(write, account, MailKind::FollowRequest)?
            && !wants_silence(write, account, follower)?
        {
            enqueue(write, &Job::FollowRequestMail { account, follower })?;
        }
        Ok(())
    }
}

fn follow(
    write: &mut Write<'_>,
    follower: AccountId,
    followee: AccountId,
    options: FollowOptions,
) -> Result<(), UnitError> {
    if follow_silently(write, follower, followee, options)? {
        notify(write, followee, NotificationKind::Follow, follower, None)?;
    }
    Ok(())
}

/// Follows without telling the other; false when the follow stood already.
pub(super) fn follow_silently(
    write: &mut Write<'_>,
    follower: AccountId,
    followee: AccountId,
    options: FollowOptions,
) -> Result<bool, StoreError> {
    let connection = write.connection;
    follow_requests::take(connection, follower, followee)?;
    let is_new = follows::upsert(connection, write.next_id(), follower, followee, options)?;
    if is_new {
        accounts::count_followee(connection, follower, 1)?;
        accounts::count_follower(connection, followee, 1)?;
        take_back(
            write,
            followee,
            NotificationKind::FollowRequest,
            follower,
            None,
        )?;
        write.tell(Event::FollowCounted {
            follower,
            followee,
            by: 1,
        });
    }
    accounts::touch_sources(connection, follower, write.commit)?;
    write.tell(Event::RelationsChanged {
        from: follower,
        to: followee,
    });
    Ok(is_new)
}

/// Ends a follow or takes a request back; nothing happens when there is neither.
#[derive(Debug, Clone)]
pub struct UnfollowAccount {
    /// Who follows.
    pub follower: AccountId,
    /// Whom.
    pub followee: AccountId,
}

impl Unit for UnfollowAccount {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_active(write.connection, self.follower)?;
        require_other(write.connection, self.follower, self.followee)?;
        unfollow(write, self.follower, self.followee)?;
        Ok(())
    }
}

/// Makes another no longer follow oneself.
#[derive(Debug, Clone)]
pub struct RemoveFollower {
    /// Who is followed.
    pub account: AccountId,
    /// Who shall no longer follow.
    pub follower: AccountId,
}

impl Unit for RemoveFollower {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_active(write.connection, self.account)?;
        require_other(write.connection, self.account, self.follower)?;
        // A request that waits is answered by itself.
        end_follow(write, self.follower, self.account)?;
        Ok(())
    }
}

/// Removes a follow and a request, with what they counted and told.
pub(super) fn unfollow(
    write: &mut Write<'_>,
    follower: AccountId,
    followee: AccountId,
) -> Result<(), StoreError> {
    let connection = write.connection;
    let requested = follow_requests::take(connection, follower, followee)?.is_some();
    if requested {
        take_back(
            write,
            followee,
            NotificationKind::FollowRequest,
            follower,
            None,
        )?;
    }
    end_follow(write, follower, followee)
}

fn end_follow(
    write: &mut Write<'_>,
    follower: AccountId,
    followee: AccountId,
) -> Result<(), StoreError> {
    let connection = write.connection;
    if let Some(id) = follows::delete(connection, follower, followee)? {
        mark_stale(write, id)?;
        accounts::count_followee(connection, follower, -1)?;
        accounts::count_follower(connection, followee, -1)?;
        take_back(write, followee, NotificationKind::Follow, follower, None)?;
        accounts::touch_sources(connection, follower, write.commit)?;
        write.tell(Event::FollowCounted {
            follower,
            followee,
            by: -1,
        });
        write.tell(Event::RelationsChanged {
            from: follower,
            to: followee,
        });
    }
    Ok(())
}

/// Accepts or rejects a request.
#[derive(Debug, Clone)]
pub struct AnswerFollowRequest {
    /// Who was asked.
    pub followee: AccountId,
    /// Who asked.
    pub follower: AccountId,
    /// Whether the follower may.
    pub accept: bool,
}

impl Unit for AnswerFollowRequest {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        let connection = write.connection;
        require_active(connection, self.followee)?;
        require_other(connection, self.followee, self.follower)?;
        let options = follow_requests::take(connection, self.follower, self.followee)?
            .ok_or(Refusal::NotFound)?;
        let kind = NotificationKind::FollowRequest;
        take_back(write, self.followee, kind, self.follower, None)?;
        if self.accept {
            follow(write, self.follower, self.followee, options)?;
        }
        Ok(())
    }
}
