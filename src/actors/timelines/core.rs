//! The resident windows, and who is told of whose posts.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use hashlink::LruCache;

use super::window::{Fate, Window};
use crate::actors::cache::CacheFigures;
use crate::domain::event::Event;
use crate::domain::page::Page;
use crate::ids::{AccountId, PostId};
use crate::store::queries::home::MergedHome;
use crate::store::snapshots::WindowSnapshot;
use crate::store::writer::EventBatch;

/// How many events are remembered for windows that are being merged.
const EVENTS_REMEMBERED_MAX: usize = 8192;

/// How many windows are weighed to say about what all of them take.
const WINDOWS_WEIGHED_MAX: usize = 1000;

/// How many readers and entries stay in memory.
#[derive(Debug, Clone, Copy)]
pub struct Residency {
    /// The most entries of one window.
    pub window_entries_max: usize,
    /// The most readers with a window.
    pub resident_readers_max: usize,
}

/// The windows of the readers that came lately.
#[derive(Debug)]
pub(super) struct Residents {
    residency: Residency,
    windows: LruCache<AccountId, Window>,
    /// For each author, whose windows its entries come into.
    readers_of: HashMap<AccountId, HashSet<AccountId>>,
    /// How many windows are being merged.
    merging: usize,
    /// The newest batches, for the windows that are being merged from older snapshots; empty while there are none.
    remembered: VecDeque<Arc<EventBatch>>,
    /// How many events they have.
    events_remembered: usize,
    /// Everything up to this commit is no longer remembered.
    forgotten: i64,
    /// The newest commit that every window has taken in.
    applied: i64,
    /// How many windows made room for others.
    evictions: u64,
}

impl Residents {
    /// No windows yet; `commit` is the store's newest at the start.
    pub(super) fn new(residency: Residency, commit: i64) -> Self {
        Self {
            residency,
            windows: LruCache::new_unbounded(),
            readers_of: HashMap::new(),
            merging: 0,
            remembered: VecDeque::new(),
            events_remembered: 0,
            forgotten: commit,
            applied: commit,
            evictions: 0,
        }
    }

    /// What the windows hold, by those of the first of them.
    pub(super) fn figures(&self) -> Vec<CacheFigures> {
        let weighed = self.windows.len().min(WINDOWS_WEIGHED_MAX);
        let windows = self.windows.iter().take(weighed);
        let bytes: usize = windows.map(|(_, window)| window.bytes()).sum();
        let each = bytes.div_ceil(weighed.max(1));
        vec![CacheFigures {
            name: "windows",
            entries: self.windows.len(),
            bytes: each * self.windows.len(),
            bytes_max: each * self.residency.resident_readers_max,
        }]
    }

    /// A merge is asked for: what happens from now on is remembered for its window, until [`Self::end_merge`].
    pub(super) fn begin_merge(&mut self) {
        self.merging += 1;
    }

    /// A merge ended, well or not, and its window was admitted if it shall be.
    pub(super) fn end_merge(&mut self) {
        self.merging = self.merging.saturating_sub(1);
        self.forget_needless();
    }

    /// Whether a reader has a window of more than `limit` candidates: one that deletions left with fewer is better
    /// merged anew.
    pub(super) fn has(&self, reader: AccountId, limit: usize) -> bool {
        self.windows
            .peek(&reader)
            .is_some_and(|window| window.len() > limit)
    }

    /// A page out of the reader's window; `None` when there is none or it doesn't reach.
    pub(super) fn read(&mut self, reader: AccountId, page: &Page) -> Option<Vec<PostId>> {
        self.windows.get(&reader)?.read(page)
    }

    /// Takes in a committed batch.
    pub(super) fn take_in(&mut self, batch: Arc<EventBatch>) {
        for event in &batch.events {
            self.tell_residents(event, batch.commit);
        }
        self.applied = batch.commit;
        self.events_remembered += batch.events.len();
        self.remembered.push_back(batch);
        self.forget_needless();
    }

