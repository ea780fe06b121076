//! Posts and boosts.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::mentions;
use crate::clock::Timestamp;
use crate::domain::account::AccountState;
use crate::domain::page::Page;
use crate::domain::post::{Boosted, Post, PostApp, PostCounter, PostCounts, PostFacts, RepliedTo};
use crate::domain::visibility::Visibility;
use crate::ids::{AccountId, AppId, PostId};
use crate::store::error::StoreError;
use crate::store::queries::lists::ListedEntry;
use crate::store::tables::paged;

/// Up to so many boosts of a post are walked to find one by a followee; of more, the followees are walked, whose number
/// is bounded. Unit tests are small, so that theirs meet both ways.
const BOOSTS_WALKED_MAX: i64 = if cfg!(test) { 2 } else { 256 };

/// What a new entry starts with.
pub(in crate::store) struct NewPost<'a> {
    pub(in crate::store) id: PostId,
    pub(in crate::store) author: AccountId,
    pub(in crate::store) visibility: Visibility,
    pub(in crate::store) boost_of: Option<Boosted>,
    pub(in crate::store) reply_to: Option<RepliedTo>,
    pub(in crate::store) sensitive: bool,
    pub(in crate::store) spoiler: &'a str,
    pub(in crate::store) text: &'a str,
    pub(in crate::store) language: Option<&'a str>,
    pub(in crate::store) app: Option<AppId>,
}

/// The key of an imported entry: below all dense ones, and in the order of ids among its like. Dense keys leave no room
/// between two posts for one that was made in between; and the index of terms is walked in the order of keys.
fn imported_key(id: PostId) -> i64 {
    i64::MIN + id.0
}

/// The ids of a page as keys of imported entries: above the first, below the second.
pub(in crate::store) fn imported_keys(page: &Page) -> (i64, i64) {
    let key = |id: i64| imported_key(PostId(id.max(0)));
    (key(page.above()), key(page.below()))
}

/// Adds an entry that was made elsewhere, before now; answers its key.
pub(in crate::store) fn insert_imported(
    connection: &Connection,
    new: &NewPost<'_>,
    edited_at: Option<Timestamp>,
) -> Result<i64, StoreError> {
    let key = imported_key(new.id);
    connection
        .prepare_cached(
            "INSERT INTO posts (key, id, author, visibility, boost_of, boost_author, reply_to, reply_author,
                 sensitive, spoiler, text, language, edited_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            key,
            new.id,
            new.author,
            new.visibility,
            new.boost_of.map(|boosted| boosted.post),
            new.boost_of.map(|boosted| boosted.author),
            new.reply_to.map(|parent| parent.post),
            new.reply_to.map(|parent| parent.author),
            new.sensitive,
            new.spoiler,
            new.text,
            new.language,
            edited_at
        ])?;
    Ok(key)
}

/// Adds an entry; answers its dense key.
pub(in crate::store) fn insert(
    connection: &Connection,
    new: &NewPost<'_>,
) -> Result<i64, StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO posts (id, author, visibility, boost_of, boost_author, reply_to, reply_author,
                 sensitive, spoiler, text, language, app)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            new.id,
            new.author,
            new.visibility,
            new.boost_of.map(|boosted| boosted.post),
            new.boost_of.map(|boosted| boosted.author),
            new.reply_to.map(|parent| parent.post),
            new.reply_to.map(|parent| parent.author),
            new.sensitive,
            new.spoiler,
            new.text,
            new.language,
            new.app
        ])?;
    let key = connection.last_insert_rowid();
    if key > 0 {
        return Ok(key);
    }
    // SQLite counts on from the largest key, which is that of an imported entry where nobody wrote anything yet.
    connection.execute("UPDATE posts SET key = 1 WHERE key = ?1", [key])?;
    Ok(1)
}

/// An entry that is removed, as far as the index knew it.
pub(in crate::store) struct DeletedPost {
    /// Its dense key.
    pub(in crate::store) key: i64,
    /// Its warning; empty for none.
    pub(in crate::store) spoiler: String,
    /// Its text.
    pub(in crate::store) text: String,
}

