//! Who favours which post.

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::page::Page;
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;
use crate::store::tables::{first_column, paged};

/// Adds a favourite, whose id tells its time; false when it stood already.
pub(in crate::store) fn insert(
    connection: &Connection,
    id: i64,
    account: AccountId,
    post: PostId,
) -> Result<bool, StoreError> {
    let inserted = connection
        .prepare_cached("INSERT OR IGNORE INTO favourites (id, account, post) VALUES (?1, ?2, ?3)")?
        .execute(params![id, account, post])?;
    Ok(inserted == 1)
}

/// Removes a favourite; its id, `None` when there was none.
pub(in crate::store) fn delete(
    connection: &Connection,
    account: AccountId,
    post: PostId,
) -> Result<Option<i64>, StoreError> {
    let mut statement = connection
        .prepare_cached("DELETE FROM favourites WHERE account = ?1 AND post = ?2 RETURNING id")?;
    Ok(statement
        .query_row(params![account, post], |row| row.get(0))
        .optional()?)
}

/// Whether an account favours a post.
pub(in crate::store) fn stands(
    connection: &Connection,
    account: AccountId,
    post: PostId,
) -> Result<bool, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM favourites WHERE account = ?1 AND post = ?2")?;
    Ok(statement.exists(params![account, post])?)
}

/// Removes up to `limit` favourites of a post; their ids.
pub(in crate::store) fn delete_of_post(
    connection: &Connection,
    post: PostId,
    limit: usize,
) -> Result<Vec<i64>, StoreError> {
    first_column(
        connection,
        "DELETE FROM favourites WHERE id IN (SELECT id FROM favourites WHERE post = ?1 LIMIT ?2) RETURNING id",
        params![post, limit as i64],
    )
}

/// Who favours a post, within a page; the cursor is the row.
pub(in crate::store) fn accounts_page(
    connection: &Connection,
    post: PostId,
    page: &Page,
) -> Result<Vec<(i64, AccountId)>, StoreError> {
    paged::rows(
        connection,
        "SELECT id, account FROM favourites WHERE post = ?1",
        "id",
        page,
        post.0,
        &[],
    )
}

/// What an account favours, within a page; the cursor is the row.
pub(in crate::store) fn posts_page(
    connection: &Connection,
    account: AccountId,
    page: &Page,
) -> Result<Vec<(i64, PostId)>, StoreError> {
    paged::rows(
        connection,
        "SELECT id, post FROM favourites WHERE account = ?1",
        "id",
        page,
        account.0,
        &[],
    )
}
