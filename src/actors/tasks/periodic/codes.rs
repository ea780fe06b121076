//! Forgets expired codes of OAuth, expired links, archives that nobody can fetch any more, and uploads that are taken in, with
//! their files.

use crate::Actors;
use crate::archives::kept::{MAKING_TIME_MAX, Shelf};
use crate::config::Config;
use crate::error::AskError;
use crate::store::queries::archive::{ListArchiveFiles, ListArrivalFiles};
use crate::store::units::{SweepArchives, SweepCodes};

/// One round; whether more may be left.
///
/// # Errors
/// When the store can't be reached.
pub(super) async fn run_once(actors: &Actors, config: &Config) -> Result<bool, AskError> {
    let is_more = actors.perform(SweepCodes).await? | actors.perform(SweepArchives).await?;
    if is_more {
        return Ok(true);
    }
    let archives = actors.find(ListArchiveFiles).await?;
    let uploads = actors.find(ListArrivalFiles).await?;
    let data_dir = config.storage.data_dir.clone();
    let removing = tokio::task::spawn_blocking(move || {
        let archives = Shelf::Archives.remove_others(&data_dir, &archives, MAKING_TIME_MAX);
        let uploads = Shelf::Uploads.remove_others(&data_dir, &uploads, MAKING_TIME_MAX);
        archives.and(uploads)
    });
    match removing.await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            tracing::warn!(target: "kinglet::actors::tasks::periodic::codes", %error, "old archives can't be removed")
        }
        Err(error) => {
            tracing::error!(target: "kinglet::actors::tasks::periodic::codes", %error, "old archives can't be looked for")
        }
    }
    Ok(false)
}
