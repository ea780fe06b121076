//! What is to be done for the statistics, and the figures of days out of what is stored.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::clock::Timestamp;
use crate::domain::account::AccountState;
use crate::domain::statistics::{
    ACCOUNT_DAYS_KEPT, AccountDay, AccountRow, Day, Dimension, Figures, InstanceDay, MONTH_DAYS,
    Measure, Quarter, SHARES_PER_DAY_MAX, WEEK_DAYS,
};
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;
use crate::store::reader::{Query, View};
use crate::store::tables::day_figures::{self, IdRange};
use crate::store::tables::instance_days::KeptDay;
use crate::store::tables::{
    account_days, accounts, day_shares, instance_days, meta, stale_quarters,
};
use crate::store::units::{
    ACCOUNT_ROWS_PER_UNIT_MAX, BeginSeries, RecordAccountDays, RecordDay, RecordWindows,
};

/// The most open days that are looked at: the present one, the one before it for a moment, those of a clock that went
/// back.
const OPEN_DAYS_MAX: usize = 8;

/// What is to be done next.
#[derive(Debug, Clone)]
pub enum StatisticsStep {
    /// To begin the series, or to cut days by another zone.
    Begin(BeginSeries),
    /// To mark what accounts did that became hidden or visible.
    MarkAccounts,
    /// To compute a day to which nothing is added any more.
    Close(ComputedDay),
    /// To count the week and the month that end with a day.
    CountWindows(Day),
    /// To forget the days of accounts before this one.
    Forget(Day),
    /// To compute the days that aren't over; nothing else is left.
    Open(Vec<ComputedDay>),
}

/// A day that is to be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComputedDay {
    /// Which.
    pub day: Day,
    /// Whether nothing is added to it any more.
    pub is_closed: bool,
    /// Whether it is so young that the figures of accounts are kept.
    pub has_accounts: bool,
}

/// Finds what is to be done next, oldest days first.
#[derive(Debug, Clone)]
pub struct PlanStatistics {
    /// The present moment.
    pub now: Timestamp,
    /// The zone that days are cut by.
    pub zone: TimeZone,
}

impl Query for PlanStatistics {
    type Answer = StatisticsStep;

    fn run(&self, view: &View<'_>) -> Result<StatisticsStep, StoreError> {
        let connection = view.connection;
        let Some(first_account) = day_figures::first_account(connection)? else {
            return Ok(StatisticsStep::Open(Vec::new()));
        };
        let first = Day::of(first_account.time(), &self.zone);
        let zone = zone_name(&self.zone);
        if meta::statistics_zone(connection)?.as_deref() != Some(&zone) {
            return Ok(StatisticsStep::Begin(BeginSeries { zone, first }));
        }
        if stale_quarters::first_account(connection)?.is_some() {
            return Ok(StatisticsStep::MarkAccounts);
        }
        let today = Day::of(self.now, &self.zone);
        let mut first_open = today;
        while !first_open.plus(-1).is_closed(self.now, &self.zone) {
            first_open = first_open.plus(-1);
        }
        let accounts_from = today.plus(-ACCOUNT_DAYS_KEPT).max(first);
        let computed = |day: Day| ComputedDay {
            day,
            is_closed: day < first_open,
            has_accounts: day >= accounts_from,
        };

        let extent = instance_days::extent(connection)?;
        let missing = match extent {
            None => first,
            Some(extent) if first < extent.first => extent.first.plus(-1),
            Some(extent) => extent.last.plus(1),
        };
        let opened = instance_days::open(connection, OPEN_DAYS_MAX)?;
        let stale = stale_quarters::first(
            connection,
            first_quarter(Timestamp::midnight(first.0, &self.zone)),
            first_quarter(Timestamp::midnight(first_open.0, &self.zone)),
        )?
        .map(|quarter| Day::of(quarter.start(), &self.zone));
        let oldest = [Some(missing), opened.first().copied(), stale]
            .into_iter()
            .flatten()
            .min()
            .filter(|day| *day < first_open);
        if let Some(day) = oldest {
            return Ok(StatisticsStep::Close(computed(day)));
        }
        if let Some(day) = instance_days::first_with_stale_windows(connection)? {
            return Ok(StatisticsStep::CountWindows(day));
        }
        if account_days::is_any_before(connection, accounts_from)? {
            return Ok(StatisticsStep::Forget(accounts_from));
        }
        let mut open: Vec<Day> = (first_open.0..=today.0)
            .map(Day)
            .filter(|day| *day >= first)
            .chain(opened)
            .collect();
        open.sort_unstable();
        open.dedup();
        Ok(StatisticsStep::Open(
            open.into_iter().map(computed).collect(),
        ))
    }
}

