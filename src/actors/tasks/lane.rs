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
pub(super) trait Worker {
    /// Does one job and settles it: done, tried again later, or given up.
    fn work(&self, job: LeasedJob) -> impl Future<Output = Result<(), AskError>> + Send;

    /// Told when nothing is left to do for now.
    fn rest(&self) -> impl Future<Output = ()> + Send;
}

/// A lane and who works in it.
pub(super) struct LaneLoop<W> {
    pub(super) lane: Lane,
    pub(super) actors: Actors,
    pub(super) clock: SharedClock,
    pub(super) wakes: WakeUps,
    pub(super) worker: W,
    /// How many jobs are worked on at once.
    pub(super) at_once: usize,
}

/// What there is to do.
enum Outlook {
    Work(Vec<LeasedJob>),
    Wait(Duration),
}

impl<W: Worker> LaneLoop<W> {
    /// Works until it is told to stop. What it is at then is finished or, when that takes long, taken up at the next start.
    pub(super) async fn run(self, mut stopped: watch::Receiver<bool>) {
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::house::House;
    use super::*;
    use crate::boot::{Opened, Plan, own_data_dir, run};
    use crate::clock::{ManualClock, Timestamp};
    use crate::config::Config;
    use crate::domain::access::Authority;
    use crate::domain::account::Role;
    use crate::domain::job::JobState;
    use crate::secret::Secret;
    use crate::store::invariants::CheckInvariants;
    use crate::store::open::database_in;
    use crate::store::queries::jobs::ListJobs;
    use crate::store::reader::Reader;
    use crate::store::units::DeleteAccount;
    use crate::telemetry::mailbox::ActorName;
    use crate::users::{CreateMember, Typed};

    const FALLS: usize = 3;
    /// How often it is looked whether the work is done, and how many times.
    const LOOK: Duration = Duration::from_millis(5);
    const LOOKS_MAX: usize = 4000;
    /// Longer than any pause of a job that was put off.
    const PAUSE_MILLIS: i64 = 24 * 60 * 60 * 1000;

    /// Panics a few times before it works.
    struct Shaky {
        falls: AtomicUsize,
        house: House,
    }

    impl Worker for Shaky {
        async fn work(&self, job: LeasedJob) -> Result<(), AskError> {
            if self.falls.load(Ordering::Relaxed) > 0 {
                self.falls.fetch_sub(1, Ordering::Relaxed);
                panic!("the work panics");
            }
            self.house.work(job).await
        }

        async fn rest(&self) {}
    }

    #[test]
    fn a_job_that_panics_is_put_off_and_done_in_the_end() {
        let directory = tempfile::tempdir().expect("a directory");
        let data = directory.path().join("data");
        let clock = ManualClock::at(Timestamp::from_millis(1_790_000_000_000));
        let mut config = Config::default();
        config.storage.data_dir.clone_from(&data);
        let plan = Plan {
            config,
            clock: clock.clone(),
            randomness: Randomness::seeded(1),
            log: None,
            letter_box: None,
            telemetry: true,
            repeats: true,
        };
        let worked = run(async {
            let opened = Opened::for_command(own_data_dir(&data).await?, plan).await?;
            let instance = opened.instance.clone();
            let actors = instance.actors.clone();
            let create = CreateMember {
                typed: Typed {
                    name: "wren".to_owned(),
                    email: "wren@example.org".to_owned(),
                    password: Secret::new("a sound password".to_owned()),
                },
                role: Role::User,
            };
            let created = actors.users.send(create).await.expect("it lives");
            let (by, account) = (Authority::Operator, created.expect("a member").account);
            let deleted = actors.perform(DeleteAccount { by, account }).await;
            deleted.expect("an operator may");
            let (stop, stopped) = watch::channel(false);
            let lane = LaneLoop {
                lane: Lane::House,
                actors: actors.clone(),
                clock: instance.clock.clone(),
                wakes: instance.wakes.clone(),
                worker: Shaky {
                    falls: AtomicUsize::new(FALLS),
                    house: House {
                        actors: actors.clone(),
                        randomness: Randomness::seeded(1),
                    },
                },
                at_once: 1,
            };
            let working = tokio::spawn(lane.run(stopped));
            let mut deferred = 0;
            for _ in 0..LOOKS_MAX {
                let state = JobState::Waiting;
                let waiting = actors
                    .find(ListJobs { state })
                    .await
                    .expect("they are read");
                if let Some(job) = waiting.first() {
                    deferred = job.attempts;
                    let reason = job.last_error.clone().unwrap_or_default();
                    assert!(reason.contains("panicked"), "{reason}");
                    clock.advance_millis(PAUSE_MILLIS);
                    instance.wakes.ring_all();
                }
                let lane = Lane::House;
                let next = actors.find(FindNextDue { lane }).await.expect("it is read");
                let state = JobState::Running;
                let running = actors
                    .find(ListJobs { state })
                    .await
                    .expect("they are read");
                if next.is_none() && running.is_empty() {
                    break;
                }
                sleep(LOOK).await;
            }
            stop.send(true).expect("it works still");
            working.await.expect("the lane outlived the panics");
            let panics = instance.telemetry.actor(ActorName::Tasks).panics.read();
            let panics = panics.map_or(0, |panics| panics.count);
            drop((instance, actors));
            opened.close().await?;
            Ok((deferred, panics))
        });
        let (deferred, panics) = worked.expect("it opens and closes");
        assert_eq!(panics, FALLS as u64);
        assert!(deferred > 0, "it was put off");
        let mut reader = Reader::open(&database_in(&data)).expect("it opens");
        let (broken, _) = reader.run(&CheckInvariants).expect("it is checked");
        assert_eq!(broken, []);
    }
}
