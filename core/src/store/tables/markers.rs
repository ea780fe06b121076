//! How far somebody has read.

use rusqlite::{Connection, OptionalExtension, params};

use crate::clock::Timestamp;
use crate::domain::marker::{MarkedTimeline, Marker};
use crate::ids::AccountId;
use crate::store::error::StoreError;

/// Sets a marker; its version grows by one.
pub(in crate::store) fn set(
    connection: &Connection,
    account: AccountId,
    timeline: MarkedTimeline,
    last_read: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO markers (account, timeline, last_read, version, updated_at) VALUES (?1, ?2, ?3, 1, ?4)
             ON CONFLICT (account, timeline) DO UPDATE
             SET last_read = ?3, version = version + 1, updated_at = ?4",
        )?
        .execute(params![account, timeline, last_read, now])?;
    Ok(())
}

/// A marker, `None` when it was never set.
pub(in crate::store) fn find(
    connection: &Connection,
    account: AccountId,
    timeline: MarkedTimeline,
) -> Result<Option<Marker>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT last_read, version, updated_at FROM markers WHERE account = ?1 AND timeline = ?2",
    )?;
    let marker = statement.query_row(params![account, timeline], |row| {
        Ok(Marker {
            timeline,
            last_read: row.get(0)?,
            version: row.get(1)?,
            updated_at: row.get(2)?,
        })
    });
    Ok(marker.optional()?)
}
