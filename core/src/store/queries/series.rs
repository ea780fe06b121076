//! The statistics that are kept, for those who look at them.
//!
//! Here nothing is left out: who may see what is decided by [`crate::domain::statistics::Audience`].

use jiff::tz::TimeZone;

use crate::domain::statistics::{
    AccountDay, Day, Dimension, InstanceDay, MeasuredDay, Quarter, Share, Totals,
};
use crate::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::reader::{Query, View};
use crate::store::tables::{account_days, day_shares, instance_days, measured_quarters, upkeep};

/// The most days that are told at once: ten years.
pub const SERIES_DAYS_MAX: i32 = 3660;

/// The days of the instance from one up to another, both included, at most [`SERIES_DAYS_MAX`] of them, oldest first. Days
/// that aren't computed are left out.
#[derive(Debug, Clone)]
pub struct ReadInstanceSeries {
    /// The first day.
    pub from: Day,
    /// The last day.
    pub until: Day,
    /// The zone that days are cut by.
    pub zone: TimeZone,
}

impl Query for ReadInstanceSeries {
    type Answer = Vec<(InstanceDay, MeasuredDay)>;

    fn run(&self, view: &View<'_>) -> Result<Self::Answer, StoreError> {
        let until = bounded(self.from, self.until);
        instance_days::series(view.connection, self.from, until)?
            .into_iter()
            .map(|day| {
                let (begins, ends) = day.day.bounds(&self.zone);
                let quarters = (Quarter::of(begins), Quarter::of(ends));
                let measured = measured_quarters::between(view.connection, quarters.0, quarters.1)?;
                Ok((day, measured))
            })
            .collect()
    }
}

fn bounded(from: Day, until: Day) -> Day {
    until.min(from.plus(SERIES_DAYS_MAX - 1))
}

/// An account's days from one up to another, both included, at most [`SERIES_DAYS_MAX`] of them, oldest first. Days on
/// which nothing happened are left out.
#[derive(Debug, Clone, Copy)]
pub struct ReadAccountSeries {
    /// Whose.
    pub account: AccountId,
    /// The first day.
    pub from: Day,
    /// The last day.
    pub until: Day,
}

impl Query for ReadAccountSeries {
    type Answer = Vec<(Day, AccountDay)>;

    fn run(&self, view: &View<'_>) -> Result<Self::Answer, StoreError> {
        let until = bounded(self.from, self.until);
        account_days::series(view.connection, self.account, self.from, until)
    }
}

/// All days together, and all that was measured.
#[derive(Debug, Clone, Copy)]
pub struct ReadTotals;

impl Query for ReadTotals {
    type Answer = (Totals, MeasuredDay);

    fn run(&self, view: &View<'_>) -> Result<Self::Answer, StoreError> {
        let totals = instance_days::totals(view.connection)?;
        let ever = (Quarter(i64::MIN), Quarter(i64::MAX));
        let measured = measured_quarters::between(view.connection, ever.0, ever.1)?;
        Ok((totals, measured))
    }
}

/// How many bytes the database takes at this moment.
#[derive(Debug, Clone, Copy)]
pub struct ReadDatabaseSize;

impl Query for ReadDatabaseSize {
    type Answer = i64;

    fn run(&self, view: &View<'_>) -> Result<i64, StoreError> {
        upkeep::size(view.connection)
    }
}

/// The first tags, languages or clients of the days from one up to another, both included, at most [`SERIES_DAYS_MAX`] of
/// them.
#[derive(Debug, Clone, Copy)]
pub struct ReadShares {
    /// Of which kind.
    pub dimension: Dimension,
    /// The first day.
    pub from: Day,
    /// The last day.
    pub until: Day,
    /// How many visibly active accounts a day must have, as [`crate::domain::statistics::Audience::active_min`] says.
    pub active_min: i64,
    /// The most that are told.
    pub limit: usize,
}

impl Query for ReadShares {
    type Answer = Vec<Share>;

    fn run(&self, view: &View<'_>) -> Result<Self::Answer, StoreError> {
        let days = (self.from, bounded(self.from, self.until));
        day_shares::first(
            view.connection,
            self.dimension,
            days,
            self.active_min,
            self.limit,
        )
    }
}
