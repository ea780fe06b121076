//! Times whose figures have to be computed again, and accounts whose times are being marked so.

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::statistics::Quarter;
use crate::ids::AccountId;
use crate::store::error::StoreError;

/// Marks a quarter of an hour.
pub(in crate::store) fn mark(
    connection: &Connection,
    quarter: Quarter,
    commit: i64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO stale_quarters (quarter, \"commit\") VALUES (?1, ?2)
             ON CONFLICT (quarter) DO UPDATE SET \"commit\" = ?2",
        )?
        .execute(params![quarter, commit])?;
    Ok(())
}

/// The first mark at or after `from` and before `until`.
pub(in crate::store) fn first(
    connection: &Connection,
    from: Quarter,
    until: Quarter,
) -> Result<Option<Quarter>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT quarter FROM stale_quarters WHERE quarter >= ?1 AND quarter < ?2 ORDER BY quarter LIMIT 1",
    )?;
    Ok(statement
        .query_row(params![from, until], |row| row.get(0))
        .optional()?)
}

/// Removes the marks between the two that no commit after `commit` set.
pub(in crate::store) fn clear(
    connection: &Connection,
    from: Quarter,
    until: Quarter,
    commit: i64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "DELETE FROM stale_quarters WHERE quarter >= ?1 AND quarter < ?2 AND \"commit\" <= ?3",
        )?
        .execute(params![from, until, commit])?;
    Ok(())
}

/// Asks for marks on everything that an account did.
pub(in crate::store) fn insert_account(
    connection: &Connection,
    account: AccountId,
) -> Result<(), StoreError> {
    // What was marked before may have been computed since.
    set_account(connection, account, 0)
}

/// Remembers up to which id an account's acts are marked.
pub(in crate::store) fn set_account(
    connection: &Connection,
    account: AccountId,
    after: i64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO stale_accounts (account, after) VALUES (?1, ?2)
             ON CONFLICT (account) DO UPDATE SET after = ?2",
        )?
        .execute(params![account, after])?;
    Ok(())
}

/// An account that waits, and up to which id its acts are marked.
pub(in crate::store) fn first_account(
    connection: &Connection,
) -> Result<Option<(AccountId, i64)>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT account, after FROM stale_accounts ORDER BY account LIMIT 1")?;
    Ok(statement
        .query_row((), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?)
}

/// All of an account's acts are marked.
pub(in crate::store) fn delete_account(
    connection: &Connection,
    account: AccountId,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM stale_accounts WHERE account = ?1")?
        .execute([account])?;
    Ok(())
}

/// The id of the first thing that an account did after an id: signing up, writing, boosting, favouring, following.
pub(in crate::store) fn next_act(
    connection: &Connection,
    account: AccountId,
    after: i64,
) -> Result<Option<i64>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT min(id) FROM (
             SELECT id FROM accounts WHERE id = ?1 AND id > ?2
             UNION ALL
             SELECT min(id) FROM posts WHERE author = ?1 AND id > ?2
             UNION ALL
             SELECT min(id) FROM favourites WHERE account = ?1 AND id > ?2
             UNION ALL
             SELECT min(id) FROM follows WHERE follower = ?1 AND id > ?2)",
    )?;
    Ok(statement.query_row(params![account, after], |row| row.get(0))?)
}
