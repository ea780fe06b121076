//! What was deleted stands in the write-ahead log until that is emptied: whether it does, and who is told.

use std::sync::Arc;

use tokio::sync::watch;

/// Whether the log holds what was deleted. Clones tell of the same log.
#[derive(Debug, Clone)]
pub struct Leftovers(Arc<watch::Sender<bool>>);

impl Leftovers {
    pub(super) fn new(are_there: bool) -> Self {
        Self(Arc::new(watch::Sender::new(are_there)))
    }

    /// Is ready as soon as, or as long as, the log holds what was deleted.
    pub async fn come(&self) {
        let mut state = self.0.subscribe();
        // The sender lives as long as this.
        drop(state.wait_for(|are_there| *are_there).await);
    }

    /// Whether the log holds what was deleted.
    pub fn are_there(&self) -> bool {
        *self.0.borrow()
    }

    /// Notes that a commit deleted something, or that the log was emptied. A watch wakes nobody for what it was told before.
    pub(super) fn set(&self, are_there: bool) {
        self.0.send_if_modified(|state| {
            let is_new = *state != are_there;
            *state = are_there;
            is_new
        });
    }
}
