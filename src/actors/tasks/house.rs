//! Work on the store itself: one step after the other, each a commit; and archives, which are read out of it and taken in.

use std::time::Duration;

use super::archivist::Archivist;
use super::arrivals::Arrivals;
use super::lane::{Worker, chance};
use crate::Actors;
use crate::clock::Moment;
use crate::domain::job::{Job, LeasedJob};
use crate::error::AskError;
use crate::ids::AccountId;
use crate::randomness::Randomness;
use crate::store::units::{RetryJob, Setback, StepJob, YieldJob};
use crate::timelines::ForgetHome;

/// The most steps of one job in a row; then the others have their turn.
const STEPS_IN_A_ROW_MAX: usize = 64;
/// After this no further step of a row begins: where commits are gathered, each step takes a while.
const ROW_TIME_MAX: Duration = Duration::from_secs(1);

pub(super) struct House {
    pub(super) actors: Actors,
    pub(super) randomness: Randomness,
    pub(super) archivist: Archivist,
    pub(super) arrivals: Arrivals,
}

impl House {
    /// Removes what lies beside the database of an account that is deleted.
    async fn forget(&self, account: AccountId) -> Result<(), AskError> {
        let files = self.archivist.forget(account).await;
        let forget = ForgetHome { reader: account };
        let home = self.actors.timelines.send(forget).await;
        files.and(home.map_err(AskError::from).flatten())
    }

    /// One step; whether something is left to do.
    async fn step(&self, job: &LeasedJob, are_files_left: bool) -> Result<bool, AskError> {
        let step = StepJob {
            job: job.id,
            stays: are_files_left,
        };
        match self.actors.perform(step).await? {
            // Files are all that is left, and they are tried again.
            false if are_files_left => Err(AskError::Unavailable),
            is_more => Ok(is_more),
        }
    }
}

impl Worker for House {
    async fn work(&self, job: LeasedJob) -> Result<(), AskError> {
        if let Job::BuildArchive { account } = job.job {
            return self.archivist.work(&job, account).await;
        }
        if let Job::TakeArchive { account } = job.job {
            return self.arrivals.work(&job, account).await;
        }
        // What can't be removed there keeps the job, but nothing else of the account.
        let are_files_left = match job.job {
            Job::PurgeAccount { account } => self.forget(account).await.is_err(),
            _ => false,
        };
        let begun = Moment::now();
        for _ in 0..STEPS_IN_A_ROW_MAX {
            match self.step(&job, are_files_left).await {
                Ok(true) if Duration::from_nanos(begun.elapsed_nanos()) >= ROW_TIME_MAX => break,
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => {
                    tracing::warn!(target: "kinglet::actors::tasks::house", job = %job.id, %error, "a step failed");
                    let retry = RetryJob {
                        job: job.id,
                        setback: Setback::Deferred,
                        reason: error.to_string(),
                        chance: chance(&self.randomness),
                    };
                    return self.actors.perform(retry).await;
                }
            }
        }
        self.actors
            .perform(YieldJob {
                job: job.id,
                pause_millis: 0,
            })
            .await
    }

    async fn rest(&self) {}
}
