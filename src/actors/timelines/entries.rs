//! The candidates of a window, packed: eight bytes for a post, sixteen for a boost.

use std::collections::VecDeque;

use crate::ids::PostId;
use crate::store::queries::home::HomeEntry;

/// Marks an entry that isn't shown.
const HIDDEN: u64 = 1 << 63;
/// Marks a slot that isn't an entry: the boosted post of the boost before it.
const BOOSTED: u64 = 1 << 62;

/// Candidates, newest first.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// Ids with their marks; positive 64-bit numbers of today's time leave the upper bits free.
    slots: VecDeque<u64>,
    len: u32,
}

impl Entries {
    /// Those of a list, newest first.
    pub(super) fn of(entries: &[HomeEntry]) -> Self {
        let boosts = entries.iter().filter(|entry| entry.id != entry.shows);
        let mut slots = VecDeque::with_capacity(entries.len() + boosts.count());
        for entry in entries {
            slots.extend(packed(entry).into_iter().flatten());
        }
        Self {
            slots,
            len: u32::try_from(entries.len()).unwrap_or(u32::MAX),
        }
    }

    /// How many they are.
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    /// How much memory they take, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<u64>()
    }

    /// The candidates, newest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = HomeEntry> + '_ {
        let mut slots = self.slots.iter().copied().peekable();
        std::iter::from_fn(move || {
            let slot = slots.next()?;
            let id = PostId(number(slot));
            let boosted = slots.next_if(|slot| slot & BOOSTED != 0);
            Some(HomeEntry {
                id,
                shows: boosted.map_or(id, |slot| PostId(number(slot))),
                is_shown: slot & HIDDEN == 0,
            })
        })
    }

    /// The oldest candidate's id.
    pub(super) fn oldest(&self) -> Option<PostId> {
        let last = *self.slots.back()?;
        if last & BOOSTED == 0 {
            return Some(PostId(number(last)));
        }
        let boost = self.slots.get(self.slots.len() - 2)?;
        Some(PostId(number(*boost)))
    }

    /// Puts a candidate in its place; false when it is there already.
    pub(super) fn insert(&mut self, entry: &HomeEntry) -> bool {
        // Nearly always it is the newest.
        let newer = |slot: &u64| slot & BOOSTED != 0 || number(*slot) > entry.id.0;
        let place = self.slots.iter().position(|slot| !newer(slot));
        let place = place.unwrap_or(self.slots.len());
        let there = self.slots.get(place).map(|slot| number(*slot));
        if there == Some(entry.id.0) {
            return false;
        }
        let [first, second] = packed(entry);
        for slot in [second, first].into_iter().flatten() {
            self.slots.insert(place, slot);
        }
        self.len += 1;
        true
    }

    /// Adds older candidates, newest first.
    pub(super) fn append(&mut self, older: &[HomeEntry]) {
        let older = Self::of(older);
        self.slots.extend(older.slots);
        self.len += older.len;
    }

    /// Drops the oldest until there are so many.
    pub(super) fn truncate(&mut self, entries: usize) {
        while self.len() > entries {
            if self
                .slots
                .pop_back()
                .is_some_and(|slot| slot & BOOSTED != 0)
            {
                self.slots.pop_back();
            }
            self.len -= 1;
        }
    }

    /// Whether a candidate for this post, or with this id, is among them.
    fn shows(&self, post: PostId) -> bool {
        // A boost's own id is compared as well: it is no post's.
        self.slots.iter().any(|slot| number(*slot) == post.0)
    }

    /// Takes out every candidate for this post; whether there was one.
    pub(super) fn remove(&mut self, post: PostId) -> bool {
        if !self.shows(post) {
            return false;
        }
        let kept: Vec<HomeEntry> = self.iter().filter(|entry| entry.shows != post).collect();
        let were = std::mem::replace(self, Self::of(&kept)).len;
        were != self.len
    }
}

fn packed(entry: &HomeEntry) -> [Option<u64>; 2] {
    let mark = if entry.is_shown { 0 } else { HIDDEN };
    let boosted = (entry.shows != entry.id).then_some(entry.shows.0.cast_unsigned() | BOOSTED);
    [Some(entry.id.0.cast_unsigned() | mark), boosted]
}

fn number(slot: u64) -> i64 {
    (slot & !(HIDDEN | BOOSTED)).cast_signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry() -> impl Strategy<Value = HomeEntry> {
        (10..60_i64, prop::option::of(1..10_i64), any::<bool>()).prop_map(
            |(id, boosted, is_shown)| HomeEntry {
                id: PostId(id),
                shows: PostId(boosted.unwrap_or(id)),
                is_shown,
            },
        )
    }

    #[derive(Debug, Clone)]
    enum Op {
        Insert(HomeEntry),
        Remove(i64),
        Truncate(usize),
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            6 => entry().prop_map(Op::Insert),
            2 => (1..60_i64).prop_map(Op::Remove),
            1 => (0..20_usize).prop_map(Op::Truncate),
        ]
    }

    proptest! {
        #[test]
        fn packed_candidates_behave_as_a_plain_list(ops in prop::collection::vec(op(), 0..80)) {
            let mut packed = Entries::default();
            let mut plain: Vec<HomeEntry> = Vec::new();
            for op in ops {
                match op {
                    Op::Insert(entry) => {
                        let is_new = plain.iter().all(|there| there.id != entry.id);
                        if is_new {
                            plain.push(entry);
                            plain.sort_by_key(|entry| std::cmp::Reverse(entry.id));
                        }
                        prop_assert_eq!(packed.insert(&entry), is_new);
                    }
                    Op::Remove(post) => {
                        let before = plain.len();
                        plain.retain(|entry| entry.shows.0 != post);
                        prop_assert_eq!(packed.remove(PostId(post)), plain.len() != before);
                    }
                    Op::Truncate(entries) => {
                        plain.truncate(entries);
                        packed.truncate(entries);
                    }
                }
                prop_assert_eq!(packed.len(), plain.len());
                prop_assert_eq!(packed.oldest(), plain.last().map(|entry| entry.id));
                prop_assert_eq!(packed.iter().collect::<Vec<_>>(), plain.clone());
                for post in 1..60 {
                    let shows = plain.iter().any(|entry| entry.shows.0 == post);
                    prop_assert!(!shows || packed.shows(PostId(post)));
                }
                prop_assert_eq!(Entries::of(&plain).iter().collect::<Vec<_>>(), plain.clone());
            }
        }
    }
}
