//! Systems that can't be sampled.

use crate::{Samples, SamplingError};

/// A process that is being sampled, which none is.
pub struct Sampling(());

impl Sampling {
    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub fn begin(_frequency: u32) -> Result<Self, SamplingError> {
        Err(SamplingError::Unsupported)
    }

    /// Learns the names of the threads.
    pub fn look_at_threads(&mut self) {}

    /// What was seen.
    pub fn end(self) -> Samples {
        Samples::default()
    }
}
