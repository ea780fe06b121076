//! What the next digests tell.

use rusqlite::{Connection, params};

use crate::clock::Timestamp;
use crate::domain::mail::MailKind;
use crate::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::tables::first_column;

/// One line of a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct DigestItem {
    pub(in crate::store) id: i64,
    /// What it is about.
    pub(in crate::store) kind: MailKind,
    /// The post or the account.
    pub(in crate::store) subject: i64,
    /// When it was kept.
    pub(in crate::store) made_at: Timestamp,
}

/// Adds a line, unless it is there or the account has `most` already.
pub(in crate::store) fn insert(
    connection: &Connection,
    account: AccountId,
    kind: MailKind,
    subject: i64,
    now: Timestamp,
    most: usize,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO digest_items (account, kind, subject, made_at)
             SELECT ?1, ?2, ?3, ?4
             WHERE (SELECT count(*) FROM (SELECT 1 FROM digest_items WHERE account = ?1 LIMIT ?5)) < ?5",
        )?
        .execute(params![account, kind, subject, now, most as i64])?;
    Ok(())
}

/// An account's lines up to `until`, oldest first, at most `limit`.
pub(in crate::store) fn page(
    connection: &Connection,
    account: AccountId,
    until: i64,
    limit: usize,
) -> Result<Vec<DigestItem>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, kind, subject, made_at FROM digest_items WHERE account = ?1 AND id <= ?2
         ORDER BY id LIMIT ?3",
    )?;
    let rows = statement.query_map(params![account, until, limit as i64], |row| {
        Ok(DigestItem {
            id: row.get(0)?,
            kind: row.get(1)?,
            subject: row.get(2)?,
            made_at: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Removes an account's lines up to `until`.
pub(in crate::store) fn delete_until(
    connection: &Connection,
    account: AccountId,
    until: i64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM digest_items WHERE account = ?1 AND id <= ?2")?
        .execute(params![account, until])?;
    Ok(())
}

/// Removes up to `limit` lines that are older than `until`; how many there were.
pub(in crate::store) fn delete_old(
    connection: &Connection,
    until: Timestamp,
    limit: usize,
) -> Result<usize, StoreError> {
    Ok(connection
        .prepare_cached(
            "DELETE FROM digest_items WHERE id IN (
                 SELECT id FROM digest_items WHERE made_at <= ?1 ORDER BY made_at LIMIT ?2)",
        )?
        .execute(params![until, limit as i64])?)
}

/// The accounts after one that have lines waiting, at most `limit`.
pub(in crate::store) fn accounts_after(
    connection: &Connection,
    after: AccountId,
    limit: usize,
) -> Result<Vec<AccountId>, StoreError> {
    first_column(
        connection,
        "SELECT DISTINCT account FROM digest_items WHERE account > ?1 ORDER BY account LIMIT ?2",
        params![after, limit as i64],
    )
}
