//! Which post a client's retry gets.

use rusqlite::{Connection, OptionalExtension, params};

use crate::clock::Timestamp;
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;

/// Remembers which post a key made.
pub(in crate::store) fn insert(
    connection: &Connection,
    account: AccountId,
    key: &[u8],
    post: PostId,
    now: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO idempotency_keys (account, key, post, made_at) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![account, key, post, now])?;
    Ok(())
}

/// The post that a key made since `since`.
pub(in crate::store) fn find(
    connection: &Connection,
    account: AccountId,
    key: &[u8],
    since: Timestamp,
) -> Result<Option<PostId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT post FROM idempotency_keys WHERE account = ?1 AND key = ?2 AND made_at > ?3",
    )?;
    Ok(statement
        .query_row(params![account, key, since], |row| row.get(0))
        .optional()?)
}

/// Forgets up to `limit` keys made until `until`; how many there were.
pub(in crate::store) fn delete_until(
    connection: &Connection,
    until: Timestamp,
    limit: usize,
) -> Result<usize, StoreError> {
    Ok(connection
        .prepare_cached(
            "DELETE FROM idempotency_keys WHERE (account, key) IN
                 (SELECT account, key FROM idempotency_keys WHERE made_at <= ?1 LIMIT ?2)",
        )?
        .execute(params![until, limit as i64])?)
}

/// Forgets the keys that made a post.
pub(in crate::store) fn delete_of_post(
    connection: &Connection,
    post: PostId,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM idempotency_keys WHERE post = ?1")?
        .execute([post])?;
    Ok(())
}
