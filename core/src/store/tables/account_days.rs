//! The figures of single accounts, a row for each day on which there is something to tell.

use rusqlite::{Connection, Row, params};

use crate::domain::statistics::{AccountDay, AccountRow, Day};
use crate::ids::AccountId;
use crate::store::error::StoreError;

const FIGURES: &str = "posts, replies, boosts, boosts_received, favourites_received, replies_received, \
     mentions_received, reach, new_followers";

fn figures(row: &Row<'_>) -> rusqlite::Result<AccountDay> {
    Ok(AccountDay {
        posts: row.get(1)?,
        replies: row.get(2)?,
        boosts: row.get(3)?,
        boosts_received: row.get(4)?,
        favourites_received: row.get(5)?,
        replies_received: row.get(6)?,
        mentions_received: row.get(7)?,
        reach: row.get(8)?,
        new_followers: row.get(9)?,
    })
}

/// What is kept of a day, in the order of the accounts, after an account; at most `limit`.
pub(in crate::store) fn of_day(
    connection: &Connection,
    day: Day,
    after: AccountId,
    limit: usize,
) -> Result<Vec<AccountRow>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT account, {FIGURES} FROM account_days WHERE day = ?1 AND account > ?2 ORDER BY account LIMIT ?3"
    ))?;
    let rows = statement.query_map(params![day, after, limit as i64], |row| {
        Ok(AccountRow {
            account: row.get(0)?,
            figures: figures(row)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// An account's days from one up to another, both included, oldest first.
pub(in crate::store) fn series(
    connection: &Connection,
    account: AccountId,
    from: Day,
    until: Day,
) -> Result<Vec<(Day, AccountDay)>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT day, {FIGURES} FROM account_days
         WHERE account = ?1 AND day >= ?2 AND day <= ?3 ORDER BY day"
    ))?;
    let rows = statement.query_map(params![account, from, until], |row| {
        Ok((row.get(0)?, figures(row)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Keeps an account's day, unless the account was deleted meanwhile; empty figures are not kept.
pub(in crate::store) fn set(
    connection: &Connection,
    day: Day,
    row: &AccountRow,
) -> Result<(), StoreError> {
    if row.figures.is_empty() {
        connection
            .prepare_cached("DELETE FROM account_days WHERE account = ?1 AND day = ?2")?
            .execute(params![row.account, day])?;
        return Ok(());
    }
    let figures = &row.figures;
    connection
        .prepare_cached(&format!(
            "INSERT OR REPLACE INTO account_days (account, day, {FIGURES})
             SELECT id, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11 FROM accounts WHERE id = ?1 AND state <> 3"
        ))?
        .execute(params![
            row.account,
            day,
            figures.posts,
            figures.replies,
            figures.boosts,
            figures.boosts_received,
            figures.favourites_received,
            figures.replies_received,
            figures.mentions_received,
            figures.reach,
            figures.new_followers,
        ])?;
    Ok(())
}

/// Whether anything is kept of the days before one.
pub(in crate::store) fn is_any_before(
    connection: &Connection,
    day: Day,
) -> Result<bool, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM account_days WHERE day < ?1 LIMIT 1")?;
    Ok(statement.exists([day])?)
}

/// Forgets up to `limit` rows of the days before one; how many there were.
pub(in crate::store) fn delete_before(
    connection: &Connection,
    day: Day,
    limit: usize,
) -> Result<usize, StoreError> {
    Ok(connection
        .prepare_cached(
            "DELETE FROM account_days WHERE (account, day) IN
                 (SELECT account, day FROM account_days WHERE day < ?1 LIMIT ?2)",
        )?
        .execute(params![day, limit as i64])?)
}
