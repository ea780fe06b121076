//! Who keeps which post as a bookmark.

use rusqlite::{Connection, params};

use crate::domain::page::Page;
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;
use crate::store::tables::paged;

/// Adds a bookmark; false when it stood already.
pub(in crate::store) fn insert(
    connection: &Connection,
    account: AccountId,
    post: PostId,
) -> Result<bool, StoreError> {
    let inserted = connection
        .prepare_cached("INSERT OR IGNORE INTO bookmarks (account, post) VALUES (?1, ?2)")?
        .execute(params![account, post])?;
    Ok(inserted == 1)
}

/// Removes a bookmark; false when there was none.
pub(in crate::store) fn delete(
    connection: &Connection,
    account: AccountId,
    post: PostId,
) -> Result<bool, StoreError> {
    let deleted = connection
        .prepare_cached("DELETE FROM bookmarks WHERE account = ?1 AND post = ?2")?
        .execute(params![account, post])?;
    Ok(deleted == 1)
}

/// Whether an account keeps a post.
pub(in crate::store) fn stands(
    connection: &Connection,
    account: AccountId,
    post: PostId,
) -> Result<bool, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM bookmarks WHERE account = ?1 AND post = ?2")?;
    Ok(statement.exists(params![account, post])?)
}

/// Removes up to `limit` bookmarks of a post; how many there were.
pub(in crate::store) fn delete_of_post(
    connection: &Connection,
    post: PostId,
    limit: usize,
) -> Result<usize, StoreError> {
    Ok(connection
        .prepare_cached(
            "DELETE FROM bookmarks WHERE id IN (SELECT id FROM bookmarks WHERE post = ?1 LIMIT ?2)",
        )?
        .execute(params![post, limit as i64])?)
}

/// What an account keeps, within a page; the cursor is the row.
pub(in crate::store) fn posts_page(
    connection: &Connection,
    account: AccountId,
    page: &Page,
) -> Result<Vec<(i64, PostId)>, StoreError> {
    paged::rows(
        connection,
        "SELECT id, post FROM bookmarks WHERE account = ?1",
        "id",
        page,
        account.0,
        &[],
    )
}
