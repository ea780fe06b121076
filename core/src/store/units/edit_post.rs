//! A post is edited; what it said before is kept.

use std::sync::Arc;

use super::enqueue::enqueue;
use super::mark_stale::mark_stale;
use super::mention::{mention, tell_mentioned};
use super::publish_post::PreparedText;
use super::rules::{require_active, require_own_post};
use super::step_job::Step;
use super::tell::tell_boosters;
use crate::domain::event::Event;
use crate::domain::post::PostVersion;
use crate::domain::refusal::Refusal;
use crate::domain::text::search_terms::indexed_terms;
use crate::ids::{AccountId, PostId};
use crate::store::tables::terms::IndexChange;
use crate::store::tables::{accounts, mentions, post_edits, posts, tags};
use crate::store::writer::{Unit, UnitError, Write};

/// How many earlier versions of a post are kept; further edits are refused.
pub const EDITS_PER_POST_MAX: i64 = 100;

/// Replaces the text of one's own post.
#[derive(Debug, Clone)]
pub struct EditPost {
    /// Who edits.
    pub author: AccountId,
    /// Which post.
    pub post: PostId,
    /// What it says from now on.
    pub text: PreparedText,
}

impl Unit for EditPost {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        let connection = write.connection;
        require_active(connection, self.author)?;
        let before_facts = require_own_post(connection, self.author, self.post)?;
        if before_facts.boost_of.is_some() {
            return Err(Refusal::NotFound.into());
        }
        let before = posts::find(connection, self.post)?.ok_or(Refusal::NotFound)?;
        let sensitive = self.text.sensitive.unwrap_or(false);
        let language = self
            .text
            .language
            .clone()
            .or_else(|| before.language.clone());
        let unchanged = before.text == self.text.text
            && before.spoiler == self.text.spoiler
            && before.sensitive == sensitive
            && before.language == language;
        if unchanged {
            return Ok(());
        }
        if post_edits::count(connection, self.post)? >= EDITS_PER_POST_MAX {
            return Err(Refusal::invalid("This post has been edited too often").into());
        }
        let indexed_before = indexed_terms(&before.spoiler, &before.text);
        let version = PostVersion {
            made_at: before.edited_at.unwrap_or(self.post.time()),
            sensitive: before.sensitive,
            spoiler: before.spoiler,
            text: before.text,
        };
        post_edits::insert(connection, self.post, &version)?;
        posts::update(
            connection,
            self.post,
            &self.text.text,
            &self.text.spoiler,
            sensitive,
            language.as_deref(),
            write.now,
        )?;
        if let Some(key) = posts::key(connection, self.post)? {
            write.index(IndexChange::Replace {
                key,
                before: indexed_before,
                terms: self.text.terms.clone(),
            });
        }
        // Its tags, its language and who it names count on the day it was written.
        mark_stale(write, self.post.0)?;
        let tags_before = tags::of_post(connection, self.post)?;
        tags::delete_of_post(connection, self.post)?;
        for tag in &self.text.tags {
            tags::insert(connection, self.post, tag)?;
        }
        mentions::delete_of_post(connection, self.post)?;
        let mentioned = mention(write, self.post, &self.text.mentioned_names)?;
        let named_now: Vec<AccountId> = mentioned
            .iter()
            .filter(|account| !before_facts.mentions.contains(account))
            .copied()
            .collect();
        let told_before = before_facts.mentions.len();
        tell_mentioned(write, self.author, self.post, &named_now, told_before)?;
        if let Step::Left(job) = tell_boosters(write, self.post, PostId(0))? {
            enqueue(write, &job)?;
        }
        let came_or_went: Vec<AccountId> = mentioned
            .iter()
            .filter(|account| !before_facts.mentions.contains(account))
            .chain(
                before_facts
                    .mentions
                    .iter()
                    .filter(|account| !mentioned.contains(account)),
            )
            .copied()
            .collect();
        if !before_facts.visibility.is_open() {
            // Who is named decides who gets a direct post in its home.
            for account in &came_or_went {
                accounts::touch_sources(connection, *account, write.commit)?;
            }
        }
        let mentions_changed = !came_or_went.is_empty();
        let post = Arc::new(crate::domain::post::PostFacts {
            mentions: mentioned,
            ..before_facts
        });
        write.tell(Event::PostEdited {
            post,
            mentions_changed,
            tags_before,
            tags: self.text.tags.clone(),
        });
        Ok(())
    }
}
