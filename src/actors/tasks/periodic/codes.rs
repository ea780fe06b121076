//! Forgets expired codes of OAuth and expired links.

use crate::Actors;
use crate::error::AskError;
use crate::store::units::SweepCodes;

/// One round; whether more may be left.
///
/// # Errors
/// When the store can't be reached.
pub(super) async fn run_once(actors: &Actors) -> Result<bool, AskError> {
    actors.perform(SweepCodes).await
}
