//! Filling an instance with people and what they do, by typed calls: for tests, demonstrations and prototypes.
//!
//! ```
//! let server = kinglet::Server::builder().in_memory().start_blocking()?;
//! let seed = server.seed();
//! server.block_on(async {
//!     let alice = seed.person("alice").display_name("Alice").await?;
//!     let bob = seed.person("bob").locked().await?;
//!     seed.follow(&alice, &bob).await?;
//!
//!     let hello = seed.post(&alice, "Hello @bob #introductions").publish().await?;
//!     let answer = seed.post(&bob, "@alice Good to see you").reply_to(&hello).publish().await?;
//!     seed.favourite(&alice, &answer).await?;
//!     // An app would log in as Bob with bob.email and bob.password(), or just use bob.token().
//!     assert_eq!(bob.password(), "the password of bob");
//!     # assert!(!bob.token().is_empty());
//!     Ok::<_, kinglet::actors::error::AskError>(())
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Every call is what the person itself could have done, decided by the same rules and told of by the same
//! notifications and mails; what a rule forbids is refused here as well. When a call is answered, everybody sees what it
//! did.
//!
//! Calls that are awaited one after the other happen in that order, so that with a [seed](crate::ServerBuilder::seed) and
//! a [manual clock](crate::clock::ManualClock) two servers end up with the same ids, tokens and dates. Calls may as well
//! be made all at once, thousands of them: [`SEEDS_AT_ONCE_MAX`] are at work at a time and the others wait.

mod person;
mod post;

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;

pub use self::person::{Applicant, NewPerson, Person, TOKEN_SCOPES};
pub use self::post::{NewPost, Post};
use crate::actors::Actors;
use crate::actors::error::AskError;
use crate::actors::posts::{Draft, RewritePost};
use crate::actors::users::{GrantUserToken, LinkCode, MakeLink, RegisterClient, RegisteredClient};
use crate::domain::access::Authority;
use crate::domain::account::{ProfileChanges, Role};
use crate::domain::refusal::Refusal;
use crate::domain::relationship::{FollowOptions, MuteOptions};
use crate::domain::scope::Scopes;
use crate::domain::visibility::Visibility;
use crate::ids::{AccountId, PostId};
use crate::instance::Instance;
use crate::secret::Secret;
use crate::store::units::{
    AnswerFollowRequest, ApproveAccount, BlockAccount, BoostPost, DeletePost, FollowAccount,
    Followed, INVITE_DAYS_MAX, Mark, MarkPost, MuteAccount, SetRole, SuspendAccount,
    UnblockAccount, UnboostPost, UnfollowAccount, UnmuteAccount, UnsuspendAccount, UpdateProfile,
};
use crate::store::writer::{UNITS_PER_COMMIT_MAX, UNITS_WAITING_MAX};

/// How many calls of one [`Seeding`] and its clones are at work at the same time.
pub const SEEDS_AT_ONCE_MAX: usize = 16;
/// How many [`Seeding::with_calls_at_once`] allows at the most: as many as may wait for the writer, who
/// turns away what is more, but for some room for what the instance does by itself.
pub const SEEDS_AT_ONCE_LIMIT: usize = UNITS_WAITING_MAX - UNITS_PER_COMMIT_MAX;

/// Makes people and lets them act. Clones fill the same instance; made by [`Server::seed`](crate::Server::seed).
#[derive(Clone)]
pub struct Seeding {
    actors: Actors,
    follows_max: i64,
    places: Arc<Semaphore>,
}

impl Seeding {
    /// Fills this instance.
    pub fn new(instance: &Instance) -> Self {
        Self {
            actors: instance.actors.clone(),
            follows_max: i64::from(instance.config.limits.follows_per_account_max),
            places: Arc::new(Semaphore::new(SEEDS_AT_ONCE_MAX)),
        }
    }

    /// As this one, with so many calls at work at the same time instead of [`SEEDS_AT_ONCE_MAX`]: to fill an instance with
    /// thousands of follows and posts, for a commit takes as many units as wait for it. Passwords are hashed a few at a time,
    /// so people are better made by this one.
    #[must_use]
    pub fn with_calls_at_once(mut self, calls: usize) -> Self {
        self.places = Arc::new(Semaphore::new(calls.clamp(1, SEEDS_AT_ONCE_LIMIT)));
        self
    }

