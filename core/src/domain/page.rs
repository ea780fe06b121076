//! Pages: which part of a list, newest first, a caller asks for.

/// How many entries a page has when the caller doesn't say.
pub const PAGE_DEFAULT: usize = 20;
/// The most entries of a page of posts.
pub const PAGE_MAX: usize = 40;
/// The most entries of a page of accounts or of ids.
pub const PAGE_OF_ACCOUNTS_MAX: usize = 80;

/// A part of a list that is ordered by falling id, in the terms of Mastodon's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Page {
    /// Only entries below this one.
    pub max_id: Option<i64>,
    /// Only entries above this one; the page holds the newest of them. Without effect beside `min_id`.
    pub since_id: Option<i64>,
    /// Only entries above this one; the page holds the oldest of them.
    pub min_id: Option<i64>,
    /// The most entries; at least 1.
    pub limit: usize,
}

impl Page {
    /// The newest `limit` entries.
    pub const fn newest(limit: usize) -> Self {
        Self {
            max_id: None,
            since_id: None,
            min_id: None,
            limit,
        }
    }

    /// The exclusive lower bound: `min_id`, next to which `since_id` counts for nothing.
    pub fn above(&self) -> i64 {
        self.min_id.or(self.since_id).unwrap_or(0)
    }

    /// The exclusive upper bound.
    pub fn below(&self) -> i64 {
        self.max_id.unwrap_or(i64::MAX)
    }

    /// Whether the entries nearest the lower bound are wanted, instead of the newest.
    pub fn from_oldest(&self) -> bool {
        self.min_id.is_some()
    }

    /// Whether an id lies within the bounds.
    pub fn contains(&self, id: i64) -> bool {
        id > self.above() && id < self.below()
    }
}

/// How often candidates are asked for one page before it is handed out as it is.
pub const ROUNDS_PER_PAGE_MAX: usize = 16;
/// The most candidates of one round.
pub const CANDIDATES_PER_ROUND_MAX: usize = 512;

/// A part of a list as its reader gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled<T> {
    /// The entries with their cursors, newest first.
    pub entries: Vec<(i64, T)>,
    /// Set when there may be older entries: those below this cursor.
    pub older_below: Option<i64>,
}

impl<T> Default for Filled<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            older_below: None,
        }
    }
}

impl<T> Filled<T> {
    /// The entries without their cursors.
    pub fn into_values(self) -> impl Iterator<Item = T> {
        self.entries.into_iter().map(|(_, value)| value)
    }
}

/// Puts a page together out of candidates, not all of which are for the reader: it says which candidates to ask for
/// next, until the page is full, nothing is left, or the bound on rounds is reached.
#[derive(Debug)]
pub struct Filling<T> {
    page: Page,
    /// The candidate's cursor up to which everything has been looked at.
    reach: i64,
    kept: Vec<(i64, T)>,
    is_exhausted: bool,
    rounds: u32,
}

impl<T> Filling<T> {
    /// Nothing is looked at yet.
    pub fn new(page: Page) -> Self {
        let reach = if page.from_oldest() {
            page.above()
        } else {
            page.below()
        };
        Self {
            page,
            reach,
            kept: Vec::new(),
            is_exhausted: false,
            rounds: 0,
        }
    }

    /// The candidates to ask for next, or `None` when it is time to [`Filling::finish`].
    pub fn next_round(&self) -> Option<Page> {
        // One more than wanted tells whether there is a further page.
        let is_full = self.kept.len() > self.page.limit;
        if is_full || self.is_exhausted || self.rounds as usize >= ROUNDS_PER_PAGE_MAX {
            return None;
        }
        let limit = (self.page.limit + 1)
            .saturating_mul(1 << self.rounds)
            .min(CANDIDATES_PER_ROUND_MAX);
        let (from_oldest, above, below) = if self.page.from_oldest() {
            (true, self.reach, self.page.below())
        } else {
            (false, self.page.above(), self.reach)
        };
        Some(Page {
            max_id: Some(below),
            since_id: (!from_oldest).then_some(above),
            min_id: from_oldest.then_some(above),
            limit,
        })
    }

    /// Takes in what a round gave: the cursors of all its candidates, and those that are for the reader.
    pub fn take(
        &mut self,
        asked: &Page,
        candidates: impl IntoIterator<Item = i64>,
        kept: impl IntoIterator<Item = (i64, T)>,
    ) {
        let mut count = 0;
        for cursor in candidates {
            count += 1;
            self.reach = if self.page.from_oldest() {
                self.reach.max(cursor)
            } else {
                self.reach.min(cursor)
            };
        }
        self.is_exhausted = count < asked.limit;
        self.rounds += 1;
        self.kept.extend(kept);
    }

