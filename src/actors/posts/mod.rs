//! Posts: owns posts and what is done with them, and keeps in memory what showing them needs.

mod compose;
mod core;
pub mod fill;
mod lists;
mod read;
mod threads;

pub use compose::{Draft, TextRules, prepare};
pub use read::{ReadPosts, ReadPostsBy};

use actix::{
    Actor, ActorFutureExt, Addr, ArbiterHandle, Context, Handler, Message, ResponseActFuture,
    ResponseFuture, WrapFuture,
};

use self::core::{Shelf, Shown};
use self::lists::Lists;
use self::threads::Threads;
use super::Actors;
use super::budget::Budget;
use super::cache::CacheFigures;
use super::door::{Door, opens_door};
use super::error::AskError;
use super::feed::{EventFeed, EventsWaiting, Fed};
use super::memory::describes_memory;
use super::messages::{Owner, StoreDoor};
use super::timelines::Timelines;
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::post::PostView;
use crate::domain::thread::Thread;
use crate::domain::visibility::{Onlooker, Visibility};
use crate::ids::{AccountId, AppId, PostId};
use crate::store::queries::threads::FindThread;
use crate::store::units::{EditPost, PublishPost};
use crate::telemetry::mailbox::Watch;

/// The actor.
pub struct Posts {
    pub(super) store: StoreDoor,
    timelines: Door<Timelines>,
    feed: EventFeed,
    rules: TextRules,
    memory: Memory,
    watch: Watch,
}

/// What it keeps.
#[derive(Debug)]
struct Memory {
    shelf: Shelf,
    lists: Lists,
    threads: Threads,
}

impl Memory {
    fn new(budget: &Budget) -> Self {
        Self {
            shelf: Shelf::new(budget),
            lists: Lists::new(budget),
            threads: Threads::new(budget),
        }
    }

    /// What the caches hold.
    fn figures(&self) -> Vec<CacheFigures> {
        let mut figures = self.shelf.figures();
        figures.push(self.lists.figures());
        figures.push(self.threads.figures());
        figures
    }
}

impl Posts {
    /// Starts it on that thread.
    pub fn start_on(self, owners: &ArbiterHandle) -> Addr<Self> {
        Self::start_in_arbiter(owners, move |_| self)
    }

    /// An owner that isn't started yet.
    pub fn new(
        store: StoreDoor,
        timelines: Door<Timelines>,
        feed: EventFeed,
        rules: TextRules,
        budget: &Budget,
        watch: Watch,
    ) -> Self {
        Self {
            store,
            timelines,
            feed,
            rules,
            memory: Memory::new(budget),
            watch,
        }
    }

    fn catch_up(&mut self) {
        let memory = &mut self.memory;
        while let Some(fed) = self.feed.take() {
            match fed {
                Fed::Lost(commit) => {
                    memory.shelf.forget_all(commit);
                    memory.lists.forget_all(commit);
                    memory.threads.forget_all(commit);
                }
                Fed::Batch(batch) => {
                    for event in &batch.events {
                        memory.shelf.take_in(event, batch.commit);
                        memory.lists.take_in(event, batch.commit);
                        memory.threads.take_in(event, batch.commit);
                    }
                }
            }
        }
    }
}

impl Actor for Posts {
    type Context = Context<Self>;
}

impl Owner for Posts {
    fn door(actors: &Actors) -> &Door<Self> {
        &actors.posts
    }

    fn store(&self) -> &StoreDoor {
        &self.store
    }
}

opens_door!(Posts);
describes_memory!(Posts, memory);

impl Handler<EventsWaiting> for Posts {
    type Result = ();

    fn handle(&mut self, _: EventsWaiting, _: &mut Context<Self>) {
        self.catch_up();
    }
}

/// The entries as one viewer gets them, in the order of the ids. What isn't there and what the viewer may not see is
/// left out: the one way by which posts leave the actors.
#[derive(Debug, Clone)]
pub struct ShowPosts {
    /// Who looks.
    pub onlooker: Onlooker,
    /// Which entries; at most [`POSTS_PER_SHOW_MAX`], further ones are left out.
    pub ids: Vec<PostId>,
}

/// The most entries that one [`ShowPosts`] answers.
pub const POSTS_PER_SHOW_MAX: usize = 512;

impl Message for ShowPosts {
    type Result = Result<Vec<PostView>, AskError>;
}

impl Handler<ShowPosts> for Posts {
    type Result = ResponseActFuture<Self, Result<Vec<PostView>, AskError>>;

    fn handle(&mut self, message: ShowPosts, _: &mut Context<Self>) -> Self::Result {
        let ShowPosts { onlooker, mut ids } = message;
        ids.truncate(POSTS_PER_SHOW_MAX);
        self.show_all(onlooker, ids)
    }
}

/// What stands above and below a post, as one viewer gets it. Whether the viewer may see the post itself is asked before.
#[derive(Debug, Clone)]
pub struct ReadThread {
    /// Who looks.
    pub onlooker: Onlooker,
    /// The post.
    pub post: PostId,
}

/// The posts around one, in the order of [`Thread`]: above, then below.
pub type ThreadViews = (Vec<PostView>, Vec<PostView>);

impl Message for ReadThread {
    type Result = Result<ThreadViews, AskError>;
}

