//! Timelines: owns homes. A home is a pure function of committed state; what is kept here is a cache of it.
//!
//! A page comes by one of three roads: out of the reader's resident window; out of a persisted snapshot that is brought
//! up to date; or merged out of the sources. All three give the same page.

mod audience;
mod core;
mod entries;
mod keeper;
mod late;
mod newest;
#[cfg(test)]
mod tests;
mod window;

pub use self::core::Residency;
pub use self::keeper::SnapshotKeeper;

use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, ActorFutureExt, Addr, ArbiterHandle, AsyncContext, Context, Handler, Message,
    MessageResult, ResponseActFuture, ResponseFuture, WrapFuture,
};

use self::core::Residents;
use self::keeper::{ListKept, LoadWindow, RemoveWindow, SaveWindows};
use self::newest::Newest;
use self::window::Below;
use super::Actors;
use super::budget::Budget;
use super::cache::CacheFigures;
use super::door::{Door, DoorError, opens_door};
use super::error::AskError;
use super::feed::{EventFeed, EventsWaiting, Fed};
use super::gate::Gate;
use super::memory::DescribeMemory;
use super::messages::{Owner, StoreDoor};
use crate::domain::page::Page;
use crate::ids::{AccountId, PostId};
use crate::store::check::Kept;
use crate::store::queries::home::{
    HomeEntry, KnownSources, ListNewest, MergeHome, MergeKnown, MergedHome, RefreshHome, Refreshed,
};
use crate::store::queries::relations::LoadRelations;
use crate::telemetry::mailbox::Watch;

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
    /// What windows may take of memory, with the caches of others.
    pub budget: Budget,
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
    residents: Residents,
    newest: Newest,
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
    /// Starts it on that thread.
    pub fn start_on(owners: &ArbiterHandle, setup: TimelinesSetup) -> Addr<Self> {
        Self::start_in_arbiter(owners, move |_| Self::new(setup))
    }

    /// An owner that isn't started yet.
    pub fn new(setup: TimelinesSetup) -> Self {
        Self {
            store: setup.store,
            feed: setup.feed,
            residents: Residents::new(setup.residency, &setup.budget, setup.commit),
            newest: Newest::default(),
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
                    self.newest.lose();
                }
                Fed::Batch(batch) => {
                    self.newest.take_in(&batch);
                    self.residents.take_in(batch);
                }
            }
        }
    }

    /// Keeps a window that was put together out of the snapshot of `commit`.
    fn admit(&mut self, reader: AccountId, merged: MergedHome, commit: i64) {
        self.catch_up();
        // A window that finds the keeper busy is not kept: it is merged anew when its reader comes back.
        let evicted = self.residents.admit(reader, merged, commit);
        if !evicted.is_empty()
            && let Some(keeper) = self.keeper.clone()
            && let Ok(place) = self.saves.enter()
        {
            actix::spawn(async move {
                let _place = place;
                match keeper.send(SaveWindows(evicted)).await {
                    // As above.
                    Ok(()) | Err(DoorError::Busy) => {}
                    Err(DoorError::Closed) => {
                        tracing::warn!("the keeper of timeline snapshots is gone");
                    }
                }
            });
        }
    }

    /// Asks for the newest entry of each account, unless it is known or on its way.
    fn learn_newest(&mut self, context: &mut Context<Self>) {
        let Some(asked) = self.newest.ask() else {
            return;
        };
        let accounts_max = newest::ACCOUNTS_MAX;
        let loaded = self.store.look(ListNewest { accounts_max });
        let loaded = loaded.into_actor(self).map(move |loaded, actor, _| {
            actor.catch_up();
            match loaded {
                Ok((loaded, _)) => actor.newest.fill(asked, loaded),
                // The next merge asks again.
                Err(_) => actor.newest.lose(),
            }
        });
        context.spawn(loaded);
    }

    /// What somebody's home is made of, with the commit up to which that is true; `None` when only the store knows.
    fn sources(&mut self, reader: AccountId) -> ResponseActFuture<Self, Result<Known, AskError>> {
        if !self.newest.is_whole() {
            return Box::pin(std::future::ready(Ok(None)).into_actor(self));
        }
        let relations = self.store.look(LoadRelations { account: reader });
        Box::pin(relations.into_actor(self).map(move |loaded, actor, _| {
            let (relations, commit) = loaded?;
            actor.catch_up();
            let sources = actor.newest.sources(reader, relations);
            let known_at = commit.min(actor.residents.applied());
            Ok(sources.map(|sources| (Arc::new(sources), known_at)))
        }))
    }

    /// A page of a reader whose window doesn't reach it, and shall not.
    fn merge_page(&mut self, reader: AccountId, page: Page) -> HomeAnswer {
        self.roads.merge += 1;
        Box::pin(self.sources(reader).then(move |sources, actor, _| {
            let store = actor.store.clone();
            let merged = async move { merge(&store, reader, page, sources?).await };
            merged
                .into_actor(actor)
                .map(|merged, _, _| Ok(shown(&merged?.0.entries)))
        }))
    }

    /// A page that begins in the reader's window and reaches below it: the window grows as its reader scrolls.
    fn reach_below(&mut self, reader: AccountId, page: Page, below: Below) -> HomeAnswer {
        let lower = Page {
            max_id: Some(below.floor.0),
            ..Page::newest(
                page.limit
                    .max(self.residents.entries_at_first())
                    .min(below.entries),
            )
        };
        self.residents.begin_merge();
        let merged = self.sources(reader).then(move |sources, actor, _| {
            let store = actor.store.clone();
            async move { merge(&store, reader, lower, sources?).await }.into_actor(actor)
        });
        Box::pin(merged.then(move |merged, actor, _| {
            let grown = merged.map(|(merged, commit)| {
                actor.catch_up();
                actor.residents.extend(reader, &below, merged, commit);
            });
            actor.residents.end_merge();
            match grown.map(|()| actor.residents.read(reader, &page)) {
                Ok(None) => actor.merge_page(reader, page),
                Ok(Some(ids)) => {
                    actor.roads.merge += 1;
                    Box::pin(std::future::ready(Ok(ids)).into_actor(actor)) as HomeAnswer
                }
                Err(error) => Box::pin(std::future::ready(Err(error)).into_actor(actor)),
            }
        }))
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

impl Handler<DescribeMemory> for Timelines {
    type Result = Option<Vec<CacheFigures>>;

    fn handle(&mut self, _: DescribeMemory, _: &mut Context<Self>) -> Self::Result {
        let mut figures = self.residents.figures();
        figures.push(CacheFigures {
            name: "newest",
            entries: self.newest.len(),
            bytes: self.newest.bytes(),
            bytes_max: Newest::bytes_of(newest::ACCOUNTS_MAX),
        });
        Some(figures)
    }
}

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

/// What a home is made of, with the commit up to which that is true; `None` when only the store knows.
type Known = Option<(Arc<KnownSources>, i64)>;

/// A page, once it is there.
type HomeAnswer = ResponseActFuture<Timelines, Result<Vec<PostId>, AskError>>;

impl Handler<ReadHome> for Timelines {
    type Result = HomeAnswer;

    fn handle(&mut self, message: ReadHome, context: &mut Context<Self>) -> Self::Result {
        self.catch_up();
        let ReadHome { reader, page } = message;
        if let Some(ids) = self.residents.read(reader, &page) {
            self.roads.window += 1;
            return Box::pin(std::future::ready(Ok(ids)).into_actor(self));
        }
        self.learn_newest(context);
        if let Some(below) = self.residents.below(reader, &page) {
            return self.reach_below(reader, page, below);
        }
        let is_newest = page.below() == i64::MAX && !page.from_oldest();
        if !is_newest || self.residents.has(reader) {
            return self.merge_page(reader, page);
        }
        self.read_anew(reader, page)
    }
}

impl Timelines {
    /// The newest page of a reader without a window, which gets one.
    fn read_anew(&mut self, reader: AccountId, page: Page) -> HomeAnswer {
        let loaded = self
            .keeper
            .as_ref()
            .map(|keeper| keeper.send(LoadWindow(reader)));
        let start = self.residents.entries_at_first().max(page.limit);
        self.residents.begin_merge();
        let window = self.sources(reader).then(move |sources, actor, _| {
            let store = actor.store.clone();
            let window = async move {
                let sources = sources?;
                let snapshot = match loaded {
                    Some(loaded) => loaded.await.unwrap_or_default(),
                    None => None,
                };
                if let Some(snapshot) = snapshot {
                    let refresh = RefreshHome {
                        snapshot,
                        new_entries_max: start,
                        sources: sources.as_ref().map(|(sources, _)| Arc::clone(sources)),
                    };
                    let (refreshed, commit) = store.look(refresh).await?;
                    let usable = match refreshed {
                        Refreshed::Outdated => None,
                        Refreshed::Replaced(merged) => Some((merged, Road::Merge)),
                        Refreshed::UpToDate(merged) => Some((merged, Road::Snapshot)),
                    };
                    if let Some((merged, road)) = usable
                        && let Some(ids) = page_of(&merged, &page)
                    {
                        let commit = sources.map_or(commit, |(_, known_at)| known_at.min(commit));
                        return Ok((ids, merged, commit, road));
                    }
                }
                let (merged, commit) = merge(&store, reader, Page::newest(start), sources).await?;
                let ids = page_of(&merged, &page).unwrap_or_default();
                Ok((ids, merged, commit, Road::Merge))
            };
            window.into_actor(actor)
        });
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

/// Merges a part of a home, out of its sources where they are known.
async fn merge(
    store: &StoreDoor,
    reader: AccountId,
    page: Page,
    sources: Known,
) -> Result<(MergedHome, i64), AskError> {
    let Some((sources, known_at)) = sources else {
        return store.look(MergeHome { reader, page }).await;
    };
    let merge = MergeKnown {
        reader,
        page,
        sources,
    };
    let (merged, commit) = store.look(merge).await?;
    Ok((merged, commit.min(known_at)))
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

/// Forgets the home of an account that is deleted, in memory and on disk.
#[derive(Debug, Clone, Copy)]
pub struct ForgetHome {
    /// Whose.
    pub reader: AccountId,
}

impl Message for ForgetHome {
    type Result = Result<(), AskError>;
}

impl Handler<ForgetHome> for Timelines {
    type Result = ResponseFuture<Result<(), AskError>>;

    fn handle(&mut self, ForgetHome { reader }: ForgetHome, _: &mut Context<Self>) -> Self::Result {
        self.residents.evict(reader);
        // What was to be saved before is saved before.
        let removing = self
            .keeper
            .as_ref()
            .map(|keeper| keeper.send(RemoveWindow(reader)));
        Box::pin(async move {
            if let Some(removing) = removing {
                removing.await?;
            }
            Ok(())
        })
    }
}

/// Lists the homes that are kept on disk, above a reader, a part of them.
#[derive(Debug, Clone, Copy)]
pub struct ListKeptHomes {
    /// The reader; 0 to begin.
    pub after: AccountId,
}

impl Message for ListKeptHomes {
    type Result = Result<Vec<Kept>, AskError>;
}

impl Handler<ListKeptHomes> for Timelines {
    type Result = ResponseFuture<Result<Vec<Kept>, AskError>>;

    fn handle(
        &mut self,
        ListKeptHomes { after }: ListKeptHomes,
        _: &mut Context<Self>,
    ) -> Self::Result {
        let keeper = self.keeper.clone();
        Box::pin(async move {
            match keeper {
                None => Ok(Vec::new()),
                Some(keeper) => Ok(keeper.send(ListKept(after)).await?.unwrap_or_default()),
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
