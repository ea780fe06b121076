//! Where jobs lead to, and how each fares.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::clock::Timestamp;
use crate::domain::job::{Breaker, Lane};
use crate::store::error::StoreError;

/// A destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Its name.
    pub name: String,
    /// Who works on what leads there.
    pub lane: Lane,
    /// Whether it is tried at all at the moment.
    pub breaker: Breaker,
    /// Whether somebody stopped it.
    pub paused: bool,
    /// Why it failed last.
    pub last_error: Option<String>,
}

const COLUMNS: &str = "name, lane, failures, open_until, paused, last_error";

fn row(row: &Row<'_>) -> rusqlite::Result<Destination> {
    Ok(Destination {
        name: row.get(0)?,
        lane: row.get(1)?,
        breaker: Breaker {
            failures: row.get(2)?,
            open_until: row.get(3)?,
        },
        paused: row.get(4)?,
        last_error: row.get(5)?,
    })
}

/// Every destination.
pub(in crate::store) fn all(connection: &Connection) -> Result<Vec<Destination>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM destinations ORDER BY name"))?;
    let rows = statement.query_map((), row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// One destination.
pub(in crate::store) fn find(
    connection: &Connection,
    name: &str,
) -> Result<Option<Destination>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM destinations WHERE name = ?1"
    ))?;
    Ok(statement.query_row([name], row).optional()?)
}

/// Writes down how a destination fares.
pub(in crate::store) fn set_breaker(
    connection: &Connection,
    name: &str,
    breaker: Breaker,
    last_error: Option<&str>,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE destinations SET failures = ?2, open_until = ?3, last_error = ?4 WHERE name = ?1",
        )?
        .execute(params![
            name,
            breaker.failures,
            Timestamp::from_millis(breaker.open_until),
            last_error
        ])?;
    Ok(())
}

/// Stops a destination or lets it go on; false when there is none of this name.
pub(in crate::store) fn set_paused(
    connection: &Connection,
    name: &str,
    paused: bool,
) -> Result<bool, StoreError> {
    let changed = connection
        .prepare_cached("UPDATE destinations SET paused = ?2 WHERE name = ?1")?
        .execute(params![name, paused])?;
    Ok(changed == 1)
}
