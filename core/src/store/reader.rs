//! Read-only connections: each query sees one committed snapshot.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::error::StoreError;
use super::open::{self, MemoryUse};
use super::tables::meta;
use super::watch::Tap;
use crate::telemetry::statements::Statements;

/// A question to the store.
pub trait Query: Send + 'static {
    /// What is found.
    type Answer: Send + 'static;

    /// Looks.
    ///
    /// # Errors
    /// When the machine fails. What isn't there is an answer, not an error.
    fn run(&self, view: &View<'_>) -> Result<Self::Answer, StoreError>;
}

/// One committed snapshot.
pub struct View<'a> {
    pub(super) connection: &'a Connection,
    commit: i64,
}

impl View<'_> {
    /// The newest commit that this snapshot holds.
    pub fn commit(&self) -> i64 {
        self.commit
    }
}

/// A connection that can only read.
pub struct Reader {
    connection: Connection,
    tap: Option<Tap>,
}

impl Reader {
    /// Opens the database, which must exist.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn open(database: &Path) -> Result<Self, StoreError> {
        Self::open_with(database, MemoryUse::READER)
    }

    /// As [`Reader::open`], with so much memory.
    ///
    /// # Errors
    /// As there.
    pub fn open_with(database: &Path, memory: MemoryUse) -> Result<Self, StoreError> {
        Ok(Self {
            connection: open::open_reader(database, memory)?,
            tap: None,
        })
    }

    /// Opens a database that nobody writes to, such as that of a backup, also where nothing can be written.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn open_still(database: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            connection: open::open_still(database)?,
            tap: None,
        })
    }

    /// Lets those who watch statements see the reader's.
    #[must_use]
    pub fn watched_by(mut self, statements: Arc<Statements>) -> Self {
        self.tap = Some(Tap::new(statements));
        self
    }

    /// With this another thread ends the statement that runs.
    pub fn interrupter(&self) -> rusqlite::InterruptHandle {
        self.connection.get_interrupt_handle()
    }

    /// Answers a query out of one snapshot, with that snapshot's commit number.
    ///
    /// # Errors
    /// What the query says, or [`StoreError::Panicked`] when it panicked: it fails alone.
    pub fn run<Q: Query>(&mut self, query: &Q) -> Result<(Q::Answer, i64), StoreError> {
        let mut found = None;
        let commit = self.look(&mut |view| {
            found = Some(query.run(view)?);
            Ok(())
        })?;
        let missing = || StoreError::Panicked("a query ended without an answer".to_owned());
        Ok((found.ok_or_else(missing)?, commit))
    }

    /// The same for a query of whatever type: there are many of them.
    fn look(
        &mut self,
        run: &mut dyn FnMut(&View<'_>) -> Result<(), StoreError>,
    ) -> Result<i64, StoreError> {
        if let Some(tap) = &mut self.tap {
            tap.follow(&mut self.connection)?;
        }
        let transaction = self.connection.transaction()?;
        let view = View {
            connection: &transaction,
            commit: meta::commit(&transaction)?,
        };
        catch_unwind(AssertUnwindSafe(|| run(&view)))
            .unwrap_or_else(|panic| Err(panicked(&*panic)))?;
        Ok(view.commit)
    }
}

/// What a panic said, as an error of the store.
pub(super) fn panicked(panic: &(dyn Any + Send)) -> StoreError {
    let message = panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    StoreError::Panicked(message)
}