    /// A person with this name, its account and a token. Awaited as it is, or after more was said about it.
    pub fn person(&self, name: impl Into<String>) -> NewPerson {
        NewPerson::new(self.clone(), name.into())
    }

    /// Somebody who asks to be let in and waits for a moderator, whatever the instance's registration mode; each
    /// moderator is notified. Where the instance sends mail it waits for its address to be confirmed before that.
    ///
    /// # Errors
    /// When the name or its mail address is taken or no such thing.
    pub async fn applicant(
        &self,
        name: impl Into<String>,
        reason: impl Into<String>,
    ) -> Result<Applicant, AskError> {
        NewPerson::new(self.clone(), name.into())
            .apply(reason.into())
            .await
    }

    /// Lets somebody in who waits.
    ///
    /// # Errors
    /// When it doesn't wait for a moderator.
    pub async fn approve(&self, applicant: Applicant) -> Result<Person, AskError> {
        let account = applicant.id;
        let by = Authority::Operator;
        self.in_turn(self.actors.perform(ApproveAccount { by, account }))
            .await?;
        let token = self.token(account, TOKEN_SCOPES).await?;
        Ok(applicant.with_token(token))
    }

    /// Another token of an account, with scopes such as `read write:statuses`.
    ///
    /// # Errors
    /// When there is no such account or no such scope.
    pub async fn token(
        &self,
        account: impl Into<AccountId>,
        scopes: &str,
    ) -> Result<Secret<String>, AskError> {
        let message = GrantUserToken {
            account: account.into(),
            app: None,
            scopes: parse_scopes(scopes)?,
        };
        let granted = self.in_turn(async { self.actors.users.send(message).await? });
        Ok(granted.await?.token)
    }

    /// A registered client for the ways of OAuth, with its secret.
    ///
    /// # Errors
    /// When the name, the redirect URI or a scope is no such thing.
    pub async fn app(
        &self,
        name: impl Into<String>,
        redirect_uri: impl Into<String>,
        scopes: &str,
    ) -> Result<RegisteredClient, AskError> {
        let message = RegisterClient {
            name: name.into(),
            website: None,
            redirect_uris: vec![redirect_uri.into()],
            scopes: parse_scopes(scopes)?,
        };
        self.in_turn(async { self.actors.users.send(message).await? })
            .await
    }

    /// The code of an invitation that lets so many people in: the link is `/invite/CODE`.
    ///
    /// # Errors
    /// When it shall let in nobody or more than [`INVITE_USES_MAX`](crate::store::units::INVITE_USES_MAX).
    pub async fn invite(&self, uses: u32) -> Result<LinkCode, AskError> {
        let days = INVITE_DAYS_MAX;
        let message = MakeLink::Invite { uses, days };
        self.in_turn(async { self.actors.users.send(message).await? })
            .await
    }

    /// Changes what an account shows of itself, and what its posts start with.
    ///
    /// # Errors
    /// What is too long or too much.
    pub async fn change_profile(
        &self,
        account: impl Into<AccountId>,
        changes: ProfileChanges,
    ) -> Result<(), AskError> {
        let account = account.into();
        self.in_turn(self.actors.perform(UpdateProfile { account, changes }))
            .await
    }

    /// From now on whoever wants to follow the account is asked to wait.
    ///
    /// # Errors
    /// When there is no such account.
    pub async fn lock(&self, account: impl Into<AccountId>) -> Result<(), AskError> {
        let changes = ProfileChanges {
            locked: Some(true),
            ..ProfileChanges::default()
        };
        self.change_profile(account, changes).await
    }

    /// Gives an account another role.
    ///
    /// # Errors
    /// When it is the last owner.
    pub async fn set_role(
        &self,
        account: impl Into<AccountId>,
        role: Role,
    ) -> Result<(), AskError> {
        let (by, account) = (Authority::Operator, account.into());
        self.in_turn(self.actors.perform(SetRole { by, account, role }))
            .await
    }

    /// Hides everything of an account and ends its tokens.
    ///
    /// # Errors
    /// When it is the last owner.
    pub async fn suspend(&self, account: impl Into<AccountId>) -> Result<(), AskError> {
        let (by, account) = (Authority::Operator, account.into());
        self.in_turn(self.actors.perform(SuspendAccount { by, account }))
            .await
    }

