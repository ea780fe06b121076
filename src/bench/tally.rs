//! What a load came to: how long which answers took, and what wasn't answered.

use super::histogram::Histogram;
use super::mix::{KINDS, Kind};

/// What was answered to one or several connections.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Of each kind, how long those took that were done.
    pub took: [Histogram; KINDS],
    /// Of each kind, how many were answered otherwise.
    pub failed: [u64; KINDS],
    /// The first of those, for people.
    pub failure: Option<String>,
    /// Requests that should have been sent and never were, because the server was too far behind.
    pub unsent: u64,
    /// Connections that the server closed.
    pub reopened: u64,
    /// From the beginning to the last answer, in nanoseconds.
    pub nanos: u64,
}

impl Tally {
    /// Takes down an answer.
    pub fn record(&mut self, kind: Kind, nanos: u64, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => self.took[kind.place()].record(nanos),
            Err(failure) => {
                self.failed[kind.place()] += 1;
                self.failure.get_or_insert(failure);
            }
        }
    }

    /// Takes over all that another one knows.
    pub fn add(&mut self, other: Self) {
        for (mine, theirs) in self.took.iter_mut().zip(&other.took) {
            mine.add(theirs);
        }
        for (mine, theirs) in self.failed.iter_mut().zip(other.failed) {
            *mine += theirs;
        }
        if self.failure.is_none() {
            self.failure = other.failure;
        }
        self.unsent += other.unsent;
        self.reopened += other.reopened;
        self.nanos = self.nanos.max(other.nanos);
    }

    /// How many requests were done.
    pub fn done(&self) -> u64 {
        self.took.iter().map(Histogram::count).sum()
    }

    /// How many weren't.
    pub fn failed(&self) -> u64 {
        self.failed.iter().sum()
    }

    /// How many were done in a second.
    pub fn per_second(&self) -> f64 {
        self.done() as f64 / (self.nanos.max(1) as f64 / 1e9)
    }

    /// Of all kinds together.
    pub fn all(&self) -> Histogram {
        let mut all = Histogram::default();
        for took in &self.took {
            all.add(took);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_add_up() {
        let mut one = Tally {
            nanos: 2_000_000_000,
            ..Tally::default()
        };
        one.record(Kind::Home, 1000, Ok(()));
        one.record(Kind::Post, 5000, Err("503".to_owned()));
        let mut all = Tally::default();
        all.add(one.clone());
        one.record(Kind::Post, 9000, Ok(()));
        one.record(Kind::Post, 9000, Err("500".to_owned()));
        all.add(one);
        assert_eq!((all.done(), all.failed()), (3, 3));
        assert_eq!(all.failure.as_deref(), Some("503"));
        assert!((all.per_second() - 1.5).abs() < 1e-9);
        assert_eq!(all.all().count(), 3);
        assert!(all.all().nanos_at(1.0) >= 9000);
    }
}
