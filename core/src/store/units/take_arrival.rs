//! A member uploads an archive; it is taken in by a job, which notes how far it is, so that it goes on there after a restart.

use super::enqueue::enqueue;
use super::rules::require_active;
use crate::domain::arriving::{Ended, Outcome, REASON_CHARS_MAX};
use crate::domain::job::Job;
use crate::domain::refusal::Refusal;
use crate::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::tables::arrivals;
use crate::store::writer::{Unit, UnitError, Write};

fn require_none_under_way(write: &Write<'_>, account: AccountId) -> Result<(), UnitError> {
    require_active(write.connection, account)?;
    let last = arrivals::find(write.connection, account)?;
    if last.is_some_and(|last| last.ended.is_none()) {
        return Err(Refusal::invalid(
            "An archive of yours is being taken in: wait for it, or cancel it",
        )
        .into());
    }
    Ok(())
}

/// Asks whether an account may upload an archive now; nothing changes.
#[derive(Debug, Clone, Copy)]
pub struct AdmitArrival {
    /// Whose.
    pub account: AccountId,
}

impl Unit for AdmitArrival {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_none_under_way(write, self.account)
    }
}

/// Has an archive taken in that is uploaded. One at a time.
#[derive(Debug, Clone)]
pub struct BeginArrival {
    /// Whose.
    pub account: AccountId,
    /// The name of the file here.
    pub file: String,
    /// What it was called where it comes from.
    pub name: String,
    /// Its size, in bytes.
    pub bytes: i64,
}

impl Unit for BeginArrival {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_none_under_way(write, self.account)?;
        arrivals::begin(
            write.connection,
            self.account,
            write.now,
            &self.file,
            &self.name,
            self.bytes,
        )?;
        let account = self.account;
        enqueue(write, &Job::TakeArchive { account })?;
        Ok(())
    }
}

/// Notes how far an archive is.
#[derive(Debug, Clone)]
pub struct NoteArrival {
    /// Whose.
    pub account: AccountId,
    /// The name of the file here.
    pub file: String,
    /// How many things are in it.
    pub things: i64,
    /// How many are done.
    pub done: i64,
    /// What became of those.
    pub report: String,
}

impl Unit for NoteArrival {
    /// Whether anybody wants the rest.
    type Answer = bool;

    fn apply(&self, write: &mut Write<'_>) -> Result<bool, UnitError> {
        let Self {
            account,
            file,
            things,
            done,
            report,
        } = self;
        Ok(arrivals::note(
            write.connection,
            *account,
            file,
            *things,
            *done,
            report,
        )?)
    }
}

/// Notes how taking in an archive ended, unless it has ended already; the second time changes nothing.
#[derive(Debug, Clone)]
pub struct EndArrival {
    /// Whose.
    pub account: AccountId,
    /// How.
    pub outcome: Outcome,
    /// What was wrong.
    pub reason: Option<String>,
}

impl Unit for EndArrival {
    /// The name of the file here that nobody needs any more.
    type Answer = Option<String>;

    fn apply(&self, write: &mut Write<'_>) -> Result<Option<String>, UnitError> {
        let last: Result<_, StoreError> = arrivals::find(write.connection, self.account);
        let file = last?.and_then(|last| last.file);
        let reason = self.reason.as_ref();
        let ended = Ended {
            at: write.now,
            outcome: self.outcome,
            reason: reason.map(|reason| reason.chars().take(REASON_CHARS_MAX).collect()),
        };
        arrivals::end(write.connection, self.account, &ended)?;
        Ok(file)
    }
}