    /// Shows a suspended account again.
    ///
    /// # Errors
    /// When there is no such account.
    pub async fn unsuspend(&self, account: impl Into<AccountId>) -> Result<(), AskError> {
        let (by, account) = (Authority::Operator, account.into());
        self.in_turn(self.actors.perform(UnsuspendAccount { by, account }))
            .await
    }

    /// `follower` follows `followee`, who lets it if it wants to be asked.
    ///
    /// # Errors
    /// When it is the same account, or one blocks the other.
    pub async fn follow(
        &self,
        follower: impl Into<AccountId>,
        followee: impl Into<AccountId>,
    ) -> Result<(), AskError> {
        self.follow_with(follower, followee, FollowOptions::default())
            .await
    }

    /// As [`follow`](Self::follow), with or without boosts in the follower's home and a notification for each post.
    ///
    /// # Errors
    /// When it is the same account, or one blocks the other.
    pub async fn follow_with(
        &self,
        follower: impl Into<AccountId>,
        followee: impl Into<AccountId>,
        options: FollowOptions,
    ) -> Result<(), AskError> {
        let (follower, followee) = (follower.into(), followee.into());
        match self.wish_to_follow(follower, followee, options).await? {
            Followed::Now => Ok(()),
            Followed::Requested => self.accept(followee, follower).await,
        }
    }

    /// `follower` asks to follow `followee` and waits for an answer. A followee that let everybody follow is locked first.
    ///
    /// # Errors
    /// When it is the same account, or one blocks the other.
    pub async fn ask_to_follow(
        &self,
        follower: impl Into<AccountId>,
        followee: impl Into<AccountId>,
    ) -> Result<(), AskError> {
        let (follower, followee) = (follower.into(), followee.into());
        self.lock(followee).await?;
        self.wish_to_follow(follower, followee, FollowOptions::default())
            .await?;
        Ok(())
    }

    async fn wish_to_follow(
        &self,
        follower: AccountId,
        followee: AccountId,
        options: FollowOptions,
    ) -> Result<Followed, AskError> {
        self.in_turn(self.actors.perform(FollowAccount {
            follower,
            followee,
            shows_boosts: Some(options.shows_boosts),
            notifies: Some(options.notifies),
            follows_max: self.follows_max,
        }))
        .await
    }

    /// `followee` lets `follower` follow, who asked for it.
    ///
    /// # Errors
    /// When it didn't.
    pub async fn accept(
        &self,
        followee: impl Into<AccountId>,
        follower: impl Into<AccountId>,
    ) -> Result<(), AskError> {
        self.answer_request(followee.into(), follower.into(), true)
            .await
    }

    /// `followee` doesn't let `follower` follow, who asked for it.
    ///
    /// # Errors
    /// When it didn't.
    pub async fn reject(
        &self,
        followee: impl Into<AccountId>,
        follower: impl Into<AccountId>,
    ) -> Result<(), AskError> {
        self.answer_request(followee.into(), follower.into(), false)
            .await
    }

    async fn answer_request(
        &self,
        followee: AccountId,
        follower: AccountId,
        accept: bool,
    ) -> Result<(), AskError> {
        self.in_turn(self.actors.perform(AnswerFollowRequest {
            followee,
            follower,
            accept,
        }))
        .await
    }

    /// `follower` follows `followee` no longer, and asks no longer to.
    ///
    /// # Errors
    /// When it is the same account.
    pub async fn unfollow(
        &self,
        follower: impl Into<AccountId>,
        followee: impl Into<AccountId>,
    ) -> Result<(), AskError> {
        self.in_turn(self.actors.perform(UnfollowAccount {
            follower: follower.into(),
            followee: followee.into(),
        }))
        .await
    }

    /// `account` blocks `target`; neither follows the other any more.
    ///
    /// # Errors
    /// When it is the same account.
    pub async fn block(
        &self,
        account: impl Into<AccountId>,
        target: impl Into<AccountId>,
    ) -> Result<(), AskError> {
        let (account, target) = (account.into(), target.into());
        self.in_turn(self.actors.perform(BlockAccount { account, target }))
            .await
    }

    /// `account` blocks `target` no longer.
    ///
    /// # Errors
    /// When it is the same account.
    pub async fn unblock(
        &self,
        account: impl Into<AccountId>,
        target: impl Into<AccountId>,
    ) -> Result<(), AskError> {
        let (account, target) = (account.into(), target.into());
        self.in_turn(self.actors.perform(UnblockAccount { account, target }))
            .await
    }

