//! Digests: what is not mailed one by one gathers, and leaves in one mail.

use super::enqueue::{enqueue, enqueue_at};
use crate::clock::Timestamp;
use crate::domain::job::Job;
use crate::domain::mail::{MailKind, MentionMail};
use crate::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::tables::{digest_items, mail_settings};
use crate::store::writer::{Unit, UnitError, Write};

/// The most lines that wait for an account's digest; what is more is found on the website.
pub const ITEMS_PER_ACCOUNT_MAX: usize = 200;
/// The most lines of one digest; the rest makes the next.
pub const ITEMS_PER_DIGEST_MAX: usize = 50;
/// How long a line waits at most, in milliseconds: seven days.
pub const ITEM_AGE_MILLIS_MAX: i64 = 7 * 24 * 60 * 60 * 1000;
/// The most accounts that one unit looks after.
const ACCOUNTS_PER_UNIT_MAX: usize = 100;
/// The most lines that one unit forgets.
const ITEMS_PER_SWEEP_MAX: usize = 500;

const HOUR_MILLIS: i64 = 60 * 60 * 1000;

/// Keeps something for the digest.
pub(super) fn gather(
    write: &Write<'_>,
    account: AccountId,
    kind: MailKind,
    subject: i64,
) -> Result<(), StoreError> {
    digest_items::insert(
        write.connection,
        account,
        kind,
        subject,
        write.now,
        ITEMS_PER_ACCOUNT_MAX,
    )
}

/// Keeps something for a digest that leaves when the hour is over.
pub(super) fn fold(
    write: &mut Write<'_>,
    account: AccountId,
    kind: MailKind,
    subject: i64,
) -> Result<(), StoreError> {
    gather(write, account, kind, subject)?;
    let next_hour = (write.now.hours() + 1) * HOUR_MILLIS;
    let job = Job::DigestMail {
        account,
        until: None,
    };
    enqueue_at(write, &job, Timestamp::from_millis(next_hour))
}

/// A digest has left, or had nothing to say: its lines are gone, and what gathered meanwhile makes the next one.
pub(super) fn close_digest(
    write: &mut Write<'_>,
    account: AccountId,
    until: i64,
) -> Result<(), StoreError> {
    digest_items::delete_until(write.connection, account, until)?;
    let is_more = !digest_items::page(write.connection, account, i64::MAX, 1)?.is_empty();
    // What gathers for a daily digest waits for its day.
    let is_daily = mail_settings::find(write.connection, account)?.mentions == MentionMail::Daily;
    if is_more && !is_daily {
        let job = Job::DigestMail {
            account,
            until: None,
        };
        let next = write.now.plus_millis(HOUR_MILLIS);
        enqueue_at(write, &job, next)?;
    }
    Ok(())
}

/// Sends the digests of the next accounts that have something waiting.
#[derive(Debug, Clone, Copy)]
pub struct SendDigests {
    /// The account that was last looked after; 0 for a new round.
    pub after: AccountId,
}

impl Unit for SendDigests {
    /// Where to go on; `None` when everybody was looked after.
    type Answer = Option<AccountId>;

    fn apply(&self, write: &mut Write<'_>) -> Result<Option<AccountId>, UnitError> {
        let accounts =
            digest_items::accounts_after(write.connection, self.after, ACCOUNTS_PER_UNIT_MAX)?;
        for account in &accounts {
            let job = Job::DigestMail {
                account: *account,
                until: None,
            };
            enqueue(write, &job)?;
        }
        Ok(match accounts.last() {
            Some(last) if accounts.len() == ACCOUNTS_PER_UNIT_MAX => Some(*last),
            _ => None,
        })
    }
}

/// Forgets lines that no digest took in time.
#[derive(Debug, Clone, Copy)]
pub struct SweepDigestItems;

impl Unit for SweepDigestItems {
    /// Whether more may be left.
    type Answer = bool;

    fn apply(&self, write: &mut Write<'_>) -> Result<bool, UnitError> {
        let until = write.now.plus_millis(-ITEM_AGE_MILLIS_MAX);
        let deleted = digest_items::delete_old(write.connection, until, ITEMS_PER_SWEEP_MAX)?;
        Ok(deleted == ITEMS_PER_SWEEP_MAX)
    }
}
