//! The database file itself: its size and the statistics that plans are made of.

use rusqlite::Connection;

use crate::store::error::StoreError;

/// Gives up to `pages` unused pages back to the file system; whether more are left.
pub(in crate::store) fn shrink(connection: &Connection, pages: i64) -> Result<bool, StoreError> {
    let unused = || -> Result<i64, StoreError> {
        Ok(connection.query_row("PRAGMA freelist_count", (), |row| row.get(0))?)
    };
    let before = unused()?;
    if before == 0 {
        return Ok(false);
    }
    // Each step of the statement gives back one page.
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut steps = statement.query(())?;
    while steps.next()?.is_some() {}
    drop(steps);
    let after = unused()?;
    Ok(0 < after && after < before)
}

/// Counts anew what the planner of queries goes by, where that is worth it. With a limit SQLite keeps numbers only; without
/// one it would keep values of the columns as samples, which nobody would take out again when they are deleted.
pub(in crate::store) fn optimise(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch("PRAGMA analysis_limit = 400; PRAGMA optimize;")?;
    Ok(())
}

/// How many bytes the database takes.
pub(in crate::store) fn size(connection: &Connection) -> Result<i64, StoreError> {
    let pages: i64 = connection.query_row("PRAGMA page_count", (), |row| row.get(0))?;
    let bytes: i64 = connection.query_row("PRAGMA page_size", (), |row| row.get(0))?;
    Ok(pages * bytes)
}
