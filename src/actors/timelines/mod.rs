//! Timelines: owns homes. A home is a pure function of committed state; what is kept here is a cache of it.
//!
//! A page comes by one of three roads: out of the reader's resident window; out of a persisted snapshot that is brought
//! up to date; or merged out of the sources. All three give the same page.

mod core;
mod keeper;
#[cfg(test)]
mod tests;
mod window;

pub use self::core::Residency;
pub use self::keeper::SnapshotKeeper;

use std::time::Duration;

use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, MessageResult,
    ResponseActFuture, ResponseFuture, WrapFuture,
};

use self::core::Residents;
use self::keeper::{LoadWindow, SaveWindows};
use super::Actors;
use super::door::{Door, DoorError, opens_door};
use super::error::AskError;
use super::feed::{EventFeed, EventsWaiting, Fed};
use super::gate::Gate;
use super::memory::describes_memory;
use super::messages::{Owner, StoreDoor};
use crate::domain::page::{PAGE_MAX, Page};
use crate::ids::{AccountId, PostId};
use crate::store::queries::home::{HomeEntry, MergeHome, MergedHome, RefreshHome};
use crate::telemetry::mailbox::Watch;

/// How many shown entries a window starts with, as far as it may hold so many.
const WINDOW_START_ENTRIES: usize = 3 * PAGE_MAX;

/// The most evicted windows that wait for the keeper.
const SAVES_WAITING_MAX: usize = 64;

/// What Timelines is started with.
pub struct TimelinesSetup {
    /// Its way to the store.
    pub store: StoreDoor,
    /// Its events.
    pub feed: EventFeed,
    /// How much stays in memory.
    pub residency: Residency,
    /// Who persists windows; `None` for nobody.
    pub keeper: Option<Door<SnapshotKeeper>>,
    /// How often windows that changed are persisted.
    pub snapshot_interval: Duration,
    /// The store's newest commit at the start.
    pub commit: i64,
    /// Notes its messages.
    pub watch: Watch,
}

/// The actor.
pub struct Timelines {
    pub(super) store: StoreDoor,
    feed: EventFeed,
    residency: Residency,
    residents: Residents,
    keeper: Option<Door<SnapshotKeeper>>,
    saves: Gate,
    snapshot_interval: Duration,
    roads: Roads,
    watch: Watch,
}

/// How many pages came by which road.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Roads {
    /// Out of a resident window, without SQL.
    pub window: u64,
    /// Out of a persisted snapshot, brought up to date.
    pub snapshot: u64,
    /// Merged out of the sources.
    pub merge: u64,
}

impl Timelines {
    /// An owner that isn't started yet.
    pub fn new(setup: TimelinesSetup) -> Self {
        Self {
            store: setup.store,
            feed: setup.feed,
            residency: setup.residency,
            residents: Residents::new(setup.residency, setup.commit),
            keeper: setup.keeper,
            saves: Gate::new(SAVES_WAITING_MAX),
            snapshot_interval: setup.snapshot_interval,
            roads: Roads::default(),
            watch: setup.watch,
        }
    }

    fn catch_up(&mut self) {
        while let Some(fed) = self.feed.take() {
            match fed {
                Fed::Lost(commit) => {
                    tracing::warn!(commit, "events were lost: every resident window is dropped");
                    self.residents.drop_all(commit);
                }
                Fed::Batch(batch) => self.residents.take_in(batch),
            }
        }
    }

    /// Keeps a window that was put together out of the snapshot of `commit`.
    fn admit(&mut self, reader: AccountId, merged: MergedHome, commit: i64) {
        self.catch_up();
        // A window that finds the keeper busy is not kept: it is merged anew when its reader comes back.
        if let Some(evicted) = self.residents.admit(reader, merged, commit)
            && let Some(keeper) = self.keeper.clone()
            && let Ok(place) = self.saves.enter()
        {
            actix::spawn(async move {
                let _place = place;
                match keeper.send(SaveWindows(vec![evicted])).await {
                    // As above.
                    Ok(()) | Err(DoorError::Busy) => {}
                    Err(DoorError::Closed) => {
                        tracing::warn!("the keeper of timeline snapshots is gone");
                    }
                }
            });
        }
    }

    fn save_windows(&mut self) -> Option<impl Future<Output = Result<(), DoorError>> + use<>> {
        self.catch_up();
        let windows = self.residents.take_unsaved();
        self.keeper
            .as_ref()
            .map(|keeper| keeper.send(SaveWindows(windows)))
    }
}

impl Actor for Timelines {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        if self.keeper.is_some() {
            context.run_interval(self.snapshot_interval, |actor, context| {
                if let Some(saving) = actor.save_windows() {
                    // The keeper logs what it can't do; a keeper that is gone means that the service stops.
                    context
                        .spawn(async move { saving.await.unwrap_or_default() }.into_actor(actor));
                }
            });
        }
    }
}

