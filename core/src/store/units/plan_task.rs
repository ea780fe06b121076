//! The schedule is kept: when a task runs next, and how it went.

use super::settle_job::shortened;
use crate::clock::Timestamp;
use crate::store::tables::schedules;
use crate::store::writer::{Unit, UnitError, Write};

/// Sets when a task runs next.
#[derive(Debug, Clone)]
pub struct PlanTask {
    /// Its name.
    pub task: String,
    /// The expression that says so.
    pub expression: String,
    /// The moment.
    pub due_at: Timestamp,
}

impl Unit for PlanTask {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        schedules::plan(write.connection, &self.task, &self.expression, self.due_at)?;
        Ok(())
    }
}

/// Writes down how a run went, and when the next is due.
#[derive(Debug, Clone)]
pub struct RecordRun {
    /// The task.
    pub task: String,
    /// When the run began.
    pub started_at: Timestamp,
    /// Why it failed.
    pub error: Option<String>,
    /// The expression that says when the next is due.
    pub expression: String,
    /// When that is.
    pub due_at: Timestamp,
}

impl Unit for RecordRun {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        let error = self.error.as_deref().map(shortened);
        schedules::plan(write.connection, &self.task, &self.expression, self.due_at)?;
        schedules::record(
            write.connection,
            &self.task,
            self.started_at,
            write.now,
            error.as_deref(),
        )?;
        Ok(())
    }
}
