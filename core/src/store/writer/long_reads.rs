//! Long reads: somebody copies one snapshot of the database, which holds the write-ahead log meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Where long reads are announced, so that the writer doesn't wait for them. Clones are the same place.
#[derive(Debug, Clone, Default)]
pub struct LongReads(Arc<Reads>);

#[derive(Debug, Default)]
struct Reads {
    held: AtomicUsize,
    unwanted: AtomicBool,
}

impl LongReads {
    /// Announces a long read; it is over when this is dropped.
    #[must_use]
    pub fn begin(&self) -> LongRead {
        self.0.held.fetch_add(1, Ordering::SeqCst);
        LongRead(Arc::clone(&self.0))
    }

    /// Asks every long read to end soon, for good: the instance stops.
    pub fn end(&self) {
        self.0.unwanted.store(true, Ordering::SeqCst);
    }

    /// Whether somebody reads.
    pub(super) fn are_held(&self) -> bool {
        self.0.held.load(Ordering::SeqCst) > 0
    }
}

/// A long read that goes on.
#[derive(Debug)]
pub struct LongRead(Arc<Reads>);

impl LongRead {
    /// Whether it should end now.
    pub fn is_unwanted(&self) -> bool {
        self.0.unwanted.load(Ordering::SeqCst)
    }
}

impl Drop for LongRead {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::SeqCst);
    }
}
