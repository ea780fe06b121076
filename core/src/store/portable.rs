//! A whole instance in one file that another kinglet takes in: what is copied, what is left out, and how it is proved.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};

use super::backup::{self, BackupError, DATABASE_NAME};
use super::error::StoreError;
use super::invariants::{CheckInvariants, Finding};
use super::migrate;
use super::reader::{Query, Reader, View};
use super::tables::{arrivals, mends, meta, secrets};

/// What the manifest of such a file calls it.
pub const KIND: &str = "kinglet-instance";
/// The version of its form.
const FORMAT: u32 = 1;

/// What is in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortableManifest {
    /// [`KIND`].
    pub kind: String,
    /// The version of the file's form.
    pub format: u32,
    /// The kinglet that made it.
    pub kinglet: String,
    /// When, RFC 3339.
    pub made_at: String,
    /// The schema of the database.
    pub schema: i64,
    /// The newest commit in it.
    pub commit: i64,
    /// The public address that the instance had, where one was remembered.
    pub url: Option<String>,
    /// Whether passwords, sessions, tokens and mail addresses were left out.
    pub without_secrets: bool,
    /// The size of the database, in bytes.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal digits.
    pub sha256: String,
}

/// Why a file is none, or can't be made.
#[derive(Debug, thiserror::Error)]
pub enum PortableError {
    /// No sound copy could be made.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The store can't be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is of another kind, or of a form that isn't known.
    #[error("it is no file of `kinglet export --instance` that this kinglet can read")]
    Unknown,
    /// What arrived isn't what was sent.
    #[error("the database in it is damaged: its SHA-256 is another one than the manifest says")]
    Damaged,
    /// It breaks an invariant.
    #[error("the database in it is not sound: {}", .0.iter().map(|finding| format!("{}: {}", finding.invariant, finding.detail)).collect::<Vec<_>>().join("; "))]
    Unsound(Vec<Finding>),
}

/// A copy that is going to be packed; removed with this value.
#[derive(Debug)]
pub struct PortableCopy {
    directory: PathBuf,
    /// What it is.
    pub manifest: PortableManifest,
}

impl PortableCopy {
    /// Copies a database into a new directory as planned, checked, without secrets if they shall stay. It blocks for as long
    /// as that takes.
    ///
    /// # Errors
    /// Why there is no copy; what was begun is removed.
    pub fn make(plan: &backup::Plan, without_secrets: bool) -> Result<Self, PortableError> {
        let directory = &plan.directory;
        DirBuilder::new()
            .mode(0o700)
            .create(directory)
            .map_err(|source| StoreError::File {
                action: "can't be made",
                path: directory.clone(),
                source,
            })?;
        let mut copy = Self {
            directory: directory.clone(),
            manifest: PortableManifest {
                kind: KIND.to_owned(),
                format: FORMAT,
                kinglet: env!("CARGO_PKG_VERSION").to_owned(),
                made_at: plan.now.to_string(),
                schema: 0,
                commit: 0,
                url: None,
                without_secrets,
                bytes: 0,
                sha256: String::new(),
            },
        };
        let made = backup::back_up(plan)?;
        copy.manifest.schema = made.schema;
        copy.manifest.commit = made.commit;
        let path = copy.database();
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(StoreError::Sqlite)?;
        // Their files stay here.
        mends::forget_archives(&connection)?;
        arrivals::cancel_all(&connection, plan.now)?;
        if without_secrets {
            secrets::strip(&connection)?;
        }
        drop(connection);
        let mut reader = Reader::open(&path)?;
        let (seen, _) = reader.run(&LookAt)?;
        if !seen.findings.is_empty() {
            return Err(PortableError::Unsound(seen.findings));
        }
        copy.manifest.url = seen.url;
        drop(reader);
        let file = backup::hashed(DATABASE_NAME, &path, None)?;
        (copy.manifest.bytes, copy.manifest.sha256) = (file.bytes, file.sha256);
        Ok(copy)
    }

    /// The copied database.
    pub fn database(&self) -> PathBuf {
        self.directory.join(DATABASE_NAME)
    }
}

impl Drop for PortableCopy {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.directory) {
            tracing::warn!(target: "kinglet::store::portable", %error, directory = %self.directory.display(), "a copy that was packed can't be removed");
        }
    }
}

impl PortableManifest {
    /// Whether this kinglet can read what it tells of.
    ///
    /// # Errors
    /// Why it can't.
    pub fn check(&self) -> Result<(), PortableError> {
        if self.kind != KIND || self.format != FORMAT {
            return Err(PortableError::Unknown);
        }
        let known = migrate::known();
        if self.schema > known {
            let found = self.schema;
            return Err(StoreError::NewerSchema { found, known }.into());
        }
        Ok(())
    }

    /// Holds a database that arrived against this manifest. One of an older schema is checked by whoever brings it up.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify(&self, database: &Path) -> Result<(), PortableError> {
        let file = backup::hashed(DATABASE_NAME, database, None)?;
        if (file.bytes, &file.sha256) != (self.bytes, &self.sha256) {
            return Err(PortableError::Damaged);
        }
        if self.schema < migrate::known() {
            return Ok(());
        }
        let (seen, commit) = Reader::open(database)?.run(&LookAt)?;
        if !seen.findings.is_empty() {
            return Err(PortableError::Unsound(seen.findings));
        }
        if (seen.schema, commit) != (self.schema, self.commit) {
            return Err(PortableError::Damaged);
        }
        Ok(())
    }
}

struct LookAt;

struct Seen {
    schema: i64,
    url: Option<String>,
    findings: Vec<Finding>,
}

impl Query for LookAt {
    type Answer = Seen;

    fn run(&self, view: &View<'_>) -> Result<Seen, StoreError> {
        Ok(Seen {
            schema: migrate::schema(view.connection)?,
            url: meta::instance_url(view.connection)?,
            findings: CheckInvariants.run(view)?,
        })
    }
}
