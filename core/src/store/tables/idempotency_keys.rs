//! Which post a client's retry gets.

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::idempotency::IdempotencyKey;
use crate::ids::PostId;
use crate::store::error::StoreError;

/// Remembers which post a key made.
pub(in crate::store) fn insert(
    connection: &Connection,
    key: &IdempotencyKey,
    post: PostId,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO idempotency_keys (post, hash) VALUES (?1, ?2)")?
        .execute(params![post, key.as_bytes()])?;
    Ok(())
}

/// The post that a key made.
pub(in crate::store) fn find(
    connection: &Connection,
    key: &IdempotencyKey,
) -> Result<Option<PostId>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT post FROM idempotency_keys WHERE hash = ?1")?;
    Ok(statement
        .query_row([key.as_bytes()], |row| row.get(0))
        .optional()?)
}

/// Forgets up to `limit` keys of posts before this one; how many there were.
pub(in crate::store) fn delete_below(
    connection: &Connection,
    post: PostId,
    limit: usize,
) -> Result<usize, StoreError> {
    Ok(connection
        .prepare_cached(
            "DELETE FROM idempotency_keys WHERE post IN
                 (SELECT post FROM idempotency_keys WHERE post < ?1 LIMIT ?2)",
        )?
        .execute(params![post, limit as i64])?)
}

/// Forgets the key that made a post.
pub(in crate::store) fn delete_of_post(
    connection: &Connection,
    post: PostId,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM idempotency_keys WHERE post = ?1")?
        .execute([post])?;
    Ok(())
}
