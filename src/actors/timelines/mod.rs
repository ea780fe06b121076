//! Timelines: owns homes. A home is a pure function of committed state; what is kept here is a cache of it.

mod core;
mod window;

pub use core::Residency;

use actix::{
    Actor, ActorFutureExt, Addr, Context, Handler, Message, ResponseActFuture, WrapFuture,
};

use self::core::Residents;
use super::Actors;
use super::error::AskError;
use super::feed::{EventFeed, EventsWaiting, Fed};
use super::messages::{Owner, StoreDoor, serves_owned};
use crate::domain::page::{PAGE_MAX, Page};
use crate::ids::{AccountId, PostId};
use crate::store::queries::home::{HomeEntry, MergeHome};

/// How many shown entries a window starts with, as far as it may hold so many.
const WINDOW_START_ENTRIES: usize = 3 * PAGE_MAX;

/// The actor.
pub struct Timelines {
    pub(super) store: StoreDoor,
    feed: EventFeed,
    residency: Residency,
    residents: Residents,
}

impl Timelines {
    /// An owner that isn't started yet.
    pub fn new(store: StoreDoor, feed: EventFeed, residency: Residency) -> Self {
        Self {
            store,
            feed,
            residency,
            residents: Residents::new(residency),
        }
    }

    fn catch_up(&mut self) {
        while let Some(fed) = self.feed.next() {
            match fed {
                Fed::Lost(commit) => {
                    tracing::warn!(commit, "events were lost: every resident window is dropped");
                    self.residents.drop_all(commit);
                }
                Fed::Batch(batch) => self.residents.take_in(batch),
            }
        }
    }
}

impl Actor for Timelines {
    type Context = Context<Self>;
}

impl Owner for Timelines {
    fn address(actors: &Actors) -> &Addr<Self> {
        &actors.timelines
    }
}

serves_owned!(Timelines);

impl Handler<EventsWaiting> for Timelines {
    type Result = ();

    fn handle(&mut self, _: EventsWaiting, _: &mut Context<Self>) {
        self.catch_up();
    }
}

/// The entries of a page of somebody's home, newest first.
#[derive(Debug, Clone, Copy)]
pub struct ReadHome {
    /// Whose home.
    pub reader: AccountId,
    /// Which part.
    pub page: Page,
}

impl Message for ReadHome {
    type Result = Result<Vec<PostId>, AskError>;
}

impl Handler<ReadHome> for Timelines {
    type Result = ResponseActFuture<Self, Result<Vec<PostId>, AskError>>;

    fn handle(
        &mut self,
        ReadHome { reader, page }: ReadHome,
        _: &mut Context<Self>,
    ) -> Self::Result {
        self.catch_up();
        if let Some(ids) = self.residents.read(reader, &page) {
            return Box::pin(std::future::ready(Ok(ids)).into_actor(self));
        }
        let is_newest = page.max_id.is_none() && !page.from_oldest();
        if !is_newest || self.residents.has(reader, page.limit) {
            let merged = self.store.look(MergeHome { reader, page });
            return Box::pin(async move { Ok(shown(&merged.await?.0.entries)) }.into_actor(self));
        }
        let start = WINDOW_START_ENTRIES
            .min(self.residency.window_entries_max)
            .max(page.limit);
        let merged = self.store.look(MergeHome {
            reader,
            page: Page::newest(start),
        });
        self.residents.begin_merge();
        Box::pin(merged.into_actor(self).map(move |merged, actor, _| {
            let (mut merged, commit) = match merged {
                Ok(merged) => merged,
                Err(error) => {
                    actor.residents.end_merge();
                    return Err(error);
                }
            };
            let ids = shown(&merged.entries)
                .into_iter()
                .filter(|id| page.contains(id.0))
                .take(page.limit)
                .collect();
            if merged.entries.len() > actor.residency.window_entries_max {
                merged.entries.truncate(actor.residency.window_entries_max);
                merged.is_complete = false;
            }
            actor.catch_up();
            actor.residents.admit(reader, merged, commit);
            actor.residents.end_merge();
            Ok(ids)
        }))
    }
}

fn shown(entries: &[HomeEntry]) -> Vec<PostId> {
    entries
        .iter()
        .filter(|entry| entry.is_shown)
        .map(|entry| entry.id)
        .collect()
}