/// How the store remembers a zone.
fn zone_name(zone: &TimeZone) -> String {
    zone.iana_name()
        .map_or_else(|| format!("{zone:?}"), ToOwned::to_owned)
}

/// The first quarter of an hour that begins at the moment or after it.
fn first_quarter(moment: Timestamp) -> Quarter {
    let quarter = Quarter::of(moment);
    if quarter.start() == moment {
        quarter
    } else {
        quarter.next()
    }
}

/// The quarters of an hour that a day is made of: the first, and the first after it.
pub(in crate::store) fn quarters_of(day: Day, zone: &TimeZone) -> (Quarter, Quarter) {
    let (from, until) = day.bounds(zone);
    (first_quarter(from), first_quarter(until))
}

/// The ids of the days from one up to another, both included.
fn ids_of(from: Day, until: Day, zone: &TimeZone) -> IdRange {
    (
        PostId::floor_of(from.bounds(zone).0),
        PostId::floor_of(until.bounds(zone).1),
    )
}

/// Computes the figures of some of a day's accounts.
#[derive(Debug, Clone)]
pub struct ComputeAccountDays {
    /// The day.
    pub day: Day,
    /// The zone that days are cut by.
    pub zone: TimeZone,
    /// The account after which to go on; 0 to begin.
    pub after: AccountId,
}

/// A part of a day's accounts.
#[derive(Debug, Clone)]
pub struct AccountDaysPage {
    /// What is to be recorded; its changes are empty when what is kept is right.
    pub record: RecordAccountDays,
    /// Where to go on, `None` at the end.
    pub next: Option<AccountId>,
}

impl Query for ComputeAccountDays {
    type Answer = AccountDaysPage;

    fn run(&self, view: &View<'_>) -> Result<AccountDaysPage, StoreError> {
        let connection = view.connection;
        let limit = ACCOUNT_ROWS_PER_UNIT_MAX;
        let range = ids_of(self.day, self.day, &self.zone);
        let mut found: BTreeMap<AccountId, AccountDay> = BTreeMap::new();
        day_figures::count_of_accounts(connection, range, self.after, limit, |account, set| {
            set(found.entry(account).or_default());
        })?;
        let mut kept: BTreeMap<AccountId, AccountDay> = BTreeMap::new();
        for row in account_days::of_day(connection, self.day, self.after, limit)? {
            kept.insert(row.account, row.figures);
            found.entry(row.account).or_default();
        }
        let next = (found.len() >= limit)
            .then(|| found.keys().nth(limit - 1).copied())
            .flatten();
        let mut changes = Vec::new();
        for (account, figures) in found.into_iter().take(limit) {
            // What a deleted account still is told to have received is nobody's.
            let is_deleted = accounts::state(connection, account)? == Some(AccountState::Deleted);
            let figures = if is_deleted {
                AccountDay::default()
            } else {
                figures
            };
            if figures != kept.get(&account).copied().unwrap_or_default() {
                changes.push(AccountRow { account, figures });
            }
        }
        Ok(AccountDaysPage {
            record: RecordAccountDays {
                day: self.day,
                changes,
                read_commit: view.commit(),
            },
            next,
        })
    }
}

