//! Overwrites what SQLite left of deleted rows, gives unused pages back, renews the planner's statistics, empties the
//! write-ahead log.

use crate::Actors;
use crate::clock::SharedClock;
use crate::error::AskError;
use crate::store::queries::residue::FindResidue;
use crate::store::units::{ScrubPages, TidyDatabase};

/// One round; whether more may be left.
///
/// # Errors
/// When the store can't be reached.
pub(super) async fn run_once(actors: &Actors, clock: &SharedClock) -> Result<bool, AskError> {
    // The log is emptied at the end, and with it what is overwritten is in the file.
    if let Some(residue) = actors.find(FindResidue { now: clock.now() }).await? {
        actors.perform(ScrubPages { residue }).await?;
        return Ok(true);
    }
    actors.perform(TidyDatabase).await
}
