//! Waiting until an instance has done by itself what there is to do.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::actors::error::AskError;
use crate::clock::Timestamp;
use crate::domain::job::{JobState, Lane};
use crate::domain::schedule::PeriodicTask;
use crate::instance::Instance;
use crate::store::queries::jobs::{FindNextDue, ListJobs, ListSchedules};

/// How long work is waited for; what takes longer is left to itself.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it is looked after.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// Waits until no job and no task is due at what the instance's clock shows and none is at work, or until patience ends.
/// Whoever reads then sees all that the acts before have caused, mail included.
pub async fn settled(instance: &Instance) {
    let waiting = async {
        loop {
            match is_settled(instance).await {
                Ok(false) => sleep(LOOK_INTERVAL).await,
                Ok(true) => return,
                Err(error) => {
                    tracing::warn!(target: "kinglet::http::dev::settle", %error, "can't look for work that is left");
                    return;
                }
            }
        }
    };
    if timeout(PATIENCE, waiting).await.is_err() {
        tracing::debug!(target: "kinglet::http::dev::settle", "work is left that takes long");
    }
}

async fn is_settled(instance: &Instance) -> Result<bool, AskError> {
    let now = instance.clock.now();
    let actors = &instance.actors;
    let is_due = |moment: Timestamp| moment <= now;
    for lane in Lane::ALL {
        if actors.find(FindNextDue { lane }).await?.is_some_and(is_due) {
            return Ok(false);
        }
    }
    let state = JobState::Running;
    if !actors.find(ListJobs { state }).await?.is_empty() {
        return Ok(false);
    }
    let rows = actors.find(ListSchedules).await?;
    let is_ahead = |task: &PeriodicTask| {
        let row = rows.iter().find(|row| row.task == task.name());
        row.is_some_and(|row| row.paused || !is_due(row.due_at))
    };
    let mut planned = PeriodicTask::ALL
        .iter()
        .filter(|task| instance.config.schedule.of(**task).is_some());
    Ok(planned.all(is_ahead))
}
