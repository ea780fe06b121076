//! Hashtags and the posts that carry them.

use rusqlite::{Connection, OptionalExtension, params};

use super::day_shares;
use crate::domain::page::Page;
use crate::domain::statistics::Dimension;
use crate::ids::PostId;
use crate::store::error::StoreError;
use crate::store::tables::paged;

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

/// A tag's row by its name in normal form.
pub(in crate::store) fn id(connection: &Connection, name: &str) -> Result<Option<i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id FROM tags WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

/// The tags of a post, in normal form.
pub(in crate::store) fn of_post(
    connection: &Connection,
    post: PostId,
) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT tags.name FROM post_tags JOIN tags ON tags.id = post_tags.tag WHERE post_tags.post = ?1",
    )?;
    let rows = statement.query_map([post], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Takes every tag off a post; a tag that nothing carries any more is forgotten, also by the days that counted it.
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
        let mut statement = connection.prepare_cached(
            "DELETE FROM tags WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM post_tags WHERE tag = ?1)
             RETURNING name",
        )?;
        let forgotten: Option<String> = statement.query_row([tag], |row| row.get(0)).optional()?;
        if let Some(name) = forgotten {
            day_shares::delete_label(connection, Dimension::Tag, &name)?;
        }
    }
    Ok(())
}

/// Whether a post carries a tag.
pub(in crate::store) fn stands(
    connection: &Connection,
    tag: i64,
    post: PostId,
) -> Result<bool, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM post_tags WHERE tag = ?1 AND post = ?2")?;
    Ok(statement.exists(params![tag, post])?)
}

/// Public posts with a tag within a page; the cursor is the post.
pub(in crate::store) fn public_posts_page(
    connection: &Connection,
    tag: i64,
    page: &Page,
) -> Result<Vec<(i64, PostId)>, StoreError> {
    paged::rows(
        connection,
        "SELECT post, post FROM post_tags JOIN posts ON posts.id = post_tags.post
         WHERE post_tags.tag = ?1 AND posts.visibility = 0",
        "post_tags.post",
        page,
        tag,
        &[],
    )
}

/// Tags whose name begins with `prefix` and that stand on a public post of somebody who isn't hidden, by name.
///
/// A tag that only posts for a few carry is no stranger's business, so it isn't there.
pub(in crate::store) fn find_public(
    connection: &Connection,
    prefix: &str,
    limit: usize,
    offset: usize,
) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT name FROM tags
         WHERE name >= ?1 AND name < ?1 || char(1114111)
           AND EXISTS (
               SELECT 1 FROM post_tags JOIN posts ON posts.id = post_tags.post
               JOIN accounts ON accounts.id = posts.author
               WHERE post_tags.tag = tags.id AND posts.visibility = 0 AND accounts.state = 0)
         ORDER BY name LIMIT ?2 OFFSET ?3",
    )?;
    let rows = statement.query_map(params![prefix, limit as i64, offset as i64], |row| {
        row.get(0)
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
