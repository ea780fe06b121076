//! What the writer notes of its units and commits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::metrics::{Counter, Gauge, Histogram, INNER_TIME, SIZES};
use super::panics::Panics;
use super::trace::Trace;
use crate::clock::Tick;

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

/// What tells a writer that is busy from one that hangs. It beats whether anything is measured or not.
#[derive(Debug)]
pub struct Pulse {
    begun: Tick,
    /// When the step at work began, in nanoseconds after `begun`; 0 while there is none.
    step: AtomicU64,
    has_committed_all: AtomicBool,
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            begun: Tick::now(),
            step: AtomicU64::new(0),
            has_committed_all: AtomicBool::new(false),
        }
    }
}

impl Pulse {
    /// The writer begins a step: a batch, a commit, a checkpoint.
    pub fn at_work(&self) {
        let now = self.begun.elapsed_nanos().max(1);
        self.step.store(now, Ordering::Relaxed);
    }

    /// The writer waits for something to do.
    pub fn at_rest(&self) {
        self.step.store(0, Ordering::Relaxed);
    }

    /// For how long the writer has been at its step; `None` when it waits for something to do.
    pub fn at_work_for(&self) -> Option<Duration> {
        match self.step.load(Ordering::Relaxed) {
            0 => None,
            step => Some(Duration::from_nanos(
                self.begun.elapsed_nanos().saturating_sub(step),
            )),
        }
    }

    /// Nobody can write any more, and all that was written stands.
    pub fn all_is_committed(&self) {
        self.has_committed_all.store(true, Ordering::Release);
    }

    /// Whether the writer has nothing left to do but its last checkpoint.
    pub fn has_committed_all(&self) -> bool {
        self.has_committed_all.load(Ordering::Acquire)
    }
}

/// The figures of the writer.
#[derive(Debug)]
pub struct WriterFigures {
    /// What it is at.
    pub pulse: Arc<Pulse>,
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
            pulse: Arc::default(),
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
    pub submitted: Tick,
    /// The request that it is for.
    pub trace: Option<Trace>,
    /// When its turn began and ended, the last one if it was applied again.
    pub applied: Option<(Tick, Tick)>,
}

impl Submission {
    /// A unit is submitted now, for the request that is worked for.
    pub fn now() -> Self {
        Self {
            submitted: Tick::now(),
            trace: Trace::current(),
            applied: None,
        }
    }
}
