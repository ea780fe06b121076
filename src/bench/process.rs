//! What a process has taken so far, out of `/proc`.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::BenchError;
use super::machine::kib;

/// The ticks of a second in `/proc/PID/stat`: Linux tells user space 100 on every architecture that it runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// What a process has taken so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Time on processors, of user and system, in seconds.
    pub cpu_seconds: f64,
    /// Memory that is resident, in bytes.
    pub resident_bytes: u64,
    /// The most that was resident so far, in bytes.
    pub resident_bytes_max: u64,
    /// What the kernel was asked to bring to a disk, in bytes: whole pages.
    pub written_bytes: u64,
    /// How often a thread gave up its core because it had nothing to do, and so how often one was woken.
    pub wake_ups: u64,
}

impl Usage {
    /// Looks at a process.
    ///
    /// # Errors
    /// When it is gone, belongs to somebody else, or there is no `/proc`.
    pub fn of(process: u32) -> Result<Self, BenchError> {
        let place = format!("/proc/{process}");
        let read = |name: &str| {
            let path = format!("{place}/{name}");
            fs::read_to_string(&path).map_err(BenchError::io(format!("{path}: can't be read")))
        };
        let (stat, status, io) = (read("stat")?, read("status")?, read("io")?);
        let changed = || BenchError::Unusable(format!("{place} says something else than expected"));
        let mut usage = Self::parse(&stat, &status, &io).ok_or_else(changed)?;
        usage.wake_ups = wake_ups(Path::new(&place)).ok_or_else(changed)?;
        Ok(usage)
    }

    fn parse(stat: &str, status: &str, io: &str) -> Option<Self> {
        // The second field is the program's name in brackets, which may hold anything.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<u64>);
        let ticks = ticks.next()?.ok()? + ticks.next()?.ok()?;
        Some(Self {
            cpu_seconds: ticks as f64 / TICKS_PER_SECOND,
            resident_bytes: kib(status, "VmRSS")? * 1024,
            resident_bytes_max: kib(status, "VmHWM")? * 1024,
            written_bytes: kib(io, "write_bytes")?,
            wake_ups: 0,
        })
    }

    /// What it took since an earlier look; memory is that of now.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            cpu_seconds: (self.cpu_seconds - earlier.cpu_seconds).max(0.0),
            written_bytes: self.written_bytes.saturating_sub(earlier.written_bytes),
            wake_ups: self.wake_ups.saturating_sub(earlier.wake_ups),
            ..*self
        }
    }
}

/// Of all threads together; those that end meanwhile count no more.
fn wake_ups(place: &Path) -> Option<u64> {
    let threads = fs::read_dir(place.join("task")).ok()?;
    let mut all = 0;
    for thread in threads.flatten() {
        if let Ok(status) = fs::read_to_string(thread.path().join("status")) {
            all += kib(&status, "voluntary_ctxt_switches")?;
        }
    }
    Some(all)
}

/// What all files in a directory and those below take on the disk, in bytes.
///
/// # Errors
/// When it can't be listed.
pub fn disk_bytes(directory: &Path) -> Result<u64, BenchError> {
    let failed = || BenchError::io(format!("{}: can't be listed", directory.display()));
    let mut bytes = 0;
    for entry in fs::read_dir(directory).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        let told = entry.metadata().map_err(failed())?;
        bytes += if told.is_dir() {
            disk_bytes(&entry.path())?
        } else {
            told.len()
        };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_whatever_the_program_is_called() {
        let stat = "42 (a) b) R 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 7 0 1000 4096 2 0";
        let status = "VmHWM:\t 12 kB\nVmRSS:\t 8 kB\n";
        let io = "rchar: 1\nwrite_bytes: 4096\ncancelled_write_bytes: 0\n";
        let usage = Usage::parse(stat, status, io).expect("all is told");
        let expected = Usage {
            cpu_seconds: 2.0,
            resident_bytes: 8192,
            resident_bytes_max: 12_288,
            written_bytes: 4096,
            wake_ups: 0,
        };
        assert_eq!(usage, expected);
    }

    #[test]
    fn what_was_taken_meanwhile_is_the_difference() {
        let earlier = Usage {
            cpu_seconds: 1.0,
            resident_bytes: 10,
            resident_bytes_max: 20,
            written_bytes: 100,
            wake_ups: 5,
        };
        let later = Usage {
            cpu_seconds: 1.5,
            resident_bytes: 7,
            resident_bytes_max: 30,
            written_bytes: 400,
            wake_ups: 9,
        };
        let between = later.since(&earlier);
        assert_eq!(between.written_bytes, 300);
        assert_eq!(between.wake_ups, 4);
        assert_eq!(
            (between.resident_bytes, between.resident_bytes_max),
            (7, 30)
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_can_be_looked_at() {
        let usage = Usage::of(std::process::id()).expect("there is /proc");
        assert!(usage.resident_bytes > 1024 * 1024);
    }
}
