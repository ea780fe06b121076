//! Changes nothing, and is committed all the same: what comes back shows whether the disk takes anything again.

use crate::store::writer::{Unit, UnitError, Write};

/// Writes the number of the next commit.
#[derive(Debug, Clone, Copy)]
pub struct TryWriting;

impl Unit for TryWriting {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        write.changed_file();
        Ok(())
    }
}
