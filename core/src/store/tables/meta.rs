//! The instance itself: identity, commit number, settings that must not change by accident.

use std::fmt::Write as _;

use rand::CryptoRng;
use rusqlite::{Connection, OptionalExtension};

use crate::clock::Timestamp;
use crate::secret::Secret;
use crate::store::error::StoreError;

const COMMIT: &str = "commit";
/// The last id that was taken, of whatever kind: what it named may be gone, and no id is used twice.
const LAST_ID: &str = "last_id";
const IDENTITY: &str = "identity";
const LEAST_SCHEMA: &str = "least_schema";
const INSTANCE_URL: &str = "instance_url";
const UNSUBSCRIBE_KEY: &str = "unsubscribe_key";

/// Random bytes of the identity.
const IDENTITY_BYTES: usize = 16;
/// Random bytes of the key that links to unsubscribe are signed with.
const UNSUBSCRIBE_KEY_BYTES: usize = 32;

/// Writes what a new database starts with; changes nothing in an old one. An identity that an old one lost is never drawn anew:
/// the marks of deleted names are made with it, so that with another one each of them could be taken again.
pub(in crate::store) fn initialise(
    connection: &Connection,
    rng: &mut impl CryptoRng,
) -> Result<(), StoreError> {
    let identity = random_digits::<IDENTITY_BYTES>(rng);
    let unsubscribe_key = random_digits::<UNSUBSCRIBE_KEY_BYTES>(rng);
    let is_new = connection.query_row(
        "SELECT NOT EXISTS (SELECT 1 FROM meta WHERE name <> ?1) AND NOT EXISTS (SELECT 1 FROM accounts)",
        [LEAST_SCHEMA],
        |row| row.get::<_, bool>(0),
    )?;
    // All at once: a store whose making was broken off is new still.
    connection.execute(
        "INSERT OR IGNORE INTO meta (name, value)
         SELECT ?1, '0' UNION ALL SELECT ?2, '0' UNION ALL SELECT ?3, ?4 WHERE ?7 UNION ALL SELECT ?5, ?6",
        (
            COMMIT,
            LAST_ID,
            IDENTITY,
            identity,
            UNSUBSCRIBE_KEY,
            unsubscribe_key,
            is_new,
        ),
    )?;
    Ok(())
}

fn random_digits<const BYTES: usize>(rng: &mut impl CryptoRng) -> String {
    let mut bytes = [0; BYTES];
    rng.fill_bytes(&mut bytes);
    let mut digits = String::with_capacity(2 * BYTES);
    for byte in bytes {
        write!(digits, "{byte:02x}").expect("a String takes every write");
    }
    digits
}

/// A value by its name.
pub(in crate::store) fn get(
    connection: &Connection,
    name: &str,
) -> Result<Option<String>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

/// Sets a value.
pub(in crate::store) fn set(
    connection: &Connection,
    name: &str,
    value: &str,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2")?
        .execute((name, value))?;
    Ok(())
}

/// Remembers the oldest schema that a kinglet has to know to go on with this database.
pub(in crate::store) fn set_least_schema(
    connection: &Connection,
    schema: i64,
) -> Result<(), StoreError> {
    set(connection, LEAST_SCHEMA, &schema.to_string())
}

/// That schema; `None` where it was never told.
pub(in crate::store) fn least_schema(connection: &Connection) -> Result<Option<i64>, StoreError> {
    Ok(get(connection, LEAST_SCHEMA)?.and_then(|schema| schema.parse().ok()))
}

/// The number of the newest commit.
pub(in crate::store) fn commit(connection: &Connection) -> Result<i64, StoreError> {
    get_number(connection, COMMIT)
}

/// Numbers the commit that is about to happen, and remembers the last id that was taken.
pub(in crate::store) fn set_commit(
    connection: &Connection,
    commit: i64,
    last_id: i64,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached("UPDATE meta SET value = ?2 WHERE name = ?1")?;
    statement.execute((COMMIT, commit.to_string()))?;
    statement.execute((LAST_ID, last_id.to_string()))?;
    Ok(())
}

/// A number by its name; 0 when it was never set.
pub(in crate::store) fn get_number(
    connection: &Connection,
    name: &'static str,
) -> Result<i64, StoreError> {
    match get(connection, name)? {
        None => Ok(0),
        Some(value) => value.parse().map_err(|_| StoreError::Corrupt {
            table: "meta",
            column: name,
            value,
        }),
    }
}

/// The store's random identity.
pub(in crate::store) fn identity(connection: &Connection) -> Result<String, StoreError> {
    Ok(get(connection, IDENTITY)?.unwrap_or_default())
}

/// What links to unsubscribe are signed with, as hexadecimal digits.
pub(in crate::store) fn unsubscribe_key(
    connection: &Connection,
) -> Result<Secret<String>, StoreError> {
    let found = get(connection, UNSUBSCRIBE_KEY)?;
    Ok(Secret::new(found.unwrap_or_default()))
}

/// The public address that was set explicitly.
pub(in crate::store) fn instance_url(
    connection: &Connection,
) -> Result<Option<String>, StoreError> {
    get(connection, INSTANCE_URL)
}

/// Remembers the public address.
pub(in crate::store) fn set_instance_url(
    connection: &Connection,
    url: &str,
) -> Result<(), StoreError> {
    set(connection, INSTANCE_URL, url)
}

/// The commit that last deleted a post.
const LAST_DELETION: &str = "last_deletion";
const TIMELINES_EPOCH: &str = "timelines_epoch";

