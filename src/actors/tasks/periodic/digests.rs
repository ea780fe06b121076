//! Asks for the digests of everybody for whom something gathered.

use crate::Actors;
use crate::error::AskError;
use crate::ids::AccountId;
use crate::store::units::SendDigests;

/// Everybody at once: each step is bounded, and a digest that is asked for twice leaves once.
///
/// # Errors
/// When the store can't be reached.
pub(super) async fn run_once(actors: &Actors) -> Result<bool, AskError> {
    let mut after = AccountId(0);
    while let Some(last) = actors.perform(SendDigests { after }).await? {
        after = last;
    }
    Ok(false)
}
