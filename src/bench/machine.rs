//! What the machine is: figures of one say little about another.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::BenchError;
use crate::clock::Moment;

/// Writes of which the median counts; odd.
const WRITES: usize = 101;
const WRITE_BYTES: usize = 4096;
/// Kinds of file systems by the numbers that `statfs(2)` tells. What lies in memory is told apart: there a commit waits
/// for nothing.
const FILE_SYSTEMS: [(i64, &str); 7] = [
    (0xEF53, "ext4"),
    (0x5846_5342, "xfs"),
    (0x9123_683E, "btrfs"),
    (0xF2F5_2010, "f2fs"),
    (0x794C_7630, "overlay"),
    (0x0102_1994, TMPFS),
    (0x2FC1_2FC1, "zfs"),
];
/// A file system that lies in memory.
pub const TMPFS: &str = "tmpfs";

/// A machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// How many cores this process may use.
    pub cores: usize,
    /// Memory, in bytes.
    pub memory_bytes: u64,
    /// The kernel and its release.
    pub kernel: String,
    /// The file system that the throwaway instance lies on.
    pub file_system: String,
    /// How long the disk takes to make 4 KiB durable over what is there: the median of 101, in microseconds.
    pub fdatasync_us: f64,
}

impl Machine {
    /// Looks at this one; the disk is that of a directory.
    ///
    /// # Errors
    /// When the directory can't be written to.
    pub fn look(directory: &Path) -> Result<Self, BenchError> {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu = field(&cpu, "model name").or_else(|| field(&cpu, "Model"));
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Ok(Self {
            cpu: cpu.unwrap_or("unknown").to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: kib(&memory, "MemTotal").unwrap_or(0) * 1024,
            kernel: format!("{} {}", std::env::consts::OS, release.trim()),
            file_system: file_system_of(directory),
            fdatasync_us: fdatasync_us(directory).map_err(BenchError::io(format!(
                "{}: can't be written to",
                directory.display()
            )))?,
        })
    }

    /// In one line.
    pub fn line(&self) -> String {
        format!(
            "{}, {} cores, {:.0} GiB, {}, {}, fdatasync of 4 KiB in {:.0} us",
            self.cpu,
            self.cores,
            self.memory_bytes as f64 / f64::from(1 << 30),
            self.kernel,
            self.file_system,
            self.fdatasync_us
        )
    }
}

fn file_system_of(directory: &Path) -> String {
    match rustix::fs::statfs(directory) {
        Ok(told) => {
            #[expect(
                clippy::unnecessary_cast,
                reason = "the type differs between architectures"
            )]
            let kind = told.f_type as i64;
            let known = FILE_SYSTEMS.iter().find(|(number, _)| *number == kind);
            known.map_or_else(|| format!("{kind:#x}"), |(_, name)| (*name).to_owned())
        }
        Err(_) => "unknown".to_owned(),
    }
}

/// How long the disk under a directory takes to make 4 KiB durable: the median, in microseconds.
///
/// # Errors
/// When a file can't be written there.
pub fn fdatasync_us(directory: &Path) -> std::io::Result<f64> {
    let path = directory.join("fdatasync");
    let mut file = File::create(&path)?;
    let block = [0x5a; WRITE_BYTES];
    file.write_all(&block)?;
    file.sync_all()?;
    let mut times = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        // Over what is there, as a write-ahead log in use does: the file doesn't grow.
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&block)?;
        let begun = Moment::now();
        file.sync_data()?;
        times.push(begun.elapsed_nanos());
    }
    drop(file);
    fs::remove_file(&path)?;
    times.sort_unstable();
    Ok(times[times.len() / 2] as f64 / 1e3)
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find_map(|(known, value)| (known.trim() == name).then_some(value.trim()))
}

/// The number in a line such as `VmRSS:  16 kB`.
pub(super) fn kib(text: &str, name: &str) -> Option<u64> {
    let value = field(text, name)?;
    value.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_can_be_looked_at() {
        let directory = tempfile::tempdir().expect("a directory");
        let machine = Machine::look(directory.path()).expect("it can be looked at");
        assert!(machine.cores >= 1);
        assert!(machine.fdatasync_us > 0.0);
        let left = fs::read_dir(directory.path())
            .expect("it can be listed")
            .count();
        assert_eq!(left, 0, "the file that was written is still there");
    }

    #[test]
    fn lines_of_proc_are_read_by_their_names() {
        let text = "VmPeak:\t  99 kB\nVmRSS:\t   16 kB\n";
        assert_eq!(kib(text, "VmRSS"), Some(16));
        assert_eq!(kib(text, "Rss"), None);
    }
}
