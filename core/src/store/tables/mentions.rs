//! Who is named in which post.

use rusqlite::{Connection, params};

use crate::domain::post::Mention;
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;

/// Names an account in a post; false when it was named already.
pub(in crate::store) fn insert(
    connection: &Connection,
    post: PostId,
    account: AccountId,
) -> Result<bool, StoreError> {
    let inserted = connection
        .prepare_cached("INSERT OR IGNORE INTO mentions (post, account) VALUES (?1, ?2)")?
        .execute(params![post, account])?;
    Ok(inserted == 1)
}

/// Who is named in a post. Bounded by what a post may name.
pub(in crate::store) fn accounts(
    connection: &Connection,
    post: PostId,
) -> Result<Vec<AccountId>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT account FROM mentions WHERE post = ?1")?;
    let rows = statement.query_map([post], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Who is named in a post, with names.
pub(in crate::store) fn named(
    connection: &Connection,
    post: PostId,
) -> Result<Vec<Mention>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT accounts.id, accounts.name FROM mentions
         JOIN accounts ON accounts.id = mentions.account WHERE mentions.post = ?1",
    )?;
    let rows = statement.query_map([post], |row| {
        Ok(Mention {
            account: row.get(0)?,
            name: row.get(1)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Forgets who is named in a post.
pub(in crate::store) fn delete_of_post(
    connection: &Connection,
    post: PostId,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM mentions WHERE post = ?1")?
        .execute([post])?;
    Ok(())
}
