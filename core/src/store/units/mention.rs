//! Naming accounts in a post, and telling them.

use super::enqueue::{enqueue, takes_mail};
use super::rules::notify;
use crate::domain::job::Job;
use crate::domain::mail::MailKind;
use crate::domain::notification::NotificationKind;
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;
use crate::store::tables::{accounts, blocks, mentions, mutes};
use crate::store::writer::{UnitError, Write};

/// The most people of one post that are told by mail; the others find their notification.
pub const MAILED_PER_POST_MAX: usize = 20;

/// Names accounts in a post; answers those that exist.
pub(super) fn mention(
    write: &mut Write<'_>,
    post: PostId,
    names: &[String],
) -> Result<Vec<AccountId>, StoreError> {
    let mut mentioned = Vec::new();
    for name in names {
        if let Some(account) = accounts::id_by_name(write.connection, name)?
            && accounts::is_visible(write.connection, account)?
            && mentions::insert(write.connection, post, account)?
        {
            mentioned.push(account);
        }
    }
    Ok(mentioned)
}

/// Tells accounts that they were named: by a notification, and by mail where they want that. `told_before` is how many
/// the post named already, before an edit.
pub(super) fn tell_mentioned(
    write: &mut Write<'_>,
    author: AccountId,
    post: PostId,
    mentioned: &[AccountId],
    told_before: usize,
) -> Result<(), UnitError> {
    let mut mailed = told_before;
    for account in mentioned {
        notify(
            write,
            *account,
            NotificationKind::Mention,
            author,
            Some(post),
        )?;
        if mailed < MAILED_PER_POST_MAX
            && *account != author
            && takes_mail(write, *account, MailKind::Mention)?
            && !wants_silence(write, *account, author)?
        {
            let account = *account;
            enqueue(write, &Job::MentionMail { account, post })?;
            mailed += 1;
        }
    }
    Ok(())
}

/// Whether an account blocked or muted another, or is blocked by it.
pub(super) fn wants_silence(
    write: &Write<'_>,
    account: AccountId,
    other: AccountId,
) -> Result<bool, StoreError> {
    Ok(blocks::stands_either_way(write.connection, account, other)?
        || mutes::find(write.connection, account, other)?.is_some())
}
