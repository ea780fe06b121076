//! Users: owns accounts, what stands between them, and access.

use actix::{Actor, Addr, Context, Handler};

use super::Actors;
use super::cache::EventedCache;
use super::feed::{EventFeed, EventsWaiting, Fed};
use super::hasher::Hasher;
use super::messages::{Owner, StoreDoor, serves_owned};
use crate::domain::event::Event;
use crate::domain::relationship::Relations;
use crate::ids::AccountId;
use std::sync::Arc;

/// How many members' relations are kept in memory.
const RELATIONS_MAX: usize = 10_000;

/// The actor.
pub struct Users {
    pub(super) store: StoreDoor,
    hasher: Addr<Hasher>,
    feed: EventFeed,
    relations: EventedCache<AccountId, Arc<Relations>>,
}

impl Users {
    /// An owner that isn't started yet.
    pub fn new(store: StoreDoor, hasher: Addr<Hasher>, feed: EventFeed) -> Self {
        Self {
            store,
            hasher,
            feed,
            relations: EventedCache::new(RELATIONS_MAX),
        }
    }

    /// Takes in what was committed since the last message.
    fn catch_up(&mut self) {
        while let Some(fed) = self.feed.next() {
            match fed {
                Fed::Lost(commit) => self.relations.clear(commit),
                Fed::Batch(batch) => {
                    for event in &batch.events {
                        self.take_in(event, batch.commit);
                    }
                }
            }
        }
    }

    fn take_in(&mut self, event: &Event, commit: i64) {
        match event {
            Event::RelationsChanged { from, to } => {
                self.relations.change(*from, commit);
                self.relations.change(*to, commit);
            }
            _ => {}
        }
    }
}

impl Actor for Users {
    type Context = Context<Self>;
}

impl Owner for Users {
    fn address(actors: &Actors) -> &Addr<Self> {
        &actors.users
    }
}

serves_owned!(Users);

impl Handler<EventsWaiting> for Users {
    type Result = ();

    fn handle(&mut self, _: EventsWaiting, _: &mut Context<Self>) {
        self.catch_up();
    }
}
