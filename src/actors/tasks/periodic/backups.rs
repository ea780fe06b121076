//! Makes a backup, and restores one to see whether that works.

use crate::backups::Backups;
use crate::error::AskError;

/// One round: there is never more to do.
///
/// # Errors
/// Why there is no backup, or why it wasn't shipped.
pub(super) async fn run_once(backups: &Backups) -> Result<bool, AskError> {
    backups.run_scheduled().await?;
    Ok(false)
}

/// One round of the drill.
///
/// # Errors
/// Why the newest backup can't be restored.
pub(super) async fn try_once(backups: &Backups) -> Result<bool, AskError> {
    backups.run_drill().await?;
    Ok(false)
}
