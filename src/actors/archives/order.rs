//! The order in which the entries of an outbox are taken in: the oldest first, so that nothing answers what comes later.
//!
//! Mastodon writes them so, others the other way round. What is not in order is read several times, each time a part of it
//! that fits into memory is put in order; only dates and places of all entries are in memory at once.

use std::ops::Range;

/// How many bytes of entries are in memory at once, about.
const PART_BYTES_MAX: u64 = 32 << 20;
/// What an entry takes in memory beside its texts, about, in bytes.
pub(super) const ENTRY_BYTES: u64 = 512;

/// The dates of an outbox's entries, as they stand there.
#[derive(Debug, Default)]
pub struct Dates {
    published: Vec<i64>,
    bytes: Vec<u32>,
}

/// Where each entry of an outbox that isn't in order belongs.
#[derive(Debug)]
pub struct Order {
    /// The place of each, as they stand in the outbox.
    places: Vec<u32>,
    /// Places that are read at once.
    parts: Vec<Range<usize>>,
}

impl Dates {
    /// Notes the next entry; one without a date stays behind the one before it.
    pub fn note(&mut self, published: Option<i64>, bytes: usize) {
        let before = self.published.last().copied().unwrap_or(i64::MIN);
        self.published.push(published.unwrap_or(before));
        self.bytes.push(u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    /// What puts them in order; `None` when they are.
    pub fn order(self) -> Option<Order> {
        self.order_in_parts(PART_BYTES_MAX)
    }

    pub(super) fn order_in_parts(self, part_bytes_max: u64) -> Option<Order> {
        if self.published.is_sorted() {
            return None;
        }
        let pairs = || self.published.windows(2);
        let falls = pairs().filter(|pair| pair[1] < pair[0]).count();
        let rises = pairs().filter(|pair| pair[1] > pair[0]).count();
        let mut entries: Vec<u32> = (0..).take(self.published.len()).collect();
        if falls > rises {
            // The newest come first: so they do within one second, of which no date tells the order.
            entries.reverse();
        }
        entries.sort_by_key(|entry| self.published[*entry as usize]);
        let mut places = vec![0; entries.len()];
        let mut parts = Vec::new();
        let (mut begin, mut bytes) = (0, 0);
        for (place, entry) in entries.iter().enumerate() {
            let entry = *entry as usize;
            places[entry] = u32::try_from(place).unwrap_or(u32::MAX);
            let more = u64::from(self.bytes[entry]) + ENTRY_BYTES;
            if bytes + more > part_bytes_max && place > begin {
                parts.push(begin..place);
                (begin, bytes) = (place, 0);
            }
            bytes += more;
        }
        parts.push(begin..entries.len());
        Some(Order { places, parts })
    }
}

impl Order {
    /// Places that are read at once, one part after the other.
    pub fn parts(&self) -> impl Iterator<Item = Range<usize>> {
        self.parts.iter().cloned()
    }

    /// The place of an entry, by its number in the outbox; none for one that wasn't there when it was looked through.
    pub fn place(&self, entry: usize) -> Option<usize> {
        self.places.get(entry).map(|place| *place as usize)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dates(published: &[i64]) -> Dates {
        let mut dates = Dates::default();
        for date in published {
            dates.note(Some(*date), 0);
        }
        dates
    }

    /// The entries as they are taken in.
    fn taken(order: &Order, count: usize) -> Vec<usize> {
        let mut taken = Vec::new();
        for part in order.parts() {
            let mut slots = vec![None; part.len()];
            for entry in 0..count {
                let place = order.place(entry).expect("it was noted");
                if part.contains(&place) {
                    slots[place - part.start] = Some(entry);
                }
            }
            taken.extend(slots.into_iter().map(|entry| entry.expect("each has one")));
        }
        taken
    }

    #[test]
    fn what_is_in_order_is_left_so() {
        assert!(dates(&[]).order().is_none());
        assert!(dates(&[1, 1, 2, 7]).order().is_none());
        let mut undated = dates(&[5]);
        undated.note(None, 0);
        assert!(undated.order().is_none());
    }

    #[test]
    fn the_newest_first_are_turned_round_within_a_second_too() {
        let order = dates(&[9, 9, 8, 3, 3, 3]).order().expect("out of order");
        assert_eq!(taken(&order, 6), [5, 4, 3, 2, 1, 0]);
        let order = dates(&[1, 1, 2, 2, 3, 0]).order().expect("out of order");
        assert_eq!(taken(&order, 6), [5, 0, 1, 2, 3, 4]);
        assert_eq!(order.place(6), None);
    }

    proptest! {
        #[test]
        fn parts_are_bounded_and_together_all_in_order(
            published in proptest::collection::vec(0..20_i64, 0..60),
            fitting in 1..8_u64,
        ) {
            let count = published.len();
            let Some(order) = dates(&published).order_in_parts(fitting * ENTRY_BYTES) else {
                return Ok(());
            };
            for part in order.parts() {
                prop_assert!(!part.is_empty() && part.len() as u64 <= fitting);
            }
            let taken = taken(&order, count);
            prop_assert!(taken.is_sorted_by_key(|entry| published[*entry]));
            let mut sorted = taken;
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..count).collect::<Vec<_>>());
        }
    }
}
