//! Snapshots in sled. Each is checked when it is loaded: format, length, checksum, store.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{SNAPSHOT_ENTRIES_MAX, WindowSnapshot};
use crate::ids::{AccountId, PostId};
use crate::store::check::Kept;
use crate::store::error::StoreError;
use crate::store::queries::home::HomeEntry;
use crate::store::reader::panicked;

/// The format of a snapshot; another number is another kinglet's.
const FORMAT: u8 = 1;
/// Keys of one leaf of sled's tree.
const LEAF_FANOUT: usize = 128;
/// How much of the SHA-256 is kept, in bytes: against torn and flipped bits, not against malice.
const CHECKSUM_BYTES: usize = 8;
const HEADER_BYTES: usize = 1 + 16 + 8 + 8 + 1;
const ENTRY_BYTES: usize = 8 + 8 + 1;

/// The snapshots of one store.
pub struct Snapshots {
    database: sled::Db<LEAF_FANOUT>,
    store: [u8; 16],
}

impl Snapshots {
    /// Opens the directory, or starts anew when what is in it can't be opened. Takes tens of milliseconds.
    ///
    /// It keeps about `cache_bytes` in memory.
    ///
    /// # Errors
    /// When no database can be made there.
    pub fn open(
        directory: &Path,
        store_identity: &str,
        cache_bytes: usize,
    ) -> Result<Self, StoreError> {
        let file_error = |action: &'static str| {
            let path: PathBuf = directory.to_owned();
            move |source| StoreError::File {
                action,
                path,
                source,
            }
        };
        // Where the data directory is gone, a new one in its place would only be in the way of the old one's return.
        if directory.parent().is_some_and(|data| !data.is_dir()) {
            let source = std::io::ErrorKind::NotFound.into();
            return Err(file_error("there is no directory for timeline snapshots")(
                source,
            ));
        }
        let config = sled::Config::new()
            .path(directory)
            .cache_capacity_bytes(cache_bytes)
            .flush_every_ms(None);
        // What a crash left behind can make sled panic; it is worth nothing, so it goes.
        let opened = catch_unwind(AssertUnwindSafe(|| config.open::<LEAF_FANOUT>()));
        let database = match opened {
            Ok(Ok(database)) => database,
            Ok(Err(_)) | Err(_) => {
                tracing::warn!(target: "kinglet::store::snapshots::kept", "the timeline snapshots can't be opened: starting with none");
                match std::fs::remove_dir_all(directory) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(file_error("can't remove broken timeline snapshots")(error));
                    }
                    _ => {}
                }
                catch_unwind(AssertUnwindSafe(|| config.open::<LEAF_FANOUT>()))
                    .map_err(|panic| panicked(&*panic))?
                    .map_err(file_error("can't make the timeline snapshots"))?
            }
        };
        let digest = Sha256::digest(store_identity.as_bytes());
        let mut store = [0; 16];
        store.copy_from_slice(&digest[..16]);
        Ok(Self { database, store })
    }

    /// Keeps snapshots, and has them on disk when it returns.
    ///
    /// # Errors
    /// When the disk refuses, or sled panics: then some are kept and some are not.
    pub fn save(&self, snapshots: &[WindowSnapshot]) -> Result<(), StoreError> {
        self.guarded(|| {
            for snapshot in snapshots {
                self.database
                    .insert(key(snapshot.reader), self.encode(snapshot))?;
            }
            self.database.flush()?;
            Ok(())
        })
    }

    /// A reader's snapshot, if there is a sound one of this store.
    ///
    /// # Errors
    /// When the disk refuses or sled panics.
    pub fn load(&self, reader: AccountId) -> Result<Option<WindowSnapshot>, StoreError> {
        let found = self.guarded(|| self.database.get(key(reader)))?;
        let snapshot = found
            .as_deref()
            .and_then(|bytes| self.decode(reader, bytes));
        if snapshot.is_none() && found.is_some() {
            tracing::warn!(target: "kinglet::store::snapshots::kept", %reader, "a timeline snapshot is not sound: dropped");
            self.guarded(|| self.database.remove(key(reader)))?;
        }
        Ok(snapshot)
    }

    /// Removes a reader's snapshot, and has that on disk when it returns.
    ///
    /// # Errors
    /// When the disk refuses or sled panics.
    pub fn remove(&self, reader: AccountId) -> Result<(), StoreError> {
        self.guarded(|| {
            if self.database.remove(key(reader))?.is_some() {
                self.database.flush()?;
            }
            Ok(())
        })
    }

    /// Whose snapshots are there, above a reader, at most `limit`; each with its snapshot, if that is sound.
    ///
    /// # Errors
    /// When the disk refuses or sled panics.
    pub fn page(&self, after: AccountId, limit: usize) -> Result<Vec<Kept>, StoreError> {
        let from = key(AccountId(after.0.saturating_add(1)));
        self.guarded(|| {
            let mut found = Vec::new();
            for entry in self.database.range(from..).take(limit) {
                let (key, bytes) = entry?;
                // A key of another length is nobody's.
                let reader = key.as_ref().try_into().map_or(0, i64::from_be_bytes);
                let reader = AccountId(reader);
                found.push(Kept {
                    reader,
                    snapshot: self.decode(reader, &bytes),
                });
            }
            Ok(found)
        })
    }

    fn guarded<T>(&self, act: impl FnOnce() -> std::io::Result<T>) -> Result<T, StoreError> {
        catch_unwind(AssertUnwindSafe(act))
            .map_err(|panic| panicked(&*panic))?
            .map_err(|source| StoreError::File {
                action: "the timeline snapshots can't be used",
                path: PathBuf::from("timelines"),
                source,
            })
    }

    fn encode(&self, snapshot: &WindowSnapshot) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(
            HEADER_BYTES + snapshot.entries.len() * ENTRY_BYTES + CHECKSUM_BYTES,
        );
        bytes.push(FORMAT);
        bytes.extend_from_slice(&self.store);
        bytes.extend_from_slice(&snapshot.reader.0.to_le_bytes());
        bytes.extend_from_slice(&snapshot.commit.to_le_bytes());
        bytes.push(u8::from(snapshot.is_complete));
        for entry in &snapshot.entries {
            bytes.extend_from_slice(&entry.id.0.to_le_bytes());
            bytes.extend_from_slice(&entry.shows.0.to_le_bytes());
            bytes.push(u8::from(entry.is_shown));
        }
        let checksum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&checksum[..CHECKSUM_BYTES]);
        bytes
    }

    /// `None` for whatever this kinglet did not write for this reader of this store.
    fn decode(&self, reader: AccountId, bytes: &[u8]) -> Option<WindowSnapshot> {
        let (body, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM_BYTES)?)?;
        if Sha256::digest(body)[..CHECKSUM_BYTES] != *checksum {
            return None;
        }
        let (header, entries) = body.split_at_checked(HEADER_BYTES)?;
        let number = |bytes: &[u8]| Some(i64::from_le_bytes(bytes.try_into().ok()?));
        let is_ours = header[0] == FORMAT
            && header[1..17] == self.store
            && number(&header[17..25])? == reader.0;
        let entries = entries.chunks(ENTRY_BYTES);
        if !is_ours || entries.len() > SNAPSHOT_ENTRIES_MAX {
            return None;
        }
        let entries = entries
            .map(|entry| {
                Some(HomeEntry {
                    id: PostId(number(entry.get(..8)?)?),
                    shows: PostId(number(entry.get(8..16)?)?),
                    is_shown: *entry.get(16)? == 1,
                })
            })
            .collect::<Option<Vec<_>>>()?;
        Some(WindowSnapshot {
            reader,
            commit: number(&header[25..33])?,
            is_complete: header[33] == 1,
            entries,
        })
    }
}

