//! Rows read from end to end, in parts, by whoever holds what is derived from them against what it is derived from.

use rusqlite::{Connection, OptionalExtension, params};

use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;

/// A post with what is found in it.
#[derive(Debug)]
pub(in crate::store) struct Text {
    /// Its dense key.
    pub(in crate::store) key: i64,
    /// Its id.
    pub(in crate::store) id: PostId,
    /// Its warning; empty for none.
    pub(in crate::store) spoiler: String,
    /// Its text.
    pub(in crate::store) text: String,
}

/// The next `limit` posts above a key, boosts left out.
pub(in crate::store) fn texts(
    connection: &Connection,
    above: i64,
    limit: usize,
) -> Result<Vec<Text>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT key, id, spoiler, text FROM posts WHERE key > ?1 AND boost_of IS NULL ORDER BY key LIMIT ?2",
    )?;
    let rows = statement.query_map(params![above, limit as i64], |row| {
        Ok(Text {
            key: row.get(0)?,
            id: row.get(1)?,
            spoiler: row.get(2)?,
            text: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The id of the post with a dense key.
pub(in crate::store) fn id_of(
    connection: &Connection,
    key: i64,
) -> Result<Option<PostId>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id FROM posts WHERE key = ?1")?;
    Ok(statement.query_row([key], |row| row.get(0)).optional()?)
}

/// Every entry of an author above an id.
pub(in crate::store) fn entries_above(
    connection: &Connection,
    author: AccountId,
    above: PostId,
) -> Result<Vec<PostId>, StoreError> {
    super::first_column(
        connection,
        "SELECT id FROM posts WHERE author = ?1 AND id > ?2",
        params![author, above],
    )
}

/// An account that can be found by its names.
#[derive(Debug)]
pub(in crate::store) struct Named {
    /// Its id.
    pub(in crate::store) id: AccountId,
    /// Its name.
    pub(in crate::store) name: String,
    /// What it calls itself.
    pub(in crate::store) display_name: String,
}

/// The next `limit` accounts above one that aren't deleted.
pub(in crate::store) fn named(
    connection: &Connection,
    above: AccountId,
    limit: usize,
) -> Result<Vec<Named>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, name, display_name FROM accounts WHERE id > ?1 AND state <> 3 ORDER BY id LIMIT ?2",
    )?;
    let rows = statement.query_map(params![above, limit as i64], |row| {
        Ok(Named {
            id: row.get(0)?,
            name: row.get(1)?,
            display_name: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A search index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Index {
    /// That of posts, told by their dense keys.
    Posts,
    /// That of accounts.
    Accounts,
}

impl Index {
    /// What the schema calls it.
    pub(in crate::store) const fn table(self) -> &'static str {
        match self {
            Self::Posts => "post_terms",
            Self::Accounts => "account_terms",
        }
    }

    /// Whether something is in it.
    pub(in crate::store) fn knows(
        self,
        connection: &Connection,
        row: i64,
    ) -> Result<bool, StoreError> {
        let mut statement = connection.prepare_cached(match self {
            Self::Posts => "SELECT 1 FROM post_terms_docsize WHERE id = ?1",
            Self::Accounts => "SELECT 1 FROM account_terms_docsize WHERE id = ?1",
        })?;
        Ok(statement.exists([row])?)
    }

    /// Goes through every place in it, in no order that matters: the row, the term, where in the row it stands. Ends when
    /// `visit` says so.
    pub(in crate::store) fn walk(
        self,
        connection: &Connection,
        visit: &mut dyn FnMut(i64, &str, i64) -> bool,
    ) -> Result<(), StoreError> {
        // A table of this connection's own, which is in no file; and the connection can write none but those.
        connection.pragma_update(None, "query_only", false)?;
        let (make, read, drop) = match self {
            Self::Posts => (
                "CREATE VIRTUAL TABLE temp.post_places USING fts5vocab(main, post_terms, instance)",
                "SELECT doc, term, offset FROM temp.post_places",
                "DROP TABLE temp.post_places",
            ),
            Self::Accounts => (
                "CREATE VIRTUAL TABLE temp.account_places USING fts5vocab(main, account_terms, instance)",
                "SELECT doc, term, offset FROM temp.account_places",
                "DROP TABLE temp.account_places",
            ),
        };
        connection.execute_batch(make)?;
        let walked = walk(connection, read, visit);
        connection.execute_batch(drop)?;
        walked
    }
}

fn walk(
    connection: &Connection,
    read: &str,
    visit: &mut dyn FnMut(i64, &str, i64) -> bool,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare(read)?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let term = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        if !visit(row.get(0)?, term, row.get(2)?) {
            break;
        }
    }
    Ok(())
}

/// Whether anything that hangs on a deleted post or account waits to be removed.
pub(in crate::store) fn is_purging(connection: &Connection) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM jobs WHERE kind IN ('purge_post', 'purge_account') LIMIT 1",
    )?;
    Ok(statement.exists(())?)
}

/// How many there are of what an instance consists of: accounts that aren't deleted, posts and boosts, follows.
pub(in crate::store) fn census(connection: &Connection) -> Result<[i64; 3], StoreError> {
    Ok(connection.query_row(
        "SELECT (SELECT count(*) FROM accounts WHERE state <> 3), (SELECT count(*) FROM posts),
             (SELECT count(*) FROM follows)",
        (),
        |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]),
    )?)
}
