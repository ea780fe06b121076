//! A copy of the database, made while it is written to, and checked before anybody relies on it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::StoreError;
use super::invariants::{CheckInvariants, Finding};
use super::migrate;
use super::reader::{Query, Reader, View};
use super::tables::meta;
use crate::clock::Timestamp;

/// The database's name within a backup.
pub const DATABASE_NAME: &str = "kinglet.db";
/// The manifest's name within a backup.
pub const MANIFEST_NAME: &str = "manifest.json";
/// The version of the manifest.
const FORMAT: u32 = 1;
/// How much of a file is hashed at a time, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

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
    /// What belongs to it.
    pub files: Vec<ManifestFile>,
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

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The place is taken: a backup never writes over anything.
    #[error("{0} is not empty: a backup needs a directory of its own")]
    NotEmpty(PathBuf),
    /// The store can't be copied.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The copy breaks an invariant, most likely because the original does.
    #[error("the copy is not sound: {}", .0.iter().map(|finding| format!("{}: {}", finding.invariant, finding.detail)).collect::<Vec<_>>().join("; "))]
    Unsound(Vec<Finding>),
}

fn file_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::File {
        action,
        path,
        source,
    }
}

/// Copies the database into a directory that is made for it or is empty: one consistent snapshot, whatever is written
/// meanwhile. The copy is opened and checked; only then the manifest is written, so a backup without a manifest is
/// none. Blocks for as long as the copying takes.
///
/// # Errors
/// Why there is no backup; what was begun is removed.
pub fn back_up(database: &Path, directory: &Path, now: Timestamp) -> Result<Manifest, BackupError> {
    let is_new = prepare(directory)?;
    let made = copy_and_check(database, directory, now);
    if made.is_err() {
        remove(directory, is_new);
    }
    made
}

/// Makes the directory; answers whether it is new.
fn prepare(directory: &Path) -> Result<bool, BackupError> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let mut entries =
                fs::read_dir(directory).map_err(file_error("can't be read", directory))?;
            match entries.next() {
                None => Ok(false),
                Some(_) => Err(BackupError::NotEmpty(directory.to_owned())),
            }
        }
        Err(error) => Err(file_error("can't be made", directory)(error).into()),
    }
}

fn remove(directory: &Path, is_new: bool) {
    let mut left = vec![
        fs::remove_file(directory.join(DATABASE_NAME)),
        fs::remove_file(directory.join(MANIFEST_NAME)),
    ];
    if is_new {
        left.push(fs::remove_dir(directory));
    }
    for error in left.into_iter().filter_map(Result::err) {
        if error.kind() != io::ErrorKind::NotFound {
            tracing::warn!(target: "kinglet::store::backup", %error, directory = %directory.display(), "an unfinished backup can't be removed");
        }
    }
}

fn copy_and_check(
    database: &Path,
    directory: &Path,
    now: Timestamp,
) -> Result<Manifest, BackupError> {
    let copy = directory.join(DATABASE_NAME);
    let file = new_file(&copy)?;
    vacuum_into(database, &copy)?;
    file.sync_all()
        .map_err(file_error("can't be brought to the disk", &copy))?;
    let described = Reader::open(&copy)?.run(&Describe)?.0;
    if !described.findings.is_empty() {
        return Err(BackupError::Unsound(described.findings));
    }
    let manifest = Manifest {
        format: FORMAT,
        kinglet: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: now.to_string(),
        schema: described.schema,
        commit: described.commit,
        identity: described.identity,
        files: vec![hashed(DATABASE_NAME, &copy)?],
    };
    let path = directory.join(MANIFEST_NAME);
    let mut text =
        serde_json::to_string_pretty(&manifest).expect("a manifest is texts and numbers");
    text.push('\n');
    let mut file = new_file(&path)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| File::open(directory)?.sync_all())
        .map_err(file_error("can't be written", &path))?;
    Ok(manifest)
}

fn new_file(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(file_error("can't be made", path))
}

/// Copies one snapshot into an empty file. The connection is one of its own: SQLite counts the copy as a write, which
/// the readers' connections refuse, and needs none but this one to be in no transaction.
fn vacuum_into(database: &Path, copy: &Path) -> Result<(), StoreError> {
    let connection = Connection::open_with_flags(
        database,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    let copy = copy.to_str().ok_or_else(|| {
        file_error("the name of a backup has to be UTF-8", copy)(io::ErrorKind::InvalidInput.into())
    })?;
    connection.execute("VACUUM INTO ?1", [copy])?;
    Ok(())
}

/// What the manifest says of a copy, and whether the copy is sound.
struct Describe;

struct Described {
    schema: i64,
    commit: i64,
    identity: String,
    findings: Vec<Finding>,
}

impl Query for Describe {
    type Answer = Described;

    fn run(&self, view: &View<'_>) -> Result<Described, StoreError> {
        Ok(Described {
            schema: migrate::schema(view.connection)?,
            commit: view.commit(),
            identity: meta::identity(view.connection)?,
            findings: CheckInvariants.run(view)?,
        })
    }
}

fn hashed(name: &str, path: &Path) -> Result<ManifestFile, StoreError> {
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
    }
    let digest = hash.finalize();
    Ok(ManifestFile {
        name: name.to_owned(),
        bytes,
        sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::store::testing::TestStore;
    use crate::store::units::SetInstanceUrl;

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    fn store() -> TestStore {
        let store = TestStore::open();
        let unit = SetInstanceUrl {
            url: "https://example.org".to_owned(),
        };
        store.apply(unit).expect("a commit");
        store
    }

    #[test]
    fn a_backup_is_what_its_manifest_says() {
        let store = store();
        let parent = tempfile::tempdir().expect("a directory");
        let directory = parent.path().join("copy");
        let manifest = back_up(&store.database(), &directory, NOW).expect("a backup");
        assert_eq!(manifest.commit, 1);
        let text = fs::read_to_string(directory.join(MANIFEST_NAME)).expect("a manifest");
        assert_eq!(
            serde_json::from_str::<Manifest>(&text).expect("JSON"),
            manifest
        );
        for name in [DATABASE_NAME, MANIFEST_NAME] {
            let found = fs::metadata(directory.join(name)).expect("is there");
            assert_eq!(found.permissions().mode() & 0o777, 0o600, "{name}");
        }
        let copy = fs::read(directory.join(DATABASE_NAME)).expect("is there");
        let [file] = &manifest.files[..] else {
            panic!("{manifest:?}");
        };
        assert_eq!(file.bytes, copy.len() as u64);
        let digest = Sha256::digest(&copy);
        let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(file.sha256, digits);
    }

    #[test]
    fn nothing_is_written_over() {
        let store = store();
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("dear.txt");
        fs::write(&file, "dear").expect("writes");
        let refused = back_up(&store.database(), directory.path(), NOW);
        assert!(
            matches!(refused, Err(BackupError::NotEmpty(_))),
            "{refused:?}"
        );
        assert_eq!(fs::read_to_string(&file).expect("is there"), "dear");
    }

    #[test]
    fn an_unsound_store_has_no_backup_and_leaves_nothing() {
        let store = store();
        store.tamper("INSERT INTO tags (name) VALUES ('lonely')");
        let parent = tempfile::tempdir().expect("a directory");
        let directory = parent.path().join("copy");
        let refused = back_up(&store.database(), &directory, NOW);
        let Err(BackupError::Unsound(findings)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(findings[0].invariant, "tags_are_in_use");
        assert!(!directory.exists());
    }
}
