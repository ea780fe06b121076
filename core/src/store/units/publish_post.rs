//! A post is published: the post and all it causes that must not be lost.

use super::enqueue::enqueue;
use super::mention::{mention, tell_mentioned};
use super::rules::{count, require_author, require_visible_post};
use super::step_job::Step;
use super::tell::tell_followers;
use crate::domain::event::Event;
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::post::{PostCounter, PostFacts, RepliedTo, Wording};
use crate::domain::visibility::Visibility;
use crate::ids::{AccountId, AppId, PostId};
use crate::store::tables::posts::NewPost;
use crate::store::tables::terms::IndexChange;
use crate::store::tables::{accounts, apps, idempotency_keys, mentions, posts, tags};
use crate::store::writer::{Unit, UnitError, Write};
use std::sync::Arc;

/// How long a client's retry gets the post that its first try made.
pub(super) const IDEMPOTENCY_KEY_MILLIS: i64 = 60 * 60 * 1000;

/// A text with all that was found in it, outside the transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PreparedText {
    /// The source text.
    pub text: String,
    /// The content warning; empty for none.
    pub spoiler: String,
    /// Whether it is marked sensitive; `None` leaves it to the author's preferences.
    pub sensitive: Option<bool>,
    /// ISO 639 code of its language; `None` leaves it to the author's preferences.
    pub language: Option<String>,
    /// The names in it, as written; whether they exist is decided in the transaction.
    pub mentioned_names: Vec<String>,
    /// The hashtags in it, in normal form.
    pub tags: Vec<String>,
    /// The terms that it is found by.
    pub terms: String,
}

/// Publishes a post.
#[derive(Debug, Clone)]
pub struct PublishPost {
    /// Who writes.
    pub author: AccountId,
    /// What.
    pub text: PreparedText,
    /// For whom; `None` leaves it to the author's preferences.
    pub visibility: Option<Visibility>,
    /// Which post it answers.
    pub reply_to: Option<PostId>,
    /// The client it is written with.
    pub app: Option<AppId>,
    /// A client's key: the same key within an hour gets the same post.
    pub idempotency_key: Option<IdempotencyKey>,
}

impl Unit for PublishPost {
    type Answer = PostId;

    fn apply(&self, write: &mut Write<'_>) -> Result<PostId, UnitError> {
        let connection = write.connection;
        let preferences = require_author(connection, self.author)?;
        if let Some(key) = &self.idempotency_key
            && let Some(post) = idempotency_keys::find(connection, key)?
        {
            if post.time() > write.now.plus_millis(-IDEMPOTENCY_KEY_MILLIS) {
                return Ok(post);
            }
            idempotency_keys::delete_of_post(connection, post)?;
        }
        let reply_to = match self.reply_to {
            None => None,
            Some(parent) => {
                let parent = require_visible_post(connection, self.author, parent)?;
                Some(RepliedTo {
                    post: parent.id,
                    author: parent.author,
                })
            }
        };
        let visibility = self.visibility.unwrap_or(preferences.visibility);
        let sensitive = self.text.sensitive.unwrap_or(preferences.sensitive);
        let language = self.text.language.clone().or(preferences.language);
        let id = PostId(write.next_id());
        let open = visibility.is_open();
        let key = posts::insert(
            connection,
            &NewPost {
                id,
                author: self.author,
                visibility,
                boost_of: None,
                reply_to,
                sensitive,
                spoiler: &self.text.spoiler,
                text: &self.text.text,
                language: language.as_deref(),
                app: self.app,
            },
        )?;
        if let Some(app) = self.app {
            apps::set_used(connection, app)?;
        }
        accounts::add_entry(connection, self.author, id, open)?;
        write.index(IndexChange::Add {
            key,
            terms: self.text.terms.clone(),
        });
        for tag in &self.text.tags {
            tags::insert(connection, id, tag)?;
        }
        let mentioned = mention(write, id, &self.text.mentioned_names)?;
        tell_mentioned(write, self.author, id, &mentioned, 0)?;
        if let Some(parent) = reply_to
            && open
        {
            count(write, parent.post, PostCounter::Replies, 1)?;
        }
        if open {
            let after = AccountId(0);
            if let Step::Left(job) = tell_followers(write, self.author, id, after)? {
                enqueue(write, &job)?;
            }
        }
        if let Some(key) = &self.idempotency_key {
            idempotency_keys::insert(connection, key, id)?;
        }
        let wording = Arc::new(Wording {
            text: self.text.text.clone(),
            spoiler: self.text.spoiler.clone(),
            sensitive,
            language,
            // As whoever loads the post gets them.
            mentions: match mentioned.is_empty() {
                true => Vec::new(),
                false => mentions::named(connection, id)?,
            },
            tags: self.text.tags.clone(),
            app: self.app,
        });
        let entry = Arc::new(PostFacts {
            id,
            author: self.author,
            author_hidden: false,
            visibility,
            boost_of: None,
            reply_to,
            mentions: wording
                .mentions
                .iter()
                .map(|mention| mention.account)
                .collect(),
        });
        write.tell(Event::PostPublished {
            entry,
            wording: Some(wording),
            boosting: None,
        });
        Ok(id)
    }
}
