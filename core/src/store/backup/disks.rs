//! On which disk something lies: a copy beside the original goes with it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Whether two places that exist lie on one disk, as far as the system tells: on one file system, or on parts of one
/// disk.
///
/// # Errors
/// When one of them can't be looked at.
pub fn are_on_same_disk(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (fs::metadata(one)?.dev(), fs::metadata(other)?.dev());
    if one == other {
        return Ok(true);
    }
    let (one, other) = (disk_of(one), disk_of(other));
    Ok(one.is_some() && one == other)
}

/// The disk that a device is a part of, or is; none where the device is no disk, as with memory and networks.
fn disk_of(device: u64) -> Option<PathBuf> {
    // The numbers as Linux packs them into a `dev_t`.
    let major = ((device >> 8) & 0xfff) | ((device >> 32) & !0xfff);
    let minor = (device & 0xff) | ((device >> 12) & !0xff);
    let device = fs::canonicalize(format!("/sys/dev/block/{major}:{minor}")).ok()?;
    if device.join("partition").exists() {
        return device.parent().map(Path::to_owned);
    }
    Some(device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_side_by_side_are_on_one_disk_and_memory_is_another() {
        let parent = tempfile::tempdir().expect("a directory");
        let one = parent.path().join("one");
        fs::create_dir(&one).expect("it is made");
        assert!(are_on_same_disk(parent.path(), &one).expect("they are there"));
        assert!(!are_on_same_disk(Path::new("/proc"), &one).expect("they are there"));
        assert!(are_on_same_disk(&parent.path().join("none"), &one).is_err());
    }
}
