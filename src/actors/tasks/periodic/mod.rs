//! What runs by the clock, one file per task.
//!
//! A task takes no input: it looks what there is to do, does a bounded part of it and says whether more is left. Doing
//! it twice harms nothing.

mod applications;
mod backups;
mod codes;
mod database;
mod digests;
mod idempotency_keys;
mod jobs;
mod sessions;
mod sign_ups;
mod statistics;

pub use self::statistics::{StatisticsProgress, step_statistics};
use super::Progress;
use crate::Actors;
use crate::backups::Backups;
use crate::domain::schedule::PeriodicTask;
use crate::error::AskError;

/// One round of a task.
///
/// # Errors
/// When the store can't be reached.
pub(super) async fn run_once(
    task: PeriodicTask,
    actors: &Actors,
    backups: &Backups,
) -> Result<Progress, AskError> {
    let is_more = match task {
        PeriodicTask::Statistics => {
            statistics::run_once(actors, &backups.config, &backups.clock).await?
        }
        PeriodicTask::Digests => digests::run_once(actors).await?,
        PeriodicTask::Codes => codes::run_once(actors, &backups.config).await?,
        PeriodicTask::Sessions => sessions::run_once(actors).await?,
        PeriodicTask::Applications => applications::run_once(actors).await?,
        PeriodicTask::SignUps => sign_ups::run_once(actors).await?,
        PeriodicTask::IdempotencyKeys => idempotency_keys::run_once(actors).await?,
        PeriodicTask::Jobs => jobs::run_once(actors).await?,
        PeriodicTask::Database => database::run_once(actors, &backups.clock).await?,
        PeriodicTask::Backups => backups::run_once(backups).await?,
        PeriodicTask::RestoreDrills => backups::try_once(backups).await?,
    };
    Ok(if is_more {
        Progress::More
    } else {
        Progress::Idle
    })
}
