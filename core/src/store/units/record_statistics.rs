//! Statistics that were computed from a snapshot are recorded.
//!
//! Each unit names the snapshot's commit. When statistics were recorded after it, by somebody else who computes them at
//! the same time, it changes nothing: what was compared with what is kept may be wrong then.

use crate::domain::statistics::{
    AccountRow, Day, Dimension, InstanceDay, MONTH_DAYS, Quarter, Share,
};
use crate::store::error::StoreError;
use crate::store::tables::{account_days, day_shares, instance_days, meta, stale_quarters};
use crate::store::writer::{Unit, UnitError, Write};

/// The most account rows that one unit changes.
pub const ACCOUNT_ROWS_PER_UNIT_MAX: usize = 500;

/// Whether the snapshot holds everything that was recorded.
fn is_fresh(write: &Write<'_>, read_commit: i64) -> Result<bool, StoreError> {
    Ok(meta::statistics_commit(write.connection)? <= read_commit)
}

fn recorded(write: &Write<'_>) -> Result<(), StoreError> {
    meta::set_statistics_commit(write.connection, write.commit)
}

/// Begins to cut days by a zone; the days that were cut by another are computed again.
#[derive(Debug, Clone)]
pub struct BeginSeries {
    /// The zone's name.
    pub zone: String,
    /// The first day, in that zone, on which the instance had an account.
    pub first: Day,
}

impl Unit for BeginSeries {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        let connection = write.connection;
        meta::set_statistics_zone(connection, &self.zone)?;
        // One row a day: a few thousand in a decade.
        instance_days::delete_before(connection, self.first)?;
        day_shares::delete_before(connection, self.first)?;
        instance_days::reopen(connection, self.first, Day(i32::MAX))?;
        recorded(write)?;
        Ok(())
    }
}

/// Makes days be computed again, whatever is kept of them.
#[derive(Debug, Clone, Copy)]
pub struct ReopenDays {
    /// The first.
    pub from: Day,
    /// The last.
    pub until: Day,
}

impl Unit for ReopenDays {
    /// How many days will be computed again, the present one left out, which always is.
    type Answer = usize;

    fn apply(&self, write: &mut Write<'_>) -> Result<usize, UnitError> {
        let until = self.until.plus(1);
        Ok(instance_days::reopen(write.connection, self.from, until)?)
    }
}

/// Records what changed among the accounts of a day.
#[derive(Debug, Clone)]
pub struct RecordAccountDays {
    /// The day.
    pub day: Day,
    /// What is to be kept; empty figures are forgotten. At most [`ACCOUNT_ROWS_PER_UNIT_MAX`].
    pub changes: Vec<AccountRow>,
    /// The snapshot that it comes from.
    pub read_commit: i64,
}

impl Unit for RecordAccountDays {
    /// Whether it was recorded.
    type Answer = bool;

    fn apply(&self, write: &mut Write<'_>) -> Result<bool, UnitError> {
        if !is_fresh(write, self.read_commit)? {
            return Ok(false);
        }
        for row in &self.changes {
            account_days::set(write.connection, self.day, row)?;
        }
        recorded(write)?;
        Ok(true)
    }
}

/// Records a day of the instance.
#[derive(Debug, Clone)]
pub struct RecordDay {
    /// Its figures.
    pub figures: InstanceDay,
    /// Its first tags, languages and clients.
    pub shares: Vec<(Dimension, Vec<Share>)>,
    /// Whether nothing can be added to the day any more.
    pub is_closed: bool,
    /// The quarters of an hour that the day is made of: the first, and the first after it.
    pub quarters: (Quarter, Quarter),
    /// The snapshot that the figures come from.
    pub read_commit: i64,
    /// The oldest snapshot that something of the day comes from, its accounts included: what was marked later is stale.
    pub since_commit: i64,
}

impl Unit for RecordDay {
    /// Whether it was recorded.
    type Answer = bool;

    fn apply(&self, write: &mut Write<'_>) -> Result<bool, UnitError> {
        if !is_fresh(write, self.read_commit)? {
            return Ok(false);
        }
        let connection = write.connection;
        let day = self.figures.day;
        instance_days::set(connection, &self.figures, self.is_closed)?;
        day_shares::replace(connection, day, &self.shares)?;
        instance_days::make_windows_stale(connection, day.plus(1), day.plus(MONTH_DAYS))?;
        let (from, until) = self.quarters;
        stale_quarters::clear(connection, from, until, self.since_commit)?;
        recorded(write)?;
        Ok(true)
    }
}

/// Records how many accounts were active in the week and the month that end with a day.
#[derive(Debug, Clone, Copy)]
pub struct RecordWindows {
    /// The day.
    pub day: Day,
    /// Of the week and of the month, all.
    pub all: (i64, i64),
    /// Of the week and of the month, visibly to strangers.
    pub public: (i64, i64),
    /// The snapshot that it comes from.
    pub read_commit: i64,
}

impl Unit for RecordWindows {
    /// Whether it was recorded.
    type Answer = bool;

    fn apply(&self, write: &mut Write<'_>) -> Result<bool, UnitError> {
        if !is_fresh(write, self.read_commit)? {
            return Ok(false);
        }
        instance_days::set_windows(write.connection, self.day, self.all, self.public)?;
        recorded(write)?;
        Ok(true)
    }
}

/// Forgets a part of the accounts' days before one.
#[derive(Debug, Clone, Copy)]
pub struct ForgetAccountDays {
    /// The first day that is kept.
    pub before: Day,
}

impl Unit for ForgetAccountDays {
    /// Whether more may be left.
    type Answer = bool;

    fn apply(&self, write: &mut Write<'_>) -> Result<bool, UnitError> {
        let limit = ACCOUNT_ROWS_PER_UNIT_MAX;
        let forgotten = account_days::delete_before(write.connection, self.before, limit)?;
        recorded(write)?;
        Ok(forgotten == limit)
    }
}
