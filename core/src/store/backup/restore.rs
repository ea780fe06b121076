//! A set becomes an instance again.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand::CryptoRng;

use super::deletions::{self, Deletion};
use super::set::{self, DATABASE_NAME, Manifest};
use super::verify::{require_no_log, require_sound, verify};
use super::{BackupError, file_error};
use crate::clock::SharedClock;
use crate::store::error::StoreError;
use crate::store::open::{DataDir, Synchronous, database_in, wal_of};
use crate::store::units::{Mend, MendPart, ReapplyDeletion, SetInstanceUrl};
use crate::store::upgrade;
use crate::store::writer::{Unit, WriteError, Writer, WriterThread};
use crate::telemetry::Telemetry;

/// Where a data directory is restored until it is whole; its name within that directory.
const WORKPLACE_NAME: &str = "restoring";

/// Where timelines are kept that were put together; its name within a data directory.
pub(super) const SNAPSHOTS_NAME: &str = crate::store::snapshots::DIRECTORY_NAME;

/// What becomes of a set.
pub struct RestorePlan {
    /// The set.
    pub set: PathBuf,
    /// Where the instance is made: a directory without one.
    pub data_dir: PathBuf,
    /// The public address that it has from now on; the remembered one where none is given.
    pub url: Option<String>,
    /// The old data directory: what was deleted there since the backup is deleted again.
    pub deletions_from: Option<PathBuf>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The set.
    pub manifest: Manifest,
    /// What was deleted again; none where nothing was looked for.
    pub reapplied: Option<Reapplied>,
}

/// Deletions that were done once more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reapplied {
    /// Posts and boosts.
    pub posts: usize,
    /// Accounts.
    pub accounts: usize,
    /// Sign-ups that were turned away or not confirmed in time.
    pub sign_ups: usize,
}

/// Makes an instance of a set, which is verified before. What it makes is checked as well, and only then takes its place; what
/// an attempt that was broken off left is removed. `rng` is as for [`WriterThread::open`].
///
/// # Errors
/// Why there is no instance; what was begun is removed.
pub fn restore(
    plan: &RestorePlan,
    clock: &SharedClock,
    rng: &mut impl CryptoRng,
) -> Result<Restored, BackupError> {
    let manifest = verify(&plan.set)?;
    let database = database_in(&plan.data_dir);
    let occupied = || BackupError::Occupied(plan.data_dir.clone());
    // Nothing is touched where there is something. A log without its database would be taken into the restored one.
    let is_occupied = || database.exists() || wal_of(&database).exists();
    if is_occupied() {
        return Err(occupied());
    }
    // Nobody may write to what deletions are looked up in, or more is deleted afterwards.
    let _newer = match &plan.deletions_from {
        Some(newer) if newer.exists() => Some(DataDir::own(newer)?),
        _ => None,
    };
    let data_dir = DataDir::own(&plan.data_dir)?;
    if is_occupied() {
        return Err(occupied());
    }
    // Made of commits that have the numbers of others now.
    super::forget_timelines(data_dir.path())?;
    let workplace = Workplace::make(data_dir.path())?;
    let made = database_in(&workplace.0);
    let (expected, found) = copy_database(&manifest, &plan.set, &made)?;
    if expected != found {
        return Err(BackupError::Damaged {
            path: plan.set.join(DATABASE_NAME),
            how: "it changed while it was copied",
        });
    }
    let reapplied = bring_up(plan, &workplace.0, &made, clock, rng)?;
    require_sound(&made)?;
    require_no_log(&made)?;
    super::sync(&made)?;
    fs::rename(&made, &database)
        .and_then(|()| set::sync_directory(data_dir.path()))
        .map_err(file_error("can't be put in place", &database))?;
    Ok(Restored {
        manifest,
        reapplied,
    })
}

/// Restores a set into a directory of its own, which is removed again: whether that would work.
///
/// # Errors
/// Why it wouldn't.
pub fn try_out(
    set: &Path,
    directory: &Path,
    clock: &SharedClock,
    rng: &mut impl CryptoRng,
) -> Result<Manifest, BackupError> {
    remove_if_there(directory)?;
    let plan = RestorePlan {
        set: set.to_owned(),
        data_dir: directory.to_owned(),
        url: None,
        deletions_from: None,
    };
    let restored = restore(&plan, clock, rng);
    remove_if_there(directory)?;
    Ok(restored?.manifest)
}

