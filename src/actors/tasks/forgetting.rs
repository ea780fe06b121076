//! Forgetting: what was deleted leaves the write-ahead log soon, by one checkpoint for all that was deleted meanwhile.

use std::time::Duration;

use tokio::time::sleep;

use crate::Actors;
use crate::store::units::EmptyLog;
use crate::store::writer::Leftovers;

/// Has the log emptied `pause` after a deletion, and rests as long as nothing is deleted. Somebody who reads one snapshot for
/// long, such as a backup, holds the log: then it is tried again after another pause.
pub(super) async fn run(actors: Actors, leftovers: Leftovers, pause: Duration) {
    loop {
        leftovers.come().await;
        sleep(pause).await;
        // Whether it worked is what the writer says of its log then; what went wrong it has logged.
        drop(actors.perform(EmptyLog).await);
    }
}