    /// The page.
    pub fn finish(mut self) -> Filled<T> {
        let limit = self.page.limit;
        let found = self.kept.len();
        self.kept
            .sort_by_key(|(cursor, _)| std::cmp::Reverse(*cursor));
        let older_below = if self.page.from_oldest() {
            self.kept.drain(..found.saturating_sub(limit));
            // What lies below the lower bound was not looked at; a full page may be one of many.
            self.kept
                .last()
                .filter(|_| found >= limit)
                .map(|(cursor, _)| *cursor)
        } else if found > limit {
            self.kept.truncate(limit);
            self.kept.last().map(|(cursor, _)| *cursor)
        } else {
            (!self.is_exhausted).then_some(self.reach)
        };
        Filled {
            entries: self.kept,
            older_below,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_id_counts_for_nothing_beside_min_id() {
        let page = Page {
            since_id: Some(50),
            min_id: Some(10),
            ..Page::newest(5)
        };
        assert!(page.from_oldest() && page.contains(11) && !page.contains(10));
    }
    use proptest::prelude::*;

    /// Fills a page from a list of cursors (newest first) of which every one that `shown` accepts is for the reader.
    fn filled(list: &[i64], page: Page, shown: impl Fn(i64) -> bool) -> Filled<()> {
        let mut filling = Filling::new(page);
        while let Some(round) = filling.next_round() {
            let inside = list
                .iter()
                .copied()
                .filter(|cursor| round.contains(*cursor));
            let found: Vec<i64> = if round.from_oldest() {
                let all: Vec<i64> = inside.collect();
                all.into_iter().rev().take(round.limit).collect()
            } else {
                inside.take(round.limit).collect()
            };
            let kept: Vec<_> = found
                .iter()
                .filter(|cursor| shown(**cursor))
                .map(|cursor| (*cursor, ()))
                .collect();
            filling.take(&round, found.iter().copied(), kept);
        }
        filling.finish()
    }

    fn cursors(filled: &Filled<()>) -> Vec<i64> {
        filled.entries.iter().map(|(cursor, ())| *cursor).collect()
    }

    proptest! {
        #[test]
        fn pages_downwards_are_full_and_miss_nothing(count in 0_i64..400, every in 1_i64..40, limit in 1_usize..45) {
            let list: Vec<i64> = (1..=count).rev().collect();
            let shown = |cursor: i64| cursor % every == 0;
            let mut all = Vec::new();
            let mut page = Page::newest(limit);
            loop {
                let part = filled(&list, page, shown);
                all.extend(cursors(&part));
                let Some(below) = part.older_below else { break };
                prop_assert_eq!(part.entries.len(), limit, "a page that is not the last is full");
                page.max_id = Some(below);
            }
            let expected: Vec<i64> = list.iter().copied().filter(|cursor| shown(*cursor)).collect();
            prop_assert_eq!(all, expected);
        }

        #[test]
        fn pages_upwards_hold_the_oldest_above_the_bound(count in 0_i64..400, every in 1_i64..40, above in 0_i64..400, limit in 1_usize..45) {
            let list: Vec<i64> = (1..=count).rev().collect();
            let shown = |cursor: i64| cursor % every == 0;
            let page = Page { min_id: Some(above), ..Page::newest(limit) };
            let mut expected: Vec<i64> = (above + 1..=count).filter(|cursor| shown(*cursor)).take(limit).collect();
            expected.reverse();
            prop_assert_eq!(cursors(&filled(&list, page, shown)), expected);
        }

        #[test]
        fn since_id_gives_the_newest_and_stops_at_the_bound(count in 0_i64..200, since in 0_i64..200, limit in 1_usize..45) {
            let list: Vec<i64> = (1..=count).rev().collect();
            let page = Page { since_id: Some(since), ..Page::newest(limit) };
            let expected: Vec<i64> = (since + 1..=count).rev().take(limit).collect();
            prop_assert_eq!(cursors(&filled(&list, page, |_| true)), expected);
        }
    }

    #[test]
    fn a_list_that_is_hardly_for_the_reader_ends_at_the_bound_and_says_where() {
        let list: Vec<i64> = (1..=20_000).rev().collect();
        let part = filled(&list, Page::newest(20), |cursor| cursor == 1);
        assert!(part.entries.is_empty());
        let below = part.older_below.expect("there is more");
        assert!(below < 20_000 - 5_000 && below > 1);
    }

    #[test]
    fn the_last_page_says_that_it_is_the_last() {
        let list: Vec<i64> = (1..=40).rev().collect();
        let first = filled(&list, Page::newest(20), |_| true);
        assert_eq!(first.older_below, Some(21));
        let page = Page {
            max_id: Some(21),
            ..Page::newest(20)
        };
        assert_eq!(
            filled(&list, page, |_| true).older_below,
            None,
            "exactly full, and the end"
        );
    }
}
