//! How much memory there is for kinglet: the machine's, or less where it runs in a control group with a limit, as under
//! `MemoryMax=` of systemd or in a container.

use std::fs;
use std::path::Path;

const MIB: u64 = 1024 * 1024;
/// What isn't for caches: the program's own pages, a password that is hashed, requests under way, what the kernel keeps of files.
const BESIDE_CACHES_MIB: u64 = 48;
/// However little there is, caches get such a part of it.
const CACHES_DIVISOR: u64 = 4;

/// As much of a budget for caches, in MiB, as there is room for beside all else in so many bytes.
pub fn fitting_budget(budget_mib: u64, there_is: Option<u64>) -> u64 {
    let Some(mib) = there_is.map(|bytes| bytes / MIB) else {
        return budget_mib;
    };
    let room = mib.saturating_sub(BESIDE_CACHES_MIB);
    budget_mib.min(room.max(mib / CACHES_DIVISOR)).max(1)
}

/// Bytes of memory that there are for this process; `None` where the system doesn't tell.
///
/// Limits are those of Linux' control groups, of [version 2](https://docs.kernel.org/admin-guide/cgroup-v2.html) (`memory.max`)
/// and [version 1](https://docs.kernel.org/admin-guide/cgroup-v1/memory.html) (`memory.limit_in_bytes`), and of those above it.
pub fn there_is() -> Option<u64> {
    there_is_by(Path::new("/proc"), Path::new("/sys/fs/cgroup"))
}

fn there_is_by(proc: &Path, groups: &Path) -> Option<u64> {
    let machine = fs::read_to_string(proc.join("meminfo")).ok();
    let machine = machine.as_deref().and_then(total_of);
    let own = fs::read_to_string(proc.join("self/cgroup")).unwrap_or_default();
    let limits = own.lines().filter_map(|line| limit_by(line, groups));
    limits.chain(machine).min()
}

/// Out of `MemTotal:       16384 kB`.
fn total_of(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

/// The least limit of the group that a line of `/proc/self/cgroup` names, and of those above it: `0::/system.slice/kinglet.service`
/// (version 2), `9:memory:/kinglet` (version 1). In a container the names may be those outside: then its own is the topmost.
fn limit_by(line: &str, groups: &Path) -> Option<u64> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?);
    let (top, file) = match controllers {
        "" => (groups.to_owned(), "memory.max"),
        _ if controllers.split(',').any(|name| name == "memory") => {
            (groups.join("memory"), "memory.limit_in_bytes")
        }
        _ => return None,
    };
    let path = Path::new(path.trim_start_matches('/'));
    // Without a limit version 2 says "max", which is no number.
    path.ancestors()
        .filter_map(|group| fs::read_to_string(top.join(group).join(file)).ok())
        .filter_map(|limit| limit.trim().parse().ok())
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_get_what_is_left() {
        let fitting = |budget, mib: u64| fitting_budget(budget, Some(mib * MIB));
        assert_eq!(fitting_budget(128, None), 128);
        assert_eq!(fitting(128, 16_384), 128);
        assert_eq!(fitting(128, 128), 80);
        assert_eq!(fitting(128, 64), 16);
        assert_eq!(fitting(128, 32), 8);
        assert_eq!(fitting(8, 64), 8);
        assert_eq!(fitting(1024, 1024), 976);
        assert_eq!(fitting_budget(128, Some(0)), 1);
    }

    /// A system with these files.
    fn system(files: &[(&str, &str)]) -> Option<u64> {
        let root = tempfile::tempdir().expect("a directory");
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a file")).expect("directories");
            fs::write(path, text).expect("it is written");
        }
        there_is_by(&root.path().join("proc"), &root.path().join("groups"))
    }

    #[test]
    fn the_least_limit_counts() {
        let meminfo = ("proc/meminfo", "MemTotal:       1024 kB\nMemFree:  7 kB\n");
        assert_eq!(system(&[]), None);
        assert_eq!(system(&[meminfo]), Some(MIB));
        let two = ("proc/self/cgroup", "0::/system.slice/kinglet.service\n");
        let own = "groups/system.slice/kinglet.service/memory.max";
        assert_eq!(system(&[meminfo, two, (own, "max\n")]), Some(MIB));
        assert_eq!(system(&[meminfo, two, (own, "65536\n")]), Some(65_536));
        let above = "groups/system.slice/memory.max";
        let both = [meminfo, two, (own, "65536\n"), (above, "4096\n")];
        assert_eq!(system(&both), Some(4096));
        let one = (
            "proc/self/cgroup",
            "9:name=systemd:/\n4:cpu,memory:/far/away\n",
        );
        let unlimited = "groups/memory/memory.limit_in_bytes";
        assert_eq!(
            system(&[meminfo, one, (unlimited, "9223372036854771712\n")]),
            Some(MIB)
        );
        assert_eq!(system(&[meminfo, one, (unlimited, "8192\n")]), Some(8192));
    }
}
