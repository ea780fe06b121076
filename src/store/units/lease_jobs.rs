//! A worker takes the jobs that are due.

use super::settle_job::give_up;
use crate::domain::event::Event;
use crate::domain::job::{ATTEMPTS_MAX, Job, LEASE_MILLIS, Lane, LeasedJob, Priority};
use crate::store::tables::destinations::Destination;
use crate::store::tables::jobs::JobRow;
use crate::store::tables::{destinations, jobs};
use crate::store::writer::{Unit, UnitError, Write};

/// The most jobs that one unit gives out or buries.
pub const JOBS_PER_LEASE_MAX: usize = 16;
/// The most leases of a process that is gone which one unit ends; there are never more than workers.
const LEASES_MAX: usize = 1000;

/// Takes up to `limit` due jobs of a lane, the most urgent first; from a destination whose breaker is open none.
#[derive(Debug, Clone, Copy)]
pub struct LeaseJobs {
    /// Whose.
    pub lane: Lane,
    /// How many; at most [`JOBS_PER_LEASE_MAX`].
    pub limit: usize,
}

impl Unit for LeaseJobs {
    type Answer = Vec<LeasedJob>;

    fn apply(&self, write: &mut Write<'_>) -> Result<Vec<LeasedJob>, UnitError> {
        jobs::release_ended(write.connection, write.now)?;
        let mut leased = Vec::new();
        for destination in destinations::all(write.connection)? {
            if destination.lane != self.lane || destination.paused {
                continue;
            }
            let wanted = self.limit.min(JOBS_PER_LEASE_MAX) - leased.len();
            let is_busy = jobs::runs_any(write.connection, &destination.name)?;
            let free = destination
                .breaker
                .lets_through(write.now.millis(), wanted, is_busy);
            take(write, &destination, free, &mut leased)?;
        }
        Ok(leased)
    }
}

fn take(
    write: &mut Write<'_>,
    destination: &Destination,
    wanted: usize,
    leased: &mut Vec<LeasedJob>,
) -> Result<(), UnitError> {
    let full = leased.len() + wanted;
    let mut is_any_buried = false;
    for priority in Priority::ALL {
        let left = full - leased.len();
        if left == 0 {
            break;
        }
        let due = jobs::due(
            write.connection,
            &destination.name,
            priority,
            write.now,
            left,
        )?;
        for row in due {
            match judge(&row, write.now.millis()) {
                Ok(job) => {
                    let until = write.now.plus_millis(LEASE_MILLIS);
                    jobs::lease(write.connection, row.id, until)?;
                    leased.push(LeasedJob {
                        id: row.id,
                        job,
                        attempt: row.attempts + 1,
                    });
                }
                Err(reason) => {
                    give_up(write, &row, &reason)?;
                    is_any_buried = true;
                }
            }
        }
    }
    if is_any_buried {
        // Their places are free for what waits behind them: an empty answer doesn't mean that nothing is due.
        write.tell(Event::JobAdded(destination.lane));
    }
    Ok(())
}

/// The job, or why it is given up.
fn judge(row: &JobRow, now: i64) -> Result<Job, String> {
    let job = row.job.clone()?;
    if is_too_old(&job, row.made_at.millis(), now) {
        return Err(format!("too late: {}", last_words(row)));
    }
    if row.attempts >= ATTEMPTS_MAX {
        return Err(format!(
            "given up after {ATTEMPTS_MAX} attempts: {}",
            last_words(row)
        ));
    }
    Ok(job)
}

fn last_words(row: &JobRow) -> &str {
    row.last_error.as_deref().unwrap_or("it was never tried")
}

/// Whether a job is no longer worth doing at `now`.
pub(super) fn is_too_old(job: &Job, made_at: i64, now: i64) -> bool {
    job.age_millis_max()
        .is_some_and(|most| now.saturating_sub(made_at) > most)
}

/// Ends the leases of a lane: whoever held them is gone, as after a crash.
#[derive(Debug, Clone, Copy)]
pub struct EndLeases {
    /// Whose.
    pub lane: Lane,
}

impl Unit for EndLeases {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        jobs::release_lane(write.connection, self.lane, write.now, LEASES_MAX)?;
        Ok(())
    }
}
