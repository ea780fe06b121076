//! The actors that own the state: Users, Posts, Timelines and Tasks, on one thread.
//!
//! Every change of a user, a post or a timeline is a message to its owner. Who may ask whom has no cycles: http asks
//! the owners, Posts asks Timelines, owners ask the writer, the readers and the hasher; events flow from the writer to the
//! owners and are never awaited.

pub mod archives;
pub mod backups;
pub mod budget;
pub mod cache;
pub mod door;
pub mod error;
pub mod feed;
pub mod gate;
pub mod hasher;
pub mod instance;
mod lru;
pub mod memory;
pub mod messages;
mod owners;
pub mod pool;
pub mod posts;
pub mod readers;
pub mod tasks;
pub mod timelines;
pub mod users;
pub mod vitals;

use std::sync::Arc;

use kinglet_core::{clock, domain, ids, randomness, secret, store, telemetry, unsubscribe};
#[cfg(feature = "mail")]
use kinglet_platform::mail;
use kinglet_platform::{config, features, letter_box, logging, threads};

use self::door::Door;
use self::messages::{Find, Outcome, Owned, Owner, Perform};
use crate::store::reader::Query;
use crate::store::writer::Unit;

/// The doors of the owners.
#[derive(Clone)]
pub struct Actors {
    /// Owns accounts, what stands between them, and access.
    pub users: Door<users::Users>,
    /// Owns posts and what is done with them.
    pub posts: Door<posts::Posts>,
    /// Owns homes.
    pub timelines: Door<timelines::Timelines>,
    /// Owns jobs, schedules and statistics.
    pub tasks: Door<tasks::Tasks>,
    /// Who was let in lately.
    pub guests: Arc<instance::GuestBook>,
    /// What pages show of whoever reads them.
    pub readers: Arc<instance::ReaderBook>,
}

impl Actors {
    /// Does an action through its owner, to whom it is on its way when this returns.
    ///
    /// # Errors
    /// Why it was not done; then nothing of it was.
    pub fn perform<U: Unit + Owned>(&self, unit: U) -> Outcome<U::Answer> {
        let door = U::Owner::door(self);
        Outcome::of(door.carry(|waiter| Box::new(Perform { unit, waiter })))
    }

    /// Looks something up through its owner, to whom the question is on its way when this returns.
    ///
    /// # Errors
    /// When the store can't be asked. What isn't there is an answer.
    pub fn find<Q: Query + Owned>(&self, query: Q) -> Outcome<Q::Answer> {
        let door = Q::Owner::door(self);
        Outcome::of(door.carry(|waiter| Box::new(Find { query, waiter })))
    }
}
