//! A bounded cache of what the store says, kept true by events.
//!
//! A value is loaded out of a snapshot of some commit; meanwhile events of later commits may have changed it. The cache
//! remembers which keys changed lately, and at which commit, so that a value that was loaded before its key changed is
//! never kept. A snapshot may also be newer than the events that have come in: a value remembers its commit, so that
//! what it holds already isn't told to it again.

use std::collections::VecDeque;
use std::hash::Hash;

use hashlink::LruCache;

/// How many changes are remembered; a load that took longer than so many changes is simply not kept.
const CHANGES_REMEMBERED_MAX: usize = 4096;

/// About what an entry takes besides its value: its key, links and its share of the table, in bytes.
const ENTRY_BYTES: usize = 80;

/// What a cache holds, about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheFigures {
    /// Its name.
    pub name: &'static str,
    /// Values.
    pub entries: usize,
    /// The most values.
    pub entries_max: usize,
    /// About how much memory they take, in bytes: texts are counted, what the allocator adds isn't.
    pub bytes: usize,
}

/// A value with about how many bytes it takes.
#[derive(Debug)]
struct Weighed<V> {
    value: V,
    bytes: usize,
    /// What happened up to this commit is in the value already.
    seen_at: i64,
}

/// A least-recently-used cache whose values are valid as of the newest event.
#[derive(Debug)]
pub struct EventedCache<K, V> {
    values: LruCache<K, Weighed<V>>,
    weigh: fn(&V) -> usize,
    bytes: usize,
    /// Keys that changed, with the commit that changed them, oldest first.
    changes: VecDeque<(i64, K)>,
    /// Values loaded before this commit can't be judged any more.
    forgotten: i64,
}

impl<K: Hash + Eq + Clone, V> EventedCache<K, V> {
    /// A cache of at most `capacity` values.
    /// `weigh` says about how many bytes a value takes, what it points to included.
    pub fn new(capacity: usize, weigh: fn(&V) -> usize) -> Self {
        Self {
            values: LruCache::new(capacity),
            weigh,
            bytes: 0,
            changes: VecDeque::new(),
            forgotten: 0,
        }
    }

    /// The value, if it is known.
    pub fn get(&mut self, key: &K) -> Option<&V> {
        self.values.get(key).map(|held| &held.value)
    }

    /// Keeps a value that was loaded out of the snapshot of `commit`, unless its key changed since.
    pub fn fill(&mut self, key: K, value: V, commit: i64) {
        let changed_since = commit < self.forgotten
            || self
                .changes
                .iter()
                .rev()
                .take_while(|(changed, _)| *changed > commit)
                .any(|(_, changed)| *changed == key);
        let knows_more = |held: &Weighed<V>| held.seen_at > commit;
        if !changed_since && !self.values.peek(&key).is_some_and(knows_more) {
            self.keep(key, value, commit);
        }
    }

    /// Keeps a value that came to be with `commit`; a value that is held already knows as much or more. What the same
    /// commit did to it afterwards is to be told.
    pub fn begin(&mut self, key: K, value: V, commit: i64) {
        if !self.values.contains_key(&key) {
            self.keep(key, value, commit - 1);
        }
    }

    /// Tells a value what `commit` did to it. It must not grow by that.
    pub fn amend(&mut self, key: K, commit: i64, amend: impl FnOnce(&mut V)) {
        if let Some(held) = self.values.peek_mut(&key)
            && held.seen_at < commit
        {
            amend(&mut held.value);
        }
        self.note_change(key, commit);
    }

    /// Takes out of a value what its reader found to be of no use. It must not grow by that.
    pub fn revise(&mut self, key: &K, revise: impl FnOnce(&mut V)) {
        if let Some(held) = self.values.peek_mut(key) {
            revise(&mut held.value);
        }
    }

    fn keep(&mut self, key: K, value: V, seen_at: i64) {
        if self.values.len() == self.values.capacity()
            && !self.values.contains_key(&key)
            && let Some((_, idle)) = self.values.remove_lru()
        {
            self.bytes -= idle.bytes;
        }
        let bytes = ENTRY_BYTES + (self.weigh)(&value);
        self.bytes += bytes;
        let held = Weighed {
            value,
            bytes,
            seen_at,
        };
        if let Some(before) = self.values.insert(key, held) {
            self.bytes -= before.bytes;
        }
    }

    /// Forgets a value because `commit` changed it.
    pub fn change(&mut self, key: K, commit: i64) {
        let is_older = |held: &Weighed<V>| held.seen_at < commit;
        if self.values.peek(&key).is_some_and(is_older)
            && let Some(before) = self.values.remove(&key)
        {
            self.bytes -= before.bytes;
        }
        self.note_change(key, commit);
    }

