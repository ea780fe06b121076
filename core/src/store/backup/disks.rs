//! On which disk something lies: a copy beside the original goes with it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{BackupError, Plan, file_error};
use crate::store::open::wal_of;

const MIB: u64 = 1024 * 1024;
/// What a copy has to leave of a disk, in bytes: the instance itself may live on it.
const LEFT_BYTES_MIN: u64 = 64 * MIB;

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

/// Refuses a copy that the disk has no room for, before it is filled.
pub(super) fn require_room(plan: &Plan) -> Result<(), BackupError> {
    let size = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
    let needed = size(&plan.database) + size(&wal_of(&plan.database));
    let space = rustix::fs::statvfs(&plan.directory)
        .map_err(|error| file_error("can't be looked at", &plan.directory)(error.into()))?;
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    has_room(needed, free)
        .then_some(())
        .ok_or_else(|| BackupError::NoRoom {
            place: plan.directory.clone(),
            needed_mib: needed.saturating_add(LEFT_BYTES_MIN) / MIB,
            free_mib: free / MIB,
        })
}

fn has_room(needed: u64, free: u64) -> bool {
    free >= needed.saturating_add(LEFT_BYTES_MIN)
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
    fn a_copy_leaves_room_for_others() {
        assert!(has_room(10 * MIB, 74 * MIB));
        assert!(!has_room(10 * MIB, 74 * MIB - 1));
        assert!(!has_room(u64::MAX, u64::MAX - 1));
    }

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