    /// A snapshot that isn't taken yet can't miss what has been taken in.
    fn forget_needless(&mut self) {
        let events_max = if self.merging == 0 {
            0
        } else {
            EVENTS_REMEMBERED_MAX
        };
        while self.events_remembered > events_max
            && let Some(oldest) = self.remembered.pop_front()
        {
            self.events_remembered -= oldest.events.len();
            self.forgotten = self.forgotten.max(oldest.commit);
        }
    }

    /// Drops everything: events up to `commit` were lost.
    pub(super) fn drop_all(&mut self, commit: i64) {
        self.windows.clear();
        self.readers_of.clear();
        self.remembered.clear();
        self.events_remembered = 0;
        self.forgotten = self.forgotten.max(commit);
        self.applied = self.applied.max(commit);
    }

    /// Keeps a window that was merged out of the snapshot of `commit`, with what happened since. Answers what is to be
    /// persisted of whoever had to make room.
    pub(super) fn admit(
        &mut self,
        reader: AccountId,
        mut merged: MergedHome,
        commit: i64,
    ) -> Option<WindowSnapshot> {
        if commit < self.forgotten {
            return None;
        }
        let entries_max = self.residency.window_entries_max;
        if merged.entries.len() > entries_max {
            merged.entries.truncate(entries_max);
            merged.is_complete = false;
        }
        let mut window = Window::new(reader, merged, commit);
        for batch in &self.remembered {
            for event in &batch.events {
                if window.take_in(event, batch.commit, entries_max) == Fate::Dropped {
                    return None;
                }
            }
        }
        self.evict(reader);
        for source in window.sources() {
            self.readers_of.entry(source).or_default().insert(reader);
        }
        self.windows.insert(reader, window);
        if self.windows.len() <= self.residency.resident_readers_max {
            return None;
        }
        let (idle, mut window) = self.windows.remove_lru()?;
        self.evictions += 1;
        self.unlist(idle, &window);
        window.take_unsaved(self.applied)
    }

    /// How many windows made room for others so far.
    pub(super) fn evictions(&self) -> u64 {
        self.evictions
    }

    /// Drops a reader's window.
    pub(super) fn evict(&mut self, reader: AccountId) -> Option<Window> {
        let window = self.windows.remove(&reader)?;
        self.unlist(reader, &window);
        Some(window)
    }

    /// What is to be persisted of all windows that changed since the last time.
    pub(super) fn take_unsaved(&mut self) -> Vec<WindowSnapshot> {
        let commit = self.applied;
        self.windows
            .iter_mut()
            .filter_map(|(_, window)| window.take_unsaved(commit))
            .collect()
    }

    /// A reader's window, as it is.
    #[cfg(test)]
    pub(super) fn window(&self, reader: AccountId) -> Option<&Window> {
        self.windows.peek(&reader)
    }

    fn unlist(&mut self, reader: AccountId, window: &Window) {
        for source in window.sources() {
            if let Some(readers) = self.readers_of.get_mut(&source) {
                readers.remove(&reader);
                if readers.is_empty() {
                    self.readers_of.remove(&source);
                }
            }
        }
    }

    fn tell_residents(&mut self, event: &Event, commit: i64) {
        let concerned: Vec<AccountId> = match event {
            Event::PostPublished { entry, .. } => self.readers_of(entry.author),
            Event::PostEdited { post, .. } => self.readers_of(post.author),
            Event::BoostRemoved(boost) => self.readers_of(boost.author),
            Event::RelationsChanged { from, to } => vec![*from, *to],
            // Anybody's boosts of it, anybody's posts: everybody is asked.
            Event::PostDeleted(_) | Event::AccountVisibilityChanged(_) => {
                self.windows.iter().map(|(reader, _)| *reader).collect()
            }
            Event::PostCounted { .. }
            | Event::PostChanged(_)
            | Event::PostMarked { .. }
            | Event::FollowCounted { .. }
            | Event::AccountChanged(_)
            | Event::TokenRevoked(_)
            | Event::TokenUsed(_)
            | Event::CredentialsChanged(_)
            | Event::JobAdded(_)
            | Event::SchedulesChanged => return,
        };
        for reader in concerned {
            let entries_max = self.residency.window_entries_max;
            // peek: an event is no reason to count the reader as present.
            let fate = self
                .windows
                .peek_mut(&reader)
                .map(|window| window.take_in(event, commit, entries_max));
            if fate == Some(Fate::Dropped) {
                self.evict(reader);
            }
        }
    }