    /// `account` mutes `target`, in timelines and in notifications.
    ///
    /// # Errors
    /// When it is the same account.
    pub async fn mute(
        &self,
        account: impl Into<AccountId>,
        target: impl Into<AccountId>,
    ) -> Result<(), AskError> {
        self.in_turn(self.actors.perform(MuteAccount {
            account: account.into(),
            target: target.into(),
            options: MuteOptions {
                hides_notifications: true,
            },
        }))
        .await
    }

    /// `account` mutes `target` no longer.
    ///
    /// # Errors
    /// When it is the same account.
    pub async fn unmute(
        &self,
        account: impl Into<AccountId>,
        target: impl Into<AccountId>,
    ) -> Result<(), AskError> {
        let (account, target) = (account.into(), target.into());
        self.in_turn(self.actors.perform(UnmuteAccount { account, target }))
            .await
    }

    /// A post with this text, which is made by [`NewPost::publish`].
    pub fn post(&self, author: impl Into<AccountId>, text: impl Into<String>) -> NewPost {
        NewPost::new(self.clone(), author.into(), text.into())
    }

    /// Its author replaces the text of a post; whoever boosted it is notified.
    ///
    /// # Errors
    /// When the text is empty or too long, or the post is gone.
    pub async fn edit(&self, post: &Post, text: impl Into<String>) -> Result<(), AskError> {
        let message = RewritePost {
            author: post.author,
            post: post.id,
            draft: Draft {
                text: text.into(),
                ..Draft::default()
            },
        };
        self.in_turn(async { self.actors.posts.send(message).await? })
            .await
    }

    /// Its author deletes a post.
    ///
    /// # Errors
    /// When it is gone.
    pub async fn delete(&self, post: &Post) -> Result<(), AskError> {
        let (author, post) = (post.author, post.id);
        self.in_turn(self.actors.perform(DeletePost { author, post }))
            .await
            .map(drop)
    }

    /// `account` boosts a post, for everybody.
    ///
    /// # Errors
    /// When the account doesn't see the post, or the post isn't for everybody.
    pub async fn boost(
        &self,
        account: impl Into<AccountId>,
        post: impl Into<PostId>,
    ) -> Result<Post, AskError> {
        let author = account.into();
        let boost = BoostPost {
            author,
            post: post.into(),
            visibility: Visibility::Public,
        };
        let id = self.in_turn(self.actors.perform(boost)).await?;
        Ok(Post { id, author })
    }

    /// `account` takes its boost of a post back.
    ///
    /// # Errors
    /// When the account doesn't see the post.
    pub async fn unboost(
        &self,
        account: impl Into<AccountId>,
        post: impl Into<PostId>,
    ) -> Result<(), AskError> {
        let (author, post) = (account.into(), post.into());
        self.in_turn(self.actors.perform(UnboostPost { author, post }))
            .await
            .map(drop)
    }

    /// `account` favours a post.
    ///
    /// # Errors
    /// When the account doesn't see the post.
    pub async fn favourite(
        &self,
        account: impl Into<AccountId>,
        post: impl Into<PostId>,
    ) -> Result<(), AskError> {
        self.mark(account.into(), post.into(), Mark::Favourite)
            .await
    }

    /// `account` keeps a post as a bookmark.
    ///
    /// # Errors
    /// When the account doesn't see the post.
    pub async fn bookmark(
        &self,
        account: impl Into<AccountId>,
        post: impl Into<PostId>,
    ) -> Result<(), AskError> {
        self.mark(account.into(), post.into(), Mark::Bookmark).await
    }

    async fn mark(&self, account: AccountId, post: PostId, mark: Mark) -> Result<(), AskError> {
        let unit = MarkPost {
            account,
            post,
            mark,
            on: true,
        };
        self.in_turn(self.actors.perform(unit)).await.map(drop)
    }

    /// Does `work` in one of the [`SEEDS_AT_ONCE_MAX`] places. Nothing of it may be done before it is polled.
    async fn in_turn<T>(
        &self,
        work: impl Future<Output = Result<T, AskError>>,
    ) -> Result<T, AskError> {
        let place = self.places.acquire().await;
        let _place = place.expect("nobody closes the semaphore");
        work.await
    }
}

fn parse_scopes(scopes: &str) -> Result<Scopes, AskError> {
    Scopes::parse(scopes).map_err(|error| Refusal::invalid(error.to_string()).into())
}
