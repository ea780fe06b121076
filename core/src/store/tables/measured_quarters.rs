//! What the machine measured, by quarters of an hour.

use rusqlite::{Connection, params};

use crate::domain::statistics::{MeasuredDay, Quarter};
use crate::store::error::StoreError;

/// Adds letters to a quarter's.
pub(in crate::store) fn add_mail(
    connection: &Connection,
    quarter: Quarter,
    sent: i64,
    failed: i64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO measured_quarters (quarter, mail_sent, mail_failed) VALUES (?1, ?2, ?3)
             ON CONFLICT (quarter) DO UPDATE SET
                 mail_sent = mail_sent + ?2, mail_failed = mail_failed + ?3",
        )?
        .execute(params![quarter, sent, failed])?;
    Ok(())
}

/// Remembers a size of the database, in bytes.
pub(in crate::store) fn set_database_bytes(
    connection: &Connection,
    quarter: Quarter,
    bytes: i64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO measured_quarters (quarter, database_bytes) VALUES (?1, ?2)
             ON CONFLICT (quarter) DO UPDATE SET database_bytes = ?2",
        )?
        .execute(params![quarter, bytes])?;
    Ok(())
}

/// What was measured from a quarter on and before another, together; of the sizes the last.
pub(in crate::store) fn between(
    connection: &Connection,
    from: Quarter,
    until: Quarter,
) -> Result<MeasuredDay, StoreError> {
    let (mail_sent, mail_failed) = connection
        .prepare_cached(
            "SELECT coalesce(sum(mail_sent), 0), coalesce(sum(mail_failed), 0) FROM measured_quarters
             WHERE quarter >= ?1 AND quarter < ?2",
        )?
        .query_row(params![from, until], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let database_bytes = connection
        .prepare_cached(
            "SELECT max(database_bytes) FROM (
                 SELECT database_bytes FROM measured_quarters
                 WHERE quarter >= ?1 AND quarter < ?2 AND database_bytes IS NOT NULL
                 ORDER BY quarter DESC LIMIT 1)",
        )?
        .query_row(params![from, until], |row| row.get(0))?;
    Ok(MeasuredDay {
        database_bytes,
        mail_sent,
        mail_failed,
    })
}
