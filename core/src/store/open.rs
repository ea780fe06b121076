//! The data directory: who owns it, how its database is opened.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::StoreError;
use super::migrate;
use super::writer::{UNITS_PER_COMMIT_MAX, UNITS_WAITING_MAX};

/// The WAL is cut back to this after a checkpoint that restarts it, in bytes.
const WAL_JOURNAL_BYTES_MAX: i64 = 16 * 1024 * 1024;
/// What has to be written otherwise in the path of a URI.
const PATH_LETTERS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'.')
    .remove(b'-')
    .remove(b'_');
/// How long a connection waits for another to let go, which only a foreign tool's lock makes happen.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How much a commit waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synchronous {
    /// Every commit is on disk before it is answered.
    Full,
    /// A power cut may take the last moments; a crash of the process doesn't.
    Normal,
}

/// Who copies the write-ahead log into the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checkpoints {
    /// The writer, between commits.
    Own,
    /// Another program, which reads the log before it starts anew: a replicator such as Litestream.
    External {
        /// From here on, in bytes, the writer does it after all if that program is dead.
        wal_bytes_max: u64,
    },
}

/// What a connection keeps in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryUse {
    /// Pages of the database, in KiB.
    pub pages_kib: u32,
    /// Prepared statements; rusqlite's 16 would make hot paths prepare anew.
    pub statements: usize,
}

impl MemoryUse {
    /// The writing connection's, unless it is told otherwise.
    pub const WRITER: Self = Self {
        pages_kib: 8 * 1024,
        statements: 256,
    };
    /// A reading connection's, unless it is told otherwise.
    pub const READER: Self = Self {
        pages_kib: 2 * 1024,
        statements: 256,
    };

    fn bound(self, connection: &Connection) -> Result<(), StoreError> {
        connection.set_prepared_statement_cache_capacity(self.statements);
        connection.pragma_update(None, "cache_size", -i64::from(self.pages_kib))?;
        Ok(())
    }
}

/// How long the WAL gets, in bytes, and how long while very much is written at once.
pub const WAL_BYTES_MAX: u64 = 64 * 1024 * 1024;
const WAL_BYTES_MAX_IN_BULK: u64 = 16 * WAL_BYTES_MAX;

/// How the disk is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskUse {
    /// How much a commit waits for.
    pub synchronous: Synchronous,
    /// How long a commit waits for more while writes flow, at most.
    pub gather: Duration,
    /// After so many units the WAL is copied into the database between commits; then it starts anew by itself.
    pub units_per_checkpoint: usize,
    /// The most units in one transaction, which bounds how long the first of them waits for the last.
    pub units_per_commit: usize,
    /// At this size, in bytes, the writer waits for readers to let go of the WAL, so that it can start anew.
    pub wal_bytes_max: u64,
    /// Who does that.
    pub checkpoints: Checkpoints,
    /// Bytes of a page of a new database: each commit writes every page that it changes as a whole.
    pub page_bytes: i64,
    /// What is kept of it in memory.
    pub memory: MemoryUse,
}

impl DiskUse {
    /// Nobody waits longer than for the disk. A commit waits for the checkpoint before it, so those are short; with fewer units
    /// still, pages that change again and again are copied too often.
    #[must_use]
    pub const fn prompt(synchronous: Synchronous) -> Self {
        Self {
            synchronous,
            gather: Duration::ZERO,
            units_per_checkpoint: 200,
            units_per_commit: UNITS_PER_COMMIT_MAX,
            wal_bytes_max: WAL_BYTES_MAX,
            checkpoints: Checkpoints::Own,
            page_bytes: 4096,
            memory: MemoryUse::WRITER,
        }
    }

    /// As few bytes as possible are written; docs/edge.md has the figures.
    #[must_use]
    pub const fn sparing(synchronous: Synchronous) -> Self {
        Self {
            synchronous,
            gather: Duration::from_millis(200),
            units_per_checkpoint: 10_000,
            units_per_commit: UNITS_PER_COMMIT_MAX,
            wal_bytes_max: WAL_BYTES_MAX,
            checkpoints: Checkpoints::Own,
            page_bytes: 1024,
            memory: MemoryUse::WRITER,
        }
    }

    /// The same, while very much is written at once: pages that are changed again and again are written into the log and copied
    /// into the database seldom.
    #[must_use]
    pub const fn in_bulk(self) -> Self {
        Self {
            units_per_checkpoint: usize::MAX,
            units_per_commit: UNITS_WAITING_MAX,
            wal_bytes_max: WAL_BYTES_MAX_IN_BULK,
            ..self
        }
    }
}

impl From<Synchronous> for DiskUse {
    fn from(synchronous: Synchronous) -> Self {
        Self::prompt(synchronous)
    }
}

/// A data directory that this process owns until it is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// Held for its lock, which the kernel drops with the process however it dies.
    _lock: File,
}

impl DataDir {
    /// Makes the directory if need be (0700) and takes its lock.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process has it, [`StoreError::File`] when it can't be used.
    pub fn own(path: &Path) -> Result<Self, StoreError> {
        let file_error = |action, path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::File {
                action,
                path,
                source,
            }
        };
        let missing: Vec<&Path> = path.ancestors().take_while(|part| !part.exists()).collect();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(file_error("can't make the directory", path))?;
        // A new directory is on the disk when the one that names it is.
        for parent in missing.into_iter().filter_map(Path::parent) {
            let parent = match parent.as_os_str().is_empty() {
                true => Path::new("."),
                false => parent,
            };
            File::open(parent)
                .and_then(|parent| parent.sync_all())
                .or_else(|error| match error.kind() {
                    // Not every file system knows how.
                    ErrorKind::InvalidInput | ErrorKind::Unsupported => Ok(()),
                    _ => Err(error),
                })
                .map_err(file_error("can't keep the directory on the disk", parent))?;
        }
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).map_err(
            file_error("can't restrict the directory to its owner", path),
        )?;
        let lock_path = path.join("kinglet.lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .map_err(file_error("can't open the lock file", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(StoreError::File {
                action: "can't lock",
                path: lock_path,
                source,
            }),
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        database_in(&self.path)
    }
}

