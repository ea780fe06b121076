//! What runs by the clock, and when it ran.

use rusqlite::{Connection, Row, params};

use crate::clock::Timestamp;
use crate::store::error::StoreError;

/// A task that runs by the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleRow {
    /// Its name.
    pub task: String,
    /// The expression that `due_at` was reckoned with; empty when somebody asked for the task before it was planned.
    pub expression: String,
    /// When it runs next.
    pub due_at: Timestamp,
    /// Whether somebody stopped it.
    pub paused: bool,
    /// When its last run began.
    pub started_at: Option<Timestamp>,
    /// When its last run ended.
    pub finished_at: Option<Timestamp>,
    /// Why its last run failed.
    pub last_error: Option<String>,
}

/// Every task that ever ran by the clock.
pub(in crate::store) fn all(connection: &Connection) -> Result<Vec<ScheduleRow>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT task, expression, due_at, paused, started_at, finished_at, last_error
         FROM schedules ORDER BY task",
    )?;
    let rows = statement.query_map((), |row: &Row<'_>| {
        Ok(ScheduleRow {
            task: row.get(0)?,
            expression: row.get(1)?,
            due_at: row.get(2)?,
            paused: row.get(3)?,
            started_at: row.get(4)?,
            finished_at: row.get(5)?,
            last_error: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Sets when a task runs next, unless somebody asked for it before it was ever planned: then it is due.
pub(in crate::store) fn plan(
    connection: &Connection,
    task: &str,
    expression: &str,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO schedules (task, expression, due_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (task) DO UPDATE SET expression = ?2,
                 due_at = CASE expression WHEN '' THEN min(due_at, ?3) ELSE ?3 END",
        )?
        .execute(params![task, expression, due_at])?;
    Ok(())
}

/// Writes down how a run went.
pub(in crate::store) fn record(
    connection: &Connection,
    task: &str,
    started_at: Timestamp,
    finished_at: Timestamp,
    last_error: Option<&str>,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE schedules SET started_at = ?2, finished_at = ?3, last_error = ?4 WHERE task = ?1",
        )?
        .execute(params![task, started_at, finished_at, last_error])?;
    Ok(())
}

/// Makes a task due then, whether or not it was ever planned.
pub(in crate::store) fn set_due(
    connection: &Connection,
    task: &str,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO schedules (task, expression, due_at) VALUES (?1, '', ?2)
             ON CONFLICT (task) DO UPDATE SET due_at = ?2",
        )?
        .execute(params![task, due_at])?;
    Ok(())
}

/// Whether somebody stopped a task.
pub(in crate::store) fn is_paused(connection: &Connection, task: &str) -> Result<bool, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM schedules WHERE task = ?1 AND paused = 1")?;
    Ok(statement.exists([task])?)
}

/// Stops a task or lets it go on, whether or not it was ever planned.
pub(in crate::store) fn set_paused(
    connection: &Connection,
    task: &str,
    paused: bool,
) -> Result<(), StoreError> {
    let never = Timestamp::from_millis(i64::MAX);
    connection
        .prepare_cached(
            "INSERT INTO schedules (task, expression, due_at, paused) VALUES (?1, '', ?2, ?3)
             ON CONFLICT (task) DO UPDATE SET paused = ?3",
        )?
        .execute(params![task, never, paused])?;
    Ok(())
}
