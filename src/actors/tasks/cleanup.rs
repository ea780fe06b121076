//! Forgets what has expired: codes, links, sessions, retry keys, clients that nobody uses.
//!
//! Whether something has expired is asked wherever it is used; this only keeps the tables small.

use super::Progress;
use crate::actors::Actors;
use crate::actors::error::AskError;
use crate::store::units::SweepAccess;

/// Forgets a part of what has expired.
///
/// # Errors
/// When the store can't be reached.
pub(super) async fn run_once(actors: &Actors) -> Result<Progress, AskError> {
    match actors.perform(SweepAccess).await? {
        true => Ok(Progress::More),
        false => Ok(Progress::Idle),
    }
}
