//! What the writer notes of its units and commits.

use super::metrics::{Counter, Gauge, Histogram, INNER_TIME, SIZES};
use super::panics::Panics;
use super::trace::Trace;
use crate::clock::Moment;

/// How the log is copied into the database.
#[derive(Debug)]
pub struct CheckpointFigures {
    /// How many were made, and how long each took, in nanoseconds.
    pub time: Histogram,
    /// How many of them a reader held back.
    pub blocked: Counter,
}

impl Default for CheckpointFigures {
    fn default() -> Self {
        Self {
            time: Histogram::new(&INNER_TIME),
            blocked: Counter::default(),
        }
    }
}

/// The figures of the writer.
#[derive(Debug)]
pub struct WriterFigures {
    /// Units in the lane.
    pub waiting: Gauge,
    /// Units that found the lane full.
    pub turned_away: Counter,
    /// From the lane's end to the unit's turn, in nanoseconds.
    pub lane: Histogram,
    /// How long a unit took to apply, in nanoseconds.
    pub apply: Histogram,
    /// How long a commit took, in nanoseconds: SQLite writes the log and, unless told not to, waits for the disk in it.
    pub commit: Histogram,
    /// How many units a commit had.
    pub units_per_commit: Histogram,
    /// Units that stand.
    pub committed: Counter,
    /// Units that the rules forbade.
    pub refused: Counter,
    /// Units that failed.
    pub failed: Counter,
    /// Units that panicked; they are counted as failed as well.
    pub panics: Panics,
    /// Checkpoints that go as far as they can without waiting.
    pub passive: CheckpointFigures,
    /// Checkpoints that empty the log.
    pub truncating: CheckpointFigures,
}

impl Default for WriterFigures {
    fn default() -> Self {
        Self {
            waiting: Gauge::default(),
            turned_away: Counter::default(),
            lane: Histogram::new(&INNER_TIME),
            apply: Histogram::new(&INNER_TIME),
            commit: Histogram::new(&INNER_TIME),
            units_per_commit: Histogram::new(&SIZES),
            committed: Counter::default(),
            refused: Counter::default(),
            failed: Counter::default(),
            panics: Panics::default(),
            passive: CheckpointFigures::default(),
            truncating: CheckpointFigures::default(),
        }
    }
}

/// A unit on its way through the lane.
#[derive(Debug)]
pub struct Submission {
    /// When it was submitted.
    pub submitted: Moment,
    /// The request that it is for.
    pub trace: Option<Trace>,
    /// When its turn began and ended, the last one if it was applied again.
    pub applied: Option<(Moment, Moment)>,
}

impl Submission {
    /// A unit is submitted now, for the request that is worked for.
    pub fn now() -> Self {
        Self {
            submitted: Moment::now(),
            trace: Trace::current(),
            applied: None,
        }
    }
}
