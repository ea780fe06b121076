//! A server whose inhabitants act through the crate's typed API, beside the model that does the same.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::join_all;
use kinglet::actors::error::AskError;
use kinglet::actors::posts::fill::{PostSource, read_posts};
use kinglet::actors::posts::{Draft, RewritePost, WritePost};
use kinglet::actors::timelines::{CountRoads, PersistWindows, Roads};
use kinglet::clock::{Clock, ManualClock, Timestamp};
use kinglet::domain::access::Authority;
use kinglet::domain::account::{ProfileChanges, Role};
use kinglet::domain::page::Page;
use kinglet::domain::relationship::{MuteOptions, Relations};
use kinglet::domain::visibility::{Onlooker, Visibility};
use kinglet::ids::{AccountId, PostId};
use kinglet::instance::Instance;
use kinglet::store::queries::relations::LoadRelations;
use kinglet::store::units::{
    Admission, AnswerFollowRequest, BlockAccount, BoostPost, DeletePost, FollowAccount, Mark,
    MarkPost, MuteAccount, NewMember, RegisterAccount, RemoveFollower, SuspendAccount,
    UnblockAccount, UnboostPost, UnfollowAccount, UnmuteAccount, UnsuspendAccount, UpdateProfile,
};
use kinglet::{Server, ServerBuilder};

use super::history::{Answer, Step};
use super::model::Model;

/// When every town is founded.
const FOUNDED: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// How many follows wait for their answer together.
const FOLLOWS_AT_ONCE: usize = 512;

/// How much a town's server keeps in memory.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// The most entries of one window.
    pub window_entries: usize,
    /// The most readers with a window.
    pub readers: usize,
    /// What all caches together hold, in bytes, where it isn't what servers usually let them.
    pub caches_bytes: Option<usize>,
}

/// A server on a real directory, its model, and the clock that both go by.
pub struct Town {
    pub model: Model,
    pub people: Vec<AccountId>,
    pub clock: Arc<ManualClock>,
    memory: Memory,
    directory: PathBuf,
    /// None only while it is started again.
    server: Option<Server>,
    texts: usize,
}

impl Town {
    /// Founds a town with so many people in a directory.
    pub async fn found(directory: &Path, memory: Memory, people: usize) -> Self {
        let mut town = Self {
            model: Model::new(),
            people: Vec::new(),
            clock: ManualClock::at(FOUNDED),
            memory,
            directory: directory.to_owned(),
            server: None,
            texts: 0,
        };
        town.start().await;
        for number in 0..people {
            let registered = town
                .instance()
                .actors
                .perform(RegisterAccount {
                    member: NewMember {
                        name: name_of(number),
                        email: format!("{}@example.org", name_of(number)),
                        password_hash: "nobody logs in here".to_owned(),
                    },
                    admission: Admission::Operator(Role::User),
                })
                .await
                .expect("the name is free");
            town.model.add_account(registered.account);
            town.people.push(registered.account);
        }
        town
    }

    fn builder(&self) -> ServerBuilder {
        let builder = Server::builder()
            .data_dir(&self.directory)
            .clock(Arc::clone(&self.clock) as Arc<dyn Clock>)
            .window_entries_max(self.memory.window_entries)
            .resident_readers_max(self.memory.readers);
        match self.memory.caches_bytes {
            None => builder,
            Some(bytes) => builder.caches_bytes_max(bytes),
        }
    }

    async fn start(&mut self) {
        self.server = Some(self.builder().start().await.expect("the server starts"));
    }

