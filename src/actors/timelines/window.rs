//! A resident reader's window: the newest candidates of its home, kept true by events.

use std::collections::VecDeque;

use crate::domain::event::Event;
use crate::domain::home::{BOOST_COLLAPSE_MILLIS, collapses, is_candidate, is_shown};
use crate::domain::page::Page;
use crate::domain::post::PostFacts;
use crate::domain::relationship::Relations;
use crate::ids::{AccountId, PostId};
use crate::store::queries::home::{HomeEntry, MergedHome};
use crate::store::snapshots::WindowSnapshot;

/// The newest candidates of one home. Its contents equal what a merge over the store would give, down to its oldest
/// entry.
#[derive(Debug)]
pub(super) struct Window {
    reader: AccountId,
    relations: Relations,
    /// The snapshot it was merged from. A reader can see a commit before its events arrive here, so what they tell may
    /// be in the window already.
    merged_at: i64,
    /// Newest first.
    entries: VecDeque<HomeEntry>,
    /// Whether the home has nothing below the oldest entry.
    is_complete: bool,
    /// Whether it changed since it was last persisted.
    is_unsaved: bool,
}

/// About what each account takes that a reader has to do with: among the relations, and among the readers of each author.
const RELATION_BYTES: usize = 40;

/// What becomes of a window by an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is up to date.
    Kept,
    /// Only the store knows: it has to be merged anew.
    Dropped,
}

impl Window {
    /// A window out of the newest part of a home, merged from the snapshot of commit `merged_at`.
    pub(super) fn new(reader: AccountId, merged: MergedHome, merged_at: i64) -> Self {
        Self {
            reader,
            relations: merged.relations,
            merged_at,
            entries: merged.entries.into(),
            is_complete: merged.is_complete,
            is_unsaved: true,
        }
    }

    /// Whose entries can come into this window.
    pub(super) fn sources(&self) -> impl Iterator<Item = AccountId> + '_ {
        self.relations.follows.keys().copied().chain([self.reader])
    }

    /// About how much memory it takes, in bytes, with its place among the other windows.
    pub(super) fn bytes(&self) -> usize {
        let relations = &self.relations;
        let others = relations.follows.len() + relations.blocks.len() + relations.mutes.len();
        size_of::<Self>()
            + self.entries.capacity() * size_of::<HomeEntry>()
            + (others + relations.blocked_by.len()) * RELATION_BYTES
    }

    /// Its candidates, newest first.
    #[cfg(test)]
    pub(super) fn entries(&self) -> impl Iterator<Item = &HomeEntry> + '_ {
        self.entries.iter()
    }

    /// How many candidates it holds.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it reaches down to the home's end.
    #[cfg(test)]
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// What is to be persisted of it, if anything changed; `commit` is the newest that all windows took in.
    pub(super) fn take_unsaved(&mut self, commit: i64) -> Option<WindowSnapshot> {
        std::mem::take(&mut self.is_unsaved).then(|| WindowSnapshot {
            reader: self.reader,
            commit: commit.max(self.merged_at),
            is_complete: self.is_complete,
            entries: self.entries.iter().copied().collect(),
        })
    }

    /// The entries of a page, newest first, or `None` when the page reaches below the window.
    pub(super) fn read(&self, page: &Page) -> Option<Vec<PostId>> {
        let floor = if self.is_complete {
            0
        } else {
            self.entries.back()?.id.0
        };
        let shown = self
            .entries
            .iter()
            .filter(|entry| entry.is_shown && page.contains(entry.id.0))
            .map(|entry| entry.id);
        if page.from_oldest() {
            // Between the lower bound and the floor there may be entries that belong on this page.
            if page.above() < floor - 1 {
                return None;
            }
            let all: Vec<PostId> = shown.collect();
            let skipped = all.len().saturating_sub(page.limit);
            return Some(all[skipped..].to_vec());
        }
        let ids: Vec<PostId> = shown.take(page.limit).collect();
        (ids.len() == page.limit || page.above() >= floor - 1 || floor == 0).then_some(ids)
    }

    /// Takes in an event of a commit, if it concerns this reader and isn't known; never makes the window larger than
    /// `entries_max`.
    pub(super) fn take_in(&mut self, event: &Event, commit: i64, entries_max: usize) -> Fate {
        if commit <= self.merged_at {
            return Fate::Kept;
        }
        match event {
            Event::PostPublished { entry, boosted, .. } => {
                self.push(entry, boosted.as_deref(), entries_max)
            }
            Event::PostDeleted(post) => {
                let entries_before = self.entries.len();
                self.entries.retain(|entry| entry.shows != post.id);
                self.is_unsaved |= self.entries.len() != entries_before;
                Fate::Kept
            }
            Event::PostEdited {
                post,
                mentions_changed,
                ..
            } => {
                if *mentions_changed && !post.visibility.is_open() && self.has_source(post.author) {
                    Fate::Dropped
                } else {
                    Fate::Kept
                }
            }
            // What it collapsed may show again.
            Event::BoostRemoved(boost) if self.has_source(boost.author) => Fate::Dropped,
            Event::RelationsChanged { from, to } if [*from, *to].contains(&self.reader) => {
                Fate::Dropped
            }
            Event::AccountVisibilityChanged(_) => Fate::Dropped,
            Event::BoostRemoved(_)
            | Event::RelationsChanged { .. }
            | Event::PostCounted { .. }
            | Event::PostChanged(_)
            | Event::PostMarked { .. }
            | Event::FollowCounted { .. }
            | Event::AccountChanged(_)
            | Event::TokenRevoked(_)
            | Event::TokenUsed(_)
            | Event::CredentialsChanged(_)
            | Event::JobAdded(_)
            | Event::SchedulesChanged => Fate::Kept,
        }
    }

    fn has_source(&self, account: AccountId) -> bool {
        account == self.reader || self.relations.follows.contains_key(&account)
    }

    fn push(&mut self, entry: &PostFacts, boosted: Option<&PostFacts>, entries_max: usize) -> Fate {
        if !is_candidate(self.reader, &self.relations, entry) {
            return Fate::Kept;
        }
        let is_collapsed = match boosted {
            None => false,
            Some(post) => match self.has_older_candidate(entry.id, post) {
                Some(answer) => answer,
                None => return Fate::Dropped,
            },
        };
        let is_shown = !is_collapsed && is_shown(self.reader, &self.relations, entry, boosted);
        self.entries.push_front(HomeEntry {
            id: entry.id,
            shows: entry.shown_post(),
            is_shown,
        });
        self.is_unsaved = true;
        if self.entries.len() > entries_max {
            self.entries.truncate(entries_max);
            self.is_complete = false;
        }
        Fate::Kept
    }

    /// Whether an older candidate collapses a boost; `None` when that may lie below the window.
    fn has_older_candidate(&self, boost: PostId, post: &PostFacts) -> Option<bool> {
        if self
            .entries
            .iter()
            .any(|entry| entry.shows == post.id && collapses(entry.id, boost))
        {
            return Some(true);
        }
        let reaches_far_enough = self.is_complete
            || self.entries.back().is_some_and(|oldest| {
                boost.time().millis() - oldest.id.time().millis() >= BOOST_COLLAPSE_MILLIS
            });
        reaches_far_enough.then_some(false)
    }
}
