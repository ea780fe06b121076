//! The first tags, languages and clients of each day.

use rusqlite::{Connection, Row, params};

use crate::domain::statistics::{Day, Dimension, Share};
use crate::store::error::StoreError;

fn share(row: &Row<'_>) -> rusqlite::Result<Share> {
    Ok(Share {
        label: row.get(0)?,
        posts: row.get(1)?,
        authors: row.get(2)?,
    })
}

/// What is kept of a day, by label.
pub(in crate::store) fn of_day(
    connection: &Connection,
    day: Day,
    dimension: Dimension,
) -> Result<Vec<Share>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT label, posts, authors FROM day_shares WHERE day = ?1 AND dimension = ?2 ORDER BY label",
    )?;
    let rows = statement.query_map(params![day, dimension], share)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Replaces what is kept of a day.
pub(in crate::store) fn replace(
    connection: &Connection,
    day: Day,
    shares: &[(Dimension, Vec<Share>)],
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM day_shares WHERE day = ?1")?
        .execute([day])?;
    for (dimension, shares) in shares {
        for share in shares {
            connection
                .prepare_cached(
                    "INSERT INTO day_shares (day, dimension, label, posts, authors)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![
                    day,
                    dimension,
                    share.label,
                    share.posts,
                    share.authors
                ])?;
        }
    }
    Ok(())
}

/// Forgets a label, on whatever day.
pub(in crate::store) fn delete_label(
    connection: &Connection,
    dimension: Dimension,
    label: &str,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM day_shares WHERE dimension = ?1 AND label = ?2")?
        .execute(params![dimension, label])?;
    Ok(())
}

/// Forgets the days before one.
pub(in crate::store) fn delete_before(connection: &Connection, day: Day) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM day_shares WHERE day < ?1")?
        .execute([day])?;
    Ok(())
}

/// The first `limit` of the days from one up to another, both included; days with fewer than `active_min` visibly active
/// accounts are left out.
pub(in crate::store) fn first(
    connection: &Connection,
    dimension: Dimension,
    days: (Day, Day),
    active_min: i64,
    limit: usize,
) -> Result<Vec<Share>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT label, sum(day_shares.posts), max(authors) FROM instance_days
         CROSS JOIN day_shares ON day_shares.day = instance_days.day
         WHERE instance_days.day >= ?2 AND instance_days.day <= ?3
           AND public_active_day >= ?4 AND dimension = ?1
         GROUP BY label ORDER BY 2 DESC, 3 DESC, label LIMIT ?5",
    )?;
    let rows = statement.query_map(
        params![dimension, days.0, days.1, active_min, limit as i64],
        share,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}
