//! Forgets the keys of retries after an hour.

use crate::Actors;
use crate::error::AskError;
use crate::store::units::SweepIdempotencyKeys;

/// One round; whether more may be left.
///
/// # Errors
/// When the store can't be reached.
pub(super) async fn run_once(actors: &Actors) -> Result<bool, AskError> {
    actors.perform(SweepIdempotencyKeys).await
}
