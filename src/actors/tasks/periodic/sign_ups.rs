//! Forgets sign-ups whose mail address was not confirmed within 7 days.

use crate::Actors;
use crate::error::AskError;
use crate::store::units::SweepSignUps;

/// One round; whether more may be left.
///
/// # Errors
/// When the store can't be reached.
pub(super) async fn run_once(actors: &Actors) -> Result<bool, AskError> {
    actors.perform(SweepSignUps).await
}
