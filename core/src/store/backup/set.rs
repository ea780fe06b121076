//! A set: the directory of a backup, from the moment it is begun until it is removed.
//!
//! A set that is being made, or removed, has the file [`MARKER_NAME`] in it, locked by whoever works on it. One with the file
//! and without the lock was left by a crash: the next backup removes it. So a set is whole when it has a manifest and no
//! marker, and nothing else is.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{BackupError, file_error};
use crate::clock::Timestamp;
use crate::store::error::StoreError;

/// The database's name within a set.
pub const DATABASE_NAME: &str = "kinglet.db";
/// The settings' name within a set.
pub const SETTINGS_NAME: &str = "config.toml";
/// The manifest's name within a set.
pub const MANIFEST_NAME: &str = "manifest.json";
/// What says that a set isn't whole.
pub const MARKER_NAME: &str = "unfinished";
/// What says that `backup.after_command` has done its work with a set.
pub const SHIPPED_NAME: &str = "shipped";
/// What the names of scheduled sets begin with; then comes when they were made, in UTC.
pub const SET_PREFIX: &str = "kinglet-";
/// The most sets of a directory that are looked at.
pub const SETS_MAX: usize = 10_000;
/// The version of the manifest.
pub(super) const FORMAT: u32 = 1;
/// The largest manifest that is read, in bytes.
const MANIFEST_BYTES_MAX: u64 = 1024 * 1024;
/// How much of a file is hashed at a time, in bytes.
const CHUNK_BYTES: usize = 256 * 1024;

/// Everything that kinglet and SQLite ever put into a set, but the marker.
const NAMES: &[&str] = &[
    MANIFEST_NAME,
    DATABASE_NAME,
    "kinglet.db-journal",
    "kinglet.db-shm",
    "kinglet.db-wal",
    SETTINGS_NAME,
    SHIPPED_NAME,
];

/// What a backup is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this manifest.
    pub format: u32,
    /// The kinglet that made it.
    pub kinglet: String,
    /// When it was made, RFC 3339.
    pub made_at: String,
    /// The schema of the database.
    pub schema: i64,
    /// The newest commit in it.
    pub commit: i64,
    /// Which store it is a copy of.
    pub identity: String,
    /// The public address that the instance remembered.
    #[serde(default)]
    pub url: Option<String>,
    /// Whether it was made on the disk that the data lies on.
    #[serde(default)]
    pub same_disk: bool,
    /// What belongs to it.
    pub files: Vec<ManifestFile>,
    /// What belongs to the instance and isn't part of it.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
}

impl Manifest {
    /// The bytes of all files together.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// When it was made.
    pub fn made(&self) -> Option<Timestamp> {
        let made: jiff::Timestamp = self.made_at.parse().ok()?;
        Some(Timestamp::from_millis(made.as_millisecond()))
    }
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Its name within the backup.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal digits.
    pub sha256: String,
}

/// Something of the instance that no backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// What.
    pub name: String,
    /// Why nothing is lost by that, or who has to see to it.
    pub why: String,
}

/// A set that is being made: removed when it is dropped before it is finished.
pub(super) struct Draft {
    directory: PathBuf,
    is_new: bool,
    is_finished: bool,
    /// Held for its lock.
    _marker: File,
}

impl Draft {
    /// Makes the directory, or takes one that is empty or has nothing but what a crash left of a set.
    pub(super) fn begin(directory: &Path) -> Result<Self, BackupError> {
        let is_new = match DirBuilder::new().mode(0o700).create(directory) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(file_error("can't be made", directory)(error).into()),
        };
        if !is_new && !directory.join(MARKER_NAME).exists() && !is_empty(directory)? {
            return Err(BackupError::NotEmpty(directory.to_owned()));
        }
        let marker = mark(directory)?;
        if !is_new {
            let names = remove_files(directory).and_then(|()| names_in(directory));
            let mut names = names.map_err(file_error("can't be emptied", directory))?;
            names.retain(|name| name != MARKER_NAME);
            if !names.is_empty() {
                return Err(BackupError::NotEmpty(directory.to_owned()));
            }
        }
        Ok(Self {
            directory: directory.to_owned(),
            is_new,
            is_finished: false,
            _marker: marker,
        })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Makes a file of the set, for its owner alone.
    pub(super) fn new_file(&self, name: &str) -> Result<(PathBuf, File), StoreError> {
        let path = self.directory.join(name);
        let file = new_file(&path)?;
        Ok((path, file))
    }

    /// Writes the manifest: from then on it is a set.
    pub(super) fn finish(mut self, manifest: &Manifest) -> Result<(), StoreError> {
        let mut text =
            serde_json::to_string_pretty(manifest).expect("a manifest is texts and numbers");
        text.push('\n');
        let (path, mut file) = self.new_file(MANIFEST_NAME)?;
        let marker = self.directory.join(MARKER_NAME);
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| sync_directory(&self.directory))
            .and_then(|()| fs::remove_file(&marker))
            .and_then(|()| sync_directory(&self.directory))
            .map_err(file_error("can't be written", &path))?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        let removed = remove_files(&self.directory).and_then(|()| {
            fs::remove_file(self.directory.join(MARKER_NAME))?;
            if self.is_new {
                fs::remove_dir(&self.directory)?;
            }
            Ok(())
        });
        if let Err(error) = removed {
            let directory = self.directory.display();
            tracing::warn!(target: "kinglet::store::backup", %error, %directory, "an unfinished backup can't be removed");
        }
    }
}

/// Where a set stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetState {
    /// It is whole, as far as can be told without reading all of it.
    Whole {
        /// What it is.
        manifest: Box<Manifest>,
        /// Whether it was shipped.
        is_shipped: bool,
    },
    /// Somebody works on it, or a crash left it.
    Unfinished,
    /// It has no manifest that can be understood.
    Unreadable,
}

