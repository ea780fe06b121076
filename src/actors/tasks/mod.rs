//! The task manager: what the instance does by itself.
//!
//! Jobs are rows that the units of people's acts leave behind; lanes work on them, woken by the commit. Periodic tasks
//! run by the clock. Nothing is done here that a crash could lose: a job is settled in a unit, a schedule is a row.

mod archivist;
mod arrivals;
mod forgetting;
mod house;
pub mod lane;
#[cfg(feature = "mail")]
mod mailer;
#[cfg(not(feature = "mail"))]
#[path = "mailer_off.rs"]
mod mailer;
pub mod overview;
mod periodic;
mod recovery;
mod schedule;
mod wakes;

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, ArbiterHandle, Context};
use tokio::sync::{oneshot, watch};

use self::archivist::Archivist;
use self::arrivals::Arrivals;
use self::house::House;
use self::lane::LaneLoop;
use self::mailer::Mailer;
pub use self::mailer::MailerSetup;
pub use self::periodic::{StatisticsProgress, step_statistics};
use self::schedule::Scheduler;
pub use self::wakes::WakeUps;
use super::Actors;
use super::door::{Door, opens_door};
use super::messages::{Owner, StoreDoor};
use crate::archives::taking::Importer;
use crate::backups::Backups;
use crate::clock::SharedClock;
use crate::config::{Config, InstanceUrl};
use crate::domain::job::Lane;
use crate::randomness::Randomness;
use crate::store::soundness::Soundness;
use crate::store::writer::Leftovers;
use crate::telemetry::Telemetry;
use crate::telemetry::mailbox::Watch;

/// How many jobs in the house are worked on at once: the writer is one, and one archive is written beside it.
const HOUSE_AT_ONCE: usize = 2;
/// How many mails are on their way at once.
pub const MAILS_AT_ONCE: usize = 4;

/// What a round of a task came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// There was nothing to do.
    Idle,
    /// A part is done, and more may be left.
    More,
}

/// Owns jobs, schedules and statistics.
pub struct Tasks {
    store: StoreDoor,
    watch: Watch,
    /// Dropped with the actor, also when a handler panics.
    _alive: oneshot::Sender<()>,
}

impl Tasks {
    /// Starts it on that thread.
    pub fn start_on(self, owners: &ArbiterHandle) -> Addr<Self> {
        Self::start_in_arbiter(owners, move |_| self)
    }

    /// The owner, and what is ready when it is gone.
    pub fn new(store: StoreDoor, watch: Watch) -> (Self, oneshot::Receiver<()>) {
        let (alive, gone) = oneshot::channel();
        let tasks = Self {
            store,
            watch,
            _alive: alive,
        };
        (tasks, gone)
    }
}

impl Actor for Tasks {
    type Context = Context<Self>;
}

impl Owner for Tasks {
    fn door(actors: &Actors) -> &Door<Self> {
        &actors.tasks
    }

    fn store(&self) -> &StoreDoor {
        &self.store
    }
}

opens_door!(Tasks);

/// What the task manager works with.
pub struct TaskManager {
    /// The owners.
    pub actors: Actors,
    /// The settings.
    pub config: Arc<Config>,
    /// The time.
    pub clock: SharedClock,
    /// Random numbers.
    pub randomness: Randomness,
    /// What commits ring.
    pub wakes: WakeUps,
    /// Whether the store can be written.
    pub soundness: Arc<Soundness>,
    /// Whether its log holds what was deleted.
    pub leftovers: Leftovers,
    /// How mail leaves; `None` when this instance sends none.
    pub mailer: Option<MailerSetup>,
    /// What backups are made with.
    pub backups: Backups,
    /// The public address.
    pub url: Arc<InstanceUrl>,
    /// What it is told.
    pub telemetry: Arc<Telemetry>,
}

impl TaskManager {
    /// Works and rests until it is told to stop. What it can't finish soon is taken up at the next start.
    pub async fn run(self, stopped: watch::Receiver<bool>) {
        let house = LaneLoop {
            lane: Lane::House,
            actors: self.actors.clone(),
            clock: Arc::clone(&self.clock),
            wakes: self.wakes.clone(),
            worker: House {
                actors: self.actors.clone(),
                randomness: self.randomness.branch("house"),
                archivist: Archivist::new(
                    self.actors.clone(),
                    Arc::clone(&self.config),
                    Arc::clone(&self.clock),
                    Arc::clone(&self.url),
                    self.randomness.branch("archives"),
                ),
                arrivals: Arrivals::new(
                    self.actors.clone(),
                    Arc::clone(&self.config),
                    Arc::clone(&self.clock),
                    Importer::new(&self.actors, &self.config, &self.url),
                    self.randomness.branch("arrivals"),
                ),
            },
            at_once: HOUSE_AT_ONCE,
        };
        let mail = self.mailer.map(|setup| LaneLoop {
            lane: Lane::Mail,
            actors: self.actors.clone(),
            clock: Arc::clone(&self.clock),
            wakes: self.wakes.clone(),
            worker: Mailer::new(
                self.actors.clone(),
                self.randomness.branch("mail"),
                setup,
                Arc::clone(&self.telemetry),
            ),
            at_once: MAILS_AT_ONCE,
        });
        let lanes = async move {
            house.worker.archivist.clear_desk().await;
            let house = house.run(stopped.clone());
            match mail {
                Some(mail) => drop(tokio::join!(house, mail.run(stopped))),
                None => house.await,
            }
        };
        let recovery = recovery::run(self.actors.clone(), self.soundness, self.wakes.clone());
        let pause = Duration::from_secs(self.config.storage.forget_after_secs.into());
        let forgetting = forgetting::run(self.actors.clone(), self.leftovers, pause);
        let scheduler = |is_long: bool, branch: &str| Scheduler {
            is_long,
            actors: self.actors.clone(),
            clock: Arc::clone(&self.clock),
            wakes: self.wakes.clone(),
            randomness: self.randomness.branch(branch),
            config: Arc::clone(&self.config),
            backups: self.backups.clone(),
        };
        tokio::select! {
            () = lanes => {}
            () = scheduler(false, "schedule").run() => {}
            () = scheduler(true, "long schedule").run() => {}
            () = recovery => {}
            () = forgetting => {}
        }
    }
}
