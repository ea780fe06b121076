//! What is derived, made anew out of what it is derived from, a bounded part at a time.

use rusqlite::{Connection, params};

use crate::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::tables::first_column;
use crate::store::tables::invariants::causeless_notifications;
use crate::store::tables::walks::Index;

/// In which parts a statement is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parts {
    /// To the accounts above `?1` up to `?2`.
    Accounts,
    /// To the posts above `?1` up to `?2`.
    Posts,
    /// To `?1` of what is wrong, until nothing is.
    Wrong,
}

/// A statement that mends what an invariant complains of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Mending {
    /// The invariant.
    pub(in crate::store) invariant: &'static str,
    parts: Parts,
    sql: &'static str,
}

macro_rules! mendings {
    ($($invariant:literal $parts:ident: $sql:expr,)*) => {
        /// Every such statement; of those of one invariant each is needed, in this order.
        pub(in crate::store) const MENDINGS: &[Mending] = &[
            $(Mending { invariant: $invariant, parts: Parts::$parts, sql: $sql },)*
        ];
    };
}

mendings! {
    "boosts_know_their_author" Posts:
        "UPDATE posts SET boost_author = (SELECT author FROM posts AS boosted WHERE boosted.id = posts.boost_of)
         WHERE id > ?1 AND id <= ?2 AND boost_of IN (SELECT id FROM posts)
           AND boost_author IS NOT (SELECT author FROM posts AS boosted WHERE boosted.id = posts.boost_of)",
    "replies_know_their_author" Posts:
        "UPDATE posts SET reply_author = (SELECT author FROM posts AS parents WHERE parents.id = posts.reply_to)
         WHERE id > ?1 AND id <= ?2 AND reply_to IN (SELECT id FROM posts)
           AND reply_author IS NOT (SELECT author FROM posts AS parents WHERE parents.id = posts.reply_to)",
    "foreign_keys" Wrong:
        "DELETE FROM account_days WHERE (account, day) IN (SELECT account, day FROM account_days
         WHERE account NOT IN (SELECT id FROM accounts) LIMIT ?1)",
    "foreign_keys" Wrong:
        "DELETE FROM stale_accounts WHERE account IN (SELECT account FROM stale_accounts
         WHERE account NOT IN (SELECT id FROM accounts) LIMIT ?1)",
    "foreign_keys" Wrong:
        "DELETE FROM post_tags WHERE (tag, post) IN (SELECT tag, post FROM post_tags
         WHERE tag NOT IN (SELECT id FROM tags) LIMIT ?1)",
    "post_tags_have_their_post" Wrong:
        "DELETE FROM post_tags WHERE (tag, post) IN (SELECT tag, post FROM post_tags
         WHERE post NOT IN (SELECT id FROM posts) LIMIT ?1)",
    "tags_are_in_use" Wrong:
        "DELETE FROM tags WHERE id IN (SELECT id FROM tags WHERE id NOT IN (SELECT tag FROM post_tags) LIMIT ?1)",
    "followers_count" Accounts:
        "UPDATE accounts SET followers_count = (SELECT count(*) FROM follows WHERE followee = accounts.id)
         WHERE id > ?1 AND id <= ?2
           AND followers_count <> (SELECT count(*) FROM follows WHERE followee = accounts.id)",
    "following_count" Accounts:
        "UPDATE accounts SET following_count = (SELECT count(*) FROM follows WHERE follower = accounts.id)
         WHERE id > ?1 AND id <= ?2
           AND following_count <> (SELECT count(*) FROM follows WHERE follower = accounts.id)",
    "posts_count" Accounts:
        "UPDATE accounts SET posts_count =
             (SELECT count(*) FROM posts WHERE author = accounts.id AND visibility <= 1)
         WHERE id > ?1 AND id <= ?2 AND posts_count <>
             (SELECT count(*) FROM posts WHERE author = accounts.id AND visibility <= 1)",
    "last_open_post" Accounts:
        "UPDATE accounts SET last_open_post =
             (SELECT max(id) FROM posts WHERE author = accounts.id AND visibility <= 1)
         WHERE id > ?1 AND id <= ?2 AND last_open_post IS NOT
             (SELECT max(id) FROM posts WHERE author = accounts.id AND visibility <= 1)",
    "last_entry" Accounts:
        "UPDATE accounts SET last_entry = (SELECT max(id) FROM posts WHERE author = accounts.id)
         WHERE id > ?1 AND id <= ?2
           AND last_entry < (SELECT max(id) FROM posts WHERE author = accounts.id)",
    "replies_count" Posts:
        "UPDATE posts SET replies_count = (SELECT count(*) FROM posts AS replies
             WHERE replies.reply_to = posts.id AND replies.visibility <= 1)
         WHERE id > ?1 AND id <= ?2 AND replies_count <> (SELECT count(*) FROM posts AS replies
             WHERE replies.reply_to = posts.id AND replies.visibility <= 1)",
    "boosts_count" Posts:
        "UPDATE posts SET boosts_count =
             (SELECT count(*) FROM posts AS boosts WHERE boosts.boost_of = posts.id)
         WHERE id > ?1 AND id <= ?2 AND boosts_count <>
             (SELECT count(*) FROM posts AS boosts WHERE boosts.boost_of = posts.id)",
    "favourites_count" Posts:
        "UPDATE posts SET favourites_count = (SELECT count(*) FROM favourites WHERE post = posts.id)
         WHERE id > ?1 AND id <= ?2
           AND favourites_count <> (SELECT count(*) FROM favourites WHERE post = posts.id)",
    "notifications_have_their_cause" Wrong:
        concat!("DELETE FROM notifications WHERE id IN (SELECT id ", causeless_notifications!(), " LIMIT ?1)"),
    "idempotency_keys_have_their_post" Wrong:
        "DELETE FROM idempotency_keys WHERE post IN (SELECT post FROM idempotency_keys
         WHERE post NOT IN (SELECT id FROM posts) LIMIT ?1)",
    "used_apps_say_so" Wrong:
        "UPDATE apps SET used = 1 WHERE id IN (SELECT apps.id FROM posts
         CROSS JOIN apps ON apps.id = posts.app WHERE apps.used = 0 LIMIT ?1)",
    "shares_have_their_day" Wrong:
        "DELETE FROM day_shares WHERE day IN (SELECT day FROM day_shares
         WHERE day NOT IN (SELECT day FROM instance_days) LIMIT ?1)",
}

