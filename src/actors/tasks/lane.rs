//! A lane of jobs: takes what is due, works on a few at once, sleeps until the next is due or a commit rings.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use rand::Rng;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::wakes::WakeUps;
use crate::Actors;
use crate::clock::SharedClock;
use crate::domain::job::{Lane, LeasedJob};
use crate::error::AskError;
use crate::randomness::Randomness;
use crate::store::queries::jobs::FindNextDue;
use crate::store::units::{EndLeases, Ending, LeaseJobs, RetryJob, Setback};

/// How long a lane rests when nothing is due and nobody rings: at least a minute, so that an idle instance sleeps.
pub(super) const REST: Duration = Duration::from_secs(600);
/// How long it rests after the store couldn't be asked.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(60);
/// How long a stop waits for what is being worked on: a mail that the server has taken is not sent again then.
const PARTING_MAX: Duration = Duration::from_millis(1500);
/// The shortest nap, so that a clock that is a little late doesn't make it spin.
const NAP_MIN: Duration = Duration::from_millis(1);

/// Does the jobs of a lane.
pub trait Worker {
    /// Does one job and settles it: done, tried again later, or given up.
    fn work(&self, job: LeasedJob) -> impl Future<Output = Result<(), AskError>> + Send;

    /// Told when nothing is left to do for now.
    fn rest(&self) -> impl Future<Output = ()> + Send;
}

/// A lane and who works in it.
pub struct LaneLoop<W> {
    /// Which.
    pub lane: Lane,
    /// Who keeps its jobs.
    pub actors: Actors,
    /// The time.
    pub clock: SharedClock,
    /// What commits ring.
    pub wakes: WakeUps,
    /// Who does them.
    pub worker: W,
    /// How many jobs are worked on at once.
    pub at_once: usize,
}

/// What there is to do.
enum Outlook {
    Work(Vec<LeasedJob>),
    Wait(Duration),
}

impl<W: Worker> LaneLoop<W> {
    /// Works until it is told to stop. What it is at then is finished or, when that takes long, taken up at the next start.
    pub async fn run(self, mut stopped: watch::Receiver<bool>) {
        // Whoever held a lease before this process is gone.
        end_leases(&self.actors, self.lane, Ending::Restarted).await;
        let mut at_work = FuturesUnordered::new();
        while !*stopped.borrow() {
            let free = self.at_once - at_work.len();
            let nap = match self.look(free).await {
                Ok(Outlook::Work(jobs)) => {
                    at_work.extend(jobs.into_iter().map(|job| self.try_work(job)));
                    if at_work.len() < self.at_once {
                        continue;
                    }
                    REST
                }
                Ok(Outlook::Wait(nap)) => nap,
                Err(error) => {
                    tracing::warn!(target: "kinglet::actors::tasks::lane", lane = ?self.lane, %error, "can't look for jobs");
                    PAUSE_AFTER_FAILURE
                }
            };
            if at_work.is_empty() {
                self.worker.rest().await;
            }
            tokio::select! {
                Some(()) = at_work.next() => {}
                () = self.wakes.lane(self.lane).notified() => {}
                () = sleep(nap) => {}
                // A manager that is gone stops as well as one that says so.
                _ = stopped.wait_for(|stopped| *stopped) => break,
            }
        }
        let parting = async { while at_work.next().await.is_some() {} };
        if timeout(PARTING_MAX, parting).await.is_err() {
            tracing::info!(target: "kinglet::actors::tasks::lane", lane = ?self.lane, "jobs are left half done; the next start takes them up");
        }
        end_leases(&self.actors, self.lane, Ending::Stopped).await;
    }

    async fn look(&self, free: usize) -> Result<Outlook, AskError> {
        if free == 0 {
            return Ok(Outlook::Wait(REST));
        }
        let next = self.actors.find(FindNextDue { lane: self.lane }).await?;
        let until_next = next.map_or(i64::MAX, |next| next.millis() - self.clock.now().millis());
        if until_next > 0 {
            return Ok(Outlook::Wait(nap(until_next)));
        }
        let lease = LeaseJobs {
            lane: self.lane,
            limit: free,
        };
        let jobs = self.actors.perform(lease).await?;
        // What is due may be held back by a breaker, whose probe is at work.
        Ok(if jobs.is_empty() {
            Outlook::Wait(REST)
        } else {
            Outlook::Work(jobs)
        })
    }

    async fn try_work(&self, job: LeasedJob) {
        let number = job.id;
        let settled = match AssertUnwindSafe(self.worker.work(job)).catch_unwind().await {
            Ok(settled) => settled,
            // A job that panics fails alone, and isn't tried again at once.
            Err(_) => {
                self.actors.tasks.panicked(match self.lane {
                    Lane::House => "a job on the store",
                    Lane::Mail => "a mail",
                });
                let retry = RetryJob {
                    job: number,
                    setback: Setback::Deferred,
                    reason: "the work on it panicked; the log says where".to_owned(),
                    chance: u16::MAX,
                };
                self.actors.perform(retry).await
            }
        };
        if let Err(error) = settled {
            // It is tried again when its lease ends.
            tracing::error!(target: "kinglet::actors::tasks::lane", job = %number, %error, "a job can't be settled");
        }
    }
}

/// Makes the jobs of a lane wait again that somebody who is gone was at.
pub(super) async fn end_leases(actors: &Actors, lane: Lane, ending: Ending) {
    if let Err(error) = actors.perform(EndLeases { lane, ending }).await {
        tracing::warn!(target: "kinglet::actors::tasks::lane", ?lane, %error, "can't end leases");
    }
}

/// A number that spreads what would happen at the same moment.
pub(super) fn chance(randomness: &Randomness) -> u16 {
    let bytes = randomness.rng().next_u32().to_le_bytes();
    u16::from_le_bytes([bytes[0], bytes[1]])
}

pub(super) fn nap(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0)).clamp(NAP_MIN, REST)
}
