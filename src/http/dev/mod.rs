//! What only an instance for developers has: tools under `/api/kinglet/v1/dev/`, pages under `/dev`, and a door before
//! all routes that records each request and answers badly on order.
//!
//! Nothing of it is among the routes of [`super::routes`]: it has a tree of its own, which `kinglet serve` never makes.

mod api;
pub mod clock;
mod door;
pub mod faults;
mod findings;
mod forms;
mod host;
pub mod orders;
pub mod origin;
mod pages;
pub mod recorder;
pub mod settle;
mod views;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::RwLock;

pub use self::door::filter;
use self::findings::Known;
use super::context::Context;
use super::extract::call::Call;
use super::problem::Problem;
use super::routing::{Admission, Facade, RouteInfo, Routes};
use crate::clock::Timestamp;
use crate::dev::clock::DevClock;
use crate::dev::faults::Faults;
use crate::dev::orders::{Order, OrderError, Orders, SnapshotName};
use crate::dev::origin::Origin;
use crate::dev::recorder::Recorder;
use crate::instance::Instance;
use crate::letter_box::LetterBox;

/// Somebody of the cast, with all that is needed to be that person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CastMember {
    /// The account's name.
    pub name: String,
    /// What people read.
    pub display_name: String,
    /// What it may do: `owner`, `moderator`, `user`.
    pub role: &'static str,
    /// The account's id.
    pub id: String,
    /// The mail address.
    pub email: String,
    /// The password.
    pub password: String,
    /// An access token with every scope that the role can use.
    pub token: String,
    /// What this person is there to show.
    pub about: &'static str,
}

/// What stays as long as the process runs.
#[derive(Debug, Clone, Serialize)]
pub struct About {
    /// The address of the instance.
    pub url: String,
    /// The number that clock, ids and tokens follow from, if one was given.
    pub seed: Option<u64>,
    /// Where the data is.
    pub data_dir: String,
    /// Who lives there.
    pub people: Vec<CastMember>,
}

/// The instance that is served at the moment.
#[derive(Clone)]
pub struct Play {
    /// Its routes.
    pub routes: Arc<Routes<Context>>,
    /// What they work with.
    pub context: Context,
}

/// All that the tools work with. Clones are the same desk.
#[derive(Clone)]
pub struct Desk(Arc<Shared>);

/// What the clones of a desk share.
pub struct Shared {
    /// What stays.
    pub about: About,
    /// Whose pages may use the instance, beside those of this machine.
    pub allow_origins: Vec<Origin>,
    /// The clock.
    pub clock: Arc<DevClock>,
    /// What goes wrong on order.
    pub faults: Faults,
    /// What was asked.
    pub recorder: Recorder,
    /// The mail that was sent.
    pub letter_box: LetterBox,
    /// The way to whoever changes the play.
    pub orders: Orders,
    /// The names of the snapshots, and what the clock showed.
    pub snapshots: Mutex<Vec<(SnapshotName, Timestamp)>>,
    /// What is served: read as long as a request is worked on, written to exchange it. Empty in between.
    pub play: RwLock<Option<Play>>,
    known: Mutex<Known>,
    names: HashMap<String, String>,
}

impl std::ops::Deref for Desk {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Desk {
    /// A desk for this play.
    #[must_use]
    pub fn new(
        about: About,
        allow_origins: Vec<Origin>,
        clock: Arc<DevClock>,
        letter_box: LetterBox,
        orders: Orders,
        play: Play,
    ) -> Self {
        let names = about.people.iter();
        let names = names.map(|member| (member.id.clone(), format!("@{}", member.name)));
        Self(Arc::new(Shared {
            names: names.collect(),
            about,
            allow_origins,
            clock,
            faults: Faults::default(),
            recorder: Recorder::default(),
            letter_box,
            orders,
            snapshots: Mutex::default(),
            play: RwLock::new(Some(play)),
            known: Mutex::default(),
        }))
    }

    /// The instance that is served at the moment.
    ///
    /// # Errors
    /// Unavailable while there is none.
    async fn instance(&self) -> Result<Instance, Problem> {
        let play = self.play.read().await;
        let play = play.as_ref();
        play.map(|play| play.context.instance.clone())
            .ok_or_else(|| Problem::unavailable("there is no instance at the moment"))
    }

    /// Who an account is, for people.
    fn name_of(&self, account: &str) -> String {
        let known = self.names.get(account);
        known
            .cloned()
            .unwrap_or_else(|| format!("account {account}"))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // What was learned is whole names: sound after a panic as well.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The snapshots, with what the clock showed.
    pub fn snapshots(&self) -> MutexGuard<'_, Vec<(SnapshotName, Timestamp)>> {
        // As above.
        self.snapshots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Has something done with the data.
    ///
    /// # Errors
    /// Why it wasn't done.
    async fn order(&self, order: Order) -> Result<(), Problem> {
        let done = self.orders.place(order).await;
        done.map_err(|error| match error {
            OrderError::Unknown(_) | OrderError::TooMany => Problem::invalid(error.to_string()),
            OrderError::Failed(detail) => Problem::internal(detail),
            OrderError::Stopping => Problem::unavailable("the instance is stopping"),
        })
    }
}

impl Facade for Desk {
    type Caller = ();

    /// The tools ask nobody for a token: whoever reaches this machine's loopback address may use them.
    async fn admit(&self, _: &RouteInfo, _: &Call) -> Result<Admission<()>, Problem> {
        Ok(Admission {
            caller: (),
            account: None,
            standing: None,
        })
    }
}
