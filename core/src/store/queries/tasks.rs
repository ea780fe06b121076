//! What the instance does by itself, at a glance.

use rusqlite::Connection;

use super::jobs::{
    JOBS_LISTED_MAX, JobRow, ListJobs, ListSchedules, Queues, ReadQueues, ScheduleRow,
};
use crate::domain::job::JobState;
use crate::domain::job_words::{in_words, named_in};
use crate::store::error::StoreError;
use crate::store::reader::{Query, View};
use crate::store::tables::accounts;

/// Queues, jobs and schedule in one snapshot.
#[derive(Debug, Clone, Copy)]
pub struct ReadTasks;

/// What [`ReadTasks`] finds; at most [`JOBS_LISTED_MAX`] jobs of each state.
#[derive(Debug, Clone)]
pub struct TaskOverview {
    /// What leads where.
    pub queues: Queues,
    /// What is worked on.
    pub running: Vec<DescribedJob>,
    /// What failed and is tried again.
    pub retrying: Vec<DescribedJob>,
    /// What was given up, the latest first.
    pub dead: Vec<DescribedJob>,
    /// What runs by the clock and was planned at least once.
    pub schedules: Vec<ScheduleRow>,
}

/// A job and what it is about.
#[derive(Debug, Clone)]
pub struct DescribedJob {
    /// The job.
    pub row: JobRow,
    /// What it is about, in words.
    pub words: String,
}

impl Query for ReadTasks {
    type Answer = TaskOverview;

    fn run(&self, view: &View<'_>) -> Result<TaskOverview, StoreError> {
        let listed = |state| -> Result<Vec<DescribedJob>, StoreError> {
            let rows = ListJobs { state }.run(view)?;
            debug_assert!(rows.len() <= JOBS_LISTED_MAX);
            rows.into_iter()
                .map(|row| described(view.connection, row))
                .collect()
        };
        Ok(TaskOverview {
            queues: ReadQueues.run(view)?,
            running: listed(JobState::Running)?,
            retrying: listed(JobState::Waiting)?,
            dead: listed(JobState::Dead)?,
            schedules: ListSchedules.run(view)?,
        })
    }
}

fn described(connection: &Connection, row: JobRow) -> Result<DescribedJob, StoreError> {
    let words = match &row.job {
        Err(_) => format!("Unknown work ({})", row.kind),
        Ok(job) => {
            let mut names = Vec::new();
            for account in named_in(job) {
                if let Some(found) = accounts::find(connection, account)? {
                    names.push((account, found.name));
                }
            }
            in_words(job, |account| {
                let found = names.iter().find(|(known, _)| *known == account);
                found.map(|(_, name)| name.clone())
            })
        }
    };
    Ok(DescribedJob { row, words })
}
