//! Forgets expired codes of OAuth, expired links, and archives that nobody can fetch any more, with their files.

use crate::Actors;
use crate::archives::kept;
use crate::config::Config;
use crate::error::AskError;
use crate::store::queries::archive::ListArchiveFiles;
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
    let named = actors.find(ListArchiveFiles).await?;
    let data_dir = config.storage.data_dir.clone();
    let removing = tokio::task::spawn_blocking(move || {
        kept::remove_others(&data_dir, &named, kept::MAKING_TIME_MAX)
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
