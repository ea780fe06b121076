//! The newest entry of each account, so that a merge asks only authors that can be on the page.

use std::collections::HashMap;

use crate::domain::event::Event;
use crate::domain::relationship::Relations;
use crate::ids::{AccountId, PostId};
use crate::store::queries::home::KnownSources;
use crate::store::writer::EventBatch;

/// The most accounts whose newest entry is kept; with more, the store is asked each time.
pub(super) const ACCOUNTS_MAX: usize = 1_000_000;

/// What is known of them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Knowledge {
    /// Nothing.
    #[default]
    None,
    /// What came since it was asked for, for the time that this counts.
    Asked(u64),
    /// Everything.
    Whole,
    /// They are too many.
    TooMany,
}

/// The newest entry of each account that has one.
#[derive(Debug, Default)]
pub(super) struct Newest {
    knowledge: Knowledge,
    entries: HashMap<AccountId, PostId>,
    /// The newest of all; 0 for none.
    top: i64,
    /// How often it was asked for.
    asked: u64,
}

impl Newest {
    /// Whether it shall be loaded now: once, until it is lost. The number goes to [`Self::fill`] with what was loaded.
    pub(super) fn ask(&mut self) -> Option<u64> {
        if self.knowledge != Knowledge::None {
            return None;
        }
        self.asked += 1;
        self.knowledge = Knowledge::Asked(self.asked);
        Some(self.asked)
    }

    /// Takes in what was asked for; `None` when the accounts are too many.
    pub(super) fn fill(&mut self, asked: u64, loaded: Option<Vec<(AccountId, PostId)>>) {
        if self.knowledge != Knowledge::Asked(asked) {
            // It was lost meanwhile.
            return;
        }
        let Some(loaded) = loaded else {
            self.lose();
            self.knowledge = Knowledge::TooMany;
            return;
        };
        self.entries.reserve(loaded.len());
        for (account, entry) in loaded {
            self.note(account, entry);
        }
        self.knowledge = Knowledge::Whole;
    }

    /// It couldn't be loaded, or can't be trusted any longer.
    pub(super) fn lose(&mut self) {
        *self = Self {
            asked: self.asked,
            ..Self::default()
        };
    }

    /// Takes in a committed batch. What is deleted stays: no entry is newer all the same.
    pub(super) fn take_in(&mut self, batch: &EventBatch) {
        if matches!(self.knowledge, Knowledge::None | Knowledge::TooMany) {
            return;
        }
        for event in &batch.events {
            match event {
                Event::PostPublished { entry, .. } => self.note(entry.author, entry.id),
                Event::EntriesImported { author, newest, .. } => self.note(*author, *newest),
                // A deleted account is no source any more.
                Event::AccountVisibilityChanged(_) => return self.lose(),
                _ => {}
            }
        }
    }

    /// Whether [`Self::sources`] can tell.
    pub(super) fn is_whole(&self) -> bool {
        self.knowledge == Knowledge::Whole
    }

    /// What a home is made of; `None` when it isn't known.
    pub(super) fn sources(&self, reader: AccountId, relations: Relations) -> Option<KnownSources> {
        if self.knowledge != Knowledge::Whole {
            return None;
        }
        let sources = relations.follows.keys().copied().chain([reader]);
        let newest = sources
            .filter_map(|account| Some((account, *self.entries.get(&account)?)))
            .collect();
        Some(KnownSources {
            relations,
            newest,
            top: PostId(self.top),
        })
    }

    /// How many accounts are known.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How much memory they take, in bytes.
    pub(super) fn bytes(&self) -> usize {
        Self::bytes_of(self.entries.capacity())
    }

    /// How much memory a table with places for so many accounts takes, in bytes.
    pub(super) const fn bytes_of(places: usize) -> usize {
        // A byte more for each place of the table.
        places * (size_of::<(AccountId, PostId)>() + 1)
    }

    fn note(&mut self, account: AccountId, entry: PostId) {
        let newest = self.entries.entry(account).or_insert(entry);
        *newest = entry.max(*newest);
        self.top = self.top.max(entry.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WREN: AccountId = AccountId(1);

    fn newest(newest: &Newest) -> Option<Vec<(AccountId, PostId)>> {
        let sources = newest.sources(WREN, Relations::default());
        sources.map(|sources| sources.newest)
    }

    #[test]
    fn what_was_loaded_before_it_was_lost_is_not_believed() {
        let mut kept = Newest::default();
        let first = kept.ask().expect("nothing is known");
        assert_eq!(kept.ask(), None, "it is on its way");
        kept.take_in(&EventBatch {
            commit: 1,
            events: vec![Event::AccountVisibilityChanged(WREN)],
        });
        let second = kept.ask().expect("it was lost");
        kept.fill(first, Some(vec![(WREN, PostId(10))]));
        assert_eq!(newest(&kept), None);
        kept.fill(second, Some(vec![(WREN, PostId(20))]));
        assert_eq!(newest(&kept), Some(vec![(WREN, PostId(20))]));
        kept.lose();
        assert_eq!(newest(&kept), None);
        let third = kept.ask().expect("it was lost");
        kept.fill(third, None);
        assert_eq!((newest(&kept), kept.ask()), (None, None), "too many");
    }
}
