//! Who follows whom.

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::page::Page;
use crate::domain::relationship::FollowOptions;
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;
use crate::store::tables::paged;

/// Adds a follow, whose id tells its time, or changes the options of the one that stands; true when it is new.
pub(in crate::store) fn upsert(
    connection: &Connection,
    id: i64,
    follower: AccountId,
    followee: AccountId,
    options: FollowOptions,
) -> Result<bool, StoreError> {
    let changed = connection
        .prepare_cached(
            "UPDATE follows SET shows_boosts = ?3, notifies = ?4 WHERE follower = ?1 AND followee = ?2",
        )?
        .execute(params![follower, followee, options.shows_boosts, options.notifies])?;
    if changed == 1 {
        return Ok(false);
    }
    connection
        .prepare_cached(
            "INSERT INTO follows (id, follower, followee, shows_boosts, notifies) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![id, follower, followee, options.shows_boosts, options.notifies])?;
    Ok(true)
}

/// Removes a follow; its id, `None` when there was none.
pub(in crate::store) fn delete(
    connection: &Connection,
    follower: AccountId,
    followee: AccountId,
) -> Result<Option<i64>, StoreError> {
    let mut statement = connection
        .prepare_cached("DELETE FROM follows WHERE follower = ?1 AND followee = ?2 RETURNING id")?;
    Ok(statement
        .query_row(params![follower, followee], |row| row.get(0))
        .optional()?)
}

/// The options of a follow, `None` when there is none.
pub(in crate::store) fn find(
    connection: &Connection,
    follower: AccountId,
    followee: AccountId,
) -> Result<Option<FollowOptions>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT shows_boosts, notifies FROM follows WHERE follower = ?1 AND followee = ?2",
    )?;
    let options = statement.query_row(params![follower, followee], |row| {
        Ok(FollowOptions {
            shows_boosts: row.get(0)?,
            notifies: row.get(1)?,
        })
    });
    Ok(options.optional()?)
}

/// Whom an account follows. Bounded by the limit on follows.
pub(in crate::store) fn followees(
    connection: &Connection,
    follower: AccountId,
) -> Result<Vec<(AccountId, FollowOptions)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT followee, shows_boosts, notifies FROM follows WHERE follower = ?1",
    )?;
    let rows = statement.query_map([follower], |row| {
        Ok((
            row.get(0)?,
            FollowOptions {
                shows_boosts: row.get(1)?,
                notifies: row.get(2)?,
            },
        ))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whom an account follows that wrote or boosted something, each with its newest entry, in no order.
pub(in crate::store) fn followees_with_last_entry(
    connection: &Connection,
    follower: AccountId,
) -> Result<Vec<(AccountId, PostId)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT accounts.id, accounts.last_entry FROM follows
         JOIN accounts ON accounts.id = follows.followee
         WHERE follows.follower = ?1 AND accounts.last_entry > 0 AND accounts.state <> 3",
    )?;
    let rows = statement.query_map([follower], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Who asked to be told of each new post of an account: the first `limit`.
pub(in crate::store) fn notified_followers(
    connection: &Connection,
    followee: AccountId,
    after: AccountId,
    limit: usize,
) -> Result<Vec<AccountId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT follower FROM follows WHERE followee = ?1 AND notifies = 1 AND follower > ?2
         ORDER BY follower LIMIT ?3",
    )?;
    let rows = statement.query_map(params![followee, after, limit as i64], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Who follows an account, within a page; the cursor is the row.
pub(in crate::store) fn followers_page(
    connection: &Connection,
    followee: AccountId,
    page: &Page,
) -> Result<Vec<(i64, AccountId)>, StoreError> {
    paged::rows(
        connection,
        "SELECT id, follower FROM follows WHERE followee = ?1",
        "id",
        page,
        followee.0,
        &[],
    )
}

/// Whom an account follows, within a page; the cursor is the row.
pub(in crate::store) fn followees_page(
    connection: &Connection,
    follower: AccountId,
    page: &Page,
) -> Result<Vec<(i64, AccountId)>, StoreError> {
    paged::rows(
        connection,
        "SELECT id, followee FROM follows WHERE follower = ?1",
        "id",
        page,
        follower.0,
        &[],
    )
}