/// Remembers that this commit changed homes in a way that no reader's own sources tell.
pub(in crate::store) fn touch_timelines(
    connection: &Connection,
    commit: i64,
) -> Result<(), StoreError> {
    set(connection, TIMELINES_EPOCH, &commit.to_string())
}

/// The newest commit that [`touch_timelines`] remembered: a home that was kept before it is stale.
pub(in crate::store) fn timelines_epoch(connection: &Connection) -> Result<i64, StoreError> {
    get_number(connection, TIMELINES_EPOCH)
}

/// Remembers that this commit deleted a post.
pub(in crate::store) fn touch_deletions(
    connection: &Connection,
    commit: i64,
) -> Result<(), StoreError> {
    set(connection, LAST_DELETION, &commit.to_string())
}

/// The newest commit that [`touch_deletions`] remembered.
pub(in crate::store) fn last_deletion(connection: &Connection) -> Result<i64, StoreError> {
    get_number(connection, LAST_DELETION)
}

/// The commit that last deleted what nobody shall be able to read any more.
const FORGOTTEN: &str = "forgotten";
const SCRUB_AFTER: &str = "scrub_after";
const SCRUB_BEGAN: &str = "scrub_began";
const SCRUBBED: &str = "scrubbed";
const SCRUB_ENDED: &str = "scrub_ended";
const SCRUB_ASKED: &str = "scrub_asked";

/// How far the unused parts of pages are overwritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Scrub {
    /// The commit that last deleted something.
    pub(in crate::store) forgotten: i64,
    /// The last such commit when all pages were looked at.
    pub(in crate::store) done: i64,
    /// The last such commit when the first page was looked at, while they are.
    pub(in crate::store) began: i64,
    /// The last page that was looked at; 0 while none are.
    pub(in crate::store) after: u32,
    /// When all pages were looked at.
    pub(in crate::store) ended: Timestamp,
    /// The commit by which the operator last asked for it.
    pub(in crate::store) asked: i64,
}

/// How far they are.
pub(in crate::store) fn scrub(connection: &Connection) -> Result<Scrub, StoreError> {
    Ok(Scrub {
        forgotten: get_number(connection, FORGOTTEN)?,
        done: get_number(connection, SCRUBBED)?,
        began: get_number(connection, SCRUB_BEGAN)?,
        after: u32::try_from(get_number(connection, SCRUB_AFTER)?).unwrap_or_default(),
        ended: Timestamp::from_millis(get_number(connection, SCRUB_ENDED)?),
        asked: get_number(connection, SCRUB_ASKED)?,
    })
}

/// Remembers how far they are.
pub(in crate::store) fn set_scrub(connection: &Connection, scrub: Scrub) -> Result<(), StoreError> {
    set(connection, SCRUBBED, &scrub.done.to_string())?;
    set(connection, SCRUB_BEGAN, &scrub.began.to_string())?;
    set(connection, SCRUB_AFTER, &scrub.after.to_string())?;
    set(connection, SCRUB_ENDED, &scrub.ended.millis().to_string())
}

/// Remembers that by this commit the operator asked for it.
pub(in crate::store) fn ask_for_scrub(
    connection: &Connection,
    commit: i64,
) -> Result<(), StoreError> {
    set(connection, SCRUB_ASKED, &commit.to_string())
}

/// Remembers that this commit deleted something.
pub(in crate::store) fn touch_forgotten(
    connection: &Connection,
    commit: i64,
) -> Result<(), StoreError> {
    set(connection, FORGOTTEN, &commit.to_string())
}

/// The zone that days are cut by.
const STATISTICS_ZONE: &str = "statistics_zone";
/// The commit that last recorded statistics.
const STATISTICS_COMMIT: &str = "statistics_commit";

/// The name of the zone that the days of the statistics were cut by.
pub(in crate::store) fn statistics_zone(
    connection: &Connection,
) -> Result<Option<String>, StoreError> {
    get(connection, STATISTICS_ZONE)
}

/// Remembers the zone that days are cut by.
pub(in crate::store) fn set_statistics_zone(
    connection: &Connection,
    zone: &str,
) -> Result<(), StoreError> {
    set(connection, STATISTICS_ZONE, zone)
}

/// The commit that last recorded statistics.
pub(in crate::store) fn statistics_commit(connection: &Connection) -> Result<i64, StoreError> {
    get_number(connection, STATISTICS_COMMIT)
}

/// Remembers that this commit recorded statistics.
pub(in crate::store) fn set_statistics_commit(
    connection: &Connection,
    commit: i64,
) -> Result<(), StoreError> {
    set(connection, STATISTICS_COMMIT, &commit.to_string())
}

/// Whether posts are missing in the search index.
const SEARCH_INDEX: &str = "search_index";
const PARTIAL: &str = "partial";

/// Whether the search index lacks posts, since a kinglet without search was here.
pub(in crate::store) fn is_search_index_partial(
    connection: &Connection,
) -> Result<bool, StoreError> {
    Ok(get(connection, SEARCH_INDEX)?.as_deref() == Some(PARTIAL))
}

/// Remembers that posts may be missing in the search index.
pub(in crate::store) fn set_search_index_partial(
    connection: &Connection,
) -> Result<(), StoreError> {
    set(connection, SEARCH_INDEX, PARTIAL)
}

/// Remembers that every post is in the search index.
pub(in crate::store) fn set_search_index_whole(connection: &Connection) -> Result<(), StoreError> {
    connection.execute("DELETE FROM meta WHERE name = ?1", [SEARCH_INDEX])?;
    Ok(())
}
