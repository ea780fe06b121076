//! The disk: whether it has room, whether it can hold a database at all, and how long a commit waits for it.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use super::mounts::kind_of;
use super::{Finding, Subject};
use crate::clock::Moment;
use crate::config::StorageProfile;

const SUBJECT: Subject = Subject::Disk;
/// How often the disk is asked to keep something.
const SYNCS: usize = 50;
/// What it is asked to keep each time, in bytes: a page of the database.
const SYNC_BYTES: usize = 4096;
/// After this time there are enough measurements of a slow disk, in nanoseconds.
const MEASURE_NANOS_MAX: u64 = 5_000_000_000;
/// From here on a disk is slow, in microseconds.
const SLOW_US: u64 = 20_000;
/// From here on people notice with every click, in microseconds.
const VERY_SLOW_US: u64 = 200_000;
/// No disk keeps anything in less, in microseconds.
const TOO_FAST_US: u64 = 20;
const MIB: u64 = 1024 * 1024;
/// Below this nothing can be stored soon.
const SPACE_FAULT_BYTES: u64 = 100 * MIB;
/// Below this it is time to do something.
const SPACE_WARNING_BYTES: u64 = 1024 * MIB;
/// Files that have to be possible: database, log, snapshots, backups.
const FILES_MIN: u64 = 100;

pub(super) fn look(data_dir: &Path, profile: StorageProfile) -> Vec<Finding> {
    let Ok(directory) = fs::canonicalize(data_dir) else {
        return vec![SUBJECT.unknown(
            format!(
                "{} isn't there yet: kinglet serve makes it",
                data_dir.display()
            ),
            Some("ask again after the first start".to_owned()),
        )];
    };
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let kind = kind_of(&mounts, &directory);
    let mut found = vec![of_kind(kind.as_deref())];
    found.push(match rustix::fs::statvfs(&directory) {
        Ok(space) => of_space(Space {
            free_bytes: space.f_bavail.saturating_mul(space.f_frsize),
            // Some file systems count none.
            free_files: (space.f_files > 0).then_some(space.f_favail),
            data_bytes: size_of_database(&directory),
        }),
        Err(error) => SUBJECT.unknown(format!("its space can't be told: {error}"), None),
    });
    found.push(match measured(&directory) {
        Ok(times) => of_speed(times, profile),
        Err(error) => SUBJECT.fault(
            format!("nothing can be written into {}: {error}", directory.display()),
            "mount it writable, and let it belong to whoever serves; kinglet doctor has to be asked as the same user",
        ),
    });
    found
}

fn of_kind(kind: Option<&str>) -> Finding {
    let Some(kind) = kind else {
        return SUBJECT.unknown("this system doesn't tell the kind of the file system", None);
    };
    let local =
        "set storage.data_dir to a directory on a disk of this machine (ext4, xfs, btrfs, zfs)";
    match kind {
        "nfs" | "nfs4" | "cifs" | "smb3" | "smbfs" | "afs" | "ceph" | "glusterfs" => SUBJECT.fault(
            format!("the data lies on {kind}, over a network: the locks and the shared memory of the database don't hold there"),
            local,
        ),
        "9p" | "virtiofs" | "vboxsf" | "drvfs" => SUBJECT.warning(
            format!("the data lies on {kind}, a directory of the host of this virtual machine: locks and shared memory may not hold"),
            local,
        ),
        kind if kind.starts_with("fuse") && kind != "fuseblk" => SUBJECT.warning(
            format!("the data lies on {kind}, where a program stands between database and disk"),
            local,
        ),
        "overlay" | "aufs" => SUBJECT.warning(
            format!("the data lies on {kind}, a layer of a container that goes with it"),
            "keep storage.data_dir in a volume (docs/install.md)",
        ),
        "tmpfs" | "ramfs" => SUBJECT.warning(
            format!("the data lies on {kind}, in memory: a restart of the machine loses all of it"),
            local,
        ),
        "vfat" | "exfat" | "msdos" => SUBJECT.fault(
            format!("the data lies on {kind}, which has neither owners nor a journal"),
            local,
        ),
        kind => SUBJECT.good(format!("the data lies on {kind}")),
    }
}

struct Space {
    free_bytes: u64,
    free_files: Option<u64>,
    data_bytes: u64,
}

fn of_space(space: Space) -> Finding {
    let free = space.free_bytes / MIB;
    let fix = "free some, or set storage.data_dir to a larger disk (stop the server and move the directory first)";
    if space.free_files.is_some_and(|files| files < FILES_MIN) {
        return SUBJECT.fault(
            "no more files can be made: the file system has hardly an inode left",
            "find out with df -i and du --inodes who has so many small files, and remove them",
        );
    }
    if space.free_bytes < SPACE_FAULT_BYTES {
        SUBJECT.fault(format!("only {free} MiB are free"), fix)
    } else if space.free_bytes < SPACE_WARNING_BYTES.max(space.data_bytes) {
        SUBJECT.warning(
            format!(
                "{free} MiB are free beside a database of {} MiB",
                space.data_bytes / MIB
            ),
            fix,
        )
    } else {
        SUBJECT.good(format!("{free} MiB are free"))
    }
}

fn size_of_database(directory: &Path) -> u64 {
    let database = crate::store::open::database_in(directory);
    fs::metadata(database).map_or(0, |found| found.len())
}

/// How long the disk took, in microseconds.
#[derive(Debug, Clone, Copy)]
struct Times {
    median_us: u64,
    p99_us: u64,
}

