//! What came out of archives, by the address that it had before.

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::arrival::Origin;
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;

/// Remembers what an address became.
pub(in crate::store) fn insert(
    connection: &Connection,
    account: AccountId,
    origin: Origin,
    post: PostId,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO imports (account, origin, post) VALUES (?1, ?2, ?3)")?
        .execute(params![account, origin.as_bytes(), post])?;
    Ok(())
}

/// What an address of the account's became; it may be deleted since.
pub(in crate::store) fn find(
    connection: &Connection,
    account: AccountId,
    origin: Origin,
) -> Result<Option<PostId>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT post FROM imports WHERE account = ?1 AND origin = ?2")?;
    Ok(statement
        .query_row(params![account, origin.as_bytes()], |row| row.get(0))
        .optional()?)
}

/// The largest id between two (the second exclusive) that an entry has or an imported one had.
pub(in crate::store) fn largest_between(
    connection: &Connection,
    from: PostId,
    below: PostId,
) -> Result<Option<PostId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT max(coalesce((SELECT max(id) FROM posts WHERE id >= ?1 AND id < ?2), 0),
                    coalesce((SELECT max(post) FROM imports WHERE post >= ?1 AND post < ?2), 0))",
    )?;
    let largest: i64 = statement.query_row(params![from, below], |row| row.get(0))?;
    Ok((largest > 0).then_some(PostId(largest)))
}
