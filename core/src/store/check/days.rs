//! The statistics: every day that is over, counted once more.

use jiff::tz::TimeZone;

use super::{Step, finding, name};
use crate::clock::Timestamp;
use crate::domain::statistics::{ACCOUNT_DAYS_KEPT, Day};
use crate::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::queries::statistics::{ComputeAccountDays, ComputeDay, quarters_of};
use crate::store::reader::{Query, View};
use crate::store::tables::{instance_days, meta, stale_quarters, walks};

/// The most days that one step counts.
const DAYS_PER_STEP_MAX: usize = 16;

pub(super) fn check(view: &View<'_>, after: i64, now: Timestamp) -> Result<Step, StoreError> {
    let connection = view.connection;
    let (zone, extent) = match (
        meta::statistics_zone(connection)?,
        instance_days::extent(connection)?,
    ) {
        (Some(zone), Some(extent)) => (zone, extent),
        _ => return Ok(Step::default()),
    };
    // Whoever counts next begins anew in a zone that is known.
    let Ok(zone) = TimeZone::get(&zone) else {
        return Ok(Step::default());
    };
    // What is being removed or marked may be of any day.
    if walks::is_purging(connection)? || stale_quarters::first_account(connection)?.is_some() {
        return Ok(Step::default());
    }
    let first = i32::try_from(after).map_or(extent.first, |after| Day(after).plus(1));
    let mut step = Step::default();
    let mut day = first.max(extent.first);
    for _ in 0..DAYS_PER_STEP_MAX {
        if day > extent.last {
            return Ok(step);
        }
        if is_counted(view, day, &zone)? && !is_right(view, day, &zone, now)? {
            step.broken.push(finding(
                name::DAYS,
                format!("{day} has other figures than what happened on it gives"),
            ));
        }
        day = day.plus(1);
    }
    step.next = (day <= extent.last).then(|| i64::from(day.0) - 1);
    Ok(step)
}

/// Whether nobody is going to count the day anyway.
fn is_counted(view: &View<'_>, day: Day, zone: &TimeZone) -> Result<bool, StoreError> {
    let (from, until) = quarters_of(day, zone);
    // What can't be read is going to be found wrong.
    let kept = match instance_days::find(view.connection, day) {
        Err(error) if error.is_unreadable() => return Ok(true),
        kept => kept?,
    };
    Ok(
        kept.is_none_or(|kept| kept.is_closed && !kept.is_windows_stale)
            && stale_quarters::first(view.connection, from, until)?.is_none(),
    )
}

/// Whether counting gives what is kept.
fn is_right(
    view: &View<'_>,
    day: Day,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let figures = ComputeDay {
        day,
        zone: zone.clone(),
        is_closed: true,
        since_commit: None,
    };
    match figures.run(view) {
        Ok(None) => {}
        Ok(Some(_)) | Err(StoreError::Sqlite(rusqlite::Error::FromSqlConversionFailure(..))) => {
            return Ok(false);
        }
        Err(error) => return Err(error),
    }
    // What accounts did is forgotten after a while, a part at a time.
    if day <= Day::of(now, zone).plus(-ACCOUNT_DAYS_KEPT) {
        return Ok(true);
    }
    let mut after = Some(AccountId(0));
    while let Some(from) = after {
        let accounts = ComputeAccountDays {
            day,
            zone: zone.clone(),
            after: from,
        };
        let page = accounts.run(view)?;
        if !page.record.changes.is_empty() {
            return Ok(false);
        }
        after = page.next;
    }
    Ok(true)
}
