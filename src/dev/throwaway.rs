//! The directory of an instance: gone with the process, or, if that was killed, at the next start.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use tempfile::TempDir;

use crate::boot::BootError;

/// Where throwaway data lies best: in memory, on Linux.
const MEMORY_DIR: &str = "/dev/shm";
/// How the names of the directories begin.
const PREFIX: &str = "kinglet-dev-";
/// A file in each of them that its process has locked from the moment that it is there.
const LOCK_NAME: &str = "lock";

/// A directory that is removed with the value.
pub(super) struct Throwaway {
    directory: TempDir,
    // After the directory: nobody shall take it for a leftover while it is removed.
    _lock: File,
}

impl Throwaway {
    /// A new one, in memory where the machine has one for that, unless `TMPDIR` names another place. What killed
    /// processes of the same user left there is removed. Blocks.
    ///
    /// # Errors
    /// Why there can be none.
    pub(super) fn make() -> Result<Self, BootError> {
        if std::env::var_os("TMPDIR").is_none()
            && let Ok(made) = Self::make_in(Path::new(MEMORY_DIR))
        {
            return Ok(made);
        }
        Self::make_in(&std::env::temp_dir()).map_err(BootError::Throwaway)
    }

    fn make_in(place: &Path) -> io::Result<Self> {
        let directory = TempDir::with_prefix_in(PREFIX, place)?;
        // Locked under another name first, so that no lock is ever free while its process lives.
        let unlocked = directory.path().join("lock.new");
        let lock = File::create_new(&unlocked)?;
        lock.try_lock()?;
        fs::rename(&unlocked, directory.path().join(LOCK_NAME))?;
        let owner = directory.path().symlink_metadata()?.uid();
        if let Err(error) = remove_leftovers(place, owner) {
            tracing::warn!(%error, path = %place.display(), "leftovers of earlier instances can't be looked for");
        }
        Ok(Self {
            directory,
            _lock: lock,
        })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Removes the directories of this user whose processes are gone. Whatever has no lock is left alone: it may be one that is
/// being made.
fn remove_leftovers(place: &Path, owner: u32) -> io::Result<()> {
    for entry in fs::read_dir(place)? {
        let entry = entry?;
        let name = entry.file_name();
        if !name.as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            continue;
        }
        // It may go while it is looked at, by its own process or another one that starts. Links aren't followed.
        let is_own = entry
            .metadata()
            .is_ok_and(|found| found.is_dir() && found.uid() == owner);
        if !is_own {
            continue;
        }
        let Ok(lock) = File::open(entry.path().join(LOCK_NAME)) else {
            continue;
        };
        if lock.try_lock().is_ok()
            && let Err(error) = fs::remove_dir_all(entry.path())
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %entry.path().display(), "what an earlier instance left can't be removed");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_a_killed_process_left_is_removed_and_nothing_else() {
        let place = TempDir::new().expect("a directory");
        let path = |name: &str| place.path().join(name);
        let folder = |name: &str, has_lock: bool| {
            fs::create_dir_all(path(name).join("data")).expect("a new name");
            fs::write(path(name).join("data/kinglet.db"), "x").expect("it can be written");
            if has_lock {
                fs::write(path(name).join(LOCK_NAME), "").expect("it can be written");
            }
        };
        folder("kinglet-dev-killed", true);
        folder("kinglet-dev-young", false);
        folder("another", true);
        symlink(path("another"), path("kinglet-dev-link")).expect("a new name");
        let living = Throwaway::make_in(place.path()).expect("a directory");
        assert!(!path("kinglet-dev-killed").exists());
        let second = Throwaway::make_in(place.path()).expect("a directory");
        for kept in ["kinglet-dev-young", "another", "kinglet-dev-link"] {
            assert!(path(kept).join("data/kinglet.db").exists(), "{kept}");
        }
        assert!(living.path().exists() && second.path().exists());
        let gone = living.path().to_owned();
        drop(living);
        assert!(!gone.exists());

        // Somebody else's stays.
        folder("kinglet-dev-killed", true);
        let owner = place.path().metadata().expect("it is there").uid();
        remove_leftovers(place.path(), owner + 1).expect("it can be read");
        assert!(path("kinglet-dev-killed").exists());
    }
}
