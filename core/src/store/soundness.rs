//! Whether the store can be written and read, as far as is known: what the writer and the readers met, and what a cheap look
//! at the disk says. It is told by `/health` and `/admin`, and decides whether the writer tries at all.
//!
//! What went wrong is logged when it begins and when it has passed, not with every unit that it costs.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::ErrorCode;
use tokio::sync::Notify;

use super::error::StoreError;
use super::open::wal_of;
use crate::clock::Moment;

/// The disk is looked at this often at most, however much is written and asked.
const LOOK_PAUSE: Duration = Duration::from_secs(1);
/// What can't be read is told of for so long after it was met last: nobody tries it again on purpose.
const READING_LASTS: Duration = Duration::from_secs(10);
/// A disk that had less than the reserve has to have so much more before anything is written again, as a part of the
/// reserve: or it would change its mind with every log that is emptied.
const RESERVE_MARGIN: u64 = 8;
const MIB: u64 = 1024 * 1024;

/// Why nothing can be written, or not everything be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The disk has less room than is to be left.
    Reserve,
    /// The disk is full.
    Full,
    /// The disk, or what stands between, failed.
    Broken,
    /// Nothing may be written there.
    ReadOnly,
    /// What is stored is damaged.
    Damaged,
    /// The files were moved, removed or replaced.
    Gone,
    /// Another program holds the database.
    Held,
    /// The machine has no memory left.
    Memory,
}

impl Trouble {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::Reserve,
        Self::Full,
        Self::Broken,
        Self::ReadOnly,
        Self::Damaged,
        Self::Gone,
        Self::Held,
        Self::Memory,
    ];

    /// What an error of the store says about the machine; `None` where it is a fault of the program.
    pub fn of(error: &StoreError) -> Option<Self> {
        let failure = match error {
            StoreError::Sqlite(rusqlite::Error::SqliteFailure(failure, _)) => failure,
            StoreError::File { source, .. } => return Some(Self::of_io(source)),
            StoreError::NoWriteAheadLog { .. } => return Some(Self::Broken),
            _ => return None,
        };
        Some(match failure.code {
            ErrorCode::DiskFull => Self::Full,
            ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::NoLargeFileSupport => Self::Broken,
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied => Self::ReadOnly,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Damaged,
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::OperationInterrupted => Self::Held,
            ErrorCode::OutOfMemory => Self::Memory,
            _ => return None,
        })
    }

    fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Self::ReadOnly,
            io::ErrorKind::NotFound => Self::Gone,
            io::ErrorKind::OutOfMemory => Self::Memory,
            _ => Self::Broken,
        }
    }

    /// What it is called in the log and in figures.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Full => "full",
            Self::Broken => "broken",
            Self::ReadOnly => "read-only",
            Self::Damaged => "damaged",
            Self::Gone => "gone",
            Self::Held => "held",
            Self::Memory => "memory",
        }
    }

    /// What is wrong, and what is to be done, for whoever looks after the instance. It names no path.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Reserve => {
                "the disk is nearly full: free some space, then it writes again by itself"
            }
            Self::Full => "the disk is full: free some space, then it writes again by itself",
            Self::Broken => {
                "the disk reports errors: look at the kernel's log; it writes again by itself when the disk does"
            }
            Self::ReadOnly => {
                "the data directory can't be written: mount it writable and let it belong to kinglet's user, then it writes again by itself"
            }
            Self::Damaged => {
                "the database is damaged: stop the server, run kinglet check, and bring back a backup"
            }
            Self::Gone => {
                "the data directory or the database in it was moved, removed or replaced: put it back, or restart the server on what is there now"
            }
            Self::Held => {
                "another program holds the database: end it, then it writes again by itself"
            }
            Self::Memory => {
                "the machine has no memory left: free some, then it writes again by itself"
            }
        }
    }

    /// Whether it passes only when the whole database was looked at: to write on would make it worse.
    const fn stays(self) -> bool {
        matches!(self, Self::Damaged)
    }
}

/// What there is room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// Whatever comes.
    Some,
    /// What may use the reserve.
    Reserve,
    /// Nothing, unless the database proves to be sound.
    Doubtful,
    /// Nothing.
    None,
}

