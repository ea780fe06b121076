//! Whether a set is what its manifest says, and sound.

use std::path::{Component, Path};

use super::set::{self, DATABASE_NAME, Manifest};
use super::{BackupError, file_error};
use crate::store::error::StoreError;
use crate::store::invariants::{CheckFile, CheckInvariants, Finding};
use crate::store::migrate;
use crate::store::reader::{Query, Reader, View};
use crate::store::tables::meta;

/// Checks a set: every file by its hash, the database by opening it and by every invariant. Changes nothing, and needs
/// no right to write.
///
/// # Errors
/// What is wrong with it.
pub fn verify(directory: &Path) -> Result<Manifest, BackupError> {
    let manifest = set::read_manifest(directory)?;
    let mut has_database = false;
    for file in &manifest.files {
        let name = Path::new(&file.name);
        let mut parts = name.components();
        // A set may come from anywhere: its manifest names no file outside of it.
        let is_plain = matches!(parts.next(), Some(Component::Normal(_))) && parts.next().is_none();
        let path = directory.join(name);
        let damaged = |how| BackupError::Damaged {
            path: path.clone(),
            how,
        };
        if !is_plain {
            return Err(damaged("the manifest names a file outside of the backup"));
        }
        if !path.exists() {
            return Err(damaged("it is missing"));
        }
        let found = set::hashed(&file.name, &path, None)?;
        if found.bytes != file.bytes {
            return Err(damaged("it hasn't the size that the manifest says"));
        }
        if found.sha256 != file.sha256 {
            return Err(damaged("it isn't what was written: its hash is another"));
        }
        has_database |= file.name == DATABASE_NAME;
    }
    let database = directory.join(DATABASE_NAME);
    if !has_database {
        return Err(BackupError::Damaged {
            path: database,
            how: "the manifest doesn't name it",
        });
    }
    let described = describe(&database)?;
    if !described.findings.is_empty() {
        return Err(BackupError::Unsound(described.findings));
    }
    let is_the_one = described.schema == manifest.schema
        && described.commit == manifest.commit
        && described.identity == manifest.identity;
    if !is_the_one {
        return Err(BackupError::Damaged {
            path: database,
            how: "it isn't the database that the manifest tells of",
        });
    }
    Ok(manifest)
}

/// What a copy is, and what is wrong with it.
pub(super) struct Described {
    pub(super) schema: i64,
    pub(super) commit: i64,
    pub(super) identity: String,
    pub(super) url: Option<String>,
    pub(super) findings: Vec<Finding>,
}

/// Looks at a copy that nobody writes to.
pub(super) fn describe(copy: &Path) -> Result<Described, StoreError> {
    let mut reader = Reader::open_still(copy)?;
    Ok(reader.run(&Describe)?.0)
}

struct Describe;

impl Query for Describe {
    type Answer = Described;

    fn run(&self, view: &View<'_>) -> Result<Described, StoreError> {
        let schema = migrate::schema(view.connection)?;
        migrate::refuse_newer(view.connection)?;
        // The invariants are those of this kinglet's schema: what an older one wrote is held against them when it has been
        // brought up.
        let findings = if schema == migrate::known() {
            CheckInvariants.run(view)?
        } else {
            CheckFile.run(view)?
        };
        Ok(Described {
            schema,
            commit: view.commit(),
            identity: meta::identity(view.connection)?,
            url: meta::instance_url(view.connection)?,
            findings,
        })
    }
}

/// Checks a store that was written to.
pub(super) fn require_sound(database: &Path) -> Result<(), BackupError> {
    let findings = Reader::open(database)?.run(&CheckInvariants)?.0;
    if findings.is_empty() {
        Ok(())
    } else {
        Err(BackupError::Unsound(findings))
    }
}

/// Refuses a log that isn't in its database.
pub(super) fn require_no_log(database: &Path) -> Result<(), StoreError> {
    let wal = crate::store::open::wal_of(database);
    match std::fs::metadata(&wal) {
        Ok(found) if found.len() > 0 => Err(file_error("it wasn't taken into the database", &wal)(
            std::io::ErrorKind::ResourceBusy.into(),
        )),
        _ => Ok(()),
    }
}
