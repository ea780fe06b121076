//! Archives of members as files beside the database, in directories for their owner alone: those that they asked for, and those
//! that they uploaded.

use std::fs::{self, DirBuilder, DirEntry};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is younger may be in the making.
pub const MAKING_TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// A directory of archives in the data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shelf {
    /// What members asked for.
    Archives,
    /// What they uploaded.
    Uploads,
}

impl Shelf {
    /// Where it is.
    pub fn directory_in(self, data_dir: &Path) -> PathBuf {
        data_dir.join(match self {
            Self::Archives => "archives",
            Self::Uploads => "uploads",
        })
    }

    /// Where a file of it lies.
    pub fn place_in(self, data_dir: &Path, file: &str) -> PathBuf {
        self.directory_in(data_dir).join(file)
    }

    /// Where a file is written to; makes the directory if need be.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn place_for(self, data_dir: &Path, file: &str) -> io::Result<PathBuf> {
        let directory = self.directory_in(data_dir);
        match DirBuilder::new().mode(0o700).create(&directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(directory.join(file)),
        }
    }

    /// Removes a file; it may be gone.
    ///
    /// # Errors
    /// When it can't be removed.
    pub fn remove(self, data_dir: &Path, file: &str) -> io::Result<()> {
        match fs::remove_file(self.place_in(data_dir, file)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes the files that aren't among the named ones and are older than `age`, such as [`MAKING_TIME_MAX`]; how many.
    ///
    /// # Errors
    /// When the directory can't be read, or a file can't be removed; the others are removed all the same.
    pub fn remove_others(
        self,
        data_dir: &Path,
        named: &[String],
        age: Duration,
    ) -> io::Result<usize> {
        let entries = match fs::read_dir(self.directory_in(data_dir)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            entries => entries?,
        };
        let mut removed = 0;
        let mut failure = None;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            if named.iter().any(|named| name == named.as_str()) {
                continue;
            }
            match remove_if_old(&entry, age) {
                Ok(was_old) => removed += usize::from(was_old),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(removed), Err)
    }
}

/// Removes a file that is older than `age`; whether it was.
fn remove_if_old(entry: &DirEntry, age: Duration) -> io::Result<bool> {
    let removed = || -> io::Result<bool> {
        // A clock that was set back makes nothing old.
        let is_old = age.is_zero()
            || (entry.metadata()?.modified()?.elapsed()).is_ok_and(|made_for| made_for > age);
        if is_old {
            fs::remove_file(entry.path())?;
        }
        Ok(is_old)
    };
    match removed() {
        // Somebody else was first.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn only_old_files_without_a_name_go() {
        let data_dir = tempfile::tempdir().expect("a directory");
        assert_eq!(
            Shelf::Archives
                .remove_others(data_dir.path(), &[], MAKING_TIME_MAX)
                .expect("nothing"),
            0
        );
        for (name, age) in [("kept", 3), ("gone", 3), ("made", 0)] {
            let path = Shelf::Archives
                .place_for(data_dir.path(), name)
                .expect("a place");
            let file = File::create(&path).expect("a file");
            let now = File::open(&path)
                .and_then(|file| file.metadata())
                .and_then(|found| found.modified());
            let then: SystemTime = now.expect("a time") - MAKING_TIME_MAX * age;
            file.set_modified(then).expect("its time is set");
        }
        let named = ["kept".to_owned()];
        let remove = |age| {
            let removed = Shelf::Archives.remove_others(data_dir.path(), &named, age);
            removed.expect("it works")
        };
        assert_eq!(remove(MAKING_TIME_MAX), 1);
        let left = |name: &str| Shelf::Archives.place_in(data_dir.path(), name).exists();
        assert_eq!(["kept", "gone", "made"].map(left), [true, false, true]);
        assert_eq!(remove(Duration::ZERO), 1, "nothing is in the making");
        assert_eq!(["kept", "gone", "made"].map(left), [true, false, false]);
        // No files, so they can't be removed like them; they keep no other.
        for name in ["a", "k", "z"] {
            let path = Shelf::Archives.place_in(data_dir.path(), name);
            fs::create_dir(path).expect("a directory");
        }
        let others: Vec<String> = (0..8).map(|number| format!("file{number}")).collect();
        for name in &others {
            let path = Shelf::Archives.place_in(data_dir.path(), name);
            File::create(path).expect("a file");
        }
        let removed = Shelf::Archives.remove_others(data_dir.path(), &named, Duration::ZERO);
        removed.expect_err("the directories stay");
        assert!(!others.iter().any(|name| left(name)));
        for _ in 0..2 {
            let removed = Shelf::Archives.remove(data_dir.path(), "kept");
            removed.expect("it may be gone");
            assert!(!left("kept"));
        }
    }
}
