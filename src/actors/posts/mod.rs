//! Posts: owns posts and what is done with them, and keeps in memory what showing them needs.

mod compose;
mod core;
pub mod fill;

pub use compose::{Draft, TextRules};

use actix::{
    Actor, ActorFutureExt, Context, Handler, Message, ResponseActFuture, ResponseFuture, WrapFuture,
};

use self::core::{Shelf, Shown};
use super::Actors;
use super::door::{Door, opens_door};
use super::error::AskError;
use super::feed::{EventFeed, EventsWaiting, Fed};
use super::memory::describes_memory;
use super::messages::{Owner, StoreDoor};
use crate::domain::post::PostView;
use crate::domain::visibility::{Onlooker, Visibility};
use crate::ids::{AccountId, AppId, PostId};
use crate::secret::TokenHash;
use crate::store::units::{EditPost, PublishPost};
use crate::telemetry::mailbox::Watch;

/// The actor.
pub struct Posts {
    pub(super) store: StoreDoor,
    feed: EventFeed,
    rules: TextRules,
    shelf: Shelf,
    watch: Watch,
}

impl Posts {
    /// An owner that isn't started yet.
    pub fn new(store: StoreDoor, feed: EventFeed, rules: TextRules, watch: Watch) -> Self {
        Self {
            store,
            feed,
            rules,
            shelf: Shelf::default(),
            watch,
        }
    }

    fn catch_up(&mut self) {
        while let Some(fed) = self.feed.take() {
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
    fn door(actors: &Actors) -> &Door<Self> {
        &actors.posts
    }

    fn store(&self) -> &StoreDoor {
        &self.store
    }
}

opens_door!(Posts);
describes_memory!(Posts, shelf);

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
        let (missing, hand) = match self.shelf.show(&onlooker, &ids) {
            Shown::Ready(views) => {
                return Box::pin(std::future::ready(Ok(views)).into_actor(self));
            }
            Shown::Missing(missing, hand) => (missing, hand),
        };
        let loading = self.store.look(missing);
        Box::pin(loading.into_actor(self).map(move |loaded, actor, _| {
            let (loaded, commit) = loaded?;
            actor.catch_up();
            let views = actor
                .shelf
                .fill_and_show(&onlooker, &ids, hand, loaded, commit);
            Ok(views)
        }))
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
            .map(|key| TokenHash::of(&key).as_bytes().to_vec());
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
