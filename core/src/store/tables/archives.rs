//! Archives that members asked for.

use rusqlite::{Connection, OptionalExtension, params};

use crate::clock::Timestamp;
use crate::domain::archive::{KeptArchive, MadeArchive};
use crate::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::tables::first_column;

/// The archive that an account asked for last.
pub(in crate::store) fn find(
    connection: &Connection,
    account: AccountId,
) -> Result<Option<KeptArchive>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT asked_at, made_at, file, bytes FROM archives WHERE account = ?1")?;
    let found = statement.query_row([account], |row| {
        let made = match (row.get(1)?, row.get(2)?, row.get(3)?) {
            (Some(at), Some(file), Some(bytes)) => Some(MadeArchive { at, file, bytes }),
            _ => None,
        };
        let asked_at = row.get(0)?;
        Ok(KeptArchive { asked_at, made })
    });
    Ok(found.optional()?)
}

/// Remembers that an account asks for another one, which takes the place of the last.
pub(in crate::store) fn ask(
    connection: &Connection,
    account: AccountId,
    now: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO archives (account, asked_at) VALUES (?1, ?2)
             ON CONFLICT (account) DO UPDATE SET asked_at = ?2, made_at = NULL, file = NULL, bytes = NULL",
        )?
        .execute(params![account, now])?;
    Ok(())
}

/// Remembers what was written; false when nobody waits for it.
pub(in crate::store) fn keep(
    connection: &Connection,
    account: AccountId,
    made: &MadeArchive,
) -> Result<bool, StoreError> {
    let kept = connection
        .prepare_cached(
            "UPDATE archives SET made_at = ?2, file = ?3, bytes = ?4 WHERE account = ?1 AND made_at IS NULL",
        )?
        .execute(params![account, made.at, made.file, made.bytes])?;
    Ok(kept == 1)
}

/// Forgets that an account waits for an archive.
pub(in crate::store) fn delete_unmade(
    connection: &Connection,
    account: AccountId,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM archives WHERE account = ?1 AND file IS NULL")?
        .execute([account])?;
    Ok(())
}

/// Forgets an account's archive, whose file is gone.
pub(in crate::store) fn delete(
    connection: &Connection,
    account: AccountId,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM archives WHERE account = ?1")?
        .execute([account])?;
    Ok(())
}

/// Forgets up to `limit` archives that were asked for before `until`; how many.
pub(in crate::store) fn delete_until(
    connection: &Connection,
    until: Timestamp,
    limit: usize,
) -> Result<usize, StoreError> {
    Ok(connection
        .prepare_cached(
            "DELETE FROM archives WHERE account IN (
                 SELECT account FROM archives WHERE asked_at < ?1 ORDER BY asked_at LIMIT ?2)",
        )?
        .execute(params![until, limit as i64])?)
}

/// A file that can be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveFile {
    /// Whose it is.
    pub account: AccountId,
    /// Its name in the directory of archives.
    pub name: String,
    /// Its size, in bytes.
    pub bytes: u64,
}

/// The files that can be fetched; those of deleted accounts are about to be removed.
pub(in crate::store) fn made(connection: &Connection) -> Result<Vec<ArchiveFile>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT account, file, bytes FROM archives
             WHERE file IS NOT NULL AND NOT EXISTS (SELECT 1 FROM accounts WHERE id = archives.account AND state = 3)",
    )?;
    let rows = statement.query_map((), |row| {
        Ok(ArchiveFile {
            account: row.get(0)?,
            name: row.get(1)?,
            bytes: row.get::<_, Option<i64>>(2)?.unwrap_or(0).unsigned_abs(),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The names of the files that can be fetched.
pub(in crate::store) fn files(connection: &Connection) -> Result<Vec<String>, StoreError> {
    first_column(
        connection,
        "SELECT file FROM archives WHERE file IS NOT NULL",
        (),
    )
}
