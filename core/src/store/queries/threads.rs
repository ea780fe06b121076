//! What stands around a post: what it answers, what answers it, what it said before.

use crate::domain::post::{PostFacts, PostVersion};
use crate::domain::thread::{Answers, DESCENDANTS_MAX, Thread};
use crate::ids::PostId;
use crate::store::error::StoreError;
use crate::store::reader::{Query, View};
use crate::store::tables::{post_edits, posts};

/// A post's thread, with what was learnt on the way.
#[derive(Debug, Clone, Copy)]
pub struct FindThread {
    /// The post.
    pub post: PostId,
}

/// Which post answers which, as of a snapshot, as far as a walk had to know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walked {
    /// The thread.
    pub thread: Thread,
    /// Posts with what they answer; nothing for those at which a thread begins.
    pub above: Vec<(PostId, Option<PostId>)>,
    /// Posts with what answers them, the oldest first.
    pub below: Vec<(PostId, Vec<PostId>)>,
}

/// Learns by asking the store.
struct Walk<'v> {
    view: &'v View<'v>,
    walked: Walked,
    /// The post that the next step up begins at.
    parent: Option<PostFacts>,
}

impl Answers for Walk<'_> {
    type Error = StoreError;

    fn above(&mut self, post: PostId) -> Result<Option<PostId>, StoreError> {
        let connection = self.view.connection;
        let facts = match self.parent.take().filter(|facts| facts.id == post) {
            Some(facts) => Some(facts),
            None => posts::facts(connection, post)?,
        };
        self.parent = match facts.and_then(|facts| facts.reply_to) {
            None => None,
            Some(parent) => posts::facts(connection, parent.post)?,
        };
        let above = self.parent.as_ref().map(|facts| facts.id);
        self.walked.above.push((post, above));
        Ok(above)
    }

    fn below(&mut self, post: PostId) -> Result<&[PostId], StoreError> {
        let answers = posts::replies(self.view.connection, post, DESCENDANTS_MAX)?;
        let above = answers.iter().map(|answer| (*answer, Some(post)));
        self.walked.above.extend(above);
        self.walked.below.push((post, answers));
        Ok(self.walked.below.last().map_or(&[], |(_, answers)| answers))
    }
}

impl Query for FindThread {
    type Answer = Walked;

    fn run(&self, view: &View<'_>) -> Result<Walked, StoreError> {
        let mut walk = Walk {
            view,
            walked: Walked::default(),
            parent: None,
        };
        // What answers a post that is gone answers nothing.
        if posts::facts(view.connection, self.post)?.is_none() {
            return Ok(walk.walked);
        }
        let thread = Thread::around(self.post, &mut walk)?;
        Ok(Walked {
            thread,
            ..walk.walked
        })
    }
}

/// What a post said before its edits, oldest first. Whether the viewer may see the post is asked before.
#[derive(Debug, Clone, Copy)]
pub struct FindPostVersions {
    /// The post.
    pub post: PostId,
}

impl Query for FindPostVersions {
    type Answer = Vec<PostVersion>;

    fn run(&self, view: &View<'_>) -> Result<Vec<PostVersion>, StoreError> {
        post_edits::of_post(view.connection, self.post)
    }
}