/// A file, however it is called now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Inode {
    device: u64,
    number: u64,
}

impl Inode {
    fn of(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        Some(Self {
            device: found.dev(),
            number: found.ino(),
        })
    }
}

/// What is known.
#[derive(Debug, Default)]
struct Known {
    writing: Option<Trouble>,
    reading: Option<(Trouble, Moment)>,
    looked_at: Option<Moment>,
    /// The files that the writer has open.
    files: Option<[Inode; 2]>,
}

/// The soundness of one store; shared by its writer, its readers, and those who tell of it.
#[derive(Debug)]
pub struct Soundness {
    paths: [PathBuf; 2],
    directory: PathBuf,
    /// Bytes of the disk that are left free; 0 for none.
    reserve_bytes: AtomicU64,
    known: Mutex<Known>,
    is_in_trouble: AtomicBool,
    begins: Notify,
}

impl Soundness {
    /// Of a database and its log in a directory, of which nothing bad is known.
    pub(super) fn of(database: &Path, directory: &Path) -> Self {
        Self {
            paths: [database.to_owned(), wal_of(database)],
            directory: directory.to_owned(),
            reserve_bytes: AtomicU64::new(0),
            known: Mutex::default(),
            is_in_trouble: AtomicBool::new(false),
            begins: Notify::new(),
        }
    }

    /// Has nothing written any more when the disk has less room than this.
    pub fn reserve_mib(&self, mib: u64) {
        self.reserve_bytes
            .store(mib.saturating_mul(MIB), Ordering::Relaxed);
    }

    /// Why nothing can be written; `None` when as far as is known it can.
    pub fn writing(&self) -> Option<Trouble> {
        if !self.is_in_trouble.load(Ordering::Acquire) {
            return None;
        }
        self.known().writing
    }

    /// What couldn't be read a moment ago.
    pub fn reading(&self) -> Option<Trouble> {
        if !self.is_in_trouble.load(Ordering::Acquire) {
            return None;
        }
        let (trouble, at) = self.known().reading?;
        let is_fresh = Duration::from_nanos(at.elapsed_nanos()) < READING_LASTS;
        (is_fresh || trouble.stays()).then_some(trouble)
    }

    /// Whether the last look at the disk is a while ago.
    pub fn is_look_due(&self) -> bool {
        let last = self.known().looked_at;
        last.is_none_or(|at| Duration::from_nanos(at.elapsed_nanos()) >= LOOK_PAUSE)
    }

    /// Looks at the disk, unless that was done a moment ago, and tells why nothing can be written. Blocks for as long as the
    /// disk takes to tell its free space.
    pub fn look(&self) -> Option<Trouble> {
        if self.is_look_due() {
            self.look_now();
        }
        self.writing()
    }

    /// Ready when something went wrong, or at once when it has already.
    pub async fn goes_wrong(&self) {
        loop {
            let begins = self.begins.notified();
            if self.writing().is_some() {
                return;
            }
            begins.await;
        }
    }

    /// What an error at a write says, if it says something about the machine.
    pub(super) fn note_writing(&self, error: &StoreError) -> Option<Trouble> {
        let trouble = Trouble::of(error)?;
        self.begin(trouble, Some(error));
        Some(trouble)
    }

    /// What an error of a reader says, if it says something about the machine.
    pub fn note_reading(&self, error: &StoreError) -> Option<Trouble> {
        let trouble = Trouble::of(error)?;
        let mut known = self.known();
        let before = known.reading.replace((trouble, Moment::now()));
        self.is_in_trouble.store(true, Ordering::Release);
        let is_news = before.is_none_or(|(before, at)| {
            before != trouble || Duration::from_nanos(at.elapsed_nanos()) >= READING_LASTS
        });
        drop(known);
        if is_news {
            tracing::error!(
                target: "kinglet::store::soundness",
                trouble = trouble.name(),
                error = error as &dyn std::error::Error,
                advice = trouble.sentence(),
                "not everything can be read"
            );
        }
        if trouble.stays() {
            // Whoever finds it: what is damaged is not written to.
            self.begin(trouble, Some(error));
        }
        Some(trouble)
    }