    fn note_change(&mut self, key: K, commit: i64) {
        if self.changes.len() == CHANGES_REMEMBERED_MAX
            && let Some((forgotten, _)) = self.changes.pop_front()
        {
            self.forgotten = self.forgotten.max(forgotten);
        }
        self.changes.push_back((commit, key));
    }

    /// What it holds.
    pub fn figures(&self, name: &'static str) -> CacheFigures {
        CacheFigures {
            name,
            entries: self.values.len(),
            entries_max: self.values.capacity(),
            bytes: self.bytes,
        }
    }

    /// Forgets everything, because `commit` may have changed anything.
    pub fn clear(&mut self, commit: i64) {
        self.values.clear();
        self.bytes = 0;
        self.changes.clear();
        self.forgotten = self.forgotten.max(commit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_loaded_before_its_key_changed_is_not_kept() {
        let mut cache = EventedCache::new(8, |_| 0);
        cache.fill("post", 1, 10);
        assert_eq!(cache.get(&"post"), Some(&1));
        cache.change("post", 11);
        assert_eq!(cache.get(&"post"), None);
        cache.fill("post", 1, 10);
        assert_eq!(
            cache.get(&"post"),
            None,
            "the snapshot of commit 10 is stale"
        );
        cache.fill("post", 2, 11);
        assert_eq!(cache.get(&"post"), Some(&2));
        cache.fill("other", 3, 10);
        assert_eq!(
            cache.get(&"other"),
            Some(&3),
            "another key's change doesn't matter"
        );
    }

    #[test]
    fn a_value_is_told_what_it_cannot_know() {
        let mut cache = EventedCache::new(8, |_| 0);
        cache.begin("post", vec![10], 10);
        // The same commit went on with it.
        cache.amend("post", 10, |commits| commits.push(10));
        cache.amend("post", 11, |commits| commits.push(11));
        cache.fill("post", vec![], 10);
        assert_eq!(
            cache.get(&"post"),
            Some(&vec![10, 10, 11]),
            "the snapshot of commit 10 is stale"
        );
        // Readers are ahead of the events.
        cache.fill("post", vec![13], 13);
        cache.begin("post", vec![10], 10);
        cache.amend("post", 12, |commits| commits.push(12));
        cache.change("post", 13);
        cache.amend("post", 14, |commits| commits.push(14));
        assert_eq!(cache.get(&"post"), Some(&vec![13, 14]));
        cache.change("post", 15);
        assert_eq!(cache.get(&"post"), None);
        cache.amend("post", 16, |_| unreachable!("it isn't held"));
    }

    #[test]
    fn a_load_that_outlived_the_memory_of_changes_is_not_kept() {
        let mut cache = EventedCache::new(8, |_| 0);
        for commit in 1..=(CHANGES_REMEMBERED_MAX as i64 + 5) {
            cache.change(commit, commit);
        }
        cache.fill(-1, (), 2);
        assert_eq!(cache.get(&-1), None);
        cache.fill(-1, (), 6);
        assert_eq!(cache.get(&-1), Some(&()));
    }

    #[test]
    fn old_changes_that_come_after_a_clearing_revive_no_trust() {
        let mut cache = EventedCache::new(8, |_| 0);
        let last = CHANGES_REMEMBERED_MAX as i64 + 5;
        cache.clear(last + 1);
        for commit in 1..=last {
            cache.change(commit, commit);
        }
        cache.fill(-1, (), last);
        assert_eq!(cache.get(&-1), None);
    }

    #[test]
    fn the_bytes_are_those_of_the_values_that_are_held() {
        let mut cache = EventedCache::new(2, |value: &usize| *value);
        let bytes = |cache: &EventedCache<_, _>| {
            let figures = cache.figures("numbers");
            (
                figures.entries,
                figures.bytes - figures.entries * ENTRY_BYTES,
            )
        };
        cache.fill("a", 100, 0);
        cache.fill("b", 20, 0);
        assert_eq!(bytes(&cache), (2, 120));
        cache.fill("b", 30, 0);
        assert_eq!(bytes(&cache), (2, 130));
        cache.fill("c", 7, 0);
        assert_eq!(bytes(&cache), (2, 37), "the oldest made room");
        cache.change("b", 1);
        assert_eq!(bytes(&cache), (1, 7));
        cache.clear(2);
        assert_eq!(bytes(&cache), (0, 0));
    }

    #[test]
    fn clearing_distrusts_every_older_snapshot() {
        let mut cache = EventedCache::new(8, |_| 0);
        cache.clear(20);
        cache.fill("post", 1, 19);
        assert_eq!(cache.get(&"post"), None);
        cache.fill("post", 1, 20);
        assert_eq!(cache.get(&"post"), Some(&1));
    }
}
