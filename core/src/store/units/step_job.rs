//! Work on the store itself that is too large for one unit: one bounded step of it.

use super::index_posts::index_posts;
use super::purge::{purge_account, purge_post};
use super::tell::{tell_boosters, tell_more_followers};
use crate::domain::job::Job;
use crate::ids::JobId;
use crate::store::error::StoreError;
use crate::store::tables::jobs;
use crate::store::writer::{Unit, UnitError, Write};

/// Does a step of a job. The step and how far the job is are one transaction: nothing is done twice.
#[derive(Debug, Clone, Copy)]
pub struct StepJob {
    /// Which.
    pub job: JobId,
    /// Whether the job stays when nothing is left in the store: something is left elsewhere.
    pub stays: bool,
}

/// How far a job is after a step.
pub(super) enum Step {
    /// Nothing is left.
    Done,
    /// This is left.
    Left(Job),
}

impl Unit for StepJob {
    /// Whether something is left to do.
    type Answer = bool;

    fn apply(&self, write: &mut Write<'_>) -> Result<bool, UnitError> {
        let Some(row) = jobs::find(write.connection, self.job)? else {
            return Ok(false);
        };
        let corrupt = |value: String| StoreError::Corrupt {
            table: "jobs",
            column: "payload",
            value,
        };
        let job = row.job.map_err(corrupt)?;
        let is_purge = matches!(job, Job::PurgePost { .. } | Job::PurgeAccount { .. });
        let changes_before = write.connection.total_changes();
        let step = match job {
            Job::PurgePost { post } => done_or(purge_post(write, post)?, job),
            Job::PurgeAccount { account } => done_or(purge_account(write, account)?, job),
            Job::TellFollowers { post, after } => tell_more_followers(write, post, after)?,
            Job::TellBoosters { post, after } => tell_boosters(write, post, after)?,
            Job::IndexPosts { after } => index_posts(write, after)?,
            mail => return Err(corrupt(format!("{mail:?}, which is no work on the store")).into()),
        };
        // Each step stands in the log, however long the purge takes.
        if is_purge && write.connection.total_changes() != changes_before {
            write.forget_soon()?;
        }
        match step {
            Step::Done => {
                if !self.stays {
                    jobs::delete(write.connection, self.job)?;
                }
                Ok(false)
            }
            Step::Left(left) => {
                jobs::set_job(write.connection, self.job, &left)?;
                Ok(true)
            }
        }
    }
}

fn done_or(is_done: bool, job: Job) -> Step {
    if is_done { Step::Done } else { Step::Left(job) }
}
