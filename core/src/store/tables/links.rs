//! Links that work once or a few times, by the hashes of their codes.

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, OptionalExtension, ToSql, params};

use crate::clock::Timestamp;
use crate::ids::AccountId;
use crate::secret::TokenHash;
use crate::store::error::StoreError;

/// What a link is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum LinkKind {
    /// To make the owner's account.
    SetUp,
    /// To set a new password.
    Reset,
    /// To sign up.
    Invite,
    /// To show that a mail address is one's own.
    Confirm,
}

impl ToSql for LinkKind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let number: i64 = match self {
            Self::SetUp => 0,
            Self::Reset => 1,
            Self::Invite => 2,
            Self::Confirm => 3,
        };
        Ok(number.into())
    }
}

/// Adds a link.
pub(in crate::store) fn insert(
    connection: &Connection,
    hash: TokenHash,
    kind: LinkKind,
    account: Option<AccountId>,
    uses: u32,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO links (hash, kind, account, uses_left, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![hash, kind, account, uses, expires_at])?;
    Ok(())
}

/// Whether a link still works, and whose it is.
pub(in crate::store) fn find(
    connection: &Connection,
    hash: TokenHash,
    kind: LinkKind,
    now: Timestamp,
) -> Result<Option<Option<AccountId>>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT account FROM links WHERE hash = ?1 AND kind = ?2 AND uses_left > 0 AND expires_at > ?3",
    )?;
    Ok(statement
        .query_row(params![hash, kind, now], |row| row.get(0))
        .optional()?)
}

/// Uses a link once; whose it is, or `None` when it no longer works.
pub(in crate::store) fn take(
    connection: &Connection,
    hash: TokenHash,
    kind: LinkKind,
    now: Timestamp,
) -> Result<Option<Option<AccountId>>, StoreError> {
    let mut statement = connection.prepare_cached(
        "UPDATE links SET uses_left = uses_left - 1
         WHERE hash = ?1 AND kind = ?2 AND uses_left > 0 AND expires_at > ?3 RETURNING account",
    )?;
    Ok(statement
        .query_row(params![hash, kind, now], |row| row.get(0))
        .optional()?)
}

/// Removes the set-up links; only one at a time stands.
pub(in crate::store) fn delete_set_up(connection: &Connection) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM links WHERE kind = 0")?
        .execute(())?;
    Ok(())
}

/// Removes an account's links of a kind.
pub(in crate::store) fn delete_of_kind(
    connection: &Connection,
    account: AccountId,
    kind: LinkKind,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM links WHERE account = ?1 AND kind = ?2")?
        .execute(params![account, kind])?;
    Ok(())
}

/// Removes all links of an account.
pub(in crate::store) fn delete_of_account(
    connection: &Connection,
    account: AccountId,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM links WHERE account = ?1")?
        .execute([account])?;
    Ok(())
}

/// Forgets up to `limit` links that expired until `until`; how many there were.
pub(in crate::store) fn delete_until(
    connection: &Connection,
    until: Timestamp,
    limit: usize,
) -> Result<usize, StoreError> {
    Ok(connection
        .prepare_cached(
            "DELETE FROM links WHERE hash IN (SELECT hash FROM links WHERE expires_at <= ?1 LIMIT ?2)",
        )?
        .execute(params![until, limit as i64])?)
}
