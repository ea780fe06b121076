//! Threads: what stands above a post and below it, by walking from answer to answer.

use crate::ids::PostId;

/// The most posts above a post in its thread.
pub const ANCESTORS_MAX: usize = 256;
/// The most posts below a post in its thread.
pub const DESCENDANTS_MAX: usize = 500;

/// The posts around one. Who may see them is asked when they are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Thread {
    /// What it answers, and what that answers, the first post first.
    pub ancestors: Vec<PostId>,
    /// What answers it: each answer is followed by its own answers; of several, the oldest first.
    pub descendants: Vec<PostId>,
}

/// Who knows which post answers which.
pub trait Answers {
    /// Why it can't be told.
    type Error;

    /// The post that a post answers, if that is still there: an answer to a post that is gone is where its thread begins.
    ///
    /// # Errors
    /// When it can't be told.
    fn above(&mut self, post: PostId) -> Result<Option<PostId>, Self::Error>;

    /// What answers a post, the oldest first: [`DESCENDANTS_MAX`] of them, if there are so many.
    ///
    /// # Errors
    /// When it can't be told.
    fn below(&mut self, post: PostId) -> Result<&[PostId], Self::Error>;
}

impl Thread {
    /// Walks up and, depth first, down.
    ///
    /// # Errors
    /// When what is met on the way can't be told.
    pub fn around<A: Answers>(post: PostId, answers: &mut A) -> Result<Self, A::Error> {
        let mut ancestors = Vec::new();
        let mut at = post;
        while ancestors.len() < ANCESTORS_MAX
            && let Some(above) = answers.above(at)?
        {
            ancestors.push(above);
            at = above;
        }
        ancestors.reverse();
        let mut descendants = Vec::new();
        // What is still to be visited, the next one last.
        let mut open: Vec<PostId> = answers.below(post)?.iter().rev().copied().collect();
        while descendants.len() < DESCENDANTS_MAX
            && let Some(next) = open.pop()
        {
            descendants.push(next);
            open.extend(answers.below(next)?.iter().rev());
        }
        Ok(Self {
            ancestors,
            descendants,
        })
    }
}
