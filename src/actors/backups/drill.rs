//! Drills: the newest set is restored to see whether it can be, before anybody has to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Backups, BackupsError, blocking, is_whole};
use crate::clock::Moment;
use crate::store::backup;

/// Where a set is restored; its name in the directory of sets.
const PLACE_NAME: &str = "restore-drill";
/// What came of the last one; its name in the directory of sets.
const REPORT_NAME: &str = "restore-drill.json";

/// What came of a drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillReport {
    /// The set.
    pub set: String,
    /// When it was restored, RFC 3339.
    pub at: String,
    /// How long that took, in milliseconds.
    pub took_millis: u64,
    /// Why it can't be restored.
    pub error: Option<String>,
}

/// The places of drills.
pub(super) struct Drill {
    place: PathBuf,
    report: PathBuf,
}

impl Drill {
    pub(super) fn in_directory(directory: &Path) -> Self {
        Self {
            place: directory.join(PLACE_NAME),
            report: directory.join(REPORT_NAME),
        }
    }

    /// What came of the last one, where that can be read.
    pub(super) fn last(&self) -> Option<DrillReport> {
        let text = fs::read(&self.report).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Writes down what came of one. A reader finds the old report or the new one.
    fn write(&self, report: &DrillReport) -> io::Result<()> {
        let new = self.report.with_extension("new");
        fs::write(&new, serde_json::to_vec_pretty(report)?)?;
        fs::rename(new, &self.report)
    }
}

impl Backups {
    /// Restores the newest set into a directory of its own, beside the sets, opens and checks it there, and removes it.
    ///
    /// # Errors
    /// Why it can't be restored.
    pub async fn run_drill(&self) -> Result<(), BackupsError> {
        let Some(directory) = self.config.backup.directory.clone() else {
            return Ok(());
        };
        let clock = Arc::clone(&self.clock);
        let mut rng = self.randomness.branch("restore drill").rng();
        blocking(move || {
            let sets = backup::list(&directory)?;
            let newest = sets.iter().find(|set| is_whole(set));
            let set = newest.ok_or(BackupsError::None)?;
            let drill = Drill::in_directory(&directory);
            let begun = Moment::now();
            let tried = backup::try_out(&set.path, &drill.place, &clock, &mut rng);
            let name = set.path.file_name().unwrap_or_default();
            let error = tried.err().map(BackupsError::Backup);
            let report = DrillReport {
                set: name.to_string_lossy().into_owned(),
                at: clock.now().to_string(),
                took_millis: begun.elapsed_nanos() / 1_000_000,
                error: error.as_ref().map(ToString::to_string),
            };
            if let Err(error) = drill.write(&report) {
                tracing::warn!(target: "kinglet::actors::backups::drill", %error, "what came of a restore drill can't be written down");
            }
            match error {
                Some(error) => Err(error),
                None => {
                    tracing::info!(
                        target: "kinglet::actors::backups::drill", set = report.set,
                        took_millis = report.took_millis,
                        "a backup was restored to try it out"
                    );
                    Ok(())
                }
            }
        })
        .await?
    }
}
