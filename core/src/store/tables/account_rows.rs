//! What a deleted account leaves in other tables, taken out a bounded number of rows at a time.

use rusqlite::{Connection, params};

use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;

type Pair = (AccountId, AccountId);

/// An account's oldest entries, at most `limit`, each with the bytes of its words.
pub(in crate::store) fn oldest_entries(
    connection: &Connection,
    account: AccountId,
    limit: usize,
) -> Result<Vec<(PostId, usize)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, octet_length(text) + octet_length(spoiler) FROM posts
         WHERE author = ?1 ORDER BY id LIMIT ?2",
    )?;
    let rows = statement.query_map(params![account, limit as i64], |row| {
        let bytes: i64 = row.get(1)?;
        Ok((row.get(0)?, usize::try_from(bytes).unwrap_or(0)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Follows, by the account and of it, as (follower, followee), at most `limit` of each.
pub(in crate::store) fn follows(
    connection: &Connection,
    account: AccountId,
    limit: usize,
) -> Result<Vec<Pair>, StoreError> {
    both_ways(
        connection,
        "SELECT follower, followee FROM follows WHERE follower = ?1 LIMIT ?2",
        "SELECT follower, followee FROM follows WHERE followee = ?1 LIMIT ?2",
        account,
        limit,
    )
}

/// Requests to follow, by the account and of it, as (follower, followee), at most `limit` of each.
pub(in crate::store) fn follow_requests(
    connection: &Connection,
    account: AccountId,
    limit: usize,
) -> Result<Vec<Pair>, StoreError> {
    both_ways(
        connection,
        "SELECT follower, followee FROM follow_requests WHERE follower = ?1 LIMIT ?2",
        "SELECT follower, followee FROM follow_requests WHERE followee = ?1 LIMIT ?2",
        account,
        limit,
    )
}

/// Takes out blocks, by the account and of it, as (account, target), at most `limit` of each.
pub(in crate::store) fn take_blocks(
    connection: &Connection,
    account: AccountId,
    limit: usize,
) -> Result<Vec<Pair>, StoreError> {
    both_ways(
        connection,
        "DELETE FROM blocks WHERE id IN (SELECT id FROM blocks WHERE account = ?1 LIMIT ?2) RETURNING account, target",
        "DELETE FROM blocks WHERE id IN (SELECT id FROM blocks WHERE target = ?1 LIMIT ?2) RETURNING account, target",
        account,
        limit,
    )
}

/// Takes out mutes, by the account and of it, as (account, target), at most `limit` of each.
pub(in crate::store) fn take_mutes(
    connection: &Connection,
    account: AccountId,
    limit: usize,
) -> Result<Vec<Pair>, StoreError> {
    both_ways(
        connection,
        "DELETE FROM mutes WHERE id IN (SELECT id FROM mutes WHERE account = ?1 LIMIT ?2) RETURNING account, target",
        "DELETE FROM mutes WHERE id IN (SELECT id FROM mutes WHERE target = ?1 LIMIT ?2) RETURNING account, target",
        account,
        limit,
    )
}

fn both_ways(
    connection: &Connection,
    by: &str,
    of: &str,
    account: AccountId,
    limit: usize,
) -> Result<Vec<Pair>, StoreError> {
    let mut pairs = Vec::new();
    for sql in [by, of] {
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![account, limit as i64], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        for pair in rows {
            pairs.push(pair?);
        }
    }
    Ok(pairs)
}

/// Takes the account out of up to `limit` posts that name it; which.
pub(in crate::store) fn take_mentions(
    connection: &Connection,
    account: AccountId,
    limit: usize,
) -> Result<Vec<PostId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "DELETE FROM mentions WHERE account = ?1
             AND post IN (SELECT post FROM mentions WHERE account = ?1 LIMIT ?2) RETURNING post",
    )?;
    let rows = statement.query_map(params![account, limit as i64], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Takes out up to `limit` favourites by the account; their ids and the posts that lost one.
pub(in crate::store) fn take_favourites(
    connection: &Connection,
    account: AccountId,
    limit: usize,
) -> Result<Vec<(i64, PostId)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "DELETE FROM favourites WHERE id IN (SELECT id FROM favourites WHERE account = ?1 LIMIT ?2) RETURNING id, post",
    )?;
    let rows = statement.query_map(params![account, limit as i64], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What nothing else counts or caches, one statement a kind of row.
const UNCOUNTED: &[&str] = &[
    "DELETE FROM bookmarks WHERE id IN (SELECT id FROM bookmarks WHERE account = ?1 LIMIT ?2)",
    "DELETE FROM notifications WHERE id IN (SELECT id FROM notifications WHERE account = ?1 LIMIT ?2)",
    "DELETE FROM notifications WHERE id IN (SELECT id FROM notifications WHERE sender = ?1 LIMIT ?2)",
    "DELETE FROM markers WHERE account = ?1 AND timeline IN (SELECT timeline FROM markers WHERE account = ?1 LIMIT ?2)",
    "DELETE FROM digest_items WHERE id IN (SELECT id FROM digest_items WHERE account = ?1 LIMIT ?2)",
    "DELETE FROM imports WHERE account = ?1
         AND origin IN (SELECT origin FROM imports WHERE account = ?1 LIMIT ?2)",
    "DELETE FROM account_days WHERE account = ?1
         AND day IN (SELECT day FROM account_days WHERE account = ?1 LIMIT ?2)",
];

/// Takes out up to `limit` rows of each kind that nothing else counts or caches; the most of one kind that there were.
pub(in crate::store) fn delete_uncounted(
    connection: &Connection,
    account: AccountId,
    limit: usize,
) -> Result<usize, StoreError> {
    let mut most = 0;
    for sql in UNCOUNTED {
        let deleted = connection
            .prepare_cached(sql)?
            .execute(params![account, limit as i64])?;
        most = most.max(deleted);
    }
    Ok(most)
}

/// Takes out up to `limit` jobs of mail to an account that don't run, dead ones as well: what the mail server said of a letter
/// names the address.
pub(in crate::store) fn delete_mail(
    connection: &Connection,
    account: AccountId,
    limit: usize,
) -> Result<usize, StoreError> {
    Ok(connection
        .prepare_cached(
            "DELETE FROM jobs WHERE id IN (
                 SELECT id FROM jobs WHERE destination = 'mail' AND state <> 1
                     AND CASE WHEN json_valid(payload) THEN CAST(payload ->> 'account' AS INTEGER) END = ?1
                 LIMIT ?2)",
        )?
        .execute(params![account, limit as i64])?)
}

/// Takes out every notification that the account sent; for one that never was in use, whose sign-up was all it did.
pub(in crate::store) fn delete_notifications_by(
    connection: &Connection,
    account: AccountId,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM notifications WHERE sender = ?1")?
        .execute([account])?;
    Ok(())
}
