//! How a unit asks for work that is done after its commit.

use rusqlite::Connection;

use crate::clock::Timestamp;
use crate::domain::event::Event;
use crate::domain::job::Job;
use crate::domain::mail::MailKind;
use crate::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::tables::{jobs, mail_settings, mail_standing};
use crate::store::writer::Write;

/// Asks for a job, due at once.
pub(super) fn enqueue(write: &mut Write<'_>, job: &Job) -> Result<(), StoreError> {
    enqueue_at(write, job, write.now)
}

/// Asks for a job, due at once; false when it is asked for already.
pub(super) fn enqueue_new(write: &mut Write<'_>, job: &Job) -> Result<bool, StoreError> {
    let is_new = jobs::insert(write.connection, job, write.now, write.now)?;
    if is_new {
        write.tell(Event::JobAdded(job.lane()));
    }
    Ok(is_new)
}

/// Asks for a job that is due at `run_at`; nothing happens when it is asked for already.
pub(super) fn enqueue_at(
    write: &mut Write<'_>,
    job: &Job,
    run_at: Timestamp,
) -> Result<(), StoreError> {
    if jobs::insert(write.connection, job, run_at, write.now)? {
        write.tell(Event::JobAdded(job.lane()));
    }
    Ok(())
}

/// Whether mail of this kind reaches the account: this instance sends mail, the address is confirmed and sound, and
/// the account wants it.
pub(super) fn takes_mail(
    write: &Write<'_>,
    account: AccountId,
    kind: MailKind,
) -> Result<bool, StoreError> {
    Ok(write.sends_mail
        && has_sound_address(write.connection, account)?
        && mail_settings::find(write.connection, account)?.wants(kind))
}

/// Whether an account has an address that is confirmed and takes mail.
pub(super) fn has_sound_address(
    connection: &Connection,
    account: AccountId,
) -> Result<bool, StoreError> {
    Ok(mail_standing::address(connection, account)?.is_some_and(|address| address.is_sound()))
}