/// A set of a directory of sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSet {
    /// Its directory.
    pub path: PathBuf,
    /// Where it stands.
    pub state: SetState,
}

/// What a set that is made now is called.
pub fn name_at(now: Timestamp) -> String {
    let zoned = now.in_zone(jiff::tz::TimeZone::UTC);
    format!("{SET_PREFIX}{}", zoned.strftime("%Y%m%dT%H%M%SZ"))
}

/// The sets in a directory, the newest first; none where there is no such directory.
///
/// # Errors
/// When it can't be read.
pub fn list(directory: &Path) -> Result<Vec<ListedSet>, StoreError> {
    let names = match names_in(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        names => names.map_err(file_error("can't be read", directory))?,
    };
    let mut names: Vec<_> = names
        .into_iter()
        .filter(|name| name.starts_with(SET_PREFIX))
        .collect();
    // The names tell the times.
    names.sort_unstable_by(|one, other| other.cmp(one));
    names.truncate(SETS_MAX);
    let sets = names.into_iter().map(|name| {
        let path = directory.join(name);
        let state = look_at(&path);
        ListedSet { path, state }
    });
    Ok(sets.collect())
}

/// Where a set stands.
pub fn look_at(set: &Path) -> SetState {
    if set.join(MARKER_NAME).exists() {
        return SetState::Unfinished;
    }
    match read_manifest(set) {
        Ok(manifest) => SetState::Whole {
            manifest: Box::new(manifest),
            is_shipped: set.join(SHIPPED_NAME).exists(),
        },
        Err(_) => SetState::Unreadable,
    }
}

/// Removes a set, or what a crash left of one. Whatever else lies in it stays, with its directory.
///
/// # Errors
/// [`BackupError::InUse`] when somebody works on it, else why it can't be removed.
pub fn remove(directory: &Path) -> Result<(), BackupError> {
    let _marker = mark(directory)?;
    remove_files(directory)
        .and_then(|()| fs::remove_file(directory.join(MARKER_NAME)))
        .and_then(|()| fs::remove_dir(directory))
        .map_err(file_error("can't be removed", directory))?;
    Ok(())
}

/// Remembers that a set was shipped.
///
/// # Errors
/// When that can't be written.
pub fn mark_shipped(directory: &Path) -> Result<(), StoreError> {
    let path = directory.join(SHIPPED_NAME);
    let file = match new_file(&path) {
        Err(StoreError::File { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {
            return Ok(());
        }
        file => file?,
    };
    file.sync_all()
        .and_then(|()| sync_directory(directory))
        .map_err(file_error("can't be written", &path))
}

/// Puts the marker into a directory, or takes over one that nobody holds.
fn mark(directory: &Path) -> Result<File, BackupError> {
    let path = directory.join(MARKER_NAME);
    let marker = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(file_error("can't be made", &path))?;
    match marker.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(BackupError::InUse(directory.to_owned())),
        Err(TryLockError::Error(error)) => {
            return Err(file_error("can't be locked", &path)(error).into());
        }
    }
    sync_directory(directory).map_err(file_error("can't be written", directory))?;
    Ok(marker)
}

/// The manifest of a set that has one and isn't being worked on.
pub(super) fn read_manifest(directory: &Path) -> Result<Manifest, BackupError> {
    if directory.join(MARKER_NAME).exists() {
        return Err(BackupError::Unfinished(directory.to_owned()));
    }
    let path = directory.join(MANIFEST_NAME);
    let mut text = String::new();
    let read =
        File::open(&path).and_then(|file| file.take(MANIFEST_BYTES_MAX).read_to_string(&mut text));
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(BackupError::NoSet(directory.to_owned()));
        }
        read => read.map_err(file_error("can't be read", &path))?,
    };
    let manifest: Manifest =
        serde_json::from_str(&text).map_err(|_| BackupError::NoSet(directory.to_owned()))?;
    if manifest.format > FORMAT {
        return Err(BackupError::NewerFormat {
            set: directory.to_owned(),
            kinglet: manifest.kinglet,
        });
    }
    Ok(manifest)
}

fn remove_files(directory: &Path) -> io::Result<()> {
    for name in NAMES {
        match fs::remove_file(directory.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn names_in(directory: &Path) -> io::Result<Vec<String>> {
    let entries = fs::read_dir(directory)?;
    entries
        .take(SETS_MAX)
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}

fn is_empty(directory: &Path) -> Result<bool, BackupError> {
    let mut entries = fs::read_dir(directory).map_err(file_error("can't be read", directory))?;
    Ok(entries.next().is_none())
}

pub(super) fn new_file(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(file_error("can't be made", path))
}

pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Copies a file into one that is open, or nowhere; its size and its SHA-256 on the way.
pub(in crate::store) fn hashed(
    name: &str,
    path: &Path,
    mut into: Option<&mut File>,
) -> Result<ManifestFile, StoreError> {
    let mut hash = Sha256::new();
    let mut bytes = 0;
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut file = File::open(path).map_err(file_error("can't be read", path))?;
    loop {
        let read = file
            .read(&mut chunk)
            .map_err(file_error("can't be read", path))?;
        if read == 0 {
            break;
        }
        hash.update(&chunk[..read]);
        bytes += read as u64;
        if let Some(into) = &mut into {
            into.write_all(&chunk[..read])
                .map_err(file_error("can't be copied", path))?;
        }
    }
    let digest = hash.finalize();
    Ok(ManifestFile {
        name: name.to_owned(),
        bytes,
        sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
    })
}
