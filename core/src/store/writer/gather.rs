//! Gathering: where commits are dear, a batch waits a moment for more units while writes flow.

use std::time::Duration;

use tokio::runtime::{self, Runtime};
use tokio::time::timeout;

use super::WriterThread;
use super::lane::Pending;

/// Writes flow when the last commit is less than this ago.
pub(super) const FLOW: Duration = Duration::from_secs(1);
/// A batch with so many units is worth its commit: it waits for no more.
const UNITS_GATHERED_MAX: usize = 64;

impl WriterThread {
    /// What wakes the writer when it has gathered for long enough; none where it never does. It has to be made and dropped
    /// on the writer's own thread, for an asynchronous one may not drop it.
    pub(super) fn timer(&self) -> Option<Runtime> {
        if self.disk_use.gather.is_zero() {
            return None;
        }
        let timer = runtime::Builder::new_current_thread().enable_time().build();
        timer
            .inspect_err(|error| tracing::warn!(target: "kinglet::store::writer::gather", %error, "commits can't be gathered"))
            .ok()
    }

    /// Waits for more units, if another commit was just done and nobody stops the server: whoever writes alone never waits.
    pub(super) fn gather(&mut self, timer: &Runtime, batch: &mut Vec<Box<dyn Pending>>) {
        let flows = self
            .committed_at
            .is_some_and(|at| Duration::from_nanos(at.elapsed_nanos()) < FLOW);
        if !flows || self.hurries.is_on() {
            return;
        }
        let more = async {
            while batch.len() < UNITS_GATHERED_MAX
                && self.lane.recv_many(batch, UNITS_GATHERED_MAX).await > 0
            {}
        };
        // What came in time is in the batch, whether the time ran out or not.
        drop(timer.block_on(async { timeout(self.disk_use.gather, more).await }));
    }
}
