//! The instance's figures, a row a day.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use crate::domain::statistics::{Day, Figures, InstanceDay, Measure, Totals};
use crate::store::error::StoreError;

/// The columns of an [`InstanceDay`], figures in the order of [`Measure::ALL`].
const COLUMNS: &str = "day, posts, replies, boosts, favourites, mentions, follows, sign_ups, active_day, \
     active_week, active_month, hours, public_posts, public_replies, public_boosts, public_favourites, \
     public_mentions, public_follows, public_sign_ups, public_active_day, public_active_week, \
     public_active_month, public_hours";

/// How many columns one set of figures has: its counts and its hours.
const FIGURES_COLUMNS: usize = Measure::COUNT + 1;

/// A day as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct KeptDay {
    /// Its figures.
    pub(in crate::store) figures: InstanceDay,
    /// Whether they were computed when nothing could be added any more.
    pub(in crate::store) is_closed: bool,
    /// Whether an earlier day of its week or month changed since.
    pub(in crate::store) is_windows_stale: bool,
}

/// From which day to which there are rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Extent {
    /// The first.
    pub(in crate::store) first: Day,
    /// The last; there is a row of every day between them.
    pub(in crate::store) last: Day,
}

fn figures(row: &Row<'_>, from: usize) -> rusqlite::Result<Figures> {
    let mut figures = Figures::default();
    for (place, measure) in Measure::ALL.into_iter().enumerate() {
        figures.set(measure, row.get(from + place)?);
    }
    let hours: String = row.get(from + Measure::COUNT)?;
    for (hour, count) in figures.hours.iter_mut().zip(hours.split(',')) {
        *hour = count.parse().map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(
                from + Measure::COUNT,
                rusqlite::types::Type::Text,
                Box::new(error),
            )
        })?;
    }
    Ok(figures)
}

fn day(row: &Row<'_>) -> rusqlite::Result<InstanceDay> {
    Ok(InstanceDay {
        day: row.get(0)?,
        all: figures(row, 1)?,
        public: figures(row, 1 + FIGURES_COLUMNS)?,
    })
}

fn values(figures: &Figures) -> impl Iterator<Item = Value> {
    let hours: Vec<String> = figures.hours.iter().map(ToString::to_string).collect();
    Measure::ALL
        .map(|measure| Value::Integer(figures.get(measure)))
        .into_iter()
        .chain([Value::Text(hours.join(","))])
}

/// A day, as it is kept.
pub(in crate::store) fn find(
    connection: &Connection,
    wanted: Day,
) -> Result<Option<KeptDay>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, closed, windows_stale FROM instance_days WHERE day = ?1"
    ))?;
    let kept = statement.query_row([wanted], |row| {
        Ok(KeptDay {
            figures: day(row)?,
            is_closed: row.get(1 + 2 * FIGURES_COLUMNS)?,
            is_windows_stale: row.get(2 + 2 * FIGURES_COLUMNS)?,
        })
    });
    Ok(kept.optional()?)
}

/// Keeps a day's figures, which are up to date.
pub(in crate::store) fn set(
    connection: &Connection,
    day: &InstanceDay,
    is_closed: bool,
) -> Result<(), StoreError> {
    let values = [Value::Integer(day.day.0.into())]
        .into_iter()
        .chain(values(&day.all))
        .chain(values(&day.public))
        .chain([Value::Integer(is_closed.into())]);
    connection
        .prepare_cached(&format!(
            "INSERT OR REPLACE INTO instance_days ({COLUMNS}, closed, windows_stale)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,
                 ?20, ?21, ?22, ?23, ?24, 0)"
        ))?
        .execute(params_from_iter(values))?;
    Ok(())
}

/// Replaces how many accounts were active in the week and the month that end with a day.
pub(in crate::store) fn set_windows(
    connection: &Connection,
    day: Day,
    all: (i64, i64),
    public: (i64, i64),
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE instance_days SET active_week = ?2, active_month = ?3,
                 public_active_week = ?4, public_active_month = ?5, windows_stale = 0
             WHERE day = ?1",
        )?
        .execute(params![day, all.0, all.1, public.0, public.1])?;
    Ok(())
}

/// Makes the week and the month of closed days be counted again.
pub(in crate::store) fn make_windows_stale(
    connection: &Connection,
    from: Day,
    until: Day,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE instance_days SET windows_stale = 1
             WHERE day >= ?1 AND day < ?2 AND closed = 1 AND windows_stale = 0",
        )?
        .execute(params![from, until])?;
    Ok(())
}

/// Makes days be computed again, from `from` on and before `until`.
pub(in crate::store) fn reopen(
    connection: &Connection,
    from: Day,
    until: Day,
) -> Result<usize, StoreError> {
    Ok(connection
        .prepare_cached(
            "UPDATE instance_days SET closed = 0 WHERE day >= ?1 AND day < ?2 AND closed = 1",
        )?
        .execute(params![from, until])?)
}

/// Forgets the days before one.
pub(in crate::store) fn delete_before(connection: &Connection, day: Day) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM instance_days WHERE day < ?1")?
        .execute([day])?;
    Ok(())
}

/// The first and the last day that there are rows of.
pub(in crate::store) fn extent(connection: &Connection) -> Result<Option<Extent>, StoreError> {
    let edge = |sql: &str| -> Result<Option<Day>, StoreError> {
        let mut statement = connection.prepare_cached(sql)?;
        Ok(statement.query_row((), |row| row.get(0))?)
    };
    let first = edge("SELECT min(day) FROM instance_days")?;
    let last = edge("SELECT max(day) FROM instance_days")?;
    Ok(first.zip(last).map(|(first, last)| Extent { first, last }))
}

/// The open days, oldest first, at most `limit`.
pub(in crate::store) fn open(
    connection: &Connection,
    limit: usize,
) -> Result<Vec<Day>, StoreError> {
    super::first_column(
        connection,
        "SELECT day FROM instance_days WHERE closed = 0 ORDER BY day LIMIT ?1",
        [limit as i64],
    )
}

/// The first day whose week and month have to be counted again.
pub(in crate::store) fn first_with_stale_windows(
    connection: &Connection,
) -> Result<Option<Day>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT day FROM instance_days WHERE windows_stale = 1 ORDER BY day LIMIT 1",
    )?;
    Ok(statement.query_row((), |row| row.get(0)).optional()?)
}

/// The days from one up to another, both included.
pub(in crate::store) fn series(
    connection: &Connection,
    from: Day,
    until: Day,
) -> Result<Vec<InstanceDay>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM instance_days WHERE day >= ?1 AND day <= ?2 ORDER BY day"
    ))?;
    let rows = statement.query_map(params![from, until], day)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// All days together.
pub(in crate::store) fn totals(connection: &Connection) -> Result<Totals, StoreError> {
    let mut totals = Totals::default();
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM instance_days ORDER BY day"))?;
    for day in statement.query_map((), day)? {
        totals.add(&day?);
    }
    Ok(totals)
}
