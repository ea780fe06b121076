//! Authorization codes, by their hashes.

use rusqlite::{Connection, OptionalExtension, params};

use crate::clock::Timestamp;
use crate::domain::scope::Scopes;
use crate::ids::{AccountId, AppId};
use crate::secret::TokenHash;
use crate::store::error::StoreError;

/// One code, with all that it is bound to.
pub(in crate::store) struct Code {
    pub(in crate::store) hash: TokenHash,
    pub(in crate::store) app: AppId,
    pub(in crate::store) account: AccountId,
    pub(in crate::store) redirect_uri: String,
    pub(in crate::store) scopes: Scopes,
    pub(in crate::store) challenge: Option<TokenHash>,
    pub(in crate::store) expires_at: Timestamp,
    pub(in crate::store) used: bool,
}

/// Adds a code.
pub(in crate::store) fn insert(connection: &Connection, code: &Code) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO codes (hash, app, account, redirect_uri, scopes, challenge, expires_at, used)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            code.hash,
            code.app,
            code.account,
            code.redirect_uri,
            code.scopes,
            code.challenge,
            code.expires_at,
            code.used
        ])?;
    Ok(())
}

/// A code, used or not, expired or not.
pub(in crate::store) fn find(
    connection: &Connection,
    hash: TokenHash,
) -> Result<Option<Code>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT app, account, redirect_uri, scopes, challenge, expires_at, used FROM codes WHERE hash = ?1",
    )?;
    let code = statement.query_row([hash], |row| {
        Ok(Code {
            hash,
            app: row.get(0)?,
            account: row.get(1)?,
            redirect_uri: row.get(2)?,
            scopes: row.get(3)?,
            challenge: row.get(4)?,
            expires_at: row.get(5)?,
            used: row.get(6)?,
        })
    });
    Ok(code.optional()?)
}

/// Marks a code as used.
pub(in crate::store) fn set_used(
    connection: &Connection,
    hash: TokenHash,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE codes SET used = 1 WHERE hash = ?1")?
        .execute([hash])?;
    Ok(())
}

/// Removes every code of an account. Bounded by how long they live and how fast consent can be given.
pub(in crate::store) fn delete_of_account(
    connection: &Connection,
    account: AccountId,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM codes WHERE account = ?1")?
        .execute([account])?;
    Ok(())
}

/// Removes an account's codes for one client.
pub(in crate::store) fn delete_of_app(
    connection: &Connection,
    account: AccountId,
    app: AppId,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM codes WHERE account = ?1 AND app = ?2")?
        .execute(params![account, app])?;
    Ok(())
}

/// Forgets up to `limit` codes that expired until `until`; how many there were.
pub(in crate::store) fn delete_until(
    connection: &Connection,
    until: Timestamp,
    limit: usize,
) -> Result<usize, StoreError> {
    Ok(connection
        .prepare_cached(
            "DELETE FROM codes WHERE hash IN (SELECT hash FROM codes WHERE expires_at <= ?1 LIMIT ?2)",
        )?
        .execute(params![until, limit as i64])?)
}
