//! A worker takes the jobs that are due.

use super::settle_job::give_up;
use crate::domain::event::Event;
use crate::domain::job::{ATTEMPTS_MAX, Breaker, Job, LEASE_MILLIS, Lane, LeasedJob, Priority};
use crate::store::tables::destinations::Destination;
use crate::store::tables::jobs::JobRow;
use crate::store::tables::{destinations, jobs};
use crate::store::writer::{Unit, UnitError, Write};

/// The most jobs that one unit gives out or buries.
pub const JOBS_PER_LEASE_MAX: usize = 16;
/// How long work on the store waits that this kinglet doesn't understand, in milliseconds: an hour.
const NOT_UNDERSTOOD_MILLIS: i64 = 60 * 60 * 1000;
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
        let mut given_up = 0;
        for destination in destinations::all(write.connection)? {
            if destination.lane != self.lane || destination.paused {
                continue;
            }
            let wanted = self.limit.min(JOBS_PER_LEASE_MAX) - leased.len();
            let is_busy = jobs::runs_any(write.connection, &destination.name)?;
            let free = destination
                .breaker
                .lets_through(write.now.millis(), wanted, is_busy);
            given_up += take(write, &destination, free, &mut leased)?;
        }
        if leased.is_empty() && given_up > 0 {
            // Whoever gets nothing rests, and behind what was given up others may be due.
            write.tell(Event::JobAdded(self.lane));
        }
        Ok(leased)
    }
}

/// Takes what is due at a destination; how many jobs were given up instead.
fn take(
    write: &Write<'_>,
    destination: &Destination,
    wanted: usize,
    leased: &mut Vec<LeasedJob>,
) -> Result<usize, UnitError> {
    let full = leased.len() + wanted;
    let mut given_up = 0;
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
                Err(reason) if destination.lane == Lane::House => {
                    // What was deleted must be removed one day, be it by a newer kinglet.
                    let later = write.now.plus_millis(NOT_UNDERSTOOD_MILLIS);
                    jobs::put_off(write.connection, row.id, later, row.attempts, Some(&reason))?;
                    given_up += 1;
                }
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
                    given_up += 1;
                }
            }
        }
    }
    Ok(given_up)
}

/// The job, or why it is given up.
fn judge(row: &JobRow, now: i64) -> Result<Job, String> {
    let job = row.job.clone()?;
    if is_too_old(&job, row.made_at.millis(), now) {
        return Err(format!("too late: {}", last_words(row)));
    }
    if job.lane() == Lane::Mail && row.attempts >= ATTEMPTS_MAX {
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

/// Ends the leases of a lane: whoever held them is gone.
#[derive(Debug, Clone, Copy)]
pub struct EndLeases {
    /// Whose.
    pub lane: Lane,
    /// How the one who held them went.
    pub ending: Ending,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// In order: what it was at doesn't count as tried.
    Stopped,
    /// Unknown, as after a crash; a new one begins, maybe with other settings, so destinations are tried anew.
    Restarted,
}

impl Unit for EndLeases {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        let connection = write.connection;
        let uncounted = i64::from(self.ending == Ending::Stopped);
        jobs::release_lane(connection, self.lane, write.now, uncounted, LEASES_MAX)?;
        if self.ending == Ending::Restarted {
            for destination in destinations::all(connection)? {
                if destination.lane == self.lane && destination.breaker != Breaker::default() {
                    let closed = Breaker::default();
                    destinations::set_breaker(connection, &destination.name, closed, None)?;
                }
            }
        }
        Ok(())
    }
}