    fn readers_of(&self, author: AccountId) -> Vec<AccountId> {
        self.readers_of
            .get(&author)
            .map(|readers| readers.iter().copied().collect())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::post::PostFacts;
    use crate::domain::relationship::Relations;
    use crate::domain::visibility::Visibility;

    const READER: AccountId = AccountId(1);

    fn published(id: i64, commit: i64) -> Arc<EventBatch> {
        let entry = Arc::new(PostFacts {
            id: PostId(id),
            author: READER,
            author_hidden: false,
            visibility: Visibility::Public,
            boost_of: None,
            reply_to: None,
            mentions: Vec::new(),
        });
        Arc::new(EventBatch {
            commit,
            events: vec![Event::PostPublished {
                entry,
                wording: None,
                boosted: None,
            }],
        })
    }

    fn merged(ids: &[i64]) -> MergedHome {
        let entry = |id: &i64| crate::store::queries::home::HomeEntry {
            id: PostId(*id),
            shows: PostId(*id),
            is_shown: true,
        };
        MergedHome {
            entries: ids.iter().map(entry).collect(),
            is_complete: true,
            relations: Relations::default(),
        }
    }

    fn residents() -> Residents {
        let residency = Residency {
            window_entries_max: 10,
            resident_readers_max: 2,
        };
        Residents::new(residency, 0)
    }

    fn read(residents: &mut Residents) -> Option<Vec<i64>> {
        let ids = residents.read(READER, &Page::newest(20))?;
        Some(ids.into_iter().map(|id| id.0).collect())
    }

    #[test]
    fn what_happened_during_a_merge_is_in_the_window_once() {
        let mut residents = residents();
        residents.begin_merge();
        residents.take_in(published(10, 1));
        residents.take_in(published(20, 2));
        // The snapshot already has commits 1 and 3; the events of 3 come late.
        residents.admit(READER, merged(&[10]), 1);
        residents.end_merge();
        assert_eq!(read(&mut residents), Some(vec![20, 10]));
        residents.evict(READER);
        residents.begin_merge();
        residents.admit(READER, merged(&[30, 20, 10]), 3);
        residents.end_merge();
        residents.take_in(published(30, 3));
        residents.take_in(published(40, 4));
        assert_eq!(read(&mut residents), Some(vec![40, 30, 20, 10]));
    }

    #[test]
    fn a_window_whose_events_are_forgotten_is_not_admitted() {
        let mut residents = residents();
        residents.begin_merge();
        for commit in 1..=(EVENTS_REMEMBERED_MAX as i64 + 1) {
            residents.take_in(published(commit, commit));
        }
        residents.admit(READER, merged(&[]), 0);
        assert_eq!(read(&mut residents), None);
        residents.drop_all(9000);
        residents.take_in(published(9001, 9001));
        residents.admit(READER, merged(&[]), 8999);
        assert_eq!(read(&mut residents), None, "the events of 9000 were lost");
        residents.admit(READER, merged(&[9000]), 9000);
        assert_eq!(read(&mut residents), Some(vec![9001, 9000]));
    }

    #[test]
    fn nothing_is_remembered_while_no_window_is_merged() {
        let mut residents = residents();
        residents.take_in(published(10, 1));
        assert!(residents.remembered.is_empty());
        residents.begin_merge();
        residents.take_in(published(20, 2));
        assert_eq!(residents.remembered.len(), 1);
        residents.end_merge();
        assert!(residents.remembered.is_empty());
    }

    #[test]
    fn the_reader_that_came_longest_ago_makes_room_and_is_no_longer_told() {
        let mut residents = residents();
        for reader in 1..=3 {
            residents.admit(AccountId(reader), merged(&[]), 0);
        }
        assert_eq!(residents.windows.len(), 2);
        assert_eq!(read(&mut residents), None);
        assert!(residents.readers_of(READER).is_empty());
        assert_eq!(residents.readers_of.len(), 2);
    }
}
