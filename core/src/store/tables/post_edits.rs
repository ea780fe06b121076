//! What posts said before their edits.

use rusqlite::{Connection, params};

use crate::domain::post::PostVersion;
use crate::ids::PostId;
use crate::store::error::StoreError;

/// Keeps an earlier version.
pub(in crate::store) fn insert(
    connection: &Connection,
    post: PostId,
    version: &PostVersion,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO post_edits (post, made_at, sensitive, spoiler, text) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![post, version.made_at, version.sensitive, version.spoiler, version.text])?;
    Ok(())
}

/// The earlier versions of a post, oldest first. Bounded by how often a post may be edited.
pub(in crate::store) fn of_post(
    connection: &Connection,
    post: PostId,
) -> Result<Vec<PostVersion>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT made_at, sensitive, spoiler, text FROM post_edits WHERE post = ?1 ORDER BY id",
    )?;
    let rows = statement.query_map([post], |row| {
        Ok(PostVersion {
            made_at: row.get(0)?,
            sensitive: row.get(1)?,
            spoiler: row.get(2)?,
            text: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many earlier versions a post has.
pub(in crate::store) fn count(connection: &Connection, post: PostId) -> Result<i64, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT count(*) FROM post_edits WHERE post = ?1")?;
    Ok(statement.query_row([post], |row| row.get(0))?)
}

/// Forgets the earlier versions of a post.
pub(in crate::store) fn delete_of_post(
    connection: &Connection,
    post: PostId,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM post_edits WHERE post = ?1")?
        .execute([post])?;
    Ok(())
}
