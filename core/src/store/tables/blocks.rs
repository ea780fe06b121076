//! Who blocks whom.

use rusqlite::{Connection, params};

use crate::domain::page::Page;
use crate::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::tables::paged;

/// Adds a block; false when it stood already.
pub(in crate::store) fn insert(
    connection: &Connection,
    account: AccountId,
    target: AccountId,
) -> Result<bool, StoreError> {
    let inserted = connection
        .prepare_cached("INSERT OR IGNORE INTO blocks (account, target) VALUES (?1, ?2)")?
        .execute(params![account, target])?;
    Ok(inserted == 1)
}

/// Removes a block; false when there was none.
pub(in crate::store) fn delete(
    connection: &Connection,
    account: AccountId,
    target: AccountId,
) -> Result<bool, StoreError> {
    let deleted = connection
        .prepare_cached("DELETE FROM blocks WHERE account = ?1 AND target = ?2")?
        .execute(params![account, target])?;
    Ok(deleted == 1)
}

/// Whether an account blocks another.
pub(in crate::store) fn stands(
    connection: &Connection,
    account: AccountId,
    target: AccountId,
) -> Result<bool, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM blocks WHERE account = ?1 AND target = ?2")?;
    Ok(statement.exists(params![account, target])?)
}

/// Whether either of two accounts blocks the other.
pub(in crate::store) fn stands_either_way(
    connection: &Connection,
    one: AccountId,
    other: AccountId,
) -> Result<bool, StoreError> {
    Ok(stands(connection, one, other)? || stands(connection, other, one)?)
}

/// Whom an account blocks.
pub(in crate::store) fn targets(
    connection: &Connection,
    account: AccountId,
) -> Result<Vec<AccountId>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT target FROM blocks WHERE account = ?1")?;
    let rows = statement.query_map([account], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Who blocks an account.
pub(in crate::store) fn blockers(
    connection: &Connection,
    target: AccountId,
) -> Result<Vec<AccountId>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT account FROM blocks WHERE target = ?1")?;
    let rows = statement.query_map([target], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whom an account blocks, within a page; the cursor is the row.
pub(in crate::store) fn targets_page(
    connection: &Connection,
    account: AccountId,
    page: &Page,
) -> Result<Vec<(i64, AccountId)>, StoreError> {
    paged::rows(
        connection,
        "SELECT id, target FROM blocks WHERE account = ?1",
        "id",
        page,
        account.0,
        &[],
    )
}