    /// The writer has opened these files, and reads and writes nothing else.
    pub(super) fn opened(&self) {
        let [database, wal] = &self.paths;
        let files = Inode::of(database).zip(Inode::of(wal));
        self.known().files = files.map(|(database, wal)| [database, wal]);
    }

    /// Whether what the writer has open is what lies there: else it would be gone with the process.
    pub(super) fn is_in_place(&self) -> bool {
        let Some(files) = self.known().files else {
            return true;
        };
        let found = self.paths.iter().map(|path| Inode::of(path));
        found.eq(files.into_iter().map(Some))
    }

    /// The files are somewhere else.
    pub(super) fn is_gone(&self) {
        self.begin(Trouble::Gone, None);
    }

    /// The whole database was looked at, and isn't damaged: a disk that can't be read looks the same to SQLite now and then.
    pub(super) fn is_undamaged(&self) {
        let mut known = self.known();
        known.writing = known.writing.filter(|trouble| !trouble.stays());
        known.reading = known.reading.filter(|(trouble, _)| !trouble.stays());
        drop(known);
        tracing::info!(target: "kinglet::store::soundness", "the database is not damaged");
    }

    /// Something was written.
    pub(super) fn was_written(&self) {
        if !self.is_in_trouble.load(Ordering::Acquire) {
            return;
        }
        let mut known = self.known();
        let stays = match known.writing {
            // Somebody may have used the reserve.
            Some(Trouble::Reserve) => !self.has_room(true),
            trouble => trouble.is_some_and(Trouble::stays),
        };
        if stays {
            return;
        }
        let Some(passed) = known.writing.take() else {
            return;
        };
        if known.reading.is_none() {
            self.is_in_trouble.store(false, Ordering::Release);
        }
        drop(known);
        tracing::info!(target: "kinglet::store::soundness", trouble = passed.name(), "the store is written again");
    }

    /// What the writer should try. What passes by itself is tried again, as long as a look at the disk doesn't say that
    /// it is still so.
    pub(super) fn may_write(&self) -> Room {
        if !self.is_in_place() {
            self.is_gone();
            return Room::None;
        }
        match self.look() {
            Some(trouble) if trouble.stays() => Room::Doubtful,
            Some(Trouble::Reserve) if !self.has_room(true) => Room::Reserve,
            _ => Room::Some,
        }
    }

    fn look_now(&self) {
        self.known().looked_at = Some(Moment::now());
        if !self.is_in_place() {
            self.begin(Trouble::Gone, None);
        } else if !self.has_room(self.writing() == Some(Trouble::Reserve)) {
            self.begin(Trouble::Reserve, None);
        }
    }

    /// Whether the disk has room for so many bytes beside what is to be left. Blocks for as long as it takes to tell.
    pub fn has_room_for(&self, bytes: u64) -> bool {
        let reserve = self.reserve_bytes.load(Ordering::Relaxed);
        rustix::fs::statvfs(&self.directory).map_or(true, |space| {
            let free = space.f_bavail.saturating_mul(space.f_frsize);
            free >= reserve.saturating_add(bytes)
        })
    }

    /// Whether there is more room than is to be left; some more than that where it is to be again.
    fn has_room(&self, is_low: bool) -> bool {
        let reserve = self.reserve_bytes.load(Ordering::Relaxed);
        if reserve == 0 {
            return true;
        }
        let least = if is_low {
            reserve.saturating_add(reserve / RESERVE_MARGIN)
        } else {
            reserve
        };
        // A disk that doesn't tell is found out by writing.
        rustix::fs::statvfs(&self.directory).map_or(true, |space| {
            space.f_bavail.saturating_mul(space.f_frsize) >= least
        })
    }

    fn begin(&self, trouble: Trouble, error: Option<&StoreError>) {
        let mut known = self.known();
        if known.writing == Some(trouble) || known.writing.is_some_and(Trouble::stays) {
            return;
        }
        known.writing = Some(trouble);
        self.is_in_trouble.store(true, Ordering::Release);
        drop(known);
        tracing::error!(
            target: "kinglet::store::soundness",
            trouble = trouble.name(),
            error = error.map(|error| error as &dyn std::error::Error),
            advice = trouble.sentence(),
            "nothing can be written"
        );
        self.begins.notify_waiters();
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        // What is known is whole after every step.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
