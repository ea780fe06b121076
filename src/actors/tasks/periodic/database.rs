//! Gives unused pages back, renews the planner's statistics, empties the write-ahead log.

use crate::Actors;
use crate::error::AskError;
use crate::store::units::TidyDatabase;

/// One round; whether more may be left.
///
/// # Errors
/// When the store can't be reached.
pub(super) async fn run_once(actors: &Actors) -> Result<bool, AskError> {
    actors.perform(TidyDatabase).await
}
