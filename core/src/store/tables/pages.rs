//! The pages of the database file, as bytes. SQLite shows them as a table, where it is built that way (`.cargo/config.toml`).

use rusqlite::{Connection, OptionalExtension};

use crate::store::error::StoreError;

/// Whether pages can be read and written.
pub(in crate::store) fn are_shown(connection: &Connection) -> Result<bool, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT 1 FROM pragma_module_list WHERE name = 'sqlite_dbpage'")?;
    Ok(statement.exists(())?)
}

/// How many there are.
pub(in crate::store) fn count(connection: &Connection) -> Result<u32, StoreError> {
    Ok(connection.query_row("PRAGMA page_count", (), |row| row.get(0))?)
}

/// One page, by its number; the first is 1.
pub(in crate::store) fn read(
    connection: &Connection,
    number: u32,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT data FROM sqlite_dbpage WHERE pgno = ?1")?;
    Ok(statement.query_row([number], |row| row.get(0)).optional()?)
}

/// Writes one page as a whole, in the transaction that there is.
pub(in crate::store) fn write(
    connection: &Connection,
    number: u32,
    page: &[u8],
) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE sqlite_dbpage SET data = ?2 WHERE pgno = ?1")?
        .execute((number, page))?;
    Ok(())
}
