//! The statistics are counted anew, as the task does that counts them.

use jiff::tz::TimeZone;

use super::{Repair, RepairError};
use crate::domain::statistics::{ACCOUNT_DAYS_KEPT, Day};
use crate::ids::AccountId;
use crate::store::check::name;
use crate::store::error::StoreError;
use crate::store::queries::statistics::{ComputeAccountDays, ComputeDay, ComputeWindows};
use crate::store::reader::{Query, View};
use crate::store::tables::{day_figures, instance_days, meta};
use crate::store::units::{Mend, MendPart};

/// What is kept of the statistics.
struct Series {
    zone: TimeZone,
    first: Day,
    last: Day,
}

struct FindSeries;

impl Query for FindSeries {
    /// None where nothing can be counted.
    type Answer = Option<Series>;

    fn run(&self, view: &View<'_>) -> Result<Option<Series>, StoreError> {
        let connection = view.connection;
        let zone = meta::statistics_zone(connection)?;
        let zone = zone.and_then(|zone| TimeZone::get(&zone).ok());
        let account = day_figures::first_account(connection)?;
        let extent = instance_days::extent(connection)?;
        Ok(match (zone, account, extent) {
            (Some(zone), Some(account), Some(extent)) => Some(Series {
                first: Day::of(account.time(), &zone),
                last: extent.last,
                zone,
            }),
            _ => None,
        })
    }
}

/// The first day whose week and month have to be counted.
struct FindStaleWindows;

impl Query for FindStaleWindows {
    type Answer = Option<Day>;

    fn run(&self, view: &View<'_>) -> Result<Option<Day>, StoreError> {
        instance_days::first_with_stale_windows(view.connection)
    }
}

/// Whether what is kept of a day can be read.
struct CanBeRead(Day);

impl Query for CanBeRead {
    type Answer = bool;

    fn run(&self, view: &View<'_>) -> Result<bool, StoreError> {
        Ok(instance_days::find(view.connection, self.0).is_ok())
    }
}

/// Whether an invariant speaks of the statistics.
pub(super) fn mend(invariant: &str) -> bool {
    [
        name::DAYS,
        "public_figures_are_part_of_all",
        "figures_are_counts",
        "days_have_no_gap",
    ]
    .contains(&invariant)
}

/// Counts every day anew of which something is kept; how many were wrong.
pub(super) fn count_anew(repair: &Repair) -> Result<usize, RepairError> {
    let forget = |first: i32, last: i32| {
        let part = MendPart {
            mend: Mend::DaysOutside(first, last),
            after: None,
        };
        Ok::<_, RepairError>(repair.apply(part)?.changed)
    };
    let Some(series) = repair.find(&FindSeries)? else {
        // Whoever counts next begins anew.
        return forget(i32::MAX, i32::MIN);
    };
    let Series { zone, first, last } = series;
    let now = repair.now();
    let today = Day::of(now, &zone);
    let last = last.min(today);
    let mut changed = forget(first.0, last.0)?;
    for day in (first.0..=last.0).map(Day) {
        changed += usize::from(count_day(repair, day, &zone, today)?);
    }
    while let Some(day) = repair.find(&FindStaleWindows)? {
        let zone = zone.clone();
        let windows = repair.find(&ComputeWindows { day, zone })?;
        repair.apply(windows)?;
    }
    Ok(changed)
}

/// Counts a day; whether it was wrong.
fn count_day(repair: &Repair, day: Day, zone: &TimeZone, today: Day) -> Result<bool, RepairError> {
    let mut was_wrong = false;
    if !repair.find(&CanBeRead(day))? {
        let mend = Mend::Day(day.0);
        repair.apply(MendPart { mend, after: None })?;
        was_wrong = true;
    }
    let mut after = (day > today.plus(-ACCOUNT_DAYS_KEPT)).then_some(AccountId(0));
    while let Some(from) = after {
        let page = repair.find(&ComputeAccountDays {
            day,
            zone: zone.clone(),
            after: from,
        })?;
        after = page.next;
        if !page.record.changes.is_empty() {
            repair.apply(page.record)?;
            was_wrong = true;
        }
    }
    let figures = ComputeDay {
        day,
        zone: zone.clone(),
        is_closed: day.is_closed(repair.now(), zone),
        since_commit: None,
    };
    if let Some(record) = repair.find(&figures)? {
        repair.apply(record)?;
        was_wrong = true;
    }
    Ok(was_wrong)
}