impl Times {
    /// Of at least one measurement in nanoseconds.
    fn of(mut nanos: Vec<u64>) -> Option<Self> {
        nanos.sort_unstable();
        let at = |share: usize| {
            nanos.get((nanos.len() * share / 100).min(nanos.len().saturating_sub(1)))
        };
        Some(Self {
            median_us: at(50)? / 1000,
            p99_us: at(99)? / 1000,
        })
    }
}

/// Writes as a commit does, into a file without a name that is gone afterwards however this ends.
fn measured(directory: &Path) -> io::Result<Times> {
    let mut file = tempfile::tempfile_in(directory)?;
    let page = [0x6b; SYNC_BYTES];
    let begun = Moment::now();
    let mut nanos = Vec::with_capacity(SYNCS);
    while nanos.len() < SYNCS && begun.elapsed_nanos() < MEASURE_NANOS_MAX {
        let one = Moment::now();
        file.write_all(&page)?;
        file.sync_data()?;
        nanos.push(one.elapsed_nanos());
    }
    Times::of(nanos).ok_or_else(|| io::Error::other("nothing could be measured"))
}

fn of_speed(times: Times, profile: StorageProfile) -> Finding {
    let Times { median_us, p99_us } = times;
    let each_second = 1_000_000 / median_us.max(1);
    let told = format!(
        "fdatasync of 4 KiB takes {}, at the 99th percentile {}: a client that posts one after the other gets at most {each_second} a second",
        time(median_us),
        time(p99_us)
    );
    let advice = if profile == StorageProfile::Flash {
        "storage.profile is \"flash\" already: move storage.data_dir to another disk (an SSD instead of a memory card)"
    } else {
        "storage.profile = \"flash\" makes commits larger and fewer (posts are answered up to 0.2 s later), or move \
         storage.data_dir to a faster disk; storage.synchronous = \"normal\" doesn't wait, and a loss of power costs the last moments"
    };
    if median_us < TOO_FAST_US {
        SUBJECT.warning(
            format!("fdatasync of 4 KiB takes {}: the disk says that it keeps what it can't have kept yet", time(median_us)),
            "if this isn't memory or a controller with a battery, turn its write cache off (hdparm -W0) or mount without nobarrier: \
             a loss of power costs answered posts",
        )
    } else if median_us >= VERY_SLOW_US {
        SUBJECT.fault(told, advice)
    } else if median_us >= SLOW_US {
        SUBJECT.warning(told, advice)
    } else {
        SUBJECT.good(told)
    }
}

fn time(us: u64) -> String {
    if us < 1000 {
        format!("{us} µs")
    } else {
        format!("{}.{} ms", us / 1000, us % 1000 / 100)
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn file_systems_without_locks_are_faults() {
        for (kind, state) in [
            ("ext4", State::Good),
            ("fuseblk", State::Good),
            ("nfs4", State::Fault),
            ("cifs", State::Fault),
            ("vfat", State::Fault),
            ("9p", State::Warning),
            ("fuse.sshfs", State::Warning),
            ("overlay", State::Warning),
            ("tmpfs", State::Warning),
        ] {
            let finding = of_kind(Some(kind));
            assert_eq!(finding.state, state, "{kind}");
            let names_it = |fix: String| fix.contains("storage.data_dir");
            assert!(finding.fix.is_none_or(names_it), "{kind}");
        }
        assert_eq!(of_kind(None).state, State::Unknown);
    }

    #[test]
    fn space_has_to_be_there_for_a_copy() {
        let state = |free_mib: u64, data_mib: u64, files: Option<u64>| {
            let space = Space {
                free_bytes: free_mib * MIB,
                free_files: files,
                data_bytes: data_mib * MIB,
            };
            of_space(space).state
        };
        assert_eq!(state(50_000, 100, Some(1_000_000)), State::Good);
        assert_eq!(state(50_000, 100, None), State::Good);
        assert_eq!(state(50_000, 60_000, None), State::Warning);
        assert_eq!(state(900, 100, None), State::Warning);
        assert_eq!(state(99, 1, None), State::Fault);
        assert_eq!(state(50_000, 1, Some(3)), State::Fault);
    }

    #[test]
    fn a_slow_disk_is_told_with_what_it_means() {
        let finding = |median_us, profile| {
            let times = Times {
                median_us,
                p99_us: median_us * 2,
            };
            of_speed(times, profile)
        };
        let states = [5, 500, 25_000, 300_000].map(|us| finding(us, StorageProfile::Default).state);
        let expected = [State::Warning, State::Good, State::Warning, State::Fault];
        assert_eq!(states, expected);
        let slow = finding(25_000, StorageProfile::Default);
        assert!(slow.what.contains("at most 40 a second"), "{}", slow.what);
        let fix = slow.fix.expect("a fix");
        assert!(fix.contains("storage.profile = \"flash\""), "{fix}");
        assert!(fix.contains("costs the last moments"), "{fix}");
        let fix = finding(25_000, StorageProfile::Flash).fix.expect("a fix");
        assert!(fix.contains("flash\" already"), "{fix}");
    }

    #[test]
    fn a_measurement_leaves_nothing_behind() {
        let directory = tempfile::tempdir().expect("a directory");
        let times = measured(directory.path()).expect("it can be written to");
        assert!(times.median_us <= times.p99_us);
        let left = fs::read_dir(directory.path()).expect("it is there").count();
        assert_eq!(left, 0);
    }
}
