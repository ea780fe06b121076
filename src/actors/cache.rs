//! A bounded cache of what the store says, kept true by events.
//!
//! A value is loaded out of a snapshot of some commit; meanwhile events of later commits may have changed it. The cache
//! remembers which keys changed lately, and at which commit, so that a value that was loaded before its key changed is
//! never kept.

use std::collections::VecDeque;
use std::hash::Hash;

use hashlink::LruCache;

/// How many changes are remembered; a load that took longer than so many changes is simply not kept.
const CHANGES_REMEMBERED_MAX: usize = 4096;

/// A least-recently-used cache whose values are valid as of the newest event.
#[derive(Debug)]
pub struct EventedCache<K, V> {
    values: LruCache<K, V>,
    /// Keys that changed, with the commit that changed them, oldest first.
    changes: VecDeque<(i64, K)>,
    /// Values loaded before this commit can't be judged any more.
    forgotten: i64,
}

impl<K: Hash + Eq + Clone, V> EventedCache<K, V> {
    /// A cache of at most `capacity` values.
    pub fn new(capacity: usize) -> Self {
        Self {
            values: LruCache::new(capacity),
            changes: VecDeque::new(),
            forgotten: 0,
        }
    }

    /// The value, if it is known.
    pub fn get(&mut self, key: &K) -> Option<&V> {
        self.values.get(key)
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
        if !changed_since {
            self.values.insert(key, value);
        }
    }

    /// Forgets a value because `commit` changed it.
    pub fn change(&mut self, key: K, commit: i64) {
        self.values.remove(&key);
        if self.changes.len() == CHANGES_REMEMBERED_MAX
            && let Some((forgotten, _)) = self.changes.pop_front()
        {
            self.forgotten = self.forgotten.max(forgotten);
        }
        self.changes.push_back((commit, key));
    }

    /// Forgets everything, because `commit` may have changed anything.
    pub fn clear(&mut self, commit: i64) {
        self.values.clear();
        self.changes.clear();
        self.forgotten = self.forgotten.max(commit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_loaded_before_its_key_changed_is_not_kept() {
        let mut cache = EventedCache::new(8);
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
    fn a_load_that_outlived_the_memory_of_changes_is_not_kept() {
        let mut cache = EventedCache::new(8);
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
        let mut cache = EventedCache::new(8);
        let last = CHANGES_REMEMBERED_MAX as i64 + 5;
        cache.clear(last + 1);
        for commit in 1..=last {
            cache.change(commit, commit);
        }
        cache.fill(-1, (), last);
        assert_eq!(cache.get(&-1), None);
    }

    #[test]
    fn clearing_distrusts_every_older_snapshot() {
        let mut cache = EventedCache::new(8);
        cache.clear(20);
        cache.fill("post", 1, 19);
        assert_eq!(cache.get(&"post"), None);
        cache.fill("post", 1, 20);
        assert_eq!(cache.get(&"post"), Some(&1));
    }
}
