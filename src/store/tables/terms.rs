//! The search index: terms made by the tokeniser, never the text itself.

use rusqlite::{Connection, params};

use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;

/// Indexes a post under its dense key, or replaces what stood there.
pub(in crate::store) fn set_post(
    connection: &Connection,
    key: i64,
    terms: &str,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO post_terms (rowid, terms) VALUES (?1, ?2)")?
        .execute(params![key, terms])?;
    Ok(())
}

/// Takes a post out of the index.
pub(in crate::store) fn delete_post(connection: &Connection, key: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM post_terms WHERE rowid = ?1")?
        .execute([key])?;
    Ok(())
}

/// Posts that match an FTS5 expression, newest first, with ids below `below`.
pub(in crate::store) fn find_posts(
    connection: &Connection,
    expression: &str,
    below: PostId,
    limit: usize,
) -> Result<Vec<PostId>, StoreError> {
    // Dense keys grow with ids, so the index is walked from its newest end and stops as soon as the page is full.
    let mut statement = connection.prepare_cached(
        "SELECT posts.id FROM post_terms JOIN posts ON posts.key = post_terms.rowid
         WHERE post_terms MATCH ?1 AND posts.id < ?2
         ORDER BY post_terms.rowid DESC LIMIT ?3",
    )?;
    let rows = statement.query_map(params![expression, below, limit as i64], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Indexes an account's names, or replaces what stood there.
pub(in crate::store) fn set_account(
    connection: &Connection,
    account: AccountId,
    terms: &str,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO account_terms (rowid, terms) VALUES (?1, ?2)")?
        .execute(params![account, terms])?;
    Ok(())
}

/// Takes an account out of the index.
pub(in crate::store) fn delete_account(
    connection: &Connection,
    account: AccountId,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM account_terms WHERE rowid = ?1")?
        .execute([account])?;
    Ok(())
}

/// Accounts that match an FTS5 expression, the most followed first.
pub(in crate::store) fn find_accounts(
    connection: &Connection,
    expression: &str,
    limit: usize,
    offset: usize,
) -> Result<Vec<AccountId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT accounts.id FROM account_terms JOIN accounts ON accounts.id = account_terms.rowid
         WHERE account_terms MATCH ?1 AND accounts.state = 0
         ORDER BY accounts.followers_count DESC, accounts.id LIMIT ?2 OFFSET ?3",
    )?;
    let rows = statement.query_map(params![expression, limit as i64, offset as i64], |row| {
        row.get(0)
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
