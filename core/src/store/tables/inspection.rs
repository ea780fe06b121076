//! What the database says about itself.

use rusqlite::Connection;

use super::StoreError;

/// What a statement begins with that can be explained; explaining the others would carry them out.
const EXPLAINED: &[&str] = &["SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "REPLACE"];

/// How SQLite would run a statement, step by step; `None` for what can't be explained.
///
/// # Errors
/// What SQLite says, as of a text that is no statement.
pub(in crate::store) fn plan(
    connection: &Connection,
    sql: &str,
) -> Result<Option<Vec<String>>, StoreError> {
    let sql = sql.trim_start();
    if !EXPLAINED.iter().any(|verb| sql.starts_with(verb)) {
        return Ok(None);
    }
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
    // What isn't bound is null.
    let steps = statement.raw_query().mapped(|row| row.get(3));
    Ok(Some(steps.collect::<rusqlite::Result<_>>()?))
}

/// The version of the schema: how many migrations were applied.
pub(in crate::store) fn schema_version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// The size of the database in pages, how many of them are free, and the bytes of a page.
pub(in crate::store) fn pages(connection: &Connection) -> Result<(i64, i64, i64), StoreError> {
    let read = |name| connection.pragma_query_value(None, name, |row| row.get(0));
    Ok((
        read("page_count")?,
        read("freelist_count")?,
        read("page_size")?,
    ))
}

/// The names of all tables.
pub(in crate::store) fn tables(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT name FROM sqlite_schema
         WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name",
    )?;
    let names = statement.query_map((), |row| row.get(0))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}

/// How many rows a table has, by its largest row number: what was deleted is counted too. `None` for a table without row
/// numbers.
pub(in crate::store) fn rows_at_most(connection: &Connection, table: &str) -> Option<i64> {
    // The name is one of `tables`; a table's name can't be a parameter.
    let sql = format!("SELECT coalesce(max(rowid), 0) FROM \"{table}\"");
    connection.query_row(&sql, (), |row| row.get(0)).ok()
}

/// How many rows the planner believes a table to have, as of its last look; `None` before that.
pub(in crate::store) fn rows_estimated(connection: &Connection, table: &str) -> Option<i64> {
    let sql = "SELECT stat FROM sqlite_stat1 WHERE tbl = ?1 LIMIT 1";
    let stat: String = connection.query_row(sql, [table], |row| row.get(0)).ok()?;
    stat.split(' ').next()?.parse().ok()
}
