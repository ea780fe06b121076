//! Who asked to follow whom and waits.

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::relationship::FollowOptions;
use crate::ids::AccountId;
use crate::store::error::StoreError;

/// Adds a request or changes its options; true when it is new.
pub(in crate::store) fn upsert(
    connection: &Connection,
    follower: AccountId,
    followee: AccountId,
    options: FollowOptions,
) -> Result<bool, StoreError> {
    let changed = connection
        .prepare_cached(
            "UPDATE follow_requests SET shows_boosts = ?3, notifies = ?4 WHERE follower = ?1 AND followee = ?2",
        )?
        .execute(params![follower, followee, options.shows_boosts, options.notifies])?;
    if changed == 1 {
        return Ok(false);
    }
    connection
        .prepare_cached(
            "INSERT INTO follow_requests (follower, followee, shows_boosts, notifies) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![follower, followee, options.shows_boosts, options.notifies])?;
    Ok(true)
}

/// Removes a request; its options, or `None` when there was none.
pub(in crate::store) fn take(
    connection: &Connection,
    follower: AccountId,
    followee: AccountId,
) -> Result<Option<FollowOptions>, StoreError> {
    let mut statement = connection.prepare_cached(
        "DELETE FROM follow_requests WHERE follower = ?1 AND followee = ?2 RETURNING shows_boosts, notifies",
    )?;
    let options = statement.query_row(params![follower, followee], |row| {
        Ok(FollowOptions {
            shows_boosts: row.get(0)?,
            notifies: row.get(1)?,
        })
    });
    Ok(options.optional()?)
}

/// The options of a request, `None` when there is none.
pub(in crate::store) fn find(
    connection: &Connection,
    follower: AccountId,
    followee: AccountId,
) -> Result<Option<FollowOptions>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT shows_boosts, notifies FROM follow_requests WHERE follower = ?1 AND followee = ?2",
    )?;
    let options = statement.query_row(params![follower, followee], |row| {
        Ok(FollowOptions {
            shows_boosts: row.get(0)?,
            notifies: row.get(1)?,
        })
    });
    Ok(options.optional()?)
}
