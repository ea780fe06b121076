//! A bounded cache of what the store says, kept true by events.
//!
//! A value is loaded out of a snapshot of some commit; meanwhile events of later commits may have changed it. The cache
//! remembers which keys changed lately, and at which commit, so that a value that was loaded before its key changed is
//! never kept. A snapshot may also be newer than the events that have come in: a value remembers its commit, so that
//! what it holds already isn't told to it again.

use std::collections::VecDeque;
use std::hash::Hash;

use super::budget::{Budget, Part};
use super::lru::BudgetedLru;

/// How many changes are remembered; a load that took longer than so many changes is simply not kept.
const CHANGES_REMEMBERED_MAX: usize = 4096;

/// What a cache holds, about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheFigures {
    /// Its name.
    pub name: &'static str,
    /// Values.
    pub entries: usize,
    /// About how much memory they take, in bytes.
    pub bytes: usize,
    /// How much memory it may take, in bytes; caches that share a budget have it together.
    pub bytes_max: usize,
}

impl CacheFigures {
    /// Of two halves of one cache.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            entries: self.entries + other.entries,
            bytes: self.bytes + other.bytes,
            ..self
        }
    }
}

#[derive(Debug)]
struct Seen<V> {
    value: V,
    /// What happened up to this commit is in the value already.
    at: i64,
}

/// A least-recently-used cache whose values are valid as of the newest event.
#[derive(Debug)]
pub struct EventedCache<K, V> {
    values: BudgetedLru<K, Seen<V>>,
    weigh: fn(&V) -> usize,
    /// Keys that changed, with the commit that changed them, oldest first.
    changes: VecDeque<(i64, K)>,
    /// Values loaded before this commit can't be judged any more.
    forgotten: i64,
}

impl<K: Hash + Eq + Clone, V> EventedCache<K, V> {
    /// A cache with its part of a budget.
    /// `weigh` says about how many bytes a value takes, what it points to included.
    pub fn new(budget: &Budget, part: Part, weigh: fn(&V) -> usize) -> Self {
        Self {
            values: BudgetedLru::new(budget, part),
            weigh,
            changes: VecDeque::new(),
            forgotten: 0,
        }
    }

    /// The value, if it is known.
    pub fn get(&mut self, key: &K) -> Option<&V> {
        self.values.get(key).map(|held| &held.value)
    }

    /// The value, which isn't used by that.
    pub fn peek(&self, key: &K) -> Option<&V> {
        self.values.peek(key).map(|held| &held.value)
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
        let knows_more = |held: &Seen<V>| held.at > commit;
        if !changed_since && !self.values.peek(&key).is_some_and(knows_more) {
            self.keep(key, value, commit);
        }
    }

    /// Keeps a value that came to be with `commit`; a value that is held already knows as much or more. What the same
    /// commit did to it afterwards is to be told.
    pub fn begin(&mut self, key: K, value: V, commit: i64) {
        if self.values.peek(&key).is_none() {
            self.keep(key, value, commit - 1);
        }
    }

    /// Tells a value what `commit` did to it. It must not grow by that.
    pub fn amend(&mut self, key: K, commit: i64, amend: impl FnOnce(&mut V)) {
        if let Some(held) = self.values.peek_mut(&key)
            && held.at < commit
        {
            amend(&mut held.value);
        }
        self.note_change(key, commit);
    }

    /// Tells a value what `commit` did to it, by which it may have grown or shrunk.
    pub fn extend(&mut self, key: K, commit: i64, extend: impl FnOnce(&mut V)) {
        if let Some(held) = self.values.peek_mut(&key)
            && held.at < commit
        {
            let before = (self.weigh)(&held.value);
            extend(&mut held.value);
            let after = (self.weigh)(&held.value);
            self.values.resize(&key, before, after);
        }
        self.note_change(key, commit);
    }

    /// Takes out of a value what its reader found to be of no use. It must not grow by that.
    pub fn revise(&mut self, key: &K, revise: impl FnOnce(&mut V)) {
        if let Some(held) = self.values.peek_mut(key) {
            revise(&mut held.value);
        }
    }

