//! The database is looked after: unused pages are given back, statistics renewed, the log emptied.

use crate::store::tables::upkeep;
use crate::store::writer::{Unit, UnitError, Write};

/// The most pages that one unit gives back: what a commit may take longer by.
pub const PAGES_PER_UNIT_MAX: i64 = 256;

/// Looks after the database.
#[derive(Debug, Clone, Copy)]
pub struct TidyDatabase;

impl Unit for TidyDatabase {
    /// Whether more pages can be given back.
    type Answer = bool;

    fn apply(&self, write: &mut Write<'_>) -> Result<bool, UnitError> {
        write.changed_file();
        let is_more = upkeep::shrink(write.connection, PAGES_PER_UNIT_MAX)?;
        if !is_more {
            upkeep::optimise(write.connection)?;
            // A checkpoint waits for readers, so there is one at the end.
            write.checkpoint_afterwards();
        }
        Ok(is_more)
    }
}

/// Has the write-ahead log copied into the database and emptied: after somebody held it for long.
#[derive(Debug, Clone, Copy)]
pub struct EmptyLog;

impl Unit for EmptyLog {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        write.checkpoint_afterwards();
        Ok(())
    }
}