impl Owner for Timelines {
    fn door(actors: &Actors) -> &Door<Self> {
        &actors.timelines
    }

    fn store(&self) -> &StoreDoor {
        &self.store
    }
}

opens_door!(Timelines);
describes_memory!(Timelines, residents);

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

    fn handle(&mut self, message: ReadHome, _: &mut Context<Self>) -> Self::Result {
        self.catch_up();
        let ReadHome { reader, page } = message;
        if let Some(ids) = self.residents.read(reader, &page) {
            self.roads.window += 1;
            return Box::pin(std::future::ready(Ok(ids)).into_actor(self));
        }
        let is_newest = page.below() == i64::MAX && !page.from_oldest();
        if !is_newest || self.residents.has(reader, page.limit) {
            self.roads.merge += 1;
            let merged = self.store.look(MergeHome { reader, page });
            return Box::pin(async move { Ok(shown(&merged.await?.0.entries)) }.into_actor(self));
        }
        let loaded = self
            .keeper
            .as_ref()
            .map(|keeper| keeper.send(LoadWindow(reader)));
        let store = self.store.clone();
        let start = WINDOW_START_ENTRIES
            .min(self.residency.window_entries_max)
            .max(page.limit);
        let window = async move {
            let snapshot = match loaded {
                Some(loaded) => loaded.await.unwrap_or_default(),
                None => None,
            };
            if let Some(snapshot) = snapshot {
                let refresh = RefreshHome {
                    snapshot,
                    new_entries_max: start,
                };
                if let (Some(merged), commit) = store.look(refresh).await?
                    && let Some(ids) = page_of(&merged, &page)
                {
                    return Ok((ids, merged, commit, Road::Snapshot));
                }
            }
            let merge = MergeHome {
                reader,
                page: Page::newest(start),
            };
            let (merged, commit) = store.look(merge).await?;
            let ids = page_of(&merged, &page).unwrap_or_default();
            Ok((ids, merged, commit, Road::Merge))
        };
        self.residents.begin_merge();
        let window = window.into_actor(self);
        Box::pin(window.map(move |window: Result<_, AskError>, actor, _| {
            let answer = window.map(|(ids, merged, commit, road)| {
                match road {
                    Road::Snapshot => actor.roads.snapshot += 1,
                    Road::Merge => actor.roads.merge += 1,
                }
                actor.admit(reader, merged, commit);
                ids
            });
            actor.residents.end_merge();
            answer
        }))
    }
}

#[derive(Debug, Clone, Copy)]
enum Road {
    Snapshot,
    Merge,
}

/// Persists every window that changed, and answers when they are on disk.
#[derive(Debug, Clone, Copy)]
pub struct PersistWindows;

impl Message for PersistWindows {
    type Result = ();
}

impl Handler<PersistWindows> for Timelines {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: PersistWindows, _: &mut Context<Self>) -> Self::Result {
        let saving = self.save_windows();
        Box::pin(async move {
            if let Some(saving) = saving
                && saving.await.is_err()
            {
                tracing::warn!("the keeper of timeline snapshots is gone");
            }
        })
    }
}

/// How many windows made room for others so far.
#[derive(Debug, Clone, Copy)]
pub struct CountEvictions;

impl Message for CountEvictions {
    type Result = Option<u64>;
}

impl Handler<CountEvictions> for Timelines {
    type Result = Option<u64>;

    fn handle(&mut self, _: CountEvictions, _: &mut Context<Self>) -> Self::Result {
        Some(self.residents.evictions())
    }
}

/// How many pages came by which road so far.
#[derive(Debug, Clone, Copy)]
pub struct CountRoads;

impl Message for CountRoads {
    type Result = Roads;
}

impl Handler<CountRoads> for Timelines {
    type Result = MessageResult<CountRoads>;

    fn handle(&mut self, _: CountRoads, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.roads)
    }
}

fn shown(entries: &[HomeEntry]) -> Vec<PostId> {
    entries
        .iter()
        .filter(|entry| entry.is_shown)
        .map(|entry| entry.id)
        .collect()
}

/// A page out of the newest part of a home; `None` when the page reaches below it.
fn page_of(newest: &MergedHome, page: &Page) -> Option<Vec<PostId>> {
    let ids: Vec<PostId> = shown(&newest.entries)
        .into_iter()
        .filter(|id| page.contains(id.0))
        .take(page.limit)
        .collect();
    let reaches = ids.len() == page.limit
        || newest.is_complete
        || newest
            .entries
            .last()
            .is_some_and(|oldest| page.above() >= oldest.id.0);
    reaches.then_some(ids)
}