fn key(reader: AccountId) -> [u8; 8] {
    reader.0.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> WindowSnapshot {
        let entry = |id| HomeEntry {
            id: PostId(id),
            shows: PostId(id - 1),
            is_shown: id % 2 == 0,
        };
        WindowSnapshot {
            reader: AccountId(7),
            commit: 42,
            is_complete: true,
            entries: (100..110).rev().map(entry).collect(),
        }
    }

    #[test]
    fn a_snapshot_outlives_a_restart() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("timelines");
        let snapshots = Snapshots::open(&path, "store", 1 << 20).expect("opens");
        snapshots.save(&[snapshot()]).expect("saves");
        drop(snapshots);
        let snapshots = Snapshots::open(&path, "store", 1 << 20).expect("opens again");
        assert_eq!(
            snapshots.load(AccountId(7)).expect("loads"),
            Some(snapshot())
        );
        assert_eq!(snapshots.load(AccountId(8)).expect("loads"), None);
        drop(snapshots);
        let removed = Snapshots::open(&path, "store", 1 << 20).expect("opens again");
        for _ in 0..2 {
            removed.remove(AccountId(7)).expect("removes");
            assert_eq!(removed.page(AccountId(0), 10).expect("lists"), []);
        }
        removed.save(&[snapshot()]).expect("saves");
        drop(removed);
        let other = Snapshots::open(&path, "another store", 1 << 20).expect("opens again");
        assert_eq!(
            other.load(AccountId(7)).expect("loads"),
            None,
            "of another store"
        );
    }

    #[test]
    fn whatever_was_flipped_or_cut_is_not_believed() {
        let directory = tempfile::tempdir().expect("a directory");
        let snapshots = Snapshots::open(directory.path(), "store", 1 << 20).expect("opens");
        let sound = snapshots.encode(&snapshot());
        assert_eq!(snapshots.decode(AccountId(7), &sound), Some(snapshot()));
        assert_eq!(
            snapshots.decode(AccountId(8), &sound),
            None,
            "another reader's"
        );
        for at in 0..sound.len() {
            let mut flipped = sound.clone();
            flipped[at] ^= 0x10;
            assert_eq!(
                snapshots.decode(AccountId(7), &flipped),
                None,
                "byte {at} flipped"
            );
            assert_eq!(
                snapshots.decode(AccountId(7), &sound[..at]),
                None,
                "cut at {at}"
            );
        }
    }

    #[test]
    fn rubbish_in_the_directory_is_swept_away() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("timelines");
        Snapshots::open(&path, "store", 1 << 20)
            .expect("opens")
            .save(&[snapshot()])
            .expect("saves");
        for file in walk(&path) {
            std::fs::write(file, [0x5a; 4096]).expect("writes rubbish");
        }
        let snapshots = Snapshots::open(&path, "store", 1 << 20).expect("starts anew");
        snapshots.save(&[snapshot()]).expect("saves");
        assert_eq!(
            snapshots.load(AccountId(7)).expect("loads"),
            Some(snapshot())
        );
    }

    fn walk(directory: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                files.extend(walk(&path))
            } else {
                files.push(path)
            }
        }
        files
    }
}
