//! A resident reader's window: the newest candidates of its home, kept true by events.

use super::audience::Seen;
use super::entries::Entries;
use crate::domain::event::{Boosting, Event};
use crate::domain::home::{
    BOOST_COLLAPSE_MILLIS, collapses, is_candidate, is_shown, is_superfluous,
};
use crate::domain::page::Page;
use crate::domain::post::PostFacts;
use crate::domain::relationship::Standing as _;
use crate::ids::{AccountId, PostId};
use crate::store::queries::home::HomeEntry;
use crate::store::snapshots::{SNAPSHOT_ENTRIES_MAX, WindowSnapshot};

/// The newest candidates of one home. Its contents equal what a merge over the store would give, down to its floor.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) reader: AccountId,
    /// The snapshot it was merged from. A reader can see a commit before its events arrive here, so what they tell may
    /// be in the window already.
    pub(super) merged_at: i64,
    /// How much it has taken in of what windows take in when they are read.
    pub(super) seen: u64,
    entries: Entries,
    /// The most entries it may hold; it grows with how far its reader scrolls.
    entries_max: u32,
    /// Everything of the home from this id on is in the window; 0 when that is all of it.
    floor: i64,
    /// Whether it changed since it was last persisted.
    is_unsaved: bool,
}

/// What becomes of a window by an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is up to date.
    Kept,
    /// Only the store knows: it has to be merged anew.
    Dropped,
}

/// What lies below a window, to be merged and added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Below {
    /// The window's floor.
    pub(super) floor: PostId,
    /// How many more entries it may get.
    pub(super) entries: usize,
    /// Which window it was.
    pub(super) merged_at: i64,
}

impl Window {
    /// A window out of the newest part of a home, merged from the snapshot of commit `merged_at`.
    pub(super) fn new(
        reader: AccountId,
        entries: &[HomeEntry],
        is_complete: bool,
        merged_at: i64,
        entries_max: usize,
    ) -> Self {
        let floor = if is_complete {
            0
        } else {
            // Nothing of a home is known by an empty part that isn't all of it.
            entries.last().map_or(i64::MAX, |oldest| oldest.id.0)
        };
        Self {
            reader,
            merged_at,
            seen: 0,
            entries: Entries::of(entries),
            entries_max: u32::try_from(entries_max).unwrap_or(u32::MAX),
            floor,
            is_unsaved: true,
        }
    }

