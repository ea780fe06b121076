//! Applying one unit of a batch, whole or not at all.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::Connection;

use super::lane::Pending;
use super::{UnitError, Write, WriteError, WriterThread};
use crate::domain::event::Event;
use crate::store::error::StoreError;
use crate::store::reader::panicked;
use crate::store::tables::terms::{self, IndexChange};

/// How the units of a batch are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Care {
    /// Not at all: what fails must not have written anything.
    Swift,
    /// Each in a savepoint, to which it is rolled back when it fails.
    Savepoints,
}

impl WriterThread {
    /// Applies a unit; `None` when it has to be taken back, which nothing but the end of the transaction does here.
    pub(super) fn apply_swiftly(
        &mut self,
        pending: &mut dyn Pending,
        events: &mut Vec<Event>,
    ) -> Option<Result<(), WriteError>> {
        let changes_before = self.connection.total_changes();
        let wished_before = self.wishes.commit;
        let failure = match self.apply(pending, events) {
            Ok(()) => return Some(Ok(())),
            Err(failure) => failure,
        };
        // What it changed before another error ended the transaction is gone, and with it the rest of the batch.
        let is_clean = self.connection.is_autocommit()
            || (self.connection.total_changes() == changes_before
                && self.wishes.commit == wished_before);
        is_clean.then(|| Err(self.outcome_of(pending.kind(), failure)))
    }

    /// Applies a unit in a savepoint, to which it is rolled back when it fails.
    pub(super) fn apply_in_savepoint(
        &mut self,
        pending: &mut dyn Pending,
        events: &mut Vec<Event>,
    ) -> Result<(), WriteError> {
        let run = |sql: &str, connection: &Connection| -> Result<(), StoreError> {
            connection.prepare_cached(sql)?.execute(())?;
            Ok(())
        };
        let applied = run("SAVEPOINT unit", &self.connection)
            .map_err(UnitError::Store)
            .and_then(|()| self.apply(pending, events))
            .and_then(|()| run("RELEASE unit", &self.connection).map_err(UnitError::Store));
        let Err(failure) = applied else {
            return Ok(());
        };
        let outcome = self.outcome_of(pending.kind(), failure);
        if !self.connection.is_autocommit() {
            let undone = run("ROLLBACK TO unit", &self.connection)
                .and_then(|()| run("RELEASE unit", &self.connection));
            if let Err(error) = undone {
                tracing::error!(target: "kinglet::store::writer", %error, "can't take back a unit: ending the transaction");
                self.roll_back();
            }
        }
        Err(outcome)
    }

    /// Applies a unit. One that panics fails alone.
    fn apply(
        &mut self,
        pending: &mut dyn Pending,
        events: &mut Vec<Event>,
    ) -> Result<(), UnitError> {
        let mut write = Write {
            connection: &self.connection,
            ids: &mut self.ids,
            events,
            commit: self.commit + 1,
            now: self.clock.now(),
            sends_mail: self.sends_mail.is_on(),
            index: &mut self.index,
            wishes: &mut self.wishes,
        };
        catch_unwind(AssertUnwindSafe(|| pending.apply(&mut write)))
            .unwrap_or_else(|panic| Err(UnitError::Store(panicked(&*panic))))
    }

    /// Changes the index of posts as the batch's units want it.
    pub(super) fn change_index(&mut self) -> Result<(), StoreError> {
        // Those of one post stay in their order.
        self.index.sort_by_key(IndexChange::key);
        for change in self.index.drain(..) {
            terms::apply(&self.connection, &change)?;
        }
        Ok(())
    }

    /// What the unit's waiter is told of a failure; that of the machine is logged.
    fn outcome_of(&self, kind: &'static str, failure: UnitError) -> WriteError {
        let error = match failure {
            UnitError::Refused(refusal) => return WriteError::Refused(refusal),
            UnitError::Store(error) => error,
        };
        if let (StoreError::Panicked(_), Some(figures)) = (&error, &self.figures) {
            figures.panics.note(kind);
        }
        if self.soundness.note_writing(&error).is_some() {
            return WriteError::Unavailable;
        }
        tracing::error!(target: "kinglet::store::writer", error = &error as &dyn std::error::Error, "a unit failed");
        WriteError::Internal
    }
}
