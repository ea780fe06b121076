//! Archives that members uploaded, and how far they are taken in.

use rusqlite::{Connection, OptionalExtension, params};

use crate::clock::Timestamp;
use crate::domain::arriving::{Arriving, Ended, Outcome};
use crate::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::tables::first_column;

const TABLE: &str = "arrivals";

/// The archive that an account uploaded last.
pub(in crate::store) fn find(
    connection: &Connection,
    account: AccountId,
) -> Result<Option<Arriving>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT asked_at, file, name, bytes, things, done, report, outcome, ended_at, reason
         FROM arrivals WHERE account = ?1",
    )?;
    let found = statement.query_row([account], |row| {
        let outcome: Option<String> = row.get(7)?;
        let arriving = Arriving {
            asked_at: row.get(0)?,
            file: row.get(1)?,
            name: row.get(2)?,
            bytes: row.get(3)?,
            things: row.get(4)?,
            done: row.get(5)?,
            report: row.get(6)?,
            ended: None,
        };
        let (at, reason) = (row.get::<_, Option<Timestamp>>(8)?, row.get(9)?);
        Ok((arriving, outcome, at, reason))
    });
    let Some((arriving, outcome, at, reason)) = found.optional()? else {
        return Ok(None);
    };
    let ended = match (outcome, at) {
        (Some(word), Some(at)) => Some(Ended {
            at,
            outcome: Outcome::from_word(&word).ok_or(StoreError::Corrupt {
                table: TABLE,
                column: "outcome",
                value: word,
            })?,
            reason,
        }),
        _ => None,
    };
    Ok(Some(Arriving { ended, ..arriving }))
}

/// Remembers an upload, which takes the place of the last.
pub(in crate::store) fn begin(
    connection: &Connection,
    account: AccountId,
    now: Timestamp,
    file: &str,
    name: &str,
    bytes: i64,
) -> Result<(), StoreError> {
    delete(connection, account)?;
    connection
        .prepare_cached(
            "INSERT INTO arrivals (account, asked_at, file, name, bytes) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![account, now, file, name, bytes])?;
    Ok(())
}

/// Notes how far it is; false when nobody wants it any more.
pub(in crate::store) fn note(
    connection: &Connection,
    account: AccountId,
    file: &str,
    things: i64,
    done: i64,
    report: &str,
) -> Result<bool, StoreError> {
    let noted = connection
        .prepare_cached(
            "UPDATE arrivals SET things = ?3, done = ?4, report = ?5
             WHERE account = ?1 AND file = ?2 AND outcome IS NULL",
        )?
        .execute(params![account, file, things, done, report])?;
    Ok(noted == 1)
}

/// Notes how the upload of this file ended, unless it has ended already; whether it did.
pub(in crate::store) fn end(
    connection: &Connection,
    account: AccountId,
    file: &str,
    ended: &Ended,
) -> Result<bool, StoreError> {
    let noted = connection
        .prepare_cached(
            "UPDATE arrivals SET file = NULL, outcome = ?3, ended_at = ?4, reason = ?5
             WHERE account = ?1 AND file = ?2 AND outcome IS NULL",
        )?
        .execute(params![
            account,
            file,
            ended.outcome.word(),
            ended.at,
            ended.reason
        ])?;
    Ok(noted == 1)
}

/// Nobody wants the rest of a deleted account's upload. What it says of the account goes, but for the name of its file, by which
/// that is removed.
pub(in crate::store) fn cut_off(
    connection: &Connection,
    account: AccountId,
    now: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE arrivals SET name = '', report = '', reason = NULL, outcome = ?2,
                 ended_at = coalesce(ended_at, ?3)
             WHERE account = ?1",
        )?
        .execute(params![account, Outcome::Cancelled.word(), now])?;
    Ok(())
}

/// Ends every upload that is under way, for a copy that goes where their files aren't.
pub(in crate::store) fn cancel_all(
    connection: &Connection,
    now: Timestamp,
) -> Result<usize, StoreError> {
    Ok(connection
        .prepare_cached(
            "UPDATE arrivals SET file = NULL, outcome = coalesce(outcome, ?1), ended_at = coalesce(ended_at, ?2)
             WHERE file IS NOT NULL OR outcome IS NULL",
        )?
        .execute(params![Outcome::Cancelled.word(), now])?)
}

/// Forgets an account's upload.
pub(in crate::store) fn delete(
    connection: &Connection,
    account: AccountId,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM arrivals WHERE account = ?1")?
        .execute([account])?;
    Ok(())
}

/// Forgets up to `limit` uploads that ended and were begun before `until`; how many.
pub(in crate::store) fn delete_until(
    connection: &Connection,
    until: Timestamp,
    limit: usize,
) -> Result<usize, StoreError> {
    Ok(connection
        .prepare_cached(
            "DELETE FROM arrivals WHERE account IN (
                 SELECT account FROM arrivals WHERE asked_at < ?1 AND outcome IS NOT NULL
                 ORDER BY asked_at LIMIT ?2)",
        )?
        .execute(params![until, limit as i64])?)
}

/// How large the files are together that are needed, in bytes.
pub(in crate::store) fn bytes_under_way(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection
        .prepare_cached("SELECT coalesce(sum(bytes), 0) FROM arrivals WHERE file IS NOT NULL")?
        .query_row((), |row| row.get(0))?)
}

/// The names of the files that are needed.
pub(in crate::store) fn files(connection: &Connection) -> Result<Vec<String>, StoreError> {
    first_column(
        connection,
        "SELECT file FROM arrivals WHERE file IS NOT NULL",
        (),
    )
}

#[cfg(test)]
mod tests {
    use crate::store::testing::{AddAccount, TestStore};
    use crate::store::units::{Mend, MendPart};

    #[test]
    fn uploads_end_where_their_files_are_not() {
        let store = TestStore::open();
        for name in ["wren", "jay"] {
            store.apply(AddAccount(name)).expect("an account");
        }
        store.tamper(
            "INSERT INTO arrivals (account, asked_at, file, name, bytes, outcome, ended_at)
             SELECT id, 1, iif(name = 'wren', 'file', NULL), 'a.zip', 1, iif(name = 'wren', NULL, 'done'),
                 iif(name = 'wren', NULL, 7) FROM accounts",
        );
        let part = MendPart {
            mend: Mend::EveryArchive,
            after: None,
        };
        store.apply(part).expect("it works");
        let cancelled = "SELECT count(*) FROM arrivals WHERE file IS NULL AND outcome = 'cancelled' AND ended_at > 7";
        assert_eq!(store.number(cancelled), 1);
        let done = "SELECT count(*) FROM arrivals WHERE outcome = 'done' AND ended_at = 7";
        assert_eq!(store.number(done), 1);
    }
}
