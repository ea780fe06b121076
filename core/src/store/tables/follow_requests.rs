//! Who asked to follow whom and waits.

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::page::Page;
use crate::domain::relationship::FollowOptions;
use crate::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::tables::paged;

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

/// Who waits to follow an account, within a page; the cursor is the row.
pub(in crate::store) fn requesters_page(
    connection: &Connection,
    followee: AccountId,
    page: &Page,
) -> Result<Vec<(i64, AccountId)>, StoreError> {
    paged::rows(
        connection,
        "SELECT id, follower FROM follow_requests WHERE followee = ?1",
        "id",
        page,
        followee.0,
        &[],
    )
}

/// How many wait to follow an account, counted up to `limit`; whoever is hidden doesn't count.
pub(in crate::store) fn count(
    connection: &Connection,
    followee: AccountId,
    limit: usize,
) -> Result<i64, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT count(*) FROM (
             SELECT 1 FROM follow_requests JOIN accounts ON accounts.id = follow_requests.follower
             WHERE follow_requests.followee = ?1 AND accounts.state = 0 LIMIT ?2)",
    )?;
    Ok(statement.query_row(params![followee, limit as i64], |row| row.get(0))?)
}

/// How many accounts an account asked to follow.
pub(in crate::store) fn count_by(
    connection: &Connection,
    follower: AccountId,
) -> Result<i64, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT count(*) FROM follow_requests WHERE follower = ?1")?;
    Ok(statement.query_row([follower], |row| row.get(0))?)
}
