//! Access tokens, by their hashes.

use rusqlite::{Connection, OptionalExtension, params};

use super::first_column;
use crate::clock::Timestamp;
use crate::domain::access::{Access, Grant, TokenEntry};
use crate::domain::scope::Scopes;
use crate::ids::{AccountId, AppId, TokenId};
use crate::secret::TokenHash;
use crate::store::error::StoreError;

/// What a new token starts with.
pub(in crate::store) struct NewToken<'a> {
    pub(in crate::store) hash: TokenHash,
    pub(in crate::store) app: Option<AppId>,
    pub(in crate::store) account: Option<AccountId>,
    pub(in crate::store) scopes: &'a Scopes,
    /// The code that it was exchanged for.
    pub(in crate::store) code: Option<TokenHash>,
    pub(in crate::store) made_at: Timestamp,
}

/// Adds a token.
pub(in crate::store) fn insert(
    connection: &Connection,
    new: &NewToken<'_>,
) -> Result<TokenId, StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO tokens (hash, app, account, scopes, code, made_at, last_used)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
        )?
        .execute(params![
            new.hash,
            new.app,
            new.account,
            new.scopes,
            new.code,
            new.made_at
        ])?;
    Ok(TokenId(connection.last_insert_rowid()))
}

/// What a token opens.
pub(in crate::store) fn find(
    connection: &Connection,
    hash: TokenHash,
) -> Result<Option<Access>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT id, app, scopes, account, last_used FROM tokens WHERE hash = ?1")?;
    let access = statement.query_row([hash], |row| {
        Ok(Access {
            grant: Grant::Token {
                id: row.get(0)?,
                app: row.get(1)?,
                scopes: row.get(2)?,
            },
            account: row.get(3)?,
            last_used: row.get(4)?,
        })
    });
    Ok(access.optional()?)
}

/// An account's tokens, newest first.
pub(in crate::store) fn of_account(
    connection: &Connection,
    account: AccountId,
) -> Result<Vec<TokenEntry>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT tokens.id, apps.id, apps.name, apps.website, tokens.scopes, tokens.made_at, tokens.last_used
         FROM tokens LEFT JOIN apps ON apps.id = tokens.app
         WHERE tokens.account = ?1 ORDER BY tokens.id DESC",
    )?;
    let rows = statement.query_map([account], |row| {
        let app = match row.get(1)? {
            None => None,
            Some(id) => Some((id, row.get(2)?, row.get(3)?)),
        };
        Ok(TokenEntry {
            id: row.get(0)?,
            app,
            scopes: row.get(4)?,
            made_at: row.get(5)?,
            last_used: row.get(6)?,
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
        .prepare_cached("UPDATE tokens SET last_used = ?2 WHERE hash = ?1")?
        .execute(params![hash, now])?;
    Ok(())
}

/// Removes a token; false when it wasn't there.
pub(in crate::store) fn delete(
    connection: &Connection,
    hash: TokenHash,
) -> Result<bool, StoreError> {
    let deleted = connection
        .prepare_cached("DELETE FROM tokens WHERE hash = ?1")?
        .execute([hash])?;
    Ok(deleted == 1)
}

/// Removes one token of an account by its row.
pub(in crate::store) fn delete_by_id(
    connection: &Connection,
    account: AccountId,
    id: TokenId,
) -> Result<Vec<TokenHash>, StoreError> {
    first_column(
        connection,
        "DELETE FROM tokens WHERE id = ?1 AND account = ?2 RETURNING hash",
        params![id, account],
    )
}

/// Removes every token of an account. Bounded by how many it may have.
pub(in crate::store) fn delete_of_account(
    connection: &Connection,
    account: AccountId,
) -> Result<Vec<TokenHash>, StoreError> {
    first_column(
        connection,
        "DELETE FROM tokens WHERE account = ?1 RETURNING hash",
        [account],
    )
}

/// Removes an account's tokens for one client.
pub(in crate::store) fn delete_of_app(
    connection: &Connection,
    account: AccountId,
    app: AppId,
) -> Result<Vec<TokenHash>, StoreError> {
    first_column(
        connection,
        "DELETE FROM tokens WHERE account = ?1 AND app = ?2 RETURNING hash",
        params![account, app],
    )
}

/// Removes what was exchanged for a code.
pub(in crate::store) fn delete_of_code(
    connection: &Connection,
    code: TokenHash,
) -> Result<Vec<TokenHash>, StoreError> {
    first_column(
        connection,
        "DELETE FROM tokens WHERE code = ?1 RETURNING hash",
        [code],
    )
}

/// Removes an account's tokens but the `keep` that were used last.
pub(in crate::store) fn delete_surplus_of_account(
    connection: &Connection,
    account: AccountId,
    keep: usize,
) -> Result<Vec<TokenHash>, StoreError> {
    first_column(
        connection,
        "DELETE FROM tokens WHERE id IN
             (SELECT id FROM tokens WHERE account = ?1 ORDER BY last_used DESC, id DESC LIMIT -1 OFFSET ?2)
         RETURNING hash",
        params![account, keep as i64],
    )
}

/// Removes a client's own tokens but the newest `keep`.
pub(in crate::store) fn delete_surplus_of_client(
    connection: &Connection,
    app: AppId,
    keep: usize,
) -> Result<Vec<TokenHash>, StoreError> {
    first_column(
        connection,
        "DELETE FROM tokens WHERE id IN
             (SELECT id FROM tokens WHERE app = ?1 AND account IS NULL ORDER BY id DESC LIMIT -1 OFFSET ?2)
         RETURNING hash",
        params![app, keep as i64],
    )
}
