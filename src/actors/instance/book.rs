//! What was told and may be remembered by those who ask, without a message: the doors of the facade share it.

use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::budget::{Budget, Part};
use crate::cache::CacheFigures;
use crate::lru::BudgetedLru;

/// Entries that whoever finds them holds against a stamp; its part of the budget bounds them.
#[derive(Debug)]
pub(super) struct Book<K, V>(Mutex<BudgetedLru<K, V>>);

impl<K: Hash + Eq, V: Clone> Book<K, V> {
    /// An empty book.
    pub(super) fn new(budget: &Budget, part: Part) -> Self {
        Self(Mutex::new(BudgetedLru::new(budget, part)))
    }

    /// What stands there.
    pub(super) fn find(&self, key: &K) -> Option<V> {
        self.open().get(key).cloned()
    }

    /// Writes down what takes about so many bytes.
    pub(super) fn note(&self, key: K, value: V, bytes: usize) {
        self.open().insert(key, value, bytes);
    }

    /// Strikes it out.
    pub(super) fn forget(&self, key: &K) {
        self.open().remove(key);
    }

    /// What it holds.
    pub(super) fn figures(&self) -> CacheFigures {
        self.open().figures()
    }

    /// Whoever panicked with it in hand left it whole: an entry is there or not.
    fn open(&self) -> MutexGuard<'_, BudgetedLru<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