impl Handler<ReadThread> for Posts {
    type Result = ResponseActFuture<Self, Result<ThreadViews, AskError>>;

    fn handle(&mut self, message: ReadThread, _: &mut Context<Self>) -> Self::Result {
        let ReadThread { onlooker, post } = message;
        self.catch_up();
        if let Some(thread) = self.memory.threads.read(post) {
            return self.show_thread(onlooker, thread);
        }
        let walking = self.store.look(FindThread { post }).into_actor(self);
        Box::pin(walking.then(move |walked, actor, _| match walked {
            Ok((walked, commit)) => {
                actor.catch_up();
                let thread = actor.memory.threads.fill(walked, commit);
                actor.show_thread(onlooker, thread)
            }
            Err(error) => Box::pin(std::future::ready(Err(error)).into_actor(actor)),
        }))
    }
}

/// Entries that are there, or on their way.
enum Showing {
    Ready(Vec<PostView>),
    Loading(ResponseActFuture<Posts, Result<Looked, AskError>>),
}

/// What the store was asked for.
struct Looked {
    /// The entries as the viewer gets them.
    views: Vec<PostView>,
    /// What isn't there any more.
    gone: Vec<PostId>,
}

impl Posts {
    fn show_all(
        &mut self,
        onlooker: Onlooker,
        ids: Vec<PostId>,
    ) -> ResponseActFuture<Self, Result<Vec<PostView>, AskError>> {
        match self.show(onlooker, ids) {
            Showing::Ready(views) => Box::pin(std::future::ready(Ok(views)).into_actor(self)),
            Showing::Loading(loading) => {
                Box::pin(loading.map(|looked, _, _| looked.map(|looked| looked.views)))
            }
        }
    }

    fn show_thread(
        &mut self,
        onlooker: Onlooker,
        thread: Thread,
    ) -> ResponseActFuture<Self, Result<ThreadViews, AskError>> {
        let above = self.show_all(onlooker.clone(), thread.ancestors);
        Box::pin(above.then(move |above, actor, _| {
            let below = actor.show_all(onlooker, thread.descendants);
            below.map(move |below, _, _| Ok((above?, below?)))
        }))
    }

    /// The entries as one viewer gets them.
    fn show(&mut self, onlooker: Onlooker, ids: Vec<PostId>) -> Showing {
        self.catch_up();
        let (missing, hand) = match self.memory.shelf.show(&onlooker, &ids) {
            Shown::Ready(views) => return Showing::Ready(views),
            Shown::Missing(missing, hand) => (missing, hand),
        };
        let mut gone = missing.posts.clone();
        let loading = self.store.look(missing);
        let looked = loading.into_actor(self).map(move |loaded, actor, _| {
            let (loaded, commit) = loaded?;
            gone.retain(|id| !loaded.posts.contains_key(id));
            actor.catch_up();
            let shelf = &mut actor.memory.shelf;
            let views = shelf.fill_and_show(&onlooker, &ids, hand, loaded, commit);
            Ok(Looked { views, gone })
        });
        Showing::Loading(Box::pin(looked))
    }
}

/// Publishes what a person wrote.
#[derive(Debug, Clone)]
pub struct WritePost {
    /// Who writes.
    pub author: AccountId,
    /// What.
    pub draft: Draft,
    /// For whom; `None` leaves it to the author's preferences.
    pub visibility: Option<Visibility>,
    /// Which post it answers.
    pub reply_to: Option<PostId>,
    /// The client it is written with.
    pub app: Option<AppId>,
    /// A client's key: the same key within an hour gets the same post.
    pub idempotency_key: Option<String>,
}

impl Message for WritePost {
    type Result = Result<PostId, AskError>;
}

impl Handler<WritePost> for Posts {
    type Result = ResponseFuture<Result<PostId, AskError>>;

    fn handle(&mut self, message: WritePost, _: &mut Context<Self>) -> Self::Result {
        let text = match compose::prepare(&message.draft, &self.rules) {
            Ok(text) => text,
            Err(refusal) => return Box::pin(std::future::ready(Err(refusal.into()))),
        };
        // A key is as long as a client likes; its hash is not.
        let idempotency_key = message
            .idempotency_key
            .map(|key| IdempotencyKey::of(message.author, &key));
        self.store.perform(PublishPost {
            author: message.author,
            text,
            visibility: message.visibility,
            reply_to: message.reply_to,
            app: message.app,
            idempotency_key,
        })
    }
}

/// Replaces the text of one's own post.
#[derive(Debug, Clone)]
pub struct RewritePost {
    /// Who edits.
    pub author: AccountId,
    /// Which post.
    pub post: PostId,
    /// What it says from now on.
    pub draft: Draft,
}

impl Message for RewritePost {
    type Result = Result<(), AskError>;
}

impl Handler<RewritePost> for Posts {
    type Result = ResponseFuture<Result<(), AskError>>;

    fn handle(&mut self, message: RewritePost, _: &mut Context<Self>) -> Self::Result {
        match compose::prepare(&message.draft, &self.rules) {
            Ok(text) => self.store.perform(EditPost {
                author: message.author,
                post: message.post,
                text,
            }),
            Err(refusal) => Box::pin(std::future::ready(Err(refusal.into()))),
        }
    }
}