    fn keep(&mut self, key: K, value: V, at: i64) {
        let bytes = (self.weigh)(&value);
        self.values.insert(key, Seen { value, at }, bytes);
    }

    /// Forgets a value because `commit` changed it.
    pub fn change(&mut self, key: K, commit: i64) {
        let is_older = |held: &Seen<V>| held.at < commit;
        if self.values.peek(&key).is_some_and(is_older) {
            self.values.remove(&key);
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
    pub fn figures(&self) -> CacheFigures {
        self.values.figures()
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
    use crate::lru::ENTRY_BYTES;

    #[test]
    fn a_value_loaded_before_its_key_changed_is_not_kept() {
        let mut cache = EventedCache::new(&Budget::new(10_000), Part::Posts, |_| 0);
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
        let mut cache = EventedCache::new(&Budget::new(10_000), Part::Posts, |_| 0);
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
    fn a_value_that_grows_takes_more_of_the_budget() {
        let budget = Budget::new(10_000);
        let mut cache = EventedCache::new(&budget, Part::Threads, |value: &Vec<u8>| value.len());
        cache.fill("post", vec![0; 10], 1);
        let bytes = cache.figures().bytes;
        cache.extend("post", 1, |_| unreachable!("it is known"));
        cache.extend("post", 2, |value| value.push(1));
        assert_eq!(cache.figures().bytes, bytes + 1);
        cache.extend("post", 3, Vec::clear);
        assert_eq!(cache.figures().bytes, bytes - 10);
        cache.extend("other", 4, |_| unreachable!("it isn't held"));
        cache.change("post", 5);
        assert_eq!(cache.figures().bytes, 0);
    }

    #[test]
    fn a_load_that_outlived_the_memory_of_changes_is_not_kept() {
        let mut cache = EventedCache::new(&Budget::new(10_000), Part::Posts, |_| 0);
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
        let mut cache = EventedCache::new(&Budget::new(10_000), Part::Posts, |_| 0);
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
        const ENTRY: usize = ENTRY_BYTES + size_of::<&str>();
        let budget = Budget::new(2000);
        let mut cache = EventedCache::new(&budget, Part::Posts, |value: &usize| *value);
        let held = |cache: &EventedCache<_, _>| {
            let figures = cache.figures();
            (figures.entries, figures.bytes - figures.entries * ENTRY)
        };
        cache.fill("a", 1000, 0);
        cache.fill("b", 20, 0);
        assert_eq!(held(&cache), (2, 1020));
        cache.fill("b", 300, 0);
        assert_eq!(held(&cache), (2, 1300));
        cache.get(&"a");
        cache.fill("c", 500, 0);
        assert_eq!(held(&cache), (2, 1500), "b was wanted least");
        assert_eq!(cache.get(&"b"), None);
        cache.change("a", 1);
        assert_eq!(held(&cache), (1, 500));
        cache.clear(2);
        assert_eq!(held(&cache), (0, 0));
        assert_eq!(cache.figures().bytes_max, 2000);
    }

    #[test]
    fn a_cache_that_is_only_read_makes_room_for_others() {
        let budget = Budget::new(4000);
        let mut one = EventedCache::new(&budget, Part::Posts, |()| 400);
        let mut other = EventedCache::new(&budget, Part::Marks, |()| 400);
        for key in 0..6 {
            one.fill(key, (), 0);
        }
        for key in 0..3 {
            other.fill(key, (), 0);
            one.get(&5);
        }
        assert_eq!(other.figures().entries, 3);
        assert!(one.figures().entries < 6);
        assert_eq!(one.get(&5), Some(&()), "what is wanted stays");
    }

    #[test]
    fn clearing_distrusts_every_older_snapshot() {
        let mut cache = EventedCache::new(&Budget::new(10_000), Part::Posts, |_| 0);
        cache.clear(20);
        cache.fill("post", 1, 19);
        assert_eq!(cache.get(&"post"), None);
        cache.fill("post", 1, 20);
        assert_eq!(cache.get(&"post"), Some(&1));
    }
}
