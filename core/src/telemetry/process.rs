//! What the system says about this process, out of `/proc`; nothing where that isn't.

use std::fs;

/// The ticks of a second in `/proc/self/stat`: Linux tells user space 100 on every architecture that it runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// The figures of the whole process, whatever else runs in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProcessFigures {
    /// Time on processors, of user and system, in seconds.
    pub cpu_seconds: f64,
    /// Memory that is resident, in bytes.
    pub resident_bytes: u64,
    /// Memory that is addressed, in bytes.
    pub virtual_bytes: u64,
    /// Threads.
    pub threads: u64,
    /// Open files.
    pub open_files: u64,
    /// Files that may be open.
    pub open_files_max: Option<u64>,
    /// When it was started, in seconds since 1970.
    pub started_at: f64,
}

impl ProcessFigures {
    /// Looks; `None` on a system that doesn't tell.
    pub fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let system = fs::read_to_string("/proc/stat").ok()?;
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        // The one that counts them is open, too.
        let open_files = fs::read_dir("/proc/self/fd")
            .ok()?
            .count()
            .saturating_sub(1);
        let mut figures = Self::parse(&stat, &status, &system, &limits)?;
        figures.open_files = u64::try_from(open_files).unwrap_or(u64::MAX);
        Some(figures)
    }

    fn parse(stat: &str, status: &str, system: &str, limits: &str) -> Option<Self> {
        // The name of the program, in parentheses, may hold anything. Fields are numbered in proc(5); the third follows it.
        let after_name = stat.rsplit_once(") ")?.1;
        let fields: Vec<&str> = after_name.split(' ').collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let ticks = (field(14)? + field(15)?) as f64;
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        let booted = system.lines().find_map(|line| line.strip_prefix("btime "));
        let booted: u64 = booted?.trim().parse().ok()?;
        let files = limits
            .lines()
            .find_map(|line| line.strip_prefix("Max open files"));
        let open_files_max =
            files.and_then(|limits| limits.split_whitespace().next()?.parse().ok());
        Some(Self {
            cpu_seconds: ticks / TICKS_PER_SECOND,
            resident_bytes: kib("VmRSS:")? * 1024,
            virtual_bytes: kib("VmSize:")? * 1024,
            threads: field(20)?,
            open_files: 0,
            open_files_max,
            started_at: booted as f64 + field(22)? as f64 / TICKS_PER_SECOND,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_whatever_the_program_is_called() {
        let stat = "42 (a) b) R 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 7 0 1000 4096 2 0";
        let status = "Name:\tx\nVmSize:\t    4 kB\nVmRSS:\t      8 kB\n";
        let system = "cpu 1 2\nbtime 1000\n";
        let limits = "Max open files            1024                 4096                 files\n";
        let figures = ProcessFigures::parse(stat, status, system, limits).expect("all is told");
        let expected = ProcessFigures {
            cpu_seconds: 2.0,
            resident_bytes: 8192,
            virtual_bytes: 4096,
            threads: 7,
            open_files: 0,
            open_files_max: Some(1024),
            started_at: 1010.0,
        };
        assert_eq!(figures, expected);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn linux_tells() {
        let figures = ProcessFigures::read().expect("there is /proc");
        assert!(figures.resident_bytes > 1024 * 1024);
        assert!(figures.threads >= 1 && figures.open_files >= 3);
    }
}
