//! How many records the log took, by level.
//!
//! The log belongs to the process, whatever runs in it, and so do these figures.

use std::sync::atomic::{AtomicU64, Ordering};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

const LEVELS: [(Level, &str); 5] = [
    (Level::ERROR, "error"),
    (Level::WARN, "warn"),
    (Level::INFO, "info"),
    (Level::DEBUG, "debug"),
    (Level::TRACE, "trace"),
];

static RECORDS: [AtomicU64; LEVELS.len()] = [const { AtomicU64::new(0) }; LEVELS.len()];

/// Counts the records that pass the log's filter.
#[derive(Debug, Clone, Copy)]
pub struct CountRecords;

impl<S: Subscriber> Layer<S> for CountRecords {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = event.metadata().level();
        let known = LEVELS.iter().zip(&RECORDS);
        for ((known, _), count) in known {
            if known == level {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// How many records of each level were written.
pub fn records() -> impl Iterator<Item = (&'static str, u64)> {
    let counts = RECORDS.iter().map(|count| count.load(Ordering::Relaxed));
    LEVELS.iter().map(|(_, name)| *name).zip(counts)
}
