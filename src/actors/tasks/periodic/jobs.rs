//! Gives up jobs that are too late, forgets those that have been dead for 14 days, and digest lines of a week ago.

use crate::Actors;
use crate::error::AskError;
use crate::store::units::{SweepDigestItems, SweepJobs};

/// One round; whether more may be left.
///
/// # Errors
/// When the store can't be reached.
pub(super) async fn run_once(actors: &Actors) -> Result<bool, AskError> {
    let jobs = actors.perform(SweepJobs).await?;
    let items = actors.perform(SweepDigestItems).await?;
    Ok(jobs || items)
}
