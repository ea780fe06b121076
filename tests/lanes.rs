//! What a lane of jobs gets over, worked on by somebody who isn't sound.

#![expect(clippy::panic, reason = "it is what is tried out")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kinglet::actors::Actors;
use kinglet::actors::error::AskError;
use kinglet::actors::tasks::lane::{LaneLoop, Worker};
use kinglet::actors::users::{CreateMember, Typed};
use kinglet::boot::{Opened, Plan, own_data_dir, run};
use kinglet::clock::{ManualClock, Timestamp};
use kinglet::config::Config;
use kinglet::domain::access::Authority;
use kinglet::domain::account::Role;
use kinglet::domain::job::{JobState, Lane, LeasedJob};
use kinglet::randomness::Randomness;
use kinglet::secret::Secret;
use kinglet::store::invariants::CheckInvariants;
use kinglet::store::open::database_in;
use kinglet::store::queries::jobs::{FindNextDue, ListJobs};
use kinglet::store::reader::Reader;
use kinglet::store::units::{DeleteAccount, StepJob};
use kinglet::telemetry::mailbox::ActorName;
use tokio::sync::watch;
use tokio::time::sleep;

const FALLS: usize = 3;
/// How often it is looked whether the work is done, and how many times.
const LOOK: Duration = Duration::from_millis(5);
const LOOKS_MAX: usize = 4000;
/// Longer than any pause of a job that was put off.
const PAUSE_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Panics a few times before it works.
struct Shaky {
    falls: AtomicUsize,
    actors: Actors,
}

impl Worker for Shaky {
    async fn work(&self, job: LeasedJob) -> Result<(), AskError> {
        if self.falls.load(Ordering::Relaxed) > 0 {
            self.falls.fetch_sub(1, Ordering::Relaxed);
            panic!("the work panics");
        }
        while self
            .actors
            .perform(StepJob {
                job: job.id,
                stays: false,
            })
            .await?
        {}
        Ok(())
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
        settings_file: None,
        clock: clock.clone(),
        randomness: Randomness::seeded(1),
        log: None,
        letter_box: None,
        telemetry: true,
        caches_bytes_max: None,
        in_bulk: false,
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
                actors: actors.clone(),
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
