//! Removes, bit by bit, what deleted posts and accounts left behind.

use super::Progress;
use crate::actors::Actors;
use crate::actors::error::AskError;

/// Removes a part of the oldest purge.
///
/// # Errors
/// When the store can't be reached.
pub(super) async fn run_once(_: &Actors) -> Result<Progress, AskError> {
    Ok(Progress::Idle)
}
