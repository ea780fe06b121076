//! The operator looks after jobs and schedules: pause, go on, now, again, never.

use super::access_rules::require_owner;
use super::lease_jobs::is_too_old;
use crate::domain::access::Authority;
use crate::domain::event::Event;
use crate::domain::job::{Breaker, Lane, Priority};
use crate::domain::refusal::Refusal;
use crate::domain::schedule::PeriodicTask;
use crate::ids::JobId;
use crate::store::tables::{destinations, jobs, meta, schedules};
use crate::store::writer::{Unit, UnitError, Write};

/// The most dead jobs that one unit revives.
pub const JOBS_PER_REVIVAL_MAX: usize = 500;

/// Stops what leads to a destination, or lets it go on at once, whatever failed there before.
#[derive(Debug, Clone)]
pub struct PauseDestination {
    /// Who decides.
    pub by: Authority,
    /// Which.
    pub name: String,
    /// Whether it stops.
    pub paused: bool,
}

impl Unit for PauseDestination {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_owner(write.connection, self.by)?;
        if !destinations::set_paused(write.connection, &self.name, self.paused)? {
            return Err(Refusal::NotFound.into());
        }
        if !self.paused {
            let closed = Breaker::default();
            destinations::set_breaker(write.connection, &self.name, closed, None)?;
        }
        wake_all(write);
        Ok(())
    }
}

/// Makes a job due now, a dead one as well; its destination is tried at once.
#[derive(Debug, Clone, Copy)]
pub struct RunJobNow {
    /// Who decides.
    pub by: Authority,
    /// Which.
    pub job: JobId,
}

impl Unit for RunJobNow {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_owner(write.connection, self.by)?;
        let connection = write.connection;
        let row = jobs::find(connection, self.job)?.ok_or(Refusal::NotFound)?;
        if !jobs::revive(connection, self.job, write.now)? {
            return Err(Refusal::Conflict(
                "This job runs already, or another does its work".into(),
            )
            .into());
        }
        destinations::set_breaker(connection, &row.destination, Breaker::default(), None)?;
        wake_all(write);
        Ok(())
    }
}

/// Makes the longest dead jobs due now, at most [`JOBS_PER_REVIVAL_MAX`]; how many there were.
#[derive(Debug, Clone, Copy)]
pub struct ReviveDeadJobs {
    /// Who decides.
    pub by: Authority,
}

impl Unit for ReviveDeadJobs {
    type Answer = usize;

    fn apply(&self, write: &mut Write<'_>) -> Result<usize, UnitError> {
        require_owner(write.connection, self.by)?;
        let mut revived = 0;
        for job in jobs::dead_ids(write.connection, JOBS_PER_REVIVAL_MAX)? {
            let row = jobs::find(write.connection, job)?;
            // A link that somebody asked for long ago would only frighten.
            let is_stale = row.is_some_and(|row| {
                row.job.is_ok_and(|job| {
                    job.priority() == Priority::Urgent
                        && is_too_old(&job, row.made_at.millis(), write.now.millis())
                })
            });
            if !is_stale {
                revived += usize::from(jobs::revive(write.connection, job, write.now)?);
            }
        }
        wake_all(write);
        Ok(revived)
    }
}

/// Removes a job that waits or is dead.
#[derive(Debug, Clone, Copy)]
pub struct DropJob {
    /// Who decides.
    pub by: Authority,
    /// Which.
    pub job: JobId,
}

impl Unit for DropJob {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_owner(write.connection, self.by)?;
        use crate::domain::job::JobState;
        let row = jobs::find(write.connection, self.job)?.ok_or(Refusal::NotFound)?;
        if row.state == JobState::Running {
            return Err(Refusal::Conflict("This job runs at the moment".into()).into());
        }
        if row.destination == "house" {
            return Err(
                Refusal::forbidden("What was deleted must be removed: pause it instead").into(),
            );
        }
        jobs::delete(write.connection, self.job)?;
        Ok(())
    }
}

/// Makes a scheduled task due now.
#[derive(Debug, Clone)]
pub struct RunTaskNow {
    /// Who decides.
    pub by: Authority,
    /// Its name.
    pub task: String,
}

impl Unit for RunTaskNow {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_owner(write.connection, self.by)?;
        let task = PeriodicTask::from_name(&self.task).ok_or(Refusal::NotFound)?;
        if schedules::is_paused(write.connection, &self.task)? {
            return Err(Refusal::Conflict("This task is paused: let it go on first".into()).into());
        }
        schedules::set_due(write.connection, &self.task, write.now)?;
        if task == PeriodicTask::Database {
            meta::ask_for_scrub(write.connection, write.commit)?;
        }
        write.tell(Event::SchedulesChanged);
        Ok(())
    }
}

/// Stops a scheduled task or lets it go on.
#[derive(Debug, Clone)]
pub struct PauseTask {
    /// Who decides.
    pub by: Authority,
    /// Its name.
    pub task: String,
    /// Whether it stops.
    pub paused: bool,
}

impl Unit for PauseTask {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_owner(write.connection, self.by)?;
        PeriodicTask::from_name(&self.task).ok_or(Refusal::NotFound)?;
        schedules::set_paused(write.connection, &self.task, self.paused)?;
        write.tell(Event::SchedulesChanged);
        Ok(())
    }
}

fn wake_all(write: &mut Write<'_>) {
    for lane in Lane::ALL {
        write.tell(Event::JobAdded(lane));
    }
}
