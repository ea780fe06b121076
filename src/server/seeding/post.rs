//! Posts: what they say and for whom.

use super::Seeding;
use crate::actors::error::AskError;
use crate::actors::posts::{Draft, WritePost};
use crate::domain::visibility::Visibility;
use crate::ids::{AccountId, PostId};

/// A post or a boost that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Post {
    /// Which.
    pub id: PostId,
    /// Whose.
    pub author: AccountId,
}

impl From<&Post> for PostId {
    fn from(post: &Post) -> Self {
        post.id
    }
}

/// A post to be, made by [`publish`](Self::publish). What isn't said is left to the author's preferences: new accounts
/// post for everybody.
#[derive(Clone)]
#[must_use = "nothing is posted before `publish` is awaited"]
pub struct NewPost {
    seeding: Seeding,
    author: AccountId,
    draft: Draft,
    visibility: Option<Visibility>,
    reply_to: Option<PostId>,
}

impl NewPost {
    pub(super) fn new(seeding: Seeding, author: AccountId, text: String) -> Self {
        Self {
            seeding,
            author,
            draft: Draft {
                text,
                ..Draft::default()
            },
            visibility: None,
            reply_to: None,
        }
    }

    /// For these readers.
    pub fn visibility(mut self, visibility: Visibility) -> Self {
        self.visibility = Some(visibility);
        self
    }

    /// Answers another post. Who shall be notified has to be named in the text, as everywhere.
    pub fn reply_to(mut self, post: impl Into<PostId>) -> Self {
        self.reply_to = Some(post.into());
        self
    }

    /// Behind this warning, and sensitive.
    pub fn content_warning(mut self, warning: impl Into<String>) -> Self {
        self.draft.spoiler = warning.into();
        self
    }

    /// Marked as sensitive or not, whatever the warning.
    pub fn sensitive(mut self, sensitive: bool) -> Self {
        self.draft.sensitive = Some(sensitive);
        self
    }

    /// In this language, by its ISO 639 code.
    pub fn language(mut self, code: impl Into<String>) -> Self {
        self.draft.language = Some(code.into());
        self
    }

    /// Publishes it; whoever is named in it is notified.
    ///
    /// # Errors
    /// When it is empty or too long, the language is none, or the author doesn't see what it answers.
    pub async fn publish(self) -> Result<Post, AskError> {
        let author = self.author;
        let message = WritePost {
            author,
            draft: self.draft,
            visibility: self.visibility,
            reply_to: self.reply_to,
            app: None,
            idempotency_key: None,
        };
        let posts = &self.seeding.actors.posts;
        let publishing = self.seeding.in_turn(async { posts.send(message).await? });
        let id = publishing.await?;
        Ok(Post { id, author })
    }
}
