//! What is hidden already and has to be removed bit by bit.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, ToSql, params};

use crate::store::error::StoreError;

/// What a purge removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum PurgeKind {
    /// What hangs on a deleted post: boosts, favourites, bookmarks, notifications.
    Post,
    /// Everything of a deleted account.
    Account,
}

impl ToSql for PurgeKind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let number: i64 = match self {
            Self::Post => 0,
            Self::Account => 1,
        };
        Ok(number.into())
    }
}

impl FromSql for PurgeKind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_i64()? {
            0 => Ok(Self::Post),
            1 => Ok(Self::Account),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}

/// One purge that waits.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Purge {
    pub(in crate::store) id: i64,
    pub(in crate::store) kind: PurgeKind,
    pub(in crate::store) target: i64,
}

/// Asks for a purge.
pub(in crate::store) fn insert(
    connection: &Connection,
    kind: PurgeKind,
    target: i64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO purges (kind, target) VALUES (?1, ?2)")?
        .execute(params![kind, target])?;
    Ok(())
}

/// The oldest purge that waits.
pub(in crate::store) fn first(connection: &Connection) -> Result<Option<Purge>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT id, kind, target FROM purges ORDER BY id LIMIT 1")?;
    let purge = statement.query_row((), |row| {
        Ok(Purge {
            id: row.get(0)?,
            kind: row.get(1)?,
            target: row.get(2)?,
        })
    });
    Ok(purge.optional()?)
}

/// Marks a purge as done.
pub(in crate::store) fn delete(connection: &Connection, id: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM purges WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}
