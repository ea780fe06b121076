//! What jobs and schedules look like to whoever works on them or looks after them.

use crate::clock::Timestamp;
use crate::domain::job::{JobState, Lane, Priority};
use crate::ids::JobId;
use crate::store::error::StoreError;
use crate::store::reader::{Query, View};
pub use crate::store::tables::destinations::Destination;
pub use crate::store::tables::jobs::JobRow;
pub use crate::store::tables::schedules::ScheduleRow;
use crate::store::tables::{destinations, jobs, schedules};

/// The most jobs of a kind that are counted one by one; more are "more than that".
pub const JOBS_COUNTED_MAX: usize = 100_000;
/// The most jobs of a list.
pub const JOBS_LISTED_MAX: usize = 100;

/// When a lane has something to do: the moment may have passed. `None` when nothing waits.
#[derive(Debug, Clone, Copy)]
pub struct FindNextDue {
    /// Which lane.
    pub lane: Lane,
}

impl Query for FindNextDue {
    type Answer = Option<Timestamp>;

    fn run(&self, view: &View<'_>) -> Result<Option<Timestamp>, StoreError> {
        let mut next: Option<Timestamp> = None;
        for destination in destinations::all(view.connection)? {
            if destination.lane != self.lane || destination.paused {
                continue;
            }
            let open_until = Timestamp::from_millis(destination.breaker.open_until);
            for priority in Priority::ALL {
                let due = jobs::next_due(view.connection, &destination.name, priority)?;
                let due = due.map(|due| due.max(open_until));
                next = earlier(next, due);
            }
        }
        Ok(earlier(next, jobs::next_lease_end(view.connection)?))
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    [one, other].into_iter().flatten().min()
}

/// How the destinations of jobs fare.
#[derive(Debug, Clone, Copy)]
pub struct ReadQueues;

/// What leads to one destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// The destination.
    pub destination: Destination,
    /// How many jobs wait, counted up to [`JOBS_COUNTED_MAX`] of each priority.
    pub waiting: usize,
    /// When the first of them is due.
    pub next_due: Option<Timestamp>,
}

/// All queues at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queues {
    /// One for each destination.
    pub queues: Vec<Queue>,
    /// How many jobs are dead, counted up to [`JOBS_COUNTED_MAX`].
    pub dead: usize,
}

impl Query for ReadQueues {
    type Answer = Queues;

    fn run(&self, view: &View<'_>) -> Result<Queues, StoreError> {
        let mut queues = Vec::new();
        for destination in destinations::all(view.connection)? {
            let mut queue = Queue {
                destination,
                waiting: 0,
                next_due: None,
            };
            let name = &queue.destination.name;
            for priority in Priority::ALL {
                queue.waiting +=
                    jobs::count_waiting(view.connection, name, priority, JOBS_COUNTED_MAX)?;
                let due = jobs::next_due(view.connection, name, priority)?;
                queue.next_due = earlier(queue.next_due, due);
            }
            queues.push(queue);
        }
        Ok(Queues {
            queues,
            dead: jobs::count_dead(view.connection, JOBS_COUNTED_MAX)?,
        })
    }
}

/// Jobs that somebody might want to look at, at most [`JOBS_LISTED_MAX`].
#[derive(Debug, Clone, Copy)]
pub struct ListJobs {
    /// The running ones, the dead ones, or of the waiting ones those that failed before.
    pub state: JobState,
}

impl Query for ListJobs {
    type Answer = Vec<JobRow>;

    fn run(&self, view: &View<'_>) -> Result<Vec<JobRow>, StoreError> {
        let connection = view.connection;
        match self.state {
            JobState::Running => jobs::running(connection, JOBS_LISTED_MAX),
            JobState::Dead => jobs::dead(connection, JOBS_LISTED_MAX),
            JobState::Waiting => {
                let mut found = Vec::new();
                for destination in destinations::all(connection)? {
                    for priority in Priority::ALL {
                        let left = JOBS_LISTED_MAX - found.len();
                        let name = &destination.name;
                        found.extend(jobs::retrying(connection, name, priority, left)?);
                    }
                }
                Ok(found)
            }
        }
    }
}

/// One job.
#[derive(Debug, Clone, Copy)]
pub struct FindJob {
    /// Its number.
    pub job: JobId,
}

impl Query for FindJob {
    type Answer = Option<JobRow>;

    fn run(&self, view: &View<'_>) -> Result<Option<JobRow>, StoreError> {
        jobs::find(view.connection, self.job)
    }
}

/// What runs by the clock.
#[derive(Debug, Clone, Copy)]
pub struct ListSchedules;

impl Query for ListSchedules {
    type Answer = Vec<ScheduleRow>;

    fn run(&self, view: &View<'_>) -> Result<Vec<ScheduleRow>, StoreError> {
        schedules::all(view.connection)
    }
}
