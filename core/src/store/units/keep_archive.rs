//! A member asks for an archive of its own; it is written by a job and kept for some days.

use super::enqueue::enqueue;
use super::rules::require_active;
use super::sweep::ROWS_PER_SWEEP_MAX;
use crate::domain::archive::{ARCHIVE_MILLIS_MAX, MadeArchive};
use crate::domain::arriving::TOLD_MILLIS_MAX;
use crate::domain::job::Job;
use crate::domain::refusal::Refusal;
use crate::ids::AccountId;
use crate::store::tables::{archives, arrivals};
use crate::store::writer::{Unit, UnitError, Write};

/// Asks for an archive. Whoever did so lately waits.
#[derive(Debug, Clone, Copy)]
pub struct AskArchive {
    /// Whose.
    pub account: AccountId,
}

impl Unit for AskArchive {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        let connection = write.connection;
        let account = self.account;
        require_active(connection, account)?;
        let last = archives::find(connection, account)?;
        if last.is_some_and(|last| write.now < last.again_from()) {
            return Err(Refusal::invalid("You asked for an archive less than a day ago").into());
        }
        archives::ask(connection, account, write.now)?;
        enqueue(write, &Job::BuildArchive { account })?;
        Ok(())
    }
}

/// Keeps an archive that is written.
#[derive(Debug, Clone)]
pub struct KeepArchive {
    /// Whose.
    pub account: AccountId,
    /// The name of the file.
    pub file: String,
    /// Its size, in bytes.
    pub bytes: i64,
}

impl Unit for KeepArchive {
    /// Whether anybody waits for it.
    type Answer = bool;

    fn apply(&self, write: &mut Write<'_>) -> Result<bool, UnitError> {
        let made = MadeArchive {
            at: write.now,
            file: self.file.clone(),
            bytes: self.bytes,
        };
        Ok(archives::keep(write.connection, self.account, &made)?)
    }
}

/// Forgets a deleted account's archive and upload, whose files are gone.
#[derive(Debug, Clone, Copy)]
pub struct ForgetArchive {
    /// Whose.
    pub account: AccountId,
}

impl Unit for ForgetArchive {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        archives::delete(write.connection, self.account)?;
        arrivals::delete(write.connection, self.account)?;
        Ok(())
    }
}

/// Forgets archives that can't be fetched any more, and what became of those that were uploaded long ago; their files go
/// after them.
#[derive(Debug, Clone, Copy)]
pub struct SweepArchives;

impl Unit for SweepArchives {
    /// Whether more may be left.
    type Answer = bool;

    fn apply(&self, write: &mut Write<'_>) -> Result<bool, UnitError> {
        // A day more: what takes long to be written is kept for its time all the same.
        let until = write
            .now
            .plus_millis(-ARCHIVE_MILLIS_MAX - ARCHIVE_MILLIS_MAX / 7);
        let swept = archives::delete_until(write.connection, until, ROWS_PER_SWEEP_MAX)?;
        let told_until = write.now.plus_millis(-TOLD_MILLIS_MAX);
        let forgotten = arrivals::delete_until(write.connection, told_until, ROWS_PER_SWEEP_MAX)?;
        Ok(swept == ROWS_PER_SWEEP_MAX || forgotten == ROWS_PER_SWEEP_MAX)
    }
}
