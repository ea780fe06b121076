//! What is kept of panics that were caught: how many, and at which work the last one was. What it said is in the log alone, for a
//! panic may quote what somebody wrote.

use std::sync::{Mutex, PoisonError};

use crate::clock::Moment;

/// The panics at somebody's work.
#[derive(Debug, Default)]
pub struct Panics(Mutex<Option<Seen>>);

#[derive(Debug)]
struct Seen {
    count: u64,
    last_at: Moment,
    last_work: &'static str,
}

/// What is known of panics, when it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PanicFigures {
    /// How many were caught since the start.
    pub count: u64,
    /// The kind of message, query or unit that the last one was at.
    pub last_work: &'static str,
    /// How long ago that was, in seconds.
    pub last_seconds_ago: u64,
}

impl Panics {
    /// Work of this kind panicked just now.
    pub fn note(&self, work: &'static str) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = Some(Seen {
            count: seen.as_ref().map_or(0, |seen| seen.count).saturating_add(1),
            last_at: Moment::now(),
            last_work: work,
        });
    }

    /// What is known; nothing when there was none.
    pub fn read(&self) -> Option<PanicFigures> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.as_ref().map(|seen| PanicFigures {
            count: seen.count,
            last_work: seen.last_work,
            last_seconds_ago: seen.last_at.elapsed_nanos() / 1_000_000_000,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_is_told_and_all_are_counted() {
        let panics = Panics::default();
        assert_eq!(panics.read(), None);
        panics.note("PublishPost");
        panics.note("ReadHome");
        let told = panics.read().expect("there were two");
        assert_eq!((told.count, told.last_work), (2, "ReadHome"));
        assert!(told.last_seconds_ago < 60);
    }
}