/// What a part came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Part {
    /// How many rows were wrong.
    pub(in crate::store) changed: usize,
    /// Where to go on; `None` at the end.
    pub(in crate::store) next: Option<i64>,
}

impl Mending {
    /// Mends the next part, of at most `limit` rows.
    pub(in crate::store) fn step(
        &self,
        connection: &Connection,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Part, StoreError> {
        let after = after.unwrap_or(i64::MIN);
        let end = match self.parts {
            Parts::Wrong => {
                let changed = connection.execute(self.sql, [limit as i64])?;
                let next = (changed > 0).then_some(after);
                return Ok(Part { changed, next });
            }
            Parts::Accounts => {
                "SELECT max(id) FROM (SELECT id FROM accounts WHERE id > ?1 ORDER BY id LIMIT ?2)"
            }
            Parts::Posts => {
                "SELECT max(id) FROM (SELECT id FROM posts WHERE id > ?1 ORDER BY id LIMIT ?2)"
            }
        };
        let end: Option<i64> =
            connection.query_row(end, params![after, limit as i64], |row| row.get(0))?;
        let changed = match end {
            None => 0,
            Some(end) => connection.execute(self.sql, [after, end])?,
        };
        Ok(Part { changed, next: end })
    }
}

/// Makes an index of SQLite's anew, if there is one of this name; whether there is.
pub(in crate::store) fn make_index(
    connection: &Connection,
    name: &str,
) -> Result<bool, StoreError> {
    let is_index = connection
        .prepare_cached("SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ?1")?
        .exists([name])?;
    if is_index {
        let quoted = name.replace('"', "\"\"");
        connection.execute_batch(&format!("REINDEX \"{quoted}\""))?;
    }
    Ok(is_index)
}

/// Empties a search index, however it is damaged.
pub(in crate::store) fn empty_index(
    connection: &Connection,
    index: Index,
) -> Result<(), StoreError> {
    let table = index.table();
    // With that FTS5 goes back to the version of the format that it begins with; see the migration.
    connection.execute_batch(&format!(
        "INSERT INTO {table} ({table}) VALUES ('delete-all');
         REPLACE INTO {table}_config VALUES ('version', 5);"
    ))?;
    Ok(())
}

/// Brings what claims to be of a later commit than there was down to this one; how many.
pub(in crate::store) fn lower_commits(
    connection: &Connection,
    commit: i64,
) -> Result<usize, StoreError> {
    let mut changed = 0;
    for sql in [
        "UPDATE accounts SET sources_commit = min(sources_commit, ?1), access_commit = min(access_commit, ?1)
         WHERE max(sources_commit, access_commit) > ?1",
        "UPDATE stale_quarters SET \"commit\" = ?1 WHERE \"commit\" > ?1",
        "UPDATE meta SET value = CAST(?1 AS TEXT)
         WHERE name IN ('last_deletion', 'timelines_epoch', 'statistics_commit') AND CAST(value AS INTEGER) > ?1",
    ] {
        changed += connection.execute(sql, [commit])?;
    }
    Ok(changed)
}

/// The first of the posts whose keys don't grow with their ids: all below it are in order.
pub(in crate::store) fn first_in_disorder(
    connection: &Connection,
) -> Result<Option<i64>, StoreError> {
    Ok(connection.query_row(
        "SELECT min(id) FROM (
             SELECT id, (SELECT smaller.id FROM posts AS smaller WHERE smaller.key > 0 AND smaller.key < posts.key
                 ORDER BY smaller.key DESC LIMIT 1) AS before
             FROM posts WHERE key > 0)
         WHERE id <= before",
        (),
        |row| row.get(0),
    )?)
}

