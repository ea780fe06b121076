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
    /// How large the uploads of all accounts may be together, in bytes, as long as they are needed.
    pub together_bytes_max: i64,
}

impl Unit for BeginArrival {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_none_under_way(write, self.account)?;
        let others_bytes = arrivals::bytes_under_way(write.connection)?;
        if others_bytes.saturating_add(self.bytes) > self.together_bytes_max {
            return Err(Refusal::invalid(
                "Too many archives are being taken in: try again when some of them are done",
            )
            .into());
        }
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
            together_bytes_max: 100,
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

    #[test]
    fn uploads_under_way_are_bounded_together() {
        let store = TestStore::open();
        let ada = store.apply(AddAccount("ada")).expect("an account");
        let bob = store.apply(AddAccount("bob")).expect("an account");
        store.apply(begin(ada, "first", 60)).expect("it begins");
        store
            .apply(begin(bob, "large", 41))
            .expect_err("there is no room");
        store.apply(begin(bob, "small", 40)).expect("it begins");
        for (account, file) in [(ada, "first"), (bob, "small")] {
            let done = store.apply(end(account, file, Outcome::Done));
            assert!(done.expect("it ends"));
        }
        store
            .apply(begin(bob, "large", 41))
            .expect("there is room again");
    }
}
