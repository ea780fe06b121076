//! The search index: terms made by the tokeniser, never the text itself.

use rusqlite::{Connection, params};

use crate::domain::page::Page;
use crate::features;
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;
use crate::store::tables::posts::imported_keys;

/// A change of the index of posts, which are told by their dense keys.
#[derive(Debug)]
pub(in crate::store) enum IndexChange {
    /// A post is new.
    Add {
        /// Its dense key.
        key: i64,
        /// What it is found by.
        terms: String,
    },
    /// A post, which may be in the index, has these terms from now on.
    Replace {
        /// Its dense key.
        key: i64,
        /// What it is found by.
        terms: String,
    },
    /// A post is gone.
    Remove {
        /// Its dense key.
        key: i64,
    },
}

/// Changes the index. Without search nothing is left of a post that is changed: what an author took back is found no
/// longer, whatever is searched with later.
pub(in crate::store) fn apply(
    connection: &Connection,
    change: &IndexChange,
) -> Result<(), StoreError> {
    let (sql, key, terms) = match change {
        IndexChange::Add { key, terms } if features::SEARCH => (
            "INSERT INTO post_terms (rowid, terms) VALUES (?1, ?2)",
            key,
            terms,
        ),
        IndexChange::Replace { key, terms } if features::SEARCH => (
            "INSERT OR REPLACE INTO post_terms (rowid, terms) VALUES (?1, ?2)",
            key,
            terms,
        ),
        IndexChange::Add { key, .. }
        | IndexChange::Replace { key, .. }
        | IndexChange::Remove { key } => {
            connection
                .prepare_cached("DELETE FROM post_terms WHERE rowid = ?1")?
                .execute([key])?;
            return Ok(());
        }
    };
    connection
        .prepare_cached(sql)?
        .execute(params![key, terms])?;
    Ok(())
}

/// Posts that aren't in the index: of the first `limit` above `after` those without terms, with their dense keys and
/// texts; and the last that was looked at, if there were as many.
pub(in crate::store) fn unindexed_posts(
    connection: &Connection,
    after: PostId,
    limit: usize,
) -> Result<(Vec<UnindexedPost>, Option<PostId>), StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, key, spoiler, text,
                boost_of IS NULL AND NOT EXISTS (SELECT 1 FROM post_terms_docsize AS known WHERE known.id = posts.key)
         FROM posts WHERE id > ?1 ORDER BY id LIMIT ?2",
    )?;
    let mut rows = statement.query(params![after, limit as i64])?;
    let (mut unindexed, mut seen, mut last) = (Vec::new(), 0, after);
    while let Some(row) = rows.next()? {
        seen += 1;
        last = row.get(0)?;
        if row.get(4)? {
            unindexed.push(UnindexedPost {
                key: row.get(1)?,
                spoiler: row.get(2)?,
                text: row.get(3)?,
            });
        }
    }
    Ok((unindexed, (seen == limit).then_some(last)))
}

/// A post that isn't in the index.
#[derive(Debug)]
pub(in crate::store) struct UnindexedPost {
    /// Its dense key.
    pub(in crate::store) key: i64,
    /// Its warning; empty for none.
    pub(in crate::store) spoiler: String,
    /// Its text.
    pub(in crate::store) text: String,
}

/// Posts that match an FTS5 expression, within a page, by one author or by anybody; the cursor is the post.
pub(in crate::store) fn posts_page(
    connection: &Connection,
    expression: &str,
    author: Option<AccountId>,
    page: &Page,
) -> Result<Vec<(i64, PostId)>, StoreError> {
    if !features::SEARCH {
        return Ok(Vec::new());
    }
    // Keys grow with ids, those of imported posts among themselves, so the index is walked from one end in each of the two
    // ranges and stops as soon as the page is full.
    let order = if page.from_oldest() { "ASC" } else { "DESC" };
    let found = |above: i64, below: i64| -> Result<Vec<(i64, PostId)>, StoreError> {
        let mut statement = connection.prepare_cached(&format!(
            "SELECT posts.id FROM post_terms JOIN posts ON posts.key = post_terms.rowid
             WHERE post_terms MATCH ?1 AND post_terms.rowid > ?2 AND post_terms.rowid < ?3
                 AND posts.id > ?4 AND posts.id < ?5 AND (?6 IS NULL OR posts.author = ?6)
             ORDER BY post_terms.rowid {order} LIMIT ?7"
        ))?;
        let parameters = params![
            expression,
            above,
            below,
            page.above(),
            page.below(),
            author,
            page.limit as i64
        ];
        let rows = statement.query_map(parameters, |row| Ok((row.get(0)?, row.get(0)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    };
    let mut posts = found(0, i64::MAX)?;
    let (above, below) = imported_keys(page);
    posts.extend(found(above, below.min(0))?);
    posts.sort_unstable_by_key(|(id, _)| if page.from_oldest() { *id } else { -id });
    posts.truncate(page.limit);
    Ok(posts)
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

/// Which accounts a search is for.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct AccountSearch<'a> {
    /// The FTS5 expression.
    pub(in crate::store) expression: &'a str,
    /// Whoever has just this name comes first.
    pub(in crate::store) name: &'a str,
    /// Who searches; blocks between the two leave an account out.
    pub(in crate::store) viewer: Option<AccountId>,
    /// Only whom the viewer follows.
    pub(in crate::store) followed_only: bool,
    /// The most accounts.
    pub(in crate::store) limit: usize,
    /// How many to leave out at the beginning.
    pub(in crate::store) offset: usize,
}

/// Accounts that match, the most followed first.
pub(in crate::store) fn find_accounts(
    connection: &Connection,
    search: AccountSearch<'_>,
) -> Result<Vec<AccountId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT accounts.id FROM account_terms JOIN accounts ON accounts.id = account_terms.rowid
         WHERE account_terms MATCH ?1 AND accounts.state = 0
           AND NOT EXISTS (SELECT 1 FROM blocks WHERE account = ?3 AND target = accounts.id)
           AND NOT EXISTS (SELECT 1 FROM blocks WHERE account = accounts.id AND target = ?3)
           AND (?4 = 0 OR EXISTS (SELECT 1 FROM follows WHERE follower = ?3 AND followee = accounts.id))
         ORDER BY accounts.name = ?2 DESC, accounts.followers_count DESC, accounts.id LIMIT ?5 OFFSET ?6",
    )?;
    let parameters = params![
        search.expression,
        search.name,
        search.viewer,
        search.followed_only,
        search.limit as i64,
        search.offset as i64
    ];
    let rows = statement.query_map(parameters, |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
