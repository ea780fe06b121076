//! Takes a profile of this process.

use std::time::Duration;

use kinglet_sampler::{Sampling, SamplingError};
use tokio::time::{sleep, timeout};

use super::{FREQUENCY_MAX, Profile, SECONDS_MAX, Seen};

/// How often it is looked which threads there are.
const LOOK_AT_THREADS_EVERY: Duration = Duration::from_millis(200);

/// Looks at this process for so many seconds. Dropped before, it ends and leaves nothing behind.
///
/// # Errors
/// When somebody looks already, or the system doesn't let it.
pub async fn record(seconds: u32, frequency: u32) -> Result<Profile, SamplingError> {
    let seconds = seconds.clamp(1, SECONDS_MAX);
    let frequency = frequency.clamp(1, FREQUENCY_MAX);
    let mut sampling = Sampling::begin(frequency)?;
    let looking = async {
        loop {
            sleep(LOOK_AT_THREADS_EVERY).await;
            sampling.look_at_threads();
        }
    };
    // Ends by the time alone.
    drop(timeout(Duration::from_secs(seconds.into()), looking).await);
    let samples = tokio::task::spawn_blocking(|| sampling.end());
    // The task panics never, and is cancelled only with the whole process.
    let samples = samples.await.unwrap_or_default();
    let stacks = samples.stacks.into_iter().map(|stack| Seen {
        thread: stack.thread,
        functions: stack.functions,
        samples: stack.samples,
    });
    Ok(Profile::of(
        seconds,
        frequency,
        samples.lost,
        stacks.collect(),
    ))
}
