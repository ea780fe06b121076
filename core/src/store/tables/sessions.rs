//! Sessions of the website, by the hashes of their cookies.

use rusqlite::{Connection, OptionalExtension, params};

use super::first_column;
use crate::clock::Timestamp;
use crate::domain::access::{Access, Grant, SessionEntry};
use crate::ids::{AccountId, SessionId};
use crate::secret::TokenHash;
use crate::store::error::StoreError;

/// Adds a session.
pub(in crate::store) fn insert(
    connection: &Connection,
    hash: TokenHash,
    account: AccountId,
    agent: &str,
    now: Timestamp,
) -> Result<SessionId, StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO sessions (hash, account, agent, made_at, last_used) VALUES (?1, ?2, ?3, ?4, ?4)",
        )?
        .execute(params![hash, account, agent, now])?;
    Ok(SessionId(connection.last_insert_rowid()))
}

/// What a session opens.
pub(in crate::store) fn find(
    connection: &Connection,
    hash: TokenHash,
) -> Result<Option<Access>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT id, account, last_used FROM sessions WHERE hash = ?1")?;
    let access = statement.query_row([hash], |row| {
        Ok(Access {
            grant: Grant::Session(row.get(0)?),
            account: row.get(1)?,
            last_used: row.get(2)?,
        })
    });
    Ok(access.optional()?)
}

/// An account's sessions, newest first.
pub(in crate::store) fn of_account(
    connection: &Connection,
    account: AccountId,
) -> Result<Vec<SessionEntry>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, agent, made_at, last_used FROM sessions WHERE account = ?1 ORDER BY id DESC",
    )?;
    let rows = statement.query_map([account], |row| {
        Ok(SessionEntry {
            id: row.get(0)?,
            agent: row.get(1)?,
            made_at: row.get(2)?,
            last_used: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Writes down a use.
pub(in crate::store) fn set_last_used(
    connection: &Connection,
    hash: TokenHash,
    now: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE sessions SET last_used = ?2 WHERE hash = ?1")?
        .execute(params![hash, now])?;
    Ok(())
}

/// Removes a session; false when it wasn't there.
pub(in crate::store) fn delete(
    connection: &Connection,
    hash: TokenHash,
) -> Result<bool, StoreError> {
    let deleted = connection
        .prepare_cached("DELETE FROM sessions WHERE hash = ?1")?
        .execute([hash])?;
    Ok(deleted == 1)
}

/// Removes one session of an account by its row.
pub(in crate::store) fn delete_by_id(
    connection: &Connection,
    account: AccountId,
    id: SessionId,
) -> Result<Vec<TokenHash>, StoreError> {
    first_column(
        connection,
        "DELETE FROM sessions WHERE id = ?1 AND account = ?2 RETURNING hash",
        params![id, account],
    )
}

/// Removes an account's sessions but `keep`. Bounded by how many it may have.
pub(in crate::store) fn delete_of_account(
    connection: &Connection,
    account: AccountId,
    keep: Option<SessionId>,
) -> Result<Vec<TokenHash>, StoreError> {
    first_column(
        connection,
        "DELETE FROM sessions WHERE account = ?1 AND id IS NOT ?2 RETURNING hash",
        params![account, keep],
    )
}

/// Removes an account's sessions but the `keep` that were used last.
pub(in crate::store) fn delete_surplus_of_account(
    connection: &Connection,
    account: AccountId,
    keep: usize,
) -> Result<Vec<TokenHash>, StoreError> {
    first_column(
        connection,
        "DELETE FROM sessions WHERE id IN
             (SELECT id FROM sessions WHERE account = ?1 ORDER BY last_used DESC, id DESC LIMIT -1 OFFSET ?2)
         RETURNING hash",
        params![account, keep as i64],
    )
}

/// Removes up to `limit` sessions that nobody used since `until`.
pub(in crate::store) fn delete_idle(
    connection: &Connection,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<TokenHash>, StoreError> {
    first_column(
        connection,
        "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE last_used < ?1 LIMIT ?2)
         RETURNING hash",
        params![until, limit as i64],
    )
}

/// When a session of an account was opened, and by what browser.
pub(in crate::store) fn origin(
    connection: &Connection,
    account: AccountId,
    session: SessionId,
) -> Result<Option<(Timestamp, String)>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT made_at, agent FROM sessions WHERE account = ?1 AND id = ?2")?;
    let found = statement.query_row(params![account, session], |row| {
        Ok((row.get(0)?, row.get(1)?))
    });
    Ok(found.optional()?)
}