/// Removes an entry.
pub(in crate::store) fn delete(
    connection: &Connection,
    id: PostId,
) -> Result<Option<DeletedPost>, StoreError> {
    let mut statement = connection
        .prepare_cached("DELETE FROM posts WHERE id = ?1 RETURNING key, spoiler, text")?;
    let deleted = statement.query_row([id], |row| {
        Ok(DeletedPost {
            key: row.get(0)?,
            spoiler: row.get(1)?,
            text: row.get(2)?,
        })
    });
    Ok(deleted.optional()?)
}

/// An entry's dense key.
pub(in crate::store) fn key(
    connection: &Connection,
    id: PostId,
) -> Result<Option<i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT key FROM posts WHERE id = ?1")?;
    Ok(statement.query_row([id], |row| row.get(0)).optional()?)
}

const FACTS: &str = "posts.id, posts.author, accounts.state, posts.visibility, posts.boost_of, \
     posts.boost_author, posts.reply_to, posts.reply_author";

fn facts_without_mentions(row: &Row<'_>) -> rusqlite::Result<PostFacts> {
    let state: AccountState = row.get(2)?;
    let boost_of = match (row.get(4)?, row.get(5)?) {
        (Some(post), Some(author)) => Some(Boosted { post, author }),
        _ => None,
    };
    let reply_to = match (row.get(6)?, row.get(7)?) {
        (Some(post), Some(author)) => Some(RepliedTo { post, author }),
        _ => None,
    };
    Ok(PostFacts {
        id: row.get(0)?,
        author: row.get(1)?,
        author_hidden: state.is_hidden(),
        visibility: row.get(3)?,
        boost_of,
        reply_to,
        mentions: Vec::new(),
    })
}

/// What the rules know of an entry.
pub(in crate::store) fn facts(
    connection: &Connection,
    id: PostId,
) -> Result<Option<PostFacts>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {FACTS} FROM posts JOIN accounts ON accounts.id = posts.author WHERE posts.id = ?1"
    ))?;
    let Some(mut facts) = statement
        .query_row([id], facts_without_mentions)
        .optional()?
    else {
        return Ok(None);
    };
    facts.mentions = mentions::accounts(connection, id)?;
    Ok(Some(facts))
}

/// An entry with all that its rendering needs.
pub(in crate::store) fn find(
    connection: &Connection,
    id: PostId,
) -> Result<Option<Post>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {FACTS}, posts.text, posts.spoiler, posts.sensitive, posts.language, posts.edited_at,
             posts.replies_count, posts.boosts_count, posts.favourites_count,
             apps.id, apps.name, apps.website
         FROM posts JOIN accounts ON accounts.id = posts.author
         LEFT JOIN apps ON apps.id = posts.app
         WHERE posts.id = ?1"
    ))?;
    let post = statement.query_row([id], |row| {
        let app = match row.get(16)? {
            None => None,
            Some(id) => Some(PostApp {
                id,
                name: row.get(17)?,
                website: row.get(18)?,
            }),
        };
        Ok(Post {
            facts: facts_without_mentions(row)?,
            text: row.get(8)?,
            spoiler: row.get(9)?,
            sensitive: row.get(10)?,
            language: row.get(11)?,
            mentions: Vec::new(),
            app,
            edited_at: row.get(12)?,
            counts: PostCounts {
                replies: row.get(13)?,
                boosts: row.get(14)?,
                favourites: row.get(15)?,
            },
        })
    });
    let Some(mut post) = post.optional()? else {
        return Ok(None);
    };
    post.mentions = mentions::named(connection, id)?;
    post.facts.mentions = post
        .mentions
        .iter()
        .map(|mention| mention.account)
        .collect();
    Ok(Some(post))
}

/// Replaces a post's text.
pub(in crate::store) fn update(
    connection: &Connection,
    id: PostId,
    text: &str,
    spoiler: &str,
    sensitive: bool,
    language: Option<&str>,
    edited_at: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE posts SET text = ?2, spoiler = ?3, sensitive = ?4, language = ?5, edited_at = ?6 WHERE id = ?1",
        )?
        .execute(params![id, text, spoiler, sensitive, language, edited_at])?;
    Ok(())
}

