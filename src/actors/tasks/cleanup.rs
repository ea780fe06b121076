//! Forgets what has expired.

use super::Progress;
use crate::actors::Actors;
use crate::actors::error::AskError;
use crate::clock::SharedClock;

/// Forgets a part of what has expired.
///
/// # Errors
/// When the store can't be reached.
pub(super) async fn run_once(_: &Actors, _: &SharedClock) -> Result<Progress, AskError> {
    Ok(Progress::Idle)
}
