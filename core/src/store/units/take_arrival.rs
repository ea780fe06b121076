//! A member uploads an archive; it is taken in by a job, which notes how far it is, so that it goes on there after a restart.

use super::enqueue::enqueue;
use super::rules::require_active;
use crate::domain::arriving::{Ended, Outcome, REASON_CHARS_MAX};
use crate::domain::job::Job;
use crate::domain::refusal::Refusal;
use crate::ids::AccountId;
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
    /// The name of the file here: another one of the same account goes on.
    pub file: String,
    /// How.
    pub outcome: Outcome,
    /// What was wrong.
    pub reason: Option<String>,
}

impl Unit for EndArrival {
    /// Whether it ended so.
    type Answer = bool;

    fn apply(&self, write: &mut Write<'_>) -> Result<bool, UnitError> {
        let reason = self.reason.as_ref();
        let ended = Ended {
            at: write.now,
            outcome: self.outcome,
            reason: reason.map(|reason| reason.chars().take(REASON_CHARS_MAX).collect()),
        };
        Ok(arrivals::end(
            write.connection,
            self.account,
            &self.file,
            &ended,
        )?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::queries::archive::FindArrival;
    use crate::store::testing::{AddAccount, TestStore};

    fn begin(account: AccountId, file: &str, bytes: i64) -> BeginArrival {
        BeginArrival {
            account,
            file: file.to_owned(),
            name: "archive.zip".to_owned(),
            bytes,
        }
    }

    fn end(account: AccountId, file: &str, outcome: Outcome) -> EndArrival {
        EndArrival {
            account,
            file: file.to_owned(),
            outcome,
            reason: None,
        }
    }

    #[test]
    fn the_end_of_an_upload_is_not_that_of_the_next() {
        let mut store = TestStore::open();
        let ada = store.apply(AddAccount("ada")).expect("an account");
        store.apply(begin(ada, "first", 1)).expect("it begins");
        let cancelled = store.apply(end(ada, "first", Outcome::Cancelled));
        assert!(cancelled.expect("it ends"));
        store.apply(begin(ada, "second", 1)).expect("it begins");
        // Whoever took in the first one comes late.
        let late = store.apply(end(ada, "first", Outcome::Refused));
        assert!(!late.expect("nothing changes"));
        let found = store
            .find(FindArrival { account: ada })
            .expect("the second");
        assert_eq!(found.file.as_deref(), Some("second"));
        assert!(found.ended.is_none());
        let done = store.apply(end(ada, "second", Outcome::Done));
        assert!(done.expect("it ends"));
    }
}