/// The next `limit` posts above an id that have dense keys: each with its key.
pub(in crate::store) fn dense(
    connection: &Connection,
    above: i64,
    limit: usize,
) -> Result<Vec<(i64, i64)>, StoreError> {
    pairs(
        connection,
        "SELECT id, key FROM posts WHERE id > ?1 AND key > 0 ORDER BY id LIMIT ?2",
        params![above, limit as i64],
    )
}

/// Up to `limit` posts whose keys are those of imported ones, but others than theirs: each with its key.
pub(in crate::store) fn misplaced(
    connection: &Connection,
    limit: usize,
) -> Result<Vec<(i64, i64)>, StoreError> {
    pairs(
        connection,
        "SELECT id, key FROM posts WHERE key <= 0 AND key <> -9223372036854775807 - 1 + id LIMIT ?1",
        params![limit as i64],
    )
}

fn pairs(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(parameters, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Gives a post another key: the one after the largest, or that of an imported one. Answers it.
pub(in crate::store) fn move_key(
    connection: &Connection,
    id: i64,
    is_dense: bool,
) -> Result<i64, StoreError> {
    let sql = if is_dense {
        "UPDATE posts SET key = (SELECT max(key) FROM posts) + 1 WHERE id = ?1 RETURNING key"
    } else {
        "UPDATE posts SET key = -9223372036854775807 - 1 + id WHERE id = ?1 RETURNING key"
    };
    Ok(connection
        .prepare_cached(sql)?
        .query_row([id], |row| row.get(0))?)
}

/// Up to `limit` deleted accounts that left something behind which nobody is going to remove.
pub(in crate::store) fn unpurged(
    connection: &Connection,
    limit: usize,
) -> Result<Vec<AccountId>, StoreError> {
    first_column(
        connection,
        "SELECT id FROM accounts
         WHERE state = 3 AND id NOT IN (SELECT CAST(payload ->> 'account' AS INTEGER) FROM jobs WHERE kind = 'purge_account')
           AND (EXISTS (SELECT 1 FROM posts WHERE author = accounts.id)
             OR EXISTS (SELECT 1 FROM follows WHERE follower = accounts.id OR followee = accounts.id)
             OR EXISTS (SELECT 1 FROM favourites WHERE account = accounts.id)
             OR EXISTS (SELECT 1 FROM bookmarks WHERE account = accounts.id)
             OR EXISTS (SELECT 1 FROM notifications WHERE account = accounts.id OR sender = accounts.id)
             OR EXISTS (SELECT 1 FROM archives WHERE account = accounts.id)
             OR EXISTS (SELECT 1 FROM arrivals WHERE account = accounts.id)
             OR EXISTS (SELECT 1 FROM imports WHERE account = accounts.id))
         LIMIT ?1",
        [limit as i64],
    )
}

/// Forgets the days outside of those from `first` to `last`, which nothing happened on.
pub(in crate::store) fn forget_days_outside(
    connection: &Connection,
    first: i32,
    last: i32,
) -> Result<usize, StoreError> {
    let mut changed = 0;
    for sql in [
        "DELETE FROM instance_days WHERE day < ?1 OR day > ?2",
        "DELETE FROM day_shares WHERE day < ?1 OR day > ?2",
        "DELETE FROM account_days WHERE day < ?1 OR day > ?2",
    ] {
        changed += connection.execute(sql, [first, last])?;
    }
    Ok(changed)
}

/// Forgets the figures of a day.
pub(in crate::store) fn forget_day(connection: &Connection, day: i32) -> Result<usize, StoreError> {
    Ok(connection.execute("DELETE FROM instance_days WHERE day = ?1", [day])?)
}

/// Accounts whose archive is half written down.
pub(in crate::store) fn half_kept_archives(
    connection: &Connection,
) -> Result<Vec<AccountId>, StoreError> {
    first_column(
        connection,
        "SELECT account FROM archives
         WHERE (made_at IS NULL) <> (file IS NULL) OR (file IS NULL) <> (bytes IS NULL)",
        (),
    )
}

/// Forgets that an archive was written; that it was asked for stays.
pub(in crate::store) fn unmake_archive(
    connection: &Connection,
    account: AccountId,
) -> Result<usize, StoreError> {
    Ok(connection
        .prepare_cached(
            "UPDATE archives SET made_at = NULL, file = NULL, bytes = NULL WHERE account = ?1",
        )?
        .execute([account])?)
}

/// Forgets every archive, for a copy that goes where their files aren't.
pub(in crate::store) fn forget_archives(connection: &Connection) -> Result<(), StoreError> {
    connection.execute("DELETE FROM archives", ())?;
    Ok(())
}
