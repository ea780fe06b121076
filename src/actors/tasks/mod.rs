//! The task manager: what the instance does by itself.
//!
//! A task takes no input: it looks what there is to do, does a bounded part of it and says whether more is left. Doing
//! it twice harms nothing. Tasks run when an event says that there may be work, and now and then in case none did.

mod cleanup;
mod purge;
pub mod statistics;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use super::Actors;
use super::error::AskError;
use crate::domain::event::Event;
use crate::store::writer::{EventBatch, EventSink};

/// How long tasks rest when nobody wakes them; at least a minute, so that an idle instance sleeps.
const REST: Duration = Duration::from_secs(600);
/// The most rounds of one task in a row; then the others have their turn.
const ROUNDS_IN_A_ROW_MAX: usize = 64;

/// What a round of a task came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// There was nothing to do.
    Idle,
    /// A part is done, and more may be left.
    More,
}

/// Tells the tasks that there may be work.
#[derive(Debug, Clone)]
pub struct WakeUp(Arc<Notify>);

/// Wakes the tasks by what was committed.
#[derive(Debug)]
pub struct WakeUpSink(Arc<Notify>);

/// The writer's end and the tasks' end of the wake-up calls.
pub fn wake_up_calls() -> (WakeUpSink, WakeUp) {
    let notify = Arc::new(Notify::new());
    (WakeUpSink(Arc::clone(&notify)), WakeUp(notify))
}

impl EventSink for WakeUpSink {
    fn deliver(&self, batch: &Arc<EventBatch>) {
        let leaves_work = |event: &Event| {
            matches!(
                event,
                Event::PostDeleted(_) | Event::AccountVisibilityChanged(_)
            )
        };
        if batch.events.iter().any(leaves_work) {
            self.0.notify_one();
        }
    }
}

/// Runs the tasks one after the other.
pub struct TaskManager {
    actors: Actors,
    wake_up: WakeUp,
}

impl TaskManager {
    /// A manager that isn't running yet.
    pub fn new(actors: Actors, wake_up: WakeUp) -> Self {
        Self { actors, wake_up }
    }

    /// Works and rests until it is told to stop.
    pub async fn run(self, mut stopped: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                // A manager that is gone stops as well as one that says so.
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = self.work() => {}
            }
            tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = self.wake_up.0.notified() => {}
                () = sleep(REST) => {}
            }
        }
    }

    /// Runs every task until none finds anything to do.
    async fn work(&self) {
        loop {
            let purged = self.repeat("purge", || purge::run_once(&self.actors)).await;
            let cleaned = self
                .repeat("cleanup", || cleanup::run_once(&self.actors))
                .await;
            if purged == Progress::Idle && cleaned == Progress::Idle {
                return;
            }
        }
    }

    /// Rounds of one task, until it finds nothing to do, fails, or has had its turn.
    async fn repeat<F>(&self, name: &'static str, run_once: impl Fn() -> F) -> Progress
    where
        F: Future<Output = Result<Progress, AskError>>,
    {
        for _ in 0..ROUNDS_IN_A_ROW_MAX {
            match run_once().await {
                Ok(Progress::More) => {}
                Ok(Progress::Idle) => return Progress::Idle,
                Err(error) => {
                    // It is tried again at the next wake-up call or after the rest.
                    tracing::warn!(task = name, %error, "a task failed");
                    return Progress::Idle;
                }
            }
        }
        Progress::More
    }
}
