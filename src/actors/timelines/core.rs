//! The resident windows, and who is told of whose posts.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use hashlink::LruCache;

use super::window::{Fate, Window};
use crate::domain::event::Event;
use crate::domain::page::Page;
use crate::ids::{AccountId, PostId};
use crate::store::queries::home::MergedHome;
use crate::store::writer::EventBatch;

/// How many batches of events are remembered for windows that are being merged.
const BATCHES_REMEMBERED_MAX: usize = 1024;

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
    /// The newest batches, for a window that was merged from an older snapshot.
    remembered: VecDeque<Arc<EventBatch>>,
    /// Everything up to this commit is no longer remembered.
    forgotten: i64,
}

impl Residents {
    pub(super) fn new(residency: Residency) -> Self {
        Self {
            residency,
            windows: LruCache::new_unbounded(),
            readers_of: HashMap::new(),
            remembered: VecDeque::new(),
            forgotten: 0,
        }
    }

    /// Whether a reader has a window.
    pub(super) fn has(&self, reader: AccountId) -> bool {
        self.windows.contains_key(&reader)
    }

    /// A page out of the reader's window; `None` when there is none or it doesn't reach.
    pub(super) fn read(&mut self, reader: AccountId, page: &Page) -> Option<Vec<PostId>> {
        self.windows.get(&reader)?.read(page)
    }

    /// Takes in a committed batch.
    pub(super) fn take_in(&mut self, batch: Arc<EventBatch>) {
        for event in &batch.events {
            self.tell_residents(event);
        }
        if self.remembered.len() == BATCHES_REMEMBERED_MAX
            && let Some(oldest) = self.remembered.pop_front()
        {
            self.forgotten = oldest.commit;
        }
        self.remembered.push_back(batch);
    }

    /// Drops everything: events up to `commit` were lost.
    pub(super) fn drop_all(&mut self, commit: i64) {
        self.windows.clear();
        self.readers_of.clear();
        self.remembered.clear();
        self.forgotten = commit;
    }

    /// Keeps a window that was merged out of the snapshot of `commit`, with what happened since. Answers whoever had to
    /// make room.
    pub(super) fn admit(
        &mut self,
        reader: AccountId,
        merged: MergedHome,
        commit: i64,
    ) -> Option<(AccountId, Window)> {
        if commit < self.forgotten {
            return None;
        }
        let entries_max = self.residency.window_entries_max;
        let mut window = Window::new(reader, merged);
        let missed = self.remembered.iter().filter(|batch| batch.commit > commit);
        for event in missed.flat_map(|batch| &batch.events) {
            if window.take_in(event, entries_max) == Fate::Dropped {
                return None;
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
        let (idle, window) = self.windows.remove_lru()?;
        self.unlist(idle, &window);
        Some((idle, window))
    }

    /// Drops a reader's window.
    pub(super) fn evict(&mut self, reader: AccountId) -> Option<Window> {
        let window = self.windows.remove(&reader)?;
        self.unlist(reader, &window);
        Some(window)
    }

    /// The resident readers with their windows.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&AccountId, &Window)> + '_ {
        self.windows.iter()
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

    fn tell_residents(&mut self, event: &Event) {
        let concerned: Vec<AccountId> = match event {
            Event::PostPublished { entry, .. } => self.readers_of(entry.author),
            Event::PostEdited { post, .. } => self.readers_of(post.author),
            Event::BoostRemoved(boost) => self.readers_of(boost.author),
            Event::RelationsChanged { from, to } => vec![*from, *to],
            // Anybody's boosts of it, anybody's posts: everybody is asked.
            Event::PostDeleted(_) | Event::AccountVisibilityChanged(_) => {
                self.windows.iter().map(|(reader, _)| *reader).collect()
            }
            Event::PostCountsChanged(_)
            | Event::MarksChanged { .. }
            | Event::AccountChanged(_)
            | Event::TokenRevoked(_)
            | Event::TokenUsed(_)
            | Event::CredentialsChanged(_) => return,
        };
        for reader in concerned {
            let entries_max = self.residency.window_entries_max;
            // peek: an event is no reason to count the reader as present.
            let fate = self
                .windows
                .peek_mut(&reader)
                .map(|window| window.take_in(event, entries_max));
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
