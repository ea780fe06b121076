//! What changes the statistics of an earlier day is marked, in the same unit, so that the day is computed again.

use crate::clock::Timestamp;
use crate::domain::statistics::Quarter;
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;
use crate::store::tables::{day_figures, measured_quarters, stale_quarters};
use crate::store::writer::{Unit, UnitError, Write};

/// The most quarters of an hour that one unit marks.
pub const QUARTERS_PER_UNIT_MAX: usize = 500;
/// The longest day: the one on which summer time ends by an hour.
const DAY_MILLIS_MAX: i64 = 25 * 60 * 60 * 1000;

/// Marks the time of an act, told by its id, whose traces were changed or removed. The present quarter of an hour needs
/// no mark: its day is computed once more after it. Nor does what an import brought from before the instance: the figures
/// begin with the day of its first account.
pub(super) fn mark_stale(write: &Write<'_>, id: i64) -> Result<(), StoreError> {
    let first = day_figures::first_account(write.connection)?.map(AccountId::time);
    let Some(counted) = counted_at(PostId(id).time(), first) else {
        return Ok(());
    };
    let quarter = Quarter::of(counted);
    if quarter < Quarter::of(write.now) {
        stale_quarters::mark(write.connection, quarter, write.commit)?;
    }
    Ok(())
}

/// When an act counts, on an instance whose first account is so old; `None` for one of an earlier day.
fn counted_at(time: Timestamp, first_account: Option<Timestamp>) -> Option<Timestamp> {
    match first_account {
        Some(first) if time < first => {
            let same_day_possible = time > first.plus_millis(-DAY_MILLIS_MAX);
            same_day_possible.then_some(first)
        }
        _ => Some(time),
    }
}

/// Marks a part of what accounts did that became hidden or visible.
#[derive(Debug, Clone, Copy)]
pub struct MarkAccountsStale;

impl Unit for MarkAccountsStale {
    /// Whether more is left to be marked.
    type Answer = bool;

    fn apply(&self, write: &mut Write<'_>) -> Result<bool, UnitError> {
        let connection = write.connection;
        let Some((account, mut after)) = stale_quarters::first_account(connection)? else {
            return Ok(false);
        };
        for _ in 0..QUARTERS_PER_UNIT_MAX {
            let Some(id) = stale_quarters::next_act(connection, account, after)? else {
                stale_quarters::delete_account(connection, account)?;
                return Ok(stale_quarters::first_account(connection)?.is_some());
            };
            mark_stale(write, id)?;
            // The rest of the quarter is marked with it.
            let next = Quarter::of(PostId(id).time()).next();
            after = PostId::floor_of(next.start()).0 - 1;
        }
        stale_quarters::set_account(connection, account, after)?;
        Ok(true)
    }
}

/// What became of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailOutcome {
    /// A mail server took it.
    Sent,
    /// It was given up.
    Failed,
}

/// Counts letters, for the units that record what became of them.
pub(in crate::store) fn count_mail(
    write: &Write<'_>,
    outcome: MailOutcome,
    letters: i64,
) -> Result<(), StoreError> {
    let (sent, failed) = match outcome {
        MailOutcome::Sent => (letters, 0),
        MailOutcome::Failed => (0, letters),
    };
    measured_quarters::add_mail(write.connection, Quarter::of(write.now), sent, failed)
}

/// Counts letters by themselves, for whoever records nothing else of them.
#[derive(Debug, Clone, Copy)]
pub struct CountMail {
    /// What became of them.
    pub outcome: MailOutcome,
    /// How many.
    pub letters: i64,
}

impl Unit for CountMail {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        Ok(count_mail(write, self.outcome, self.letters)?)
    }
}

/// Remembers the size of the database at this moment.
#[derive(Debug, Clone, Copy)]
pub struct MeasureDatabase {
    /// In bytes.
    pub database_bytes: i64,
}

impl Unit for MeasureDatabase {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        let quarter = Quarter::of(write.now);
        measured_quarters::set_database_bytes(write.connection, quarter, self.database_bytes)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_on_the_day_of_the_first_account_counts_however_long_that_is() {
        const HOUR: i64 = 60 * 60 * 1000;
        let first = Timestamp::from_millis(1_790_000_000_000);
        let hours_before = |hours: i64| first.plus_millis(-hours * HOUR);
        assert_eq!(
            counted_at(hours_before(-1), Some(first)),
            Some(hours_before(-1))
        );
        assert_eq!(counted_at(hours_before(1), Some(first)), Some(first));
        // 25 October 2026 in Berlin, from its first minute to its last.
        let almost = first.plus_millis(-25 * HOUR + 60_000);
        assert_eq!(counted_at(almost, Some(first)), Some(first));
        assert_eq!(counted_at(hours_before(25), Some(first)), None);
        assert_eq!(counted_at(hours_before(25), None), Some(hours_before(25)));
    }
}
