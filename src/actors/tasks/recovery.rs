//! Writing again by itself: while the store can't be written, it is tried now and then.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::wakes::WakeUps;
use crate::Actors;
use crate::store::soundness::Soundness;
use crate::store::units::TryWriting;

/// How long after a try the next one is, at first and at most.
const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Tries to write while that isn't possible, and rests as long as all is well.
pub(super) async fn run(actors: Actors, soundness: Arc<Soundness>, wakes: WakeUps) {
    loop {
        soundness.goes_wrong().await;
        let mut pause = PAUSE_MIN;
        while soundness.writing().is_some() {
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
            // Whether it works is what the writer says of it then.
            drop(actors.perform(TryWriting).await);
        }
        // What couldn't be done meanwhile is tried again now.
        wakes.ring_all();
    }
}
