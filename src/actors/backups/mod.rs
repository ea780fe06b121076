//! Backups of an open instance: made when somebody asks or by the clock, shipped, kept for a while, tried out.

mod drill;
mod scheduled;
mod ship;

use std::path::PathBuf;
use std::sync::Arc;

use self::drill::Drill;
use crate::Actors;
use crate::clock::SharedClock;
use crate::config::Config;
use crate::error::AskError;
use crate::randomness::Randomness;
use crate::store::backup::{
    self, BackupError, ListedSet, Manifest, Plan, SETTINGS_NAME, SetState, are_on_same_disk,
};
use crate::store::error::StoreError;
use crate::store::open::database_in;
use crate::store::units::EmptyLog;
use crate::store::writer::LongReads;

pub use self::drill::DrillReport;

const MIB: u64 = 1024 * 1024;

/// Why a backup wasn't made, shipped or tried out.
#[derive(Debug, thiserror::Error)]
pub enum BackupsError {
    /// It wasn't made, or can't be used.
    #[error("{}", with_causes(.0))]
    Backup(#[from] BackupError),
    /// The command that ships sets failed.
    #[error("backup.after_command {0}; the backup itself is whole")]
    Ship(String),
    /// There is nothing to try out.
    #[error("there is no backup in backup.directory that could be restored")]
    None,
    /// A fault of the program.
    #[error("the work broke off; the log says why")]
    BrokeOff,
}

impl From<StoreError> for BackupsError {
    fn from(error: StoreError) -> Self {
        Self::Backup(error.into())
    }
}

impl From<BackupsError> for AskError {
    fn from(error: BackupsError) -> Self {
        Self::Internal(error.to_string())
    }
}

fn with_causes(error: &BackupError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// What backups of an instance are made with. Clones are the same.
#[derive(Clone)]
pub struct Backups {
    /// Who is asked for a checkpoint afterwards.
    pub actors: Actors,
    /// The settings.
    pub config: Arc<Config>,
    /// The file they come from, where there is one.
    pub settings_file: Option<Arc<PathBuf>>,
    /// Everything that is stored.
    pub data_dir: Arc<PathBuf>,
    /// The time.
    pub clock: SharedClock,
    /// Random numbers.
    pub randomness: Randomness,
    /// Where the writer learns that its log is held.
    pub long_reads: LongReads,
}

/// How scheduled backups stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupsReport {
    /// Where they are made.
    pub directory: PathBuf,
    /// Whether that is the disk of the data.
    pub same_disk: bool,
    /// Whether finished ones are shipped.
    pub are_shipped: bool,
    /// The sets, the newest first.
    pub sets: Vec<ListedSet>,
    /// How the last drill went.
    pub drill: Option<DrillReport>,
}

impl Backups {
    /// How a set is made there.
    pub fn plan(&self, directory: PathBuf) -> Plan {
        Plan {
            database: database_in(&self.data_dir),
            directory,
            settings: self.settings_file.as_ref().map(|file| file.to_path_buf()),
            wal_bytes_max: self.config.backup.wal_max_mib.saturating_mul(MIB),
            long_reads: self.long_reads.clone(),
            is_still: false,
            now: self.clock.now(),
        }
    }

    /// Makes a backup in a directory of its own.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn make(&self, directory: PathBuf) -> Result<Manifest, BackupsError> {
        let plan = self.plan(directory.clone());
        let made = blocking(move || backup::back_up(&plan)).await?;
        // The log could not start anew meanwhile.
        if let Err(error) = self.actors.perform(EmptyLog).await {
            tracing::warn!(target: "kinglet::actors::backups", %error, "the write-ahead log can't be emptied after a backup");
        }
        let manifest = made?;
        let directory = directory.display();
        let (bytes, commit) = (manifest.bytes(), manifest.commit);
        tracing::info!(target: "kinglet::actors::backups", %directory, bytes, commit, "a backup was made");
        if manifest.same_disk {
            tracing::warn!(target: "kinglet::actors::backups", %directory, "the backup lies on the same disk as the data: what breaks the disk takes both");
        }
        Ok(manifest)
    }

    /// How scheduled backups stand; none where none are made.
    ///
    /// # Errors
    /// When the directory can't be read.
    pub async fn report(&self) -> Result<Option<BackupsReport>, BackupsError> {
        let Some(directory) = self.config.backup.directory.clone() else {
            return Ok(None);
        };
        let are_shipped = !self.config.backup.after_command.is_empty();
        let data_dir = Arc::clone(&self.data_dir);
        blocking(move || {
            Ok(Some(BackupsReport {
                same_disk: are_on_same_disk(&data_dir, &directory).unwrap_or(false),
                are_shipped,
                sets: backup::list(&directory)?,
                drill: Drill::in_directory(&directory).last(),
                directory,
            }))
        })
        .await?
    }
}

/// Which settings a set brings along, for whoever restores it.
pub fn settings_of(manifest: &Manifest) -> Option<&'static str> {
    let mut files = manifest.files.iter();
    files
        .any(|file| file.name == SETTINGS_NAME)
        .then_some(SETTINGS_NAME)
}

fn is_whole(set: &ListedSet) -> bool {
    matches!(set.state, SetState::Whole { .. })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, BackupsError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| BackupsError::BrokeOff)
}
