//! Posts: owns posts and what is done with them, and keeps in memory what showing them needs.

mod core;
pub mod fill;

use actix::{
    Actor, ActorFutureExt, Addr, Context, Handler, Message, ResponseActFuture, WrapFuture,
};

use self::core::Shelf;
use super::Actors;
use super::error::AskError;
use super::feed::{EventFeed, EventsWaiting, Fed};
use super::messages::{Owner, StoreDoor, serves_owned};
use crate::domain::post::PostView;
use crate::domain::visibility::Onlooker;
use crate::ids::PostId;

/// The actor.
pub struct Posts {
    pub(super) store: StoreDoor,
    feed: EventFeed,
    shelf: Shelf,
}

impl Posts {
    /// An owner that isn't started yet.
    pub fn new(store: StoreDoor, feed: EventFeed) -> Self {
        Self {
            store,
            feed,
            shelf: Shelf::default(),
        }
    }

    fn catch_up(&mut self) {
        while let Some(fed) = self.feed.next() {
            match fed {
                Fed::Lost(commit) => self.shelf.forget_all(commit),
                Fed::Batch(batch) => {
                    for event in &batch.events {
                        self.shelf.take_in(event, batch.commit);
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
    fn address(actors: &Actors) -> &Addr<Self> {
        &actors.posts
    }
}

serves_owned!(Posts);

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
        self.catch_up();
        let ShowPosts { onlooker, mut ids } = message;
        ids.truncate(POSTS_PER_SHOW_MAX);
        let missing = match self.shelf.show(&onlooker, &ids) {
            Ok(views) => return Box::pin(std::future::ready(Ok(views)).into_actor(self)),
            Err(missing) => missing,
        };
        let loading = self.store.look(missing);
        Box::pin(loading.into_actor(self).map(move |loaded, actor, _| {
            let (loaded, commit) = loaded?;
            actor.catch_up();
            Ok(actor.shelf.fill_and_show(&onlooker, &ids, loaded, commit))
        }))
    }
}