/// The database file of a data directory.
pub fn database_in(data_dir: &Path) -> PathBuf {
    data_dir.join("kinglet.db")
}

/// The write-ahead log beside a database.
pub fn wal_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// The index of the write-ahead log beside a database, on which those who use it hold their locks.
pub(super) fn index_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-shm");
    name.into()
}

/// What a restore, an import of an instance or a way back leaves in the data directory when it is killed: databases that never
/// took their place.
const UNFINISHED: [&str; 5] = [
    "restoring",
    "kinglet.db.returning",
    "kinglet.arriving",
    "kinglet.arriving-wal",
    "kinglet.arriving-shm",
];

/// Removes what was left unfinished: it holds what is deleted here.
pub(super) fn remove_unfinished(data_dir: &DataDir) -> Result<(), StoreError> {
    for name in UNFINISHED {
        let path = data_dir.path().join(name);
        let removed = match std::fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => std::fs::remove_dir_all(&path),
            Ok(_) => std::fs::remove_file(&path),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        removed.map_err(|source| StoreError::File {
            action: "can't remove what was left unfinished",
            path,
            source,
        })?;
    }
    Ok(())
}

/// Opens the one connection that writes, makes the file (0600) if need be, and migrates it.
pub(super) fn open_writer(database: &Path, disk_use: DiskUse) -> Result<Connection, StoreError> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(database)
        .map_err(|source| StoreError::File {
            action: "can't open the database",
            path: database.to_owned(),
            source,
        })?;
    let mut connection = Connection::open_with_flags(
        database,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    keep_statements(&connection)?;
    // Both take effect only in a file that has no table yet.
    connection.pragma_update(None, "page_size", disk_use.page_bytes)?;
    connection.pragma_update(None, "auto_vacuum", "incremental")?;
    let journal: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    // A file system without shared memory keeps the old mode and says so in the answer only.
    if journal != "wal" {
        return Err(StoreError::NoWriteAheadLog {
            path: database.to_owned(),
            journal,
        });
    }
    let level = match disk_use.synchronous {
        Synchronous::Full => "full",
        Synchronous::Normal => "normal",
    };
    connection.pragma_update(None, "synchronous", level)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    disk_use.memory.bound(&connection)?;
    // Where another program copies the log, its end still holds what that hasn't read when it starts anew.
    let log_bytes_kept = match disk_use.checkpoints {
        Checkpoints::Own => WAL_JOURNAL_BYTES_MAX,
        Checkpoints::External { .. } => -1,
    };
    connection.pragma_update(None, "journal_size_limit", log_bytes_kept)?;
    // The writer checkpoints by itself, off the commit path.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    // What another program hasn't read yet stays there when the last connection is closed.
    let leaves_log = disk_use.checkpoints != Checkpoints::Own;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, leaves_log)?;
    migrate::migrate(&mut connection)?;
    Ok(connection)
}

/// Has statements prepared once. SQLite would prepare many of them anew whenever a parameter changes, to find out whether
/// the new value wants another plan.
fn keep_statements(connection: &Connection) -> Result<(), StoreError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Opens a database that nobody writes to, for reading: it needs no right to write beside it, and takes no lock.
pub(super) fn open_still(database: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(
        uri(database, "immutable=1"),
        OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_URI,
    )?;
    keep_statements(&connection)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    MemoryUse::READER.bound(&connection)?;
    Ok(connection)
}

/// Attaches a database to a connection of [`open_still`], to be read beside its own.
pub(super) fn attach(
    connection: &Connection,
    database: &Path,
    name: &str,
) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute("ATTACH DATABASE ?1 AS ?2", (uri(database, "mode=ro"), name))?;
    Ok(())
}

/// A path as SQLite takes it together with a parameter.
fn uri(path: &Path, parameter: &str) -> String {
    let path = percent_encode(path.as_os_str().as_bytes(), PATH_LETTERS);
    format!("file:{path}?{parameter}")
}

/// Opens a connection that can only read.
pub(super) fn open_reader(database: &Path, memory: MemoryUse) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(
        database,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    keep_statements(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    memory.bound(&connection)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::testing::TestStore;

    #[test]
    fn what_was_left_unfinished_goes_with_the_next_opening_and_nothing_else_does() {
        let store = TestStore::open();
        let database = store.database();
        let data = database.parent().expect("a directory");
        for name in UNFINISHED {
            fs::write(data.join(name), "a deleted text").expect("it is written");
        }
        fs::remove_file(data.join("restoring")).expect("it is removed");
        fs::create_dir(data.join("restoring")).expect("it is made");
        fs::write(data.join("restoring/kinglet.db"), "a deleted text").expect("it is written");
        fs::write(data.join("kinglet.db.schema-6-commit-7"), "kept").expect("it is written");
        let store = store.reopen();
        assert_eq!(store.database(), database);
        for name in UNFINISHED {
            assert!(!data.join(name).exists(), "{name}");
        }
        assert!(data.join("kinglet.db.schema-6-commit-7").exists());
    }
}