/// Moves a counter.
pub(in crate::store) fn count(
    connection: &Connection,
    id: PostId,
    counter: PostCounter,
    by: i64,
) -> Result<(), StoreError> {
    let sql = match counter {
        PostCounter::Replies => "UPDATE posts SET replies_count = replies_count + ?2 WHERE id = ?1",
        PostCounter::Boosts => "UPDATE posts SET boosts_count = boosts_count + ?2 WHERE id = ?1",
        PostCounter::Favourites => {
            "UPDATE posts SET favourites_count = favourites_count + ?2 WHERE id = ?1"
        }
    };
    connection.prepare_cached(sql)?.execute(params![id, by])?;
    Ok(())
}

/// How many posts and boosts the attached database `newer` has that this one hasn't.
pub(in crate::store) fn count_newer(connection: &Connection) -> Result<usize, StoreError> {
    let sql = "SELECT count(*) FROM newer.posts AS there
         WHERE NOT EXISTS (SELECT 1 FROM main.posts AS here WHERE here.id = there.id)";
    let count: i64 = connection.query_row(sql, (), |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// An account's boost of a post.
pub(in crate::store) fn boost_by(
    connection: &Connection,
    author: AccountId,
    post: PostId,
) -> Result<Option<PostId>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM posts WHERE boost_of = ?1 AND author = ?2")?;
    Ok(statement
        .query_row(params![post, author], |row| row.get(0))
        .optional()?)
}

/// An author's entries within a page, nearest to the page's wanted end first.
pub(in crate::store) fn by_author(
    connection: &Connection,
    author: AccountId,
    page: &Page,
) -> Result<Vec<PostId>, StoreError> {
    let sql = if page.from_oldest() {
        "SELECT id FROM posts WHERE author = ?1 AND id > ?2 AND id < ?3 ORDER BY id ASC LIMIT ?4"
    } else {
        "SELECT id FROM posts WHERE author = ?1 AND id > ?2 AND id < ?3 ORDER BY id DESC LIMIT ?4"
    };
    ids(
        connection,
        sql,
        params![author, page.above(), page.below(), page.limit as i64],
    )
}

/// An author's newest entries, newest first.
pub(in crate::store) fn newest_by_author(
    connection: &Connection,
    author: AccountId,
    limit: usize,
) -> Result<Vec<ListedEntry>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, coalesce(boost_of, id), reply_to IS NOT NULL AND reply_author <> author FROM posts
         WHERE author = ?1 ORDER BY id DESC LIMIT ?2",
    )?;
    let rows = statement.query_map(params![author, limit as i64], |row| {
        Ok(ListedEntry {
            id: row.get(0)?,
            shows: row.get(1)?,
            answers_others: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Public posts within a page, boosts left out; the cursor is the post.
pub(in crate::store) fn public_page(
    connection: &Connection,
    page: &Page,
) -> Result<Vec<(i64, PostId)>, StoreError> {
    // The public timeline is nobody's: the first parameter has no place in its SQL.
    paged::rows(
        connection,
        "SELECT id, id FROM posts WHERE visibility = 0 AND boost_of IS NULL",
        "id",
        page,
        0,
        &[],
    )
}

/// The posts that answer a post, oldest first, at most `limit`.
pub(in crate::store) fn replies(
    connection: &Connection,
    parent: PostId,
    limit: usize,
) -> Result<Vec<PostId>, StoreError> {
    ids(
        connection,
        "SELECT id FROM posts WHERE reply_to = ?1 ORDER BY id LIMIT ?2",
        params![parent, limit as i64],
    )
}

/// The boosts of a post with ids above `after`, oldest first, at most `limit`.
pub(in crate::store) fn boosts(
    connection: &Connection,
    post: PostId,
    after: PostId,
    limit: usize,
) -> Result<Vec<PostId>, StoreError> {
    ids(
        connection,
        "SELECT id FROM posts WHERE boost_of = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
        params![post, after, limit as i64],
    )
}

/// The boosts of a post between two ids (both exclusive), newest first, at most `limit`, each with who boosted; not those of
/// the deleted.
pub(in crate::store) fn boosts_between(
    connection: &Connection,
    post: PostId,
    above: PostId,
    below: PostId,
    limit: usize,
) -> Result<Vec<(PostId, AccountId)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT posts.id, posts.author FROM posts JOIN accounts ON accounts.id = posts.author
         WHERE posts.boost_of = ?1 AND posts.id > ?2 AND posts.id < ?3 AND accounts.state <> 3
         ORDER BY posts.id DESC LIMIT ?4",
    )?;
    let parameters = params![post, above, below, limit as i64];
    let rows = statement.query_map(parameters, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether, between two ids (both exclusive), the reader or an account that it follows with boosts boosted the post.
pub(in crate::store) fn is_boosted_among_sources(
    connection: &Connection,
    reader: AccountId,
    post: PostId,
    above: PostId,
    below: PostId,
) -> Result<bool, StoreError> {
    let boosts: i64 = connection
        .prepare_cached("SELECT boosts_count FROM posts WHERE id = ?1")?
        .query_row([post], |row| row.get(0))
        .optional()?
        .unwrap_or(0);
    let sql = if boosts <= BOOSTS_WALKED_MAX {
        "SELECT 1 FROM posts
         WHERE posts.boost_of = ?2 AND posts.id > ?3 AND posts.id < ?4
           AND (posts.author = ?1 OR EXISTS (
               SELECT 1 FROM follows JOIN accounts ON accounts.id = follows.followee
               WHERE follows.follower = ?1 AND follows.followee = posts.author
                 AND follows.shows_boosts = 1 AND accounts.state <> 3))
         LIMIT 1"
    } else {
        "SELECT 1 FROM posts
         WHERE posts.boost_of = ?2 AND posts.author = ?1 AND posts.id > ?3 AND posts.id < ?4
         UNION ALL
         SELECT 1 FROM follows
         CROSS JOIN posts ON posts.boost_of = ?2 AND posts.author = follows.followee
         JOIN accounts ON accounts.id = follows.followee
         WHERE follows.follower = ?1 AND follows.shows_boosts = 1 AND accounts.state <> 3
           AND posts.id > ?3 AND posts.id < ?4
         LIMIT 1"
    };
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.exists(params![reader, post, above, below])?)
}

fn ids(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> Result<Vec<PostId>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(parameters, |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The boosts of a post, within a page; the cursor is the boost.
pub(in crate::store) fn boosts_page(
    connection: &Connection,
    post: PostId,
    page: &Page,
) -> Result<Vec<(i64, PostId)>, StoreError> {
    paged::rows(
        connection,
        "SELECT id, id FROM posts WHERE boost_of = ?1",
        "id",
        page,
        post.0,
        &[],
    )
}

/// Which of an author's entries are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::store) struct AuthorFilter {
    /// Leaves out answers to others; who answers oneself goes on with a thread.
    pub(in crate::store) excludes_replies: bool,
    /// Leaves out boosts.
    pub(in crate::store) excludes_boosts: bool,
    /// Only posts with this tag.
    pub(in crate::store) tag: Option<i64>,
}

/// An author's entries within a page, filtered; the cursor is the entry.
pub(in crate::store) fn by_author_page(
    connection: &Connection,
    author: AccountId,
    filter: AuthorFilter,
    page: &Page,
) -> Result<Vec<(i64, PostId)>, StoreError> {
    let mut select = "SELECT id, id FROM posts WHERE author = ?1".to_owned();
    if filter.excludes_replies {
        select += " AND (reply_to IS NULL OR reply_author = author)";
    }
    if filter.excludes_boosts {
        select += " AND boost_of IS NULL";
    }
    if filter.tag.is_some() {
        select += " AND EXISTS (SELECT 1 FROM post_tags WHERE tag = ?4 AND post = posts.id)";
    }
    paged::rows(
        connection,
        &select,
        "id",
        page,
        author.0,
        filter.tag.as_slice(),
    )
}
