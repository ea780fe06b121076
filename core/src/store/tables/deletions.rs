//! What one database has and another, attached as `newer`, has deleted.

use rusqlite::Connection;

use super::first_column;
use crate::domain::account::AccountState;
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;

/// Who the newer database is a store of.
pub(in crate::store) fn newer_identity(connection: &Connection) -> Result<String, StoreError> {
    let sql = "SELECT value FROM newer.meta WHERE name = 'identity'";
    Ok(connection.query_row(sql, (), |row| row.get(0))?)
}

/// The newest commit of the newer database.
pub(in crate::store) fn newer_commit(connection: &Connection) -> Result<i64, StoreError> {
    let sql = "SELECT CAST(value AS INTEGER) FROM newer.meta WHERE name = 'commit'";
    Ok(connection.query_row(sql, (), |row| row.get(0))?)
}

/// The accounts that are deleted there and not here.
pub(in crate::store) fn accounts(connection: &Connection) -> Result<Vec<AccountId>, StoreError> {
    first_column(
        connection,
        "SELECT here.id FROM main.accounts AS here JOIN newer.accounts AS there ON there.id = here.id
         WHERE there.state = ?1 AND here.state <> ?1",
        [AccountState::Deleted],
    )
}

/// The sign-ups that wait here and aren't there any more: they were turned away, or not confirmed in time. Whoever was let in has a
/// row there, deleted or not.
pub(in crate::store) fn sign_ups(connection: &Connection) -> Result<Vec<AccountId>, StoreError> {
    first_column(
        connection,
        "SELECT id FROM main.accounts AS here WHERE state IN (?1, ?2)
             AND NOT EXISTS (SELECT 1 FROM newer.accounts AS there WHERE there.id = here.id)",
        [AccountState::Pending, AccountState::Unconfirmed],
    )
}

/// The accounts that are deleted there and were made after this database, with the marks of their names.
pub(in crate::store) fn marks(
    connection: &Connection,
) -> Result<Vec<(AccountId, String)>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT there.id, there.name FROM newer.accounts AS there
         WHERE there.state = ?1 AND NOT EXISTS (SELECT 1 FROM main.accounts AS here WHERE here.id = there.id)
         ORDER BY there.id",
    )?;
    let rows = statement.query_map([AccountState::Deleted], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The entries that aren't there any more, but those of accounts that are deleted there, which go with them.
pub(in crate::store) fn posts(
    connection: &Connection,
    after: PostId,
    limit: i64,
) -> Result<Vec<PostId>, StoreError> {
    first_column(
        connection,
        "SELECT here.id FROM main.posts AS here JOIN newer.accounts AS author ON author.id = here.author
         WHERE here.id > ?1 AND author.state <> ?2
             AND NOT EXISTS (SELECT 1 FROM newer.posts AS there WHERE there.id = here.id)
         ORDER BY here.id LIMIT ?3",
        (after, AccountState::Deleted, limit),
    )
}