pub(super) fn remove_if_there(directory: &Path) -> Result<(), BackupError> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(file_error("can't be removed", directory)(error).into())
        }
        _ => Ok(()),
    }
}

/// The directory in which an instance is put together; gone with this.
struct Workplace(PathBuf);

impl Workplace {
    fn make(data_dir: &Path) -> Result<Self, BackupError> {
        let path = data_dir.join(WORKPLACE_NAME);
        remove_if_there(&path)?;
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(file_error("can't be made", &path))?;
        Ok(Self(path))
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        if let Err(error) = remove_if_there(&self.0) {
            tracing::warn!(target: "kinglet::store::backup", %error, "what a restore began can't be removed");
        }
    }
}

/// Copies the database; its hash as it should be and as it was.
fn copy_database(
    manifest: &Manifest,
    set: &Path,
    made: &Path,
) -> Result<(String, String), BackupError> {
    let expected = manifest
        .files
        .iter()
        .find(|file| file.name == DATABASE_NAME)
        .map(|file| file.sha256.clone())
        .unwrap_or_default();
    let mut file = set::new_file(made)?;
    let found = set::hashed(DATABASE_NAME, &set.join(DATABASE_NAME), Some(&mut file))?;
    file.sync_all()
        .map_err(file_error("can't be brought to the disk", made))?;
    Ok((expected, found.sha256))
}

/// Opens the copy as a server would, which brings it to this kinglet's schema, and does in it what is asked for.
fn bring_up(
    plan: &RestorePlan,
    workplace: &Path,
    made: &Path,
    clock: &SharedClock,
    rng: &mut impl CryptoRng,
) -> Result<Option<Reapplied>, BackupError> {
    // What was deleted is read before anything writes.
    let mut deletions = Vec::new();
    if let Some(newer) = &plan.deletions_from {
        deletions::each(made, &database_in(newer), &mut |deletion| {
            deletions.push(deletion);
            Ok(())
        })?;
    }
    // The set is the snapshot that a rewriting migration wants.
    upgrade::rewrite(made)?;
    let (thread, writer) = WriterThread::open(
        DataDir::own(workplace)?,
        Synchronous::Normal,
        Arc::clone(clock),
        rng,
        &Telemetry::disabled(),
    )?;
    let running = std::thread::Builder::new()
        .name("kinglet-restore".to_owned())
        .spawn(move || thread.run())
        .map_err(file_error("no thread can be started for", made))?;
    let applied = apply(plan, &deletions, &writer);
    drop(writer);
    if running.join().is_err() {
        return Err(StoreError::Panicked("the writer of the restored store".to_owned()).into());
    }
    let reapplied = applied?;
    Ok(plan.deletions_from.as_ref().map(|_| reapplied))
}

fn apply(
    plan: &RestorePlan,
    deletions: &[Deletion],
    writer: &Writer,
) -> Result<Reapplied, BackupError> {
    if let Some(url) = &plan.url {
        done(writer, SetInstanceUrl { url: url.clone() })?;
    }
    // Archives that members asked for are no part of a set.
    done(
        writer,
        MendPart {
            mend: Mend::EveryArchive,
            after: None,
        },
    )?;
    let mut reapplied = Reapplied::default();
    for deletion in deletions {
        let was_there = done(
            writer,
            ReapplyDeletion {
                deletion: deletion.clone(),
            },
        )?;
        match deletion {
            _ if !was_there => {}
            Deletion::Post(_) => reapplied.posts += 1,
            Deletion::Account(_) => reapplied.accounts += 1,
            Deletion::SignUp(_) => reapplied.sign_ups += 1,
            Deletion::Name { .. } => {}
        }
    }
    Ok(reapplied)
}

fn done<U: Unit>(writer: &Writer, unit: U) -> Result<U::Answer, BackupError> {
    let refused = |error: WriteError| BackupError::Refused(error.to_string());
    let waiting = writer.submit(unit).map_err(refused)?;
    waiting
        .blocking_recv()
        .map_err(|_| BackupError::Refused("it gave no answer".to_owned()))?
        .map_err(refused)
}
