//! Writes the archives that members asked for, one at a time.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use tokio::sync::Semaphore;

use super::lane::chance;
use crate::Actors;
use crate::archives::ArchiveError;
use crate::archives::export::export_account;
use crate::archives::kept::Shelf;
use crate::clock::SharedClock;
use crate::config::{Config, InstanceUrl};
use crate::domain::job::LeasedJob;
use crate::error::AskError;
use crate::ids::AccountId;
use crate::randomness::Randomness;
use crate::store::open::database_in;
use crate::store::queries::archive::{FindArchive, FindArrival, ListArchiveFiles};
use crate::store::units::{
    BuryJob, FinishJob, ForgetArchive, KeepArchive, RetryJob, Setback, YieldJob,
};

/// How often an archive is tried.
const ATTEMPTS_MAX: i64 = 5;
/// How long the others wait before they look again whether it is their turn, in milliseconds.
const WAIT_MILLIS: i64 = 5_000;

/// Who writes them.
pub(super) struct Archivist {
    pub(super) actors: Actors,
    pub(super) config: Arc<Config>,
    pub(super) clock: SharedClock,
    pub(super) url: Arc<InstanceUrl>,
    pub(super) randomness: Randomness,
    /// Room for one: others have the disk to themselves, too.
    desk: Semaphore,
}

impl Archivist {
    pub(super) fn new(
        actors: Actors,
        config: Arc<Config>,
        clock: SharedClock,
        url: Arc<InstanceUrl>,
        randomness: Randomness,
    ) -> Self {
        Self {
            actors,
            config,
            clock,
            url,
            randomness,
            desk: Semaphore::new(1),
        }
    }

    /// Removes what a crash left half written, and what another one takes the place of: before it is at work nothing is in the
    /// making.
    pub(super) async fn clear_desk(&self) {
        let cleared = match self.actors.find(ListArchiveFiles).await {
            Ok(named) => {
                let data_dir = self.config.storage.data_dir.clone();
                let clear =
                    move || Shelf::Archives.remove_others(&data_dir, &named, Duration::ZERO);
                off_the_runtime(clear).await
            }
            Err(error) => Err(ArchiveError::Gone(error.to_string())),
        };
        if let Err(error) = cleared {
            tracing::warn!(target: "kinglet::actors::tasks::archivist", %error, "archives that nobody waits for can't be removed");
        }
    }

    /// Removes the archives of an account that is deleted: what it asked for and what it uploaded.
    pub(super) async fn forget(&self, account: AccountId) -> Result<(), AskError> {
        let kept = self.actors.find(FindArchive { account }).await?;
        let arriving = self.actors.find(FindArrival { account }).await?;
        if kept.is_none() && arriving.is_none() {
            return Ok(());
        }
        let made = kept.and_then(|kept| kept.made);
        let files = [
            (Shelf::Archives, made.map(|made| made.file)),
            (Shelf::Uploads, arriving.and_then(|arriving| arriving.file)),
        ];
        let data_dir = self.config.storage.data_dir.clone();
        let removing = off_the_runtime(move || {
            // One that can't be removed keeps no other.
            let removed = files.map(|(shelf, file)| match file {
                Some(file) => shelf.remove(&data_dir, &file),
                None => Ok(()),
            });
            removed.into_iter().collect::<std::io::Result<()>>()
        });
        if let Err(error) = removing.await {
            tracing::warn!(target: "kinglet::actors::tasks::archivist", %error, "the archive of a deleted account can't be removed");
            return Err(AskError::Unavailable);
        }
        self.actors.perform(ForgetArchive { account }).await
    }

    /// Writes an archive, and settles its job.
    pub(super) async fn work(&self, job: &LeasedJob, account: AccountId) -> Result<(), AskError> {
        let Ok(_seat) = self.desk.try_acquire() else {
            // However long the other one takes, this one hasn't failed.
            let wait = YieldJob {
                job: job.id,
                pause_millis: WAIT_MILLIS,
            };
            return self.actors.perform(wait).await;
        };
        let Err(error) = self.write_anew(account).await else {
            return self.actors.perform(FinishJob { job: job.id }).await;
        };
        let cause = std::error::Error::source(&error);
        let reason = match cause {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        };
        tracing::warn!(target: "kinglet::actors::tasks::archivist", job = %job.id, error = %reason, "an archive can't be written");
        if job.attempt >= ATTEMPTS_MAX {
            let bury = BuryJob {
                job: job.id,
                reason,
                bounced: None,
            };
            return self.actors.perform(bury).await;
        }
        let retry = RetryJob {
            job: job.id,
            setback: Setback::Deferred,
            reason,
            chance: chance(&self.randomness),
        };
        self.actors.perform(retry).await
    }

    /// Writes an archive at a desk that is cleared: the one before, or that of a deleted account, is gone in any case.
    async fn write_anew(&self, account: AccountId) -> Result<(), ArchiveError> {
        self.clear_desk().await;
        self.write(account).await
    }

    async fn write(&self, account: AccountId) -> Result<(), ArchiveError> {
        let gone = |error: AskError| ArchiveError::Gone(error.to_string());
        let found = self.actors.find(FindArchive { account }).await;
        // The account may be deleted, or this job done before.
        if found
            .map_err(gone)?
            .is_none_or(|found| found.made.is_some())
        {
            return Ok(());
        }
        let data_dir = self.config.storage.data_dir.clone();
        let mut bytes = [0; 16];
        self.randomness.rng().fill_bytes(&mut bytes);
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let file = format!("{digits}.zip");
        let path = Shelf::Archives.place_for(&data_dir, &file)?;
        let unkept = Unkept(Some(path.clone()));
        let written = self.export(account, data_dir, path).await?;
        let keep = KeepArchive {
            account,
            file,
            bytes: i64::try_from(written).unwrap_or(i64::MAX),
        };
        let named = keep.file.clone();
        match self.actors.perform(keep).await {
            Ok(true) => unkept.keep(),
            Ok(false) => {}
            Err(error @ (AskError::Refused(_) | AskError::Busy)) => return Err(gone(error)),
            // It may be kept all the same, or be seen to be later: then the next attempt finds nothing to do. If not, it clears the
            // desk.
            Err(error) => {
                unkept.keep();
                let found = self.actors.find(FindArchive { account }).await;
                let made = found.ok().flatten().and_then(|found| found.made);
                if made.is_none_or(|made| made.file != named) {
                    return Err(gone(error));
                }
            }
        }
        Ok(())
    }

    async fn export(
        &self,
        account: AccountId,
        data_dir: PathBuf,
        path: PathBuf,
    ) -> Result<u64, ArchiveError> {
        let url = (*self.url).clone();
        let now = self.clock.now();
        let work = move || {
            let database = database_in(&data_dir);
            let exported = export_account(&database, account, &url, &path, now)?;
            Ok::<_, ArchiveError>(exported.bytes)
        };
        off_the_runtime(work).await
    }
}

/// An archive that is being written; its file goes with this value, unless it is kept.
struct Unkept(Option<PathBuf>);

impl Unkept {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Unkept {
    fn drop(&mut self) {
        let Some(path) = self.0.take() else { return };
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(target: "kinglet::actors::tasks::archivist", %error, "archives that nobody waits for can't be removed");
            }
            _ => {}
        }
    }
}

/// Does what waits for the disk on a thread that may.
async fn off_the_runtime<T, E>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, ArchiveError>
where
    T: Send + 'static,
    E: Send + 'static,
    ArchiveError: From<E>,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(ArchiveError::Gone("the work broke off".to_owned())),
    }
}