    /// How much memory it points to, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.entries.bytes()
    }

    /// Its candidates, newest first.
    #[cfg(test)]
    pub(super) fn entries(&self) -> impl Iterator<Item = HomeEntry> + '_ {
        self.entries.iter()
    }

    /// Whether it reaches down to the home's end.
    #[cfg(test)]
    pub(super) fn is_complete(&self) -> bool {
        self.floor == 0
    }

    /// What is to be persisted of it, if anything changed: about a page. `commit` is the newest that it took in.
    pub(super) fn take_unsaved(&mut self, commit: i64) -> Option<WindowSnapshot> {
        std::mem::take(&mut self.is_unsaved).then(|| WindowSnapshot {
            reader: self.reader,
            commit: commit.max(self.merged_at),
            is_complete: self.floor == 0 && self.entries.len() <= SNAPSHOT_ENTRIES_MAX,
            entries: self.entries.iter().take(SNAPSHOT_ENTRIES_MAX).collect(),
        })
    }

    /// The entries of a page, newest first, or `None` when the page reaches below the window.
    pub(super) fn read(&self, page: &Page) -> Option<Vec<PostId>> {
        let shown = self
            .entries
            .iter()
            .filter(|entry| entry.is_shown && page.contains(entry.id.0))
            .map(|entry| entry.id);
        let reaches = page.above() >= self.floor - 1;
        if page.from_oldest() {
            // Between the lower bound and the floor there may be entries that belong on this page.
            if !reaches {
                return None;
            }
            let all: Vec<PostId> = shown.collect();
            let skipped = all.len().saturating_sub(page.limit);
            return Some(all[skipped..].to_vec());
        }
        let mut ids = Vec::with_capacity(page.limit.min(self.entries.len()));
        ids.extend(shown.take(page.limit));
        (ids.len() == page.limit || reaches).then_some(ids)
    }

    /// What is to be merged for a page that begins in the window and reaches below it; `None` when the page doesn't, or the
    /// window is as large as windows get.
    pub(super) fn below(&self, page: &Page, entries_max: usize) -> Option<Below> {
        let room = entries_max.checked_sub(self.entries.len())?;
        let begins_inside = !page.from_oldest() && page.below() >= self.floor;
        let has_floor = self.floor > 0 && self.floor < i64::MAX;
        (begins_inside && has_floor && room > 0).then_some(Below {
            floor: PostId(self.floor),
            entries: room,
            merged_at: self.merged_at,
        })
    }

    /// Whether it is the window that this was asked for, and its floor didn't move.
    pub(super) fn is_above(&self, below: &Below) -> bool {
        self.floor == below.floor.0 && self.merged_at == below.merged_at
    }

    /// Adds what lay below its floor.
    pub(super) fn extend(&mut self, older: &[HomeEntry], is_complete: bool, entries_max: usize) {
        self.entries.append(older);
        if is_complete {
            self.floor = 0;
        } else if let Some(oldest) = older.last() {
            self.floor = oldest.id.0;
        }
        let grown = self.entries.len().min(entries_max);
        let grown = u32::try_from(grown).unwrap_or(u32::MAX);
        self.entries_max = self.entries_max.max(grown);
        self.bound();
        self.is_unsaved = true;
    }

    /// Takes in an event of a commit, if it concerns this reader and isn't known. What it tells may be older than what the
    /// window holds already.
    pub(super) fn take_in(&mut self, event: &Event, commit: i64, seen: &Seen<'_>) -> Fate {
        if commit <= self.merged_at {
            return Fate::Kept;
        }
        match event {
            Event::PostPublished {
                entry, boosting, ..
            } => self.push(entry, boosting.as_deref(), seen),
            Event::PostDeleted(post) => {
                self.is_unsaved |= self.entries.remove(post.id);
                Fate::Kept
            }
            Event::PostEdited {
                post,
                mentions_changed,
                ..
            } if *mentions_changed
                && !post.visibility.is_open()
                && self.is_source(post.author, seen) =>
            {
                Fate::Dropped
            }
            // What it collapsed may show again.
            Event::BoostRemoved(boost) if self.is_source(boost.author, seen) => Fate::Dropped,
            // They lie anywhere in it.
            Event::EntriesImported { author, .. } if self.is_source(*author, seen) => Fate::Dropped,
            Event::RelationsChanged { from, to } if [*from, *to].contains(&self.reader) => {
                Fate::Dropped
            }
            Event::AccountVisibilityChanged(_) => Fate::Dropped,
            Event::PostEdited { .. }
            | Event::BoostRemoved(_)
            | Event::EntriesImported { .. }
            | Event::RelationsChanged { .. }
            | Event::PostCounted { .. }
            | Event::PostChanged(_)
            | Event::PostMarked { .. }
            | Event::FollowCounted { .. }
            | Event::AccountChanged(_)
            | Event::TokenRevoked(_)
            | Event::TokenUsed(_)
            | Event::CredentialsChanged(_)
            | Event::ReaderChanged(_)
            | Event::JobAdded(_)
            | Event::SchedulesChanged => Fate::Kept,
        }
    }

    fn is_source(&self, account: AccountId, seen: &Seen<'_>) -> bool {
        account == self.reader || seen.follows(account)
    }

    fn push(&mut self, entry: &PostFacts, boosting: Option<&Boosting>, seen: &Seen<'_>) -> Fate {
        if entry.id.0 < self.floor || !is_candidate(self.reader, seen, entry) {
            return Fate::Kept;
        }
        let is_collapsed = match boosting {
            None => false,
            Some(boosting) => match self.is_collapsed(entry.id, boosting, seen) {
                Some(answer) => answer,
                None => return Fate::Dropped,
            },
        };
        let boosted = boosting.map(|boosting| &boosting.post);
        let is_new = self.entries.insert(&HomeEntry {
            id: entry.id,
            shows: entry.shown_post(),
            is_shown: !is_collapsed && is_shown(self.reader, seen, entry, boosted),
        });
        self.is_unsaved |= is_new;
        self.bound();
        Fate::Kept
    }

    fn bound(&mut self) {
        if self.entries.len() > self.entries_max as usize {
            self.entries.truncate(self.entries_max as usize);
            if let Some(oldest) = self.entries.oldest() {
                self.floor = oldest.0;
            }
        }
    }

    /// Whether an older candidate collapses a boost; `None` when neither the event nor the window can tell. The window is
    /// asked only of events that come in order, or an older candidate may still be on its way.
    fn is_collapsed(&self, boost: PostId, boosting: &Boosting, seen: &Seen<'_>) -> Option<bool> {
        if let Some(answer) = is_superfluous(self.reader, seen, boost, boosting) {
            return Some(answer);
        }
        let post = boosting.post.id;
        let mut older = self.entries.iter().filter(|entry| entry.shows == post);
        if older.any(|entry| collapses(entry.id, boost)) {
            return Some(true);
        }
        let floor = PostId(self.floor);
        let reaches_far_enough =
            boost.time().millis() - floor.time().millis() >= BOOST_COLLAPSE_MILLIS;
        reaches_far_enough.then_some(false)
    }
}
