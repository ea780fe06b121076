//! What the machine is and says, out of `/proc`.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use super::Failure;

/// Writes of which the median counts.
const WRITES: usize = 101;
const WRITE_BYTES: usize = 4096;
/// The unit of times in `/proc`: a hundredth of a second on every Linux that Rust's standard library runs on.
const TICK: Duration = Duration::from_millis(10);

/// The present moment, for measuring.
#[expect(
    clippy::disallowed_methods,
    reason = "how long something takes is what is measured here"
)]
pub fn now() -> Instant {
    Instant::now()
}

/// The hardware in one line.
pub fn description() -> Result<String, Failure> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let model = field(&cpu, "model name").unwrap_or("unknown processor");
    let cores = std::thread::available_parallelism()?;
    let memory = fs::read_to_string("/proc/meminfo")?;
    let memory_kib = number(&memory, "MemTotal")?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    Ok(format!(
        "{model}, {cores} cores, {} GiB, Linux {}",
        memory_kib / (1024 * 1024),
        kernel.trim()
    ))
}

/// The resident memory of a process, in KiB.
pub fn resident_kib(process: u32) -> Result<u64, Failure> {
    number(
        &fs::read_to_string(format!("/proc/{process}/status"))?,
        "VmRSS",
    )
}

/// How long a process has had a core so far.
pub fn cpu_time(process: u32) -> Result<Duration, Failure> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field is the program's name in brackets, which may hold anything.
    let (_, fields) = stat.rsplit_once(')').ok_or("/proc/PID/stat has changed")?;
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks = ticks.map(str::parse::<u32>).sum::<Result<u32, _>>()?;
    Ok(TICK * ticks)
}

/// How long the disk under a directory takes to make 4 KiB durable: the median, in microseconds.
pub fn fdatasync_us(directory: &Path) -> Result<f64, Failure> {
    let mut file = File::create(directory.join("fdatasync"))?;
    let block = [0x5a; WRITE_BYTES];
    file.write_all(&block)?;
    file.sync_all()?;
    let mut times = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        // Over what is there, as a write-ahead log in use does: the file doesn't grow.
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&block)?;
        let begun = now();
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    times.sort();
    Ok(times[times.len() / 2].as_secs_f64() * 1e6)
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find_map(|(known, value)| (known.trim() == name).then_some(value.trim()))
}

fn number(text: &str, name: &str) -> Result<u64, Failure> {
    let value = field(text, name).ok_or_else(|| format!("/proc doesn't tell {name}"))?;
    let digits = value.split_whitespace().next().unwrap_or_default();
    Ok(digits.parse()?)
}
