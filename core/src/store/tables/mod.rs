//! One file per table: its SQL text and its rows. No SQL stands anywhere else.

pub(super) mod account_days;
pub(super) mod account_rows;
pub(super) mod accounts;
pub(super) mod apps;
pub(super) mod archives;
pub(super) mod arrivals;
pub(super) mod blocks;
pub(super) mod bookmarks;
pub(super) mod codes;
pub(super) mod credentials;
pub(super) mod day_figures;
pub(super) mod day_shares;
pub(super) mod deletions;
pub(super) mod destinations;
pub(super) mod digest_items;
pub(super) mod favourites;
pub(super) mod follow_requests;
pub(super) mod follows;
pub(super) mod idempotency_keys;
pub(super) mod imports;
pub(super) mod inspection;
pub(super) mod instance_days;
pub(super) mod invariants;
pub(super) mod jobs;
pub(super) mod links;
pub(super) mod mail_settings;
pub(super) mod mail_standing;
pub(super) mod markers;
pub(super) mod measured_quarters;
pub(super) mod mends;
pub(super) mod mentions;
pub(super) mod meta;
pub(super) mod mutes;
pub(super) mod notifications;
mod paged;
pub(super) mod pages;
pub(super) mod post_edits;
pub(super) mod posts;
pub(super) mod schedules;
pub(super) mod secrets;
pub(super) mod sessions;
pub(super) mod stale_quarters;
pub(super) mod tags;
pub(super) mod terms;
pub(super) mod tokens;
pub(super) mod upkeep;
pub(super) mod walks;

use rusqlite::types::FromSql;
use rusqlite::{Connection, Params};

use super::error::StoreError;

/// The largest public id of any kind that is there or was, 0 in an empty store.
pub(super) fn largest_id(connection: &Connection) -> Result<i64, StoreError> {
    let id = connection.query_row(
        "SELECT max(
             (SELECT coalesce(max(id), 0) FROM accounts),
             (SELECT coalesce(max(id), 0) FROM posts),
             (SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'last_id'),
             (SELECT coalesce(max(id), 0) FROM follows),
             (SELECT coalesce(max(id), 0) FROM favourites),
             (SELECT coalesce(max(id), 0) FROM notifications))",
        (),
        |row| row.get(0),
    )?;
    Ok(id)
}

/// The first column of every row that a statement gives.
fn first_column<T: FromSql>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(parameters, |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
