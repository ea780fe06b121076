//! Ends sessions that nobody used for 30 days.

use crate::Actors;
use crate::error::AskError;
use crate::store::units::SweepSessions;

/// One round; whether more may be left.
///
/// # Errors
/// When the store can't be reached.
pub(super) async fn run_once(actors: &Actors) -> Result<bool, AskError> {
    actors.perform(SweepSessions).await
}
