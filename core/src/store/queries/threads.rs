//! What stands around a post: what it answers, what answers it, what it said before.

use crate::domain::post::PostVersion;
use crate::ids::PostId;
use crate::store::error::StoreError;
use crate::store::reader::{Query, View};
use crate::store::tables::{post_edits, posts};

/// The most posts above a post in its thread.
pub const ANCESTORS_MAX: usize = 256;
/// The most posts below a post in its thread.
pub const DESCENDANTS_MAX: usize = 500;

/// A post's thread. Who may see its posts is asked when they are shown.
#[derive(Debug, Clone, Copy)]
pub struct FindThread {
    /// The post.
    pub post: PostId,
}

/// The posts around one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Thread {
    /// What it answers, and what that answers, the first post first.
    pub ancestors: Vec<PostId>,
    /// What answers it: each answer is followed by its own answers; of several, the oldest first.
    pub descendants: Vec<PostId>,
}

impl Query for FindThread {
    type Answer = Thread;

    fn run(&self, view: &View<'_>) -> Result<Thread, StoreError> {
        let connection = view.connection;
        let mut ancestors = Vec::new();
        let mut at = posts::facts(connection, self.post)?.and_then(|facts| facts.reply_to);
        while let Some(parent) = at {
            if ancestors.len() == ANCESTORS_MAX {
                break;
            }
            // An answer to a post that is gone is where the thread begins.
            let Some(facts) = posts::facts(connection, parent.post)? else {
                break;
            };
            ancestors.push(facts.id);
            at = facts.reply_to;
        }
        ancestors.reverse();
        let mut descendants = Vec::new();
        // What is still to be visited, the next one last.
        let mut open = replies_reversed(view, self.post)?;
        while let Some(id) = open.pop() {
            if descendants.len() == DESCENDANTS_MAX {
                break;
            }
            descendants.push(id);
            open.extend(replies_reversed(view, id)?);
        }
        Ok(Thread {
            ancestors,
            descendants,
        })
    }
}

fn replies_reversed(view: &View<'_>, post: PostId) -> Result<Vec<PostId>, StoreError> {
    let mut replies = posts::replies(view.connection, post, DESCENDANTS_MAX)?;
    replies.reverse();
    Ok(replies)
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
