//! Hashtags and the posts that carry them.

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::page::Page;
use crate::ids::PostId;
use crate::store::error::StoreError;

/// Puts a tag, given in its normal form, on a post.
pub(in crate::store) fn insert(
    connection: &Connection,
    post: PostId,
    name: &str,
) -> Result<(), StoreError> {
    let known = id(connection, name)?;
    let tag = match known {
        Some(tag) => tag,
        None => {
            connection
                .prepare_cached("INSERT INTO tags (name) VALUES (?1)")?
                .execute([name])?;
            connection.last_insert_rowid()
        }
    };
    connection
        .prepare_cached("INSERT OR IGNORE INTO post_tags (tag, post) VALUES (?1, ?2)")?
        .execute(params![tag, post])?;
    Ok(())
}

fn id(connection: &Connection, name: &str) -> Result<Option<i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id FROM tags WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

/// Takes every tag off a post; a tag that nothing carries any more is forgotten.
pub(in crate::store) fn delete_of_post(
    connection: &Connection,
    post: PostId,
) -> Result<(), StoreError> {
    let mut statement =
        connection.prepare_cached("DELETE FROM post_tags WHERE post = ?1 RETURNING tag")?;
    let tags: Vec<i64> = statement
        .query_map([post], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for tag in tags {
        connection
            .prepare_cached(
                "DELETE FROM tags WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM post_tags WHERE tag = ?1)",
            )?
            .execute([tag])?;
    }
    Ok(())
}

/// Posts with a tag within a page, nearest to the page's wanted end first.
pub(in crate::store) fn posts(
    connection: &Connection,
    name: &str,
    page: &Page,
) -> Result<Vec<PostId>, StoreError> {
    let Some(tag) = id(connection, name)? else {
        return Ok(Vec::new());
    };
    let sql = if page.from_oldest() {
        "SELECT post FROM post_tags WHERE tag = ?1 AND post > ?2 AND post < ?3 ORDER BY post ASC LIMIT ?4"
    } else {
        "SELECT post FROM post_tags WHERE tag = ?1 AND post > ?2 AND post < ?3 ORDER BY post DESC LIMIT ?4"
    };
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(
        params![tag, page.above(), page.below(), page.limit as i64],
        |row| row.get(0),
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}
