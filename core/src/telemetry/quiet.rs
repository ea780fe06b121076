//! Whether anybody wants something.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

/// Notices when it gets quiet. Without anybody who wants something nothing wakes.
#[derive(Debug)]
pub struct Quiet {
    stirred: AtomicBool,
    wake: Notify,
}

impl Default for Quiet {
    /// It isn't quiet yet.
    fn default() -> Self {
        Self {
            stirred: AtomicBool::new(true),
            wake: Notify::new(),
        }
    }
}

impl Quiet {
    /// Somebody wants something.
    pub fn stir(&self) {
        // Mostly somebody else did before, and then this only looks.
        if !self.stirred.load(Ordering::Relaxed) && !self.stirred.swap(true, Ordering::Relaxed) {
            self.wake.notify_one();
        }
    }

    /// Waits until it gets quiet once more: nobody stirred for as long as `lull`, and somebody did since the last time. It is
    /// told at the latest after twice that time.
    pub async fn falls(&self, lull: Duration) {
        loop {
            let mut was_stirred = false;
            while self.stirred.swap(false, Ordering::Relaxed) {
                was_stirred = true;
                sleep(lull).await;
            }
            if was_stirred {
                return;
            }
            self.wake.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    use super::*;

    const LULL: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn it_gets_quiet_once_each_time_that_somebody_stirred() {
        let quiet = Quiet::default();
        quiet.falls(LULL).await;
        quiet.stir();
        quiet.stir();
        quiet.falls(LULL).await;
        let mut again = pin!(quiet.falls(LULL));
        let is_over = poll_fn(|task| Poll::Ready(again.as_mut().poll(task).is_ready()));
        assert!(!is_over.await, "nobody stirred");
        quiet.stir();
        again.await;
    }
}
