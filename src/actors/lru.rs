//! Entries that have their part of the budget of memory; those that went unused for longest go first.

use std::hash::Hash;

use hashlink::LruCache;

use super::budget::{Budget, Part, Share, Use};
use super::cache::CacheFigures;

/// About what an entry takes besides its key and its value: links, its share of the table, and what the allocator adds, in
/// bytes.
pub(super) const ENTRY_BYTES: usize = 80;

#[derive(Debug)]
struct Weighed<V> {
    value: V,
    bytes: usize,
    used: Use,
}

/// Values with about how many bytes each takes.
#[derive(Debug)]
pub(super) struct BudgetedLru<K, V> {
    values: LruCache<K, Weighed<V>>,
    share: Share,
}

impl<K: Hash + Eq, V> BudgetedLru<K, V> {
    /// None yet.
    pub(super) fn new(budget: &Budget, part: Part) -> Self {
        Self {
            values: LruCache::new_unbounded(),
            share: budget.share(part),
        }
    }

    /// The value, which is used by that.
    pub(super) fn get(&mut self, key: &K) -> Option<&V> {
        if self.share.is_short() {
            self.make_room();
        }
        let now = self.share.now();
        self.values.get_mut(key).map(|held| {
            held.used = now;
            &held.value
        })
    }

    /// The value, which isn't used by that.
    pub(super) fn peek(&self, key: &K) -> Option<&V> {
        self.values.peek(key).map(|held| &held.value)
    }

    /// The same, to be changed. It must not grow by that.
    pub(super) fn peek_mut(&mut self, key: &K) -> Option<&mut V> {
        self.values.peek_mut(key).map(|held| &mut held.value)
    }

    /// Takes a value in, which takes about so many bytes besides its key. Whatever is too much goes, itself included.
    pub(super) fn insert(&mut self, key: K, value: V, bytes: usize) {
        let bytes = ENTRY_BYTES + size_of::<K>() + bytes;
        let used = self.share.take(bytes);
        let held = Weighed { value, bytes, used };
        if let Some(before) = self.values.insert(key, held) {
            self.share.give(before.bytes);
        }
        self.make_room();
    }

    /// Notes that a value takes `after` bytes instead of `before`.
    pub(super) fn resize(&mut self, key: &K, before: usize, after: usize) {
        let Some(held) = self.values.peek_mut(key) else {
            return;
        };
        held.bytes = (held.bytes + after).saturating_sub(before);
        if after > before {
            self.share.take(after - before);
        } else {
            self.share.give(before - after);
        }
    }

    /// Lets go of a value.
    pub(super) fn remove(&mut self, key: &K) {
        if let Some(before) = self.values.remove(key) {
            self.share.give(before.bytes);
        }
    }

    /// Lets go of everything.
    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.share.give(self.share.bytes());
    }

    /// What it holds.
    pub(super) fn figures(&self) -> CacheFigures {
        CacheFigures {
            name: self.share.part().name(),
            entries: self.values.len(),
            bytes: self.share.bytes(),
            bytes_max: self.share.bytes_max(),
        }
    }

    fn make_room(&mut self) {
        loop {
            // The least recently used comes first.
            let oldest = self.values.iter().next().map(|(_, held)| held.used);
            if !self.share.has_to_give(oldest) {
                return;
            }
            let Some((_, idle)) = self.values.remove_lru() else {
                return;
            };
            self.share.give(idle.bytes);
        }
    }
}
