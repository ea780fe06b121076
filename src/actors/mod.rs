//! The actors that own the state: Users, Posts and Timelines, on one thread.
//!
//! Every change of a user, a post or a timeline is a message to its owner. Who may ask whom has no cycles: http asks
//! the owners, Posts asks Timelines, owners ask the writer, the readers and the hasher; events flow from the writer to the
//! owners and are never awaited.

pub mod budget;
pub mod cache;
pub mod door;
pub mod error;
pub mod feed;
pub mod gate;
pub mod hasher;
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

use actix::dev::ToEnvelope;
use actix::{Actor, Handler};

use self::door::{Door, Errand, Watched};
use self::error::AskError;
use self::messages::{Find, Owned, Owner, Perform};
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
    /// Whether what Users said of a caller still holds.
    pub standings: Arc<users::Standings>,
}

impl Actors {
    /// Does an action through its owner.
    ///
    /// # Errors
    /// Why it was not done; then nothing of it was.
    pub async fn perform<U>(&self, unit: U) -> Result<U::Answer, AskError>
    where
        U: Unit + Owned,
        U::Owner: Watched + Handler<Errand<Perform<U>>>,
        <U::Owner as Actor>::Context: ToEnvelope<U::Owner, Errand<Perform<U>>>,
    {
        U::Owner::door(self).send(Perform(unit)).await?
    }

    /// Looks something up through its owner.
    ///
    /// # Errors
    /// When the store can't be asked. What isn't there is an answer.
    pub async fn find<Q>(&self, query: Q) -> Result<Q::Answer, AskError>
    where
        Q: Query + Owned,
        Q::Owner: Watched + Handler<Errand<Find<Q>>>,
        <Q::Owner as Actor>::Context: ToEnvelope<Q::Owner, Errand<Find<Q>>>,
    {
        Q::Owner::door(self).send(Find(query)).await?
    }
}