    /// Stops in good order and starts again.
    pub async fn restart(&mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown().await.expect("the server stops");
        }
        self.start().await;
    }

    pub fn instance(&self) -> &Instance {
        self.server.as_ref().expect("it runs").instance()
    }

    /// By which roads home pages came since the start.
    pub async fn roads(&self) -> Roads {
        let timelines = &self.instance().actors.timelines;
        timelines.send(CountRoads).await.expect("it runs")
    }

    /// The text with the names of those who are mentioned; no two are the same, so that no edit is none.
    fn text(&mut self, text: &str, mentions: &[AccountId]) -> Draft {
        self.texts += 1;
        let mut text = format!("{text} ({})", self.texts);
        for account in mentions {
            let number = self.people.iter().position(|id| id == account);
            text.push_str(" @");
            text.push_str(&name_of(number.expect("one of the people")));
        }
        Draft {
            text,
            ..Draft::default()
        }
    }

    /// Lets the server do a step.
    ///
    /// # Panics
    /// When the server fails instead of refusing.
    pub async fn serve(&mut self, step: &Step) -> Answer {
        match self.attempt(step).await {
            Ok(answer) => answer,
            Err(AskError::Refused(_)) => Answer::Refused,
            Err(error) => panic!("{step:?}: {error}"),
        }
    }

    async fn attempt(&mut self, step: &Step) -> Result<Answer, AskError> {
        let actors = self.instance().actors.clone();
        match *step {
            Step::Publish {
                author,
                visibility,
                ref mentions,
                reply_to,
                text,
            } => {
                let draft = self.text(text, mentions);
                let written = actors.posts.send(WritePost {
                    author,
                    draft,
                    visibility: Some(visibility),
                    reply_to,
                    app: None,
                    idempotency_key: None,
                });
                return Ok(Answer::Entry(written.await??));
            }
            Step::Edit {
                actor,
                post,
                ref mentions,
                text,
            } => {
                let draft = self.text(text, mentions);
                actors
                    .posts
                    .send(RewritePost {
                        author: actor,
                        post,
                        draft,
                    })
                    .await??;
            }
            Step::Delete { actor, post } => {
                let author = actor;
                actors.perform(DeletePost { author, post }).await?;
            }
            Step::Boost {
                actor,
                post,
                visibility,
            } => {
                let boost = BoostPost {
                    author: actor,
                    post,
                    visibility: visibility.unwrap_or(Visibility::Public),
                };
                return Ok(Answer::Entry(actors.perform(boost).await?));
            }
            Step::Unboost { actor, post } => {
                let author = actor;
                actors.perform(UnboostPost { author, post }).await?;
            }
            Step::Favourite { actor, post } => {
                self.mark(actor, post, Mark::Favourite, true).await?;
            }
            Step::Unfavourite { actor, post } => {
                self.mark(actor, post, Mark::Favourite, false).await?;
            }
            Step::Bookmark { actor, post } => {
                self.mark(actor, post, Mark::Bookmark, true).await?;
            }
            Step::Unbookmark { actor, post } => {
                self.mark(actor, post, Mark::Bookmark, false).await?;
            }
            Step::Follow {
                actor,
                other,
                shows_boosts,
            } => {
                actors
                    .perform(FollowAccount {
                        follower: actor,
                        followee: other,
                        shows_boosts: Some(shows_boosts),
                        notifies: None,
                        follows_max: 7_500,
                    })
                    .await?;
            }
            Step::Unfollow { actor, other } => {
                let (follower, followee) = (actor, other);
                actors
                    .perform(UnfollowAccount { follower, followee })
                    .await?;
            }
            Step::RemoveFollower { actor, other } => {
                let (account, follower) = (actor, other);
                actors.perform(RemoveFollower { account, follower }).await?;
            }
            Step::AcceptRequest { actor, other } => self.answer(actor, other, true).await?,
            Step::RejectRequest { actor, other } => self.answer(actor, other, false).await?,
            Step::Block { actor, other } => {
                let (account, target) = (actor, other);
                actors.perform(BlockAccount { account, target }).await?;
            }
            Step::Unblock { actor, other } => {
                let (account, target) = (actor, other);
                actors.perform(UnblockAccount { account, target }).await?;
            }
            Step::Mute { actor, other } => {
                actors
                    .perform(MuteAccount {
                        account: actor,
                        target: other,
                        options: MuteOptions {
                            hides_notifications: true,
                        },
                    })
                    .await?;
            }
            Step::Unmute { actor, other } => {
                let (account, target) = (actor, other);
                actors.perform(UnmuteAccount { account, target }).await?;
            }
            Step::SetLocked { actor, locked } => {
                let changes = ProfileChanges {
                    locked: Some(locked),
                    ..ProfileChanges::default()
                };
                let account = actor;
                actors.perform(UpdateProfile { account, changes }).await?;
            }
            Step::SetSuspended { account, suspended } => {
                let by = Authority::Operator;
                if suspended {
                    actors.perform(SuspendAccount { by, account }).await?;
                } else {
                    actors.perform(UnsuspendAccount { by, account }).await?;
                }
            }
            Step::ReadHome { reader, limit } => {
                self.home(reader, Page::newest(limit)).await?;
            }
            Step::Evict { reader } => {
                // Others read until this reader's window is the one that makes room.
                let others: Vec<AccountId> = self.people.clone();
                let others = others.into_iter().filter(|other| *other != reader);
                for other in others.take(self.memory.readers + 1) {
                    self.home(other, Page::newest(1)).await?;
                }
            }
            Step::Snapshot => actors.timelines.send(PersistWindows).await?,
            Step::Restart => self.restart().await,
            Step::AdvanceClock { millis } => self.clock.advance_millis(millis),
        }
        Ok(Answer::Done)
    }

    /// Many follows at once, on both sides; all of them must be allowed.
    pub async fn follow_all(&mut self, follows: &[(AccountId, AccountId)]) {
        for part in follows.chunks(FOLLOWS_AT_ONCE) {
            let actors = self.instance().actors.clone();
            let asked = part.iter().map(|&(follower, followee)| {
                actors.perform(FollowAccount {
                    follower,
                    followee,
                    shows_boosts: Some(true),
                    notifies: None,
                    follows_max: 7_500,
                })
            });
            for answer in join_all(asked).await {
                answer.expect("the follow is allowed");
            }
            for &(follower, followee) in part {
                let followed = self.model.follow(follower, followee, true);
                followed.expect("the follow is allowed");
            }
        }
    }

    async fn mark(
        &self,
        account: AccountId,
        post: PostId,
        mark: Mark,
        on: bool,
    ) -> Result<(), AskError> {
        let marked = self.instance().actors.perform(MarkPost {
            account,
            post,
            mark,
            on,
        });
        marked.await.map(drop)
    }

    async fn answer(
        &self,
        followee: AccountId,
        follower: AccountId,
        accept: bool,
    ) -> Result<(), AskError> {
        let answered = self.instance().actors.perform(AnswerFollowRequest {
            followee,
            follower,
            accept,
        });
        answered.await
    }

    async fn onlooker(&self, account: Option<AccountId>) -> Result<Onlooker, AskError> {
        let relations = match account {
            None => Relations::default(),
            Some(account) => {
                let query = LoadRelations { account };
                self.instance().actors.find(query).await?
            }
        };
        Ok(Onlooker {
            account,
            relations: relations.into(),
        })
    }

    /// A page of a list as a viewer gets it, and below which cursor there may be more.
    pub async fn list(
        &self,
        viewer: Option<AccountId>,
        source: &PostSource,
        page: Page,
    ) -> Result<(Vec<(i64, PostId)>, Option<i64>), AskError> {
        let onlooker = self.onlooker(viewer).await?;
        let filled = read_posts(&self.instance().actors, &onlooker, source, page).await?;
        let older = filled.older_below;
        let entries = filled
            .entries
            .into_iter()
            .map(|(cursor, view)| (cursor, view.post.facts.id));
        Ok((entries.collect(), older))
    }

    /// A page of somebody's home.
    pub async fn home(&self, reader: AccountId, page: Page) -> Result<Vec<PostId>, AskError> {
        let (entries, _) = self.list(Some(reader), &PostSource::Home, page).await?;
        Ok(entries.into_iter().map(|(_, id)| id).collect())
    }
}

fn name_of(number: usize) -> String {
    format!("person{number}")
}
