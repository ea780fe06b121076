//! Removes, bit by bit, what deleted posts and accounts left behind.

use super::Progress;
use crate::actors::Actors;
use crate::actors::error::AskError;
use crate::store::queries::instance::IsPurgeWaiting;
use crate::store::units::PurgeSome;

/// Removes a part of the oldest purge.
///
/// # Errors
/// When the store can't be reached.
pub(super) async fn run_once(actors: &Actors) -> Result<Progress, AskError> {
    // An idle instance doesn't write to its disk.
    if !actors.find(IsPurgeWaiting).await? {
        return Ok(Progress::Idle);
    }
    match actors.perform(PurgeSome).await? {
        true => Ok(Progress::More),
        false => Ok(Progress::Idle),
    }
}
