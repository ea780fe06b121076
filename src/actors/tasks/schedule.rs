//! The schedule: every task that runs by the clock, in turn, never two at a time. Those that may take long have a schedule of
//! their own, so that no other waits for them.
//!
//! When a task is due next is a row: a run that was missed while the instance was down is caught up once, at the start.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;

use tokio::time::sleep;

use super::lane::{REST, chance, nap};
use super::wakes::WakeUps;
use super::{Progress, periodic};
use crate::Actors;
use crate::backups::Backups;
use crate::clock::{SharedClock, Timestamp};
use crate::config::{Config, CronExpression};
use crate::domain::schedule::PeriodicTask;
use crate::error::AskError;
use crate::randomness::Randomness;
use crate::store::queries::jobs::{ListSchedules, ScheduleRow};
use crate::store::units::{PlanTask, RecordRun};

/// The most rounds of one task in a row; then the others have their turn.
const ROUNDS_IN_A_ROW_MAX: usize = 64;
/// How far a run is moved at most, in milliseconds, so that a machine with many instances isn't busy at once.
pub(crate) const JITTER_MILLIS_MAX: i64 = 20_000;
/// When a run that failed is tried again, in milliseconds: five minutes, or at its next time if that is sooner.
const AGAIN_MILLIS: i64 = 5 * 60 * 1000;

pub(super) struct Scheduler {
    /// Whether it runs the tasks that may take long, or the others.
    pub(super) is_long: bool,
    pub(super) actors: Actors,
    pub(super) clock: SharedClock,
    pub(super) wakes: WakeUps,
    pub(super) randomness: Randomness,
    pub(super) config: std::sync::Arc<Config>,
    pub(super) backups: Backups,
}

impl Scheduler {
    /// Runs what is due, for ever.
    pub(super) async fn run(self) {
        loop {
            let pause = match self.round().await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(target: "kinglet::actors::tasks::schedule", %error, "the schedule can't be read");
                    REST
                }
            };
            if pause.is_zero() {
                continue;
            }
            tokio::select! {
                () = self.wakes.schedule(self.is_long).notified() => {}
                () = sleep(pause) => {}
            }
        }
    }

    /// Runs what is due, each task for a while; answers how long there is nothing to do.
    async fn round(&self) -> Result<Duration, AskError> {
        let rows = self.actors.find(ListSchedules).await?;
        let mut next: Option<Timestamp> = None;
        let mut is_more = false;
        for task in PeriodicTask::ALL {
            if task.is_long() != self.is_long {
                continue;
            }
            let Some(expression) = self.config.schedule.of(task) else {
                continue;
            };
            let row = rows.iter().find(|row| row.task == task.name());
            if row.is_some_and(|row| row.paused) {
                continue;
            }
            let Some(due_at) = self.due_at(task, expression, row).await? else {
                continue;
            };
            let due_at = if due_at > self.clock.now() {
                Some(due_at)
            } else {
                let (progress, due_at) = self.run_task(task, expression, due_at).await?;
                if progress == Progress::More {
                    is_more = true;
                    continue;
                }
                due_at
            };
            next = [next, due_at].into_iter().flatten().min();
        }
        if is_more {
            return Ok(Duration::ZERO);
        }
        let until_next = next.map_or(i64::MAX, |next| next.millis() - self.clock.now().millis());
        Ok(nap(until_next))
    }

    /// When a task is due: as it was planned, unless it never was or by another expression.
    async fn due_at(
        &self,
        task: PeriodicTask,
        expression: &CronExpression,
        row: Option<&ScheduleRow>,
    ) -> Result<Option<Timestamp>, AskError> {
        let Some(due_at) = self.next_after(expression) else {
            return Ok(None);
        };
        let planned = row.filter(|row| row.expression == expression.as_str());
        if let Some(row) = planned
            // Later than it can be it was planned before the clock was set back.
            && row.due_at <= due_at.plus_millis(JITTER_MILLIS_MAX)
        {
            return Ok(Some(row.due_at));
        }
        let plan = PlanTask {
            task: task.name().to_owned(),
            expression: expression.as_str().to_owned(),
            due_at,
        };
        self.actors.perform(plan).await?;
        Ok(Some(due_at))
    }

    fn next_after(&self, expression: &CronExpression) -> Option<Timestamp> {
        let next = expression.next_after(self.clock.now(), &self.config.instance.time_zone)?;
        let jitter = JITTER_MILLIS_MAX * i64::from(chance(&self.randomness)) / i64::from(u16::MAX);
        Some(next.plus_millis(jitter))
    }

    /// Rounds of a task, until it finds nothing to do, fails, or has had its turn; and when it is due again.
    async fn run_task(
        &self,
        task: PeriodicTask,
        expression: &CronExpression,
        due_at: Timestamp,
    ) -> Result<(Progress, Option<Timestamp>), AskError> {
        let started_at = self.clock.now();
        let mut error = None;
        let mut progress = Progress::More;
        for _ in 0..ROUNDS_IN_A_ROW_MAX {
            let round = periodic::run_once(task, &self.actors, &self.backups);
            let panicked = || self.actors.tasks.panicked(task.name());
            match apart(round, panicked).await {
                Ok(Progress::More) => {}
                Ok(Progress::Idle) => {
                    progress = Progress::Idle;
                    break;
                }
                Err(failure) => {
                    tracing::warn!(target: "kinglet::actors::tasks::schedule", task = task.name(), error = %failure, "a task failed");
                    error = Some(failure.to_string());
                    progress = Progress::Idle;
                    break;
                }
            }
        }
        let due_at = match progress {
            // It goes on at once, or after a restart.
            Progress::More => Some(due_at),
            Progress::Idle if error.is_some() => {
                let again = self.clock.now().plus_millis(AGAIN_MILLIS);
                [self.next_after(expression), Some(again)]
                    .into_iter()
                    .flatten()
                    .min()
            }
            Progress::Idle => self.next_after(expression),
        };
        let record = RecordRun {
            task: task.name().to_owned(),
            started_at,
            error,
            expression: expression.as_str().to_owned(),
            due_at: due_at.unwrap_or(Timestamp::from_millis(i64::MAX)),
        };
        self.actors.perform(record).await?;
        Ok((progress, due_at))
    }
}

/// One round of a task. One that panics fails alone.
async fn apart(
    round: impl Future<Output = Result<Progress, AskError>>,
    panicked: impl FnOnce(),
) -> Result<Progress, AskError> {
    let round = AssertUnwindSafe(round).catch_unwind().await;
    round.unwrap_or_else(|_| {
        panicked();
        Err(AskError::Internal("the task panicked".into()))
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_before_or_after_a_pause_fails_and_the_next_is_run() {
        let panics = Cell::new(0);
        let panicked = || panics.set(panics.get() + 1);
        for pauses in 0..3 {
            let falls = async {
                for _ in 0..pauses {
                    tokio::task::yield_now().await;
                }
                assert!(pauses > 9, "as the test wants it");
                Ok(Progress::Idle)
            };
            let failed = apart(falls, panicked).await;
            assert!(matches!(failed, Err(AskError::Internal(_))), "{failed:?}");
            let goes_on = apart(async { Ok(Progress::More) }, panicked).await;
            assert!(matches!(goes_on, Ok(Progress::More)));
        }
        assert_eq!(panics.get(), 3);
    }
}
