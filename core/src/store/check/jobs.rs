//! What is left to do: whether it can be done, leads where its kind leads, and comes back when whoever does it dies.

use rusqlite::Connection;

use super::{ROWS_PER_STEP_MAX, Step, finding, name};
use crate::clock::Timestamp;
use crate::domain::job::{Job, JobState, LEASE_MILLIS};
use crate::ids::JobId;
use crate::store::error::StoreError;
use crate::store::tables::jobs::{self, RoutedJob};

/// What is wrong with a job.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) enum Fault {
    /// Nobody knows what is to be done, for this reason.
    Unknown(String),
    /// It leads elsewhere, comes before others or hinders others as jobs of its kind don't.
    Astray(Job),
    /// Its lease ends later than any that is given now.
    Held,
}

pub(in crate::store) fn fault_of(job: &RoutedJob, now: Timestamp) -> Option<Fault> {
    let work = match &job.job {
        Err(reason) => return Some(Fault::Unknown(reason.clone())),
        Ok(work) => work,
    };
    let is_astray = job.destination != work.destination()
        || job.priority != work.priority()
        || job.dedup_key != work.dedup_key();
    if is_astray {
        return Some(Fault::Astray(work.clone()));
    }
    // One that was given a moment ago, by a clock that went on since.
    let is_held = job.state == JobState::Running && job.run_at > now.plus_millis(2 * LEASE_MILLIS);
    is_held.then_some(Fault::Held)
}

pub(super) fn check(
    connection: &Connection,
    after: i64,
    now: Timestamp,
) -> Result<Step, StoreError> {
    let found = jobs::routed(connection, JobId(after), ROWS_PER_STEP_MAX)?;
    let mut broken = Vec::new();
    for job in &found {
        let id = job.id;
        broken.extend(fault_of(job, now).map(|fault| match fault {
            Fault::Unknown(reason) => finding(
                name::UNKNOWN_JOBS,
                format!("job {id} can't be done: {reason}"),
            ),
            Fault::Astray(_) => finding(
                name::JOBS,
                format!("job {id} doesn't lead where its kind leads"),
            ),
            Fault::Held => finding(
                name::LEASES,
                format!(
                    "job {id} is held until {}, and nobody holds one that long",
                    job.run_at
                ),
            ),
        }));
    }
    let next = found.last().filter(|_| found.len() == ROWS_PER_STEP_MAX);
    Ok(Step {
        broken,
        next: next.map(|job| job.id.0),
    })
}