/// Computes the figures of a day, its accounts' left out.
#[derive(Debug, Clone)]
pub struct ComputeDay {
    /// The day.
    pub day: Day,
    /// The zone that days are cut by.
    pub zone: TimeZone,
    /// Whether nothing is added to it any more.
    pub is_closed: bool,
    /// The snapshot that the first figures of the day's accounts came from.
    pub since_commit: Option<i64>,
}

impl Query for ComputeDay {
    /// What is to be recorded; `None` when what is kept is right.
    type Answer = Option<RecordDay>;

    fn run(&self, view: &View<'_>) -> Result<Option<RecordDay>, StoreError> {
        let connection = view.connection;
        let range = ids_of(self.day, self.day, &self.zone);
        let (mut all, mut public) = (Figures::default(), Figures::default());
        let mut minute = (i64::MIN, 0);
        // Entries come almost in the order of their time: the calendar is asked once a minute.
        let hour_of = |id: PostId| {
            let time = id.time();
            let number = time.millis().div_euclid(60_000);
            if minute.0 != number {
                minute = (number, time.hour_in(&self.zone));
            }
            minute.1
        };
        day_figures::count_entries(connection, range, hour_of, &mut all, &mut public)?;
        day_figures::count_acts(connection, range, &mut all, &mut public)?;
        let (active, publicly_active) = day_figures::active_accounts(connection, range)?;
        all.set(Measure::ActiveDay, active);
        public.set(Measure::ActiveDay, publicly_active);
        let windows = count_windows(view, self.day, &self.zone)?;
        all.set(Measure::ActiveWeek, windows.all.0);
        all.set(Measure::ActiveMonth, windows.all.1);
        public.set(Measure::ActiveWeek, windows.public.0);
        public.set(Measure::ActiveMonth, windows.public.1);
        let figures = InstanceDay {
            day: self.day,
            all,
            public,
        };
        let mut shares = vec![
            (
                Dimension::Tag,
                day_figures::tags(connection, range, SHARES_PER_DAY_MAX)?,
            ),
            (
                Dimension::Language,
                day_figures::languages(connection, range, SHARES_PER_DAY_MAX)?,
            ),
            (
                Dimension::App,
                day_figures::clients(connection, range, SHARES_PER_DAY_MAX)?,
            ),
        ];
        let quarters = quarters_of(self.day, &self.zone);
        let right = KeptDay {
            figures,
            is_closed: self.is_closed,
            is_windows_stale: false,
        };
        let is_stale = stale_quarters::first(connection, quarters.0, quarters.1)?.is_some();
        let mut is_right = !is_stale && instance_days::find(connection, self.day)? == Some(right);
        for (dimension, shares) in &mut shares {
            shares.sort_by(|one, other| one.label.cmp(&other.label));
            is_right = is_right && day_shares::of_day(connection, self.day, *dimension)? == *shares;
        }
        let read_commit = view.commit();
        Ok((!is_right).then(|| RecordDay {
            figures,
            shares,
            is_closed: self.is_closed,
            quarters,
            read_commit,
            since_commit: self.since_commit.unwrap_or(read_commit),
        }))
    }
}

/// Counts the accounts that were active in the week and the month that end with a day.
#[derive(Debug, Clone)]
pub struct ComputeWindows {
    /// The day.
    pub day: Day,
    /// The zone that days are cut by.
    pub zone: TimeZone,
}

impl Query for ComputeWindows {
    type Answer = RecordWindows;

    fn run(&self, view: &View<'_>) -> Result<RecordWindows, StoreError> {
        count_windows(view, self.day, &self.zone)
    }
}

fn count_windows(view: &View<'_>, day: Day, zone: &TimeZone) -> Result<RecordWindows, StoreError> {
    let active = |days: i32| {
        let range = ids_of(day.plus(1 - days), day, zone);
        day_figures::active_accounts(view.connection, range)
    };
    let (week, public_week) = active(WEEK_DAYS)?;
    let (month, public_month) = active(MONTH_DAYS)?;
    Ok(RecordWindows {
        day,
        all: (week, month),
        public: (public_week, public_month),
        read_commit: view.commit(),
    })
}
