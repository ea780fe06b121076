//! A post is deleted, or a boost taken back by its id.

use std::sync::Arc;

use super::boost_post::remove_boost;
use super::enqueue::enqueue;
use super::mark_stale::mark_stale;
use super::rules::{count, require_active, require_own_post};
use crate::domain::event::Event;
use crate::domain::job::Job;
use crate::domain::post::{Post, PostCounter, PostFacts};
use crate::domain::refusal::Refusal;
use crate::domain::text::search_terms::indexed_terms;
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;
use crate::store::tables::terms::IndexChange;
use crate::store::tables::{accounts, idempotency_keys, mentions, meta, post_edits, posts, tags};
use crate::store::writer::{Unit, UnitError, Write};

/// Deletes one's own post. Its boosts vanish with it; what else hangs on it is removed by a purge.
#[derive(Debug, Clone)]
pub struct DeletePost {
    /// Who deletes.
    pub author: AccountId,
    /// Which entry.
    pub post: PostId,
}

impl Unit for DeletePost {
    /// The post as it was, so that it can be written anew.
    type Answer = Post;

    fn apply(&self, write: &mut Write<'_>) -> Result<Post, UnitError> {
        require_active(write.connection, self.author)?;
        let facts = require_own_post(write.connection, self.author, self.post)?;
        let post = posts::find(write.connection, self.post)?.ok_or(Refusal::NotFound)?;
        if facts.boost_of.is_some() {
            remove_boost(write, facts)?;
        } else {
            remove_post(write, facts)?;
        }
        Ok(post)
    }
}

/// Removes a post with everything of bounded number that belongs to it, and asks for a purge of the rest.
pub(super) fn remove_post(write: &mut Write<'_>, facts: PostFacts) -> Result<(), StoreError> {
    let connection = write.connection;
    let id = facts.id;
    if let Some(post) = posts::delete(connection, id)? {
        write.index(IndexChange::Remove {
            key: post.key,
            before: indexed_terms(&post.spoiler, &post.text),
        });
    }
    mark_stale(write, id.0)?;
    meta::touch_deletions(connection, write.commit)?;
    write.forget_soon()?;
    mentions::delete_of_post(connection, id)?;
    tags::delete_of_post(connection, id)?;
    post_edits::delete_of_post(connection, id)?;
    idempotency_keys::delete_of_post(connection, id)?;
    enqueue(write, &Job::PurgePost { post: id })?;
    accounts::remove_entry(connection, facts.author, id, facts.visibility.is_open())?;
    if let Some(parent) = facts.reply_to
        && facts.visibility.is_open()
    {
        count(write, parent.post, PostCounter::Replies, -1)?;
    }
    write.tell(Event::AccountChanged(facts.author));
    write.tell(Event::PostDeleted(Arc::new(facts)));
    Ok(())
}
