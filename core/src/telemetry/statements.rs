//! SQL statements while somebody watches them: how often each ran and how long it took. Without a watcher nothing is noted.
//!
//! A statement is told by its text as it was prepared, with placeholders: what it was run with is never seen here.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// The most statements told apart; kinglet has some three hundred. What comes after them is counted together.
pub const STATEMENTS_MAX: usize = 512;

/// What is noted of the statements of one instance.
#[derive(Debug, Default)]
pub struct Statements {
    watchers: AtomicUsize,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    statements: HashMap<String, Figures>,
    others: Figures,
}

#[derive(Debug, Default, Clone, Copy)]
struct Figures {
    count: u64,
    nanos: u64,
    slowest_nanos: u64,
    scans: bool,
    sorts: bool,
}

/// One run of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// How long it took.
    pub nanos: u64,
    /// Whether it read a table from end to end.
    pub scans: bool,
    /// Whether it sorted.
    pub sorts: bool,
}

/// What is known of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementFigures {
    /// Its text; none for those that were not told apart.
    pub sql: Option<String>,
    /// How often it ran.
    pub count: u64,
    /// How long in all, in microseconds.
    pub total_us: u64,
    /// The longest run, in microseconds.
    pub slowest_us: u64,
    /// Whether it read a table from end to end.
    pub scans: bool,
    /// Whether it sorted.
    pub sorts: bool,
}

impl Figures {
    fn add(&mut self, run: Run) {
        self.count += 1;
        self.nanos += run.nanos;
        self.slowest_nanos = self.slowest_nanos.max(run.nanos);
        self.scans |= run.scans;
        self.sorts |= run.sorts;
    }

    fn told(self, sql: Option<&str>) -> StatementFigures {
        StatementFigures {
            sql: sql.map(str::to_owned),
            count: self.count,
            total_us: self.nanos / 1000,
            slowest_us: self.slowest_nanos / 1000,
            scans: self.scans,
            sorts: self.sorts,
        }
    }
}

impl Statements {
    /// Whether somebody watches.
    pub fn are_watched(&self) -> bool {
        self.watchers.load(Ordering::Relaxed) > 0
    }

    /// Watches until the answer is dropped. Who begins while somebody watches already sees what that one saw as well.
    pub fn watch(self: &Arc<Self>) -> Watching {
        if self.watchers.fetch_add(1, Ordering::SeqCst) == 0 {
            *self.lock() = Seen::default();
        }
        Watching(Arc::clone(self))
    }

    /// Notes that a statement ran.
    pub fn note(&self, sql: &str, run: Run) {
        let mut seen = self.lock();
        if let Some(figures) = seen.statements.get_mut(sql) {
            figures.add(run);
        } else if seen.statements.len() < STATEMENTS_MAX {
            seen.statements.entry(sql.to_owned()).or_default().add(run);
        } else {
            seen.others.add(run);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        // Figures are added to, never left half done.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who watches.
#[derive(Debug)]
pub struct Watching(Arc<Statements>);

impl Watching {
    /// What was seen so far, that which took the longest in all first.
    pub fn read(&self) -> Vec<StatementFigures> {
        let seen = self.0.lock();
        let told = seen.statements.iter();
        let mut told: Vec<_> = told.map(|(sql, figures)| figures.told(Some(sql))).collect();
        if seen.others.count > 0 {
            told.push(seen.others.told(None));
        }
        told.sort_by(|one, other| {
            (other.total_us, other.count, &one.sql).cmp(&(one.total_us, one.count, &other.sql))
        });
        told
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.watchers.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Run = Run {
        nanos: 2_000,
        scans: false,
        sorts: false,
    };

    #[test]
    fn statements_are_added_up_and_the_heaviest_come_first() {
        let statements = Arc::new(Statements::default());
        assert!(!statements.are_watched());
        let watching = statements.watch();
        assert!(statements.are_watched());
        for _ in 0..3 {
            statements.note("a", QUICK);
        }
        let slow = Run {
            nanos: 9_000,
            scans: true,
            sorts: false,
        };
        statements.note("b", slow);
        let read = watching.read();
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].sql.as_deref(), Some("b"));
        assert!(read[0].scans && !read[0].sorts && !read[1].scans);
        assert_eq!(
            (read[1].count, read[1].total_us, read[1].slowest_us),
            (3, 6, 2)
        );
        drop(watching);
        assert!(!statements.are_watched());
        assert_eq!(statements.watch().read(), []);
    }

    #[test]
    fn who_joins_a_watcher_takes_nothing_from_it() {
        let statements = Arc::new(Statements::default());
        let first = statements.watch();
        statements.note("a", QUICK);
        drop(statements.watch());
        assert!(statements.are_watched());
        assert_eq!(first.read().len(), 1);
    }

    #[test]
    fn the_number_of_statements_is_bounded() {
        let statements = Arc::new(Statements::default());
        let watching = statements.watch();
        for number in 0..STATEMENTS_MAX + 10 {
            statements.note(&number.to_string(), QUICK);
        }
        let read = watching.read();
        assert_eq!(read.len(), STATEMENTS_MAX + 1);
        let others = read.iter().find(|figures| figures.sql.is_none());
        assert_eq!(others.map(|figures| figures.count), Some(10));
    }
}
