//! Goes through the writer's lane and changes nothing: what comes back shows that the writer works.

use crate::store::writer::{Unit, UnitError, Write};

/// Goes through the writer's lane. A batch of nothing else isn't committed, so the disk sleeps on.
#[derive(Debug, Clone, Copy)]
pub struct PassWriter;

impl Unit for PassWriter {
    type Answer = ();

    fn apply(&self, _: &mut Write<'_>) -> Result<(), UnitError> {
        Ok(())
    }
}
