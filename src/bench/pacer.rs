//! The beat of an open loop: a thread that says when each request is due.
//!
//! The timers of the asynchronous runtime have a grain of a millisecond, which is more than a fast answer takes; a thread
//! that sleeps by the kernel's own timer is [`GRAIN`] late at most, unless the machine has no core for it. Each request
//! is due by itself, not with the answers before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::BenchError;
use crate::clock::Moment;

/// What is due within this time is said at once, so that a high rate doesn't cost a wake-up for each request: the pacer shares
/// the machine with the server. Whoever is said late for that counts as waiting since it was due.
const GRAIN: Duration = Duration::from_micros(500);
/// The highest rate, in requests a second.
pub const RATE_MAX: f64 = 1_000_000.0;

/// When each of a number of requests is due: one after the other, as far apart as the rate says.
#[derive(Debug, Clone, Copy)]
pub struct Beat {
    /// When the first is due.
    pub begun: Moment,
    /// How many there are.
    pub count: u64,
    between_nanos: f64,
}

impl Beat {
    /// So many a second for so long, from now on.
    pub fn new(per_second: f64, time: Duration) -> Self {
        let per_second = per_second.clamp(f64::MIN_POSITIVE, RATE_MAX);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "neither the rate nor the time is negative, and both are bounded"
        )]
        let count = (per_second * time.as_secs_f64()).ceil() as u64;
        Self {
            begun: Moment::now(),
            count: count.max(1),
            between_nanos: 1e9 / per_second,
        }
    }

    /// When a request is due, in nanoseconds after the first.
    pub fn due(&self, number: u64) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is a time within the run"
        )]
        let due = (number as f64 * self.between_nanos) as u64;
        due
    }
}

/// The thread; it ends with this value.
#[derive(Debug)]
pub struct Pacer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Pacer {
    /// Adds a permit for each request when it is due, and after the last so many more that every connection ends.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(
        beat: Beat,
        permits: Arc<Semaphore>,
        connections: usize,
    ) -> Result<Self, BenchError> {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = thread::Builder::new().name("pacer".to_owned()).spawn({
            let stop = Arc::clone(&stop);
            move || {
                pace(beat, &permits, &stop);
                permits.add_permits(connections);
            }
        });
        Ok(Self {
            stop,
            thread: Some(thread.map_err(BenchError::io("can't start a thread"))?),
        })
    }
}

fn pace(beat: Beat, permits: &Semaphore, stop: &AtomicBool) {
    let mut said = 0;
    while said < beat.count && !stop.load(Ordering::Relaxed) {
        let past = beat.begun.elapsed_nanos();
        let mut due = 0;
        while said < beat.count && beat.due(said) <= past {
            said += 1;
            due += 1;
        }
        permits.add_permits(due);
        let next = Duration::from_nanos(beat.due(said).saturating_sub(past));
        thread::park_timeout(next.max(GRAIN));
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic there has told of itself.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_due_at_equal_distances() {
        let beat = Beat::new(1000.0, Duration::from_millis(2500));
        assert_eq!(beat.count, 2500);
        assert_eq!(
            [0, 1, 2000].map(|number| beat.due(number)),
            [0, 1_000_000, 2_000_000_000]
        );
        assert_eq!(Beat::new(0.5, Duration::from_secs(1)).count, 1);
    }

    #[tokio::test]
    async fn no_permit_comes_before_it_is_due_and_all_come() {
        let permits = Arc::new(Semaphore::new(0));
        let beat = Beat::new(2000.0, Duration::from_millis(100));
        let _pacer = Pacer::start(beat, Arc::clone(&permits), 3).expect("a thread");
        for number in 0..beat.count {
            permits.acquire().await.expect("it is open").forget();
            assert!(beat.begun.elapsed_nanos() >= beat.due(number), "{number}");
        }
        for _ in 0..3 {
            permits.acquire().await.expect("it is open").forget();
        }
        assert_eq!(permits.available_permits(), 0);
    }

    #[test]
    fn a_pacer_that_is_dropped_ends() {
        let permits = Arc::new(Semaphore::new(0));
        let beat = Beat::new(1.0, Duration::from_secs(3600));
        drop(Pacer::start(beat, permits, 1).expect("a thread"));
        assert!(beat.begun.elapsed_nanos() < 60_000_000_000);
    }
}
