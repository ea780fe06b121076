//! A control group with a memory limit for one process, and what that process takes over time.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Failure;

/// How often it is looked.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(100);
/// Where control groups are on every Linux.
const GROUPS: &str = "/sys/fs/cgroup";
const KIB: u64 = 1024;

/// A control group, or none.
pub struct Cage {
    group: Option<Group>,
    limit: u64,
    why_not: String,
}

#[derive(Clone)]
struct Group {
    path: PathBuf,
    version: Version,
}

#[derive(Clone, Copy)]
enum Version {
    One,
    Two,
}

impl Cage {
    /// A new group whose processes together get `limit` bytes, without swap; none where none can be made.
    pub fn new(limit: u64) -> Self {
        match Group::make(limit) {
            Ok(group) => Self {
                group: Some(group),
                limit,
                why_not: String::new(),
            },
            Err(error) => Self {
                group: None,
                limit,
                why_not: error.to_string(),
            },
        }
    }

    /// Whether there is a limit.
    pub fn is_closed(&self) -> bool {
        self.group.is_some()
    }

    /// What limits the process, for people.
    pub fn description(&self) -> String {
        match &self.group {
            Some(group) => format!(
                "memory limit of {} bytes by {}",
                self.limit,
                group.path.display()
            ),
            None => format!(
                "NO LIMIT: no control group can be made ({}); what the process takes is looked at",
                self.why_not
            ),
        }
    }

    /// A command that runs `program` in the group.
    pub fn command(&self, program: &Path) -> Command {
        let Some(group) = &self.group else {
            return Command::new(program);
        };
        // The shell enters the group and becomes the program.
        let mut command = Command::new("sh");
        command
            .args(["-c", r#"echo $$ > "$0/cgroup.procs" && exec "$@""#])
            .arg(&group.path)
            .arg(program);
        command
    }

    /// Looks at what a process takes, from now on.
    pub fn watch(&self, process: u32) -> Watch {
        let stop = Arc::new(AtomicBool::new(false));
        let group = self.group.clone();
        let thread = std::thread::spawn({
            let stop = Arc::clone(&stop);
            move || watch(process, group.as_ref(), &stop)
        });
        Watch { stop, thread }
    }
}

impl Drop for Cage {
    fn drop(&mut self) {
        if let Some(group) = &self.group {
            // Whatever was in it has ended; an empty group that stays does no harm.
            drop(fs::remove_dir(&group.path));
        }
    }
}

impl Group {
    fn make(limit: u64) -> io::Result<Self> {
        let name = format!("kinglet-{}", std::process::id());
        let root = Path::new(GROUPS);
        let (path, version) = if root.join("memory/memory.limit_in_bytes").exists() {
            (root.join("memory").join(name), Version::One)
        } else {
            (root.join(name), Version::Two)
        };
        fs::create_dir(&path)?;
        let group = Self { path, version };
        let limited = match version {
            Version::One => group.write("memory.limit_in_bytes", limit),
            Version::Two => group.write("memory.max", limit),
        };
        if let Err(error) = limited {
            drop(fs::remove_dir(&group.path));
            return Err(error);
        }
        // A kernel without swap accounting has no such file; one without swap needs none.
        drop(match version {
            Version::One => group.write("memory.memsw.limit_in_bytes", limit),
            Version::Two => group.write("memory.swap.max", 0),
        });
        Ok(group)
    }

    fn write(&self, file: &str, number: u64) -> io::Result<()> {
        fs::write(self.path.join(file), number.to_string())
    }

    fn read(&self, file: &str) -> Result<String, Failure> {
        Ok(fs::read_to_string(self.path.join(file))?)
    }

    /// All, without a file behind it, files, in bytes.
    fn usage(&self) -> Result<(u64, u64, u64), Failure> {
        let stat = self.read("memory.stat")?;
        let (all, anonymous, file) = match self.version {
            Version::One => ("memory.usage_in_bytes", "rss", "cache"),
            Version::Two => ("memory.current", "anon", "file"),
        };
        let all = self.read(all)?.trim().parse()?;
        Ok((all, word(&stat, anonymous)?, word(&stat, file)?))
    }

    fn kills(&self) -> Result<u64, Failure> {
        let file = match self.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        word(&self.read(file)?, "oom_kill")
    }
}

/// The number after a word at the beginning of a line.
fn word(text: &str, name: &str) -> Result<u64, Failure> {
    let found = text.lines().find_map(|line| {
        let rest = line.strip_prefix(name)?;
        rest.strip_prefix([' ', ':'])?.split_whitespace().next()
    });
    Ok(found.ok_or_else(|| format!("no {name}"))?.parse()?)
}

/// What was taken at a moment.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Seconds since the first.
    pub second: f64,
    /// Everything that counts against the limit, in bytes.
    pub all: u64,
    /// What has no file behind it: it stays until it is given back.
    pub anonymous: u64,
    /// Files, which the kernel can give up.
    pub file: u64,
}

/// A process that is being looked at.
pub struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Watched, Failure>>,
}

impl Watch {
    /// What was seen.
    pub fn end(self) -> Result<Watched, Failure> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the watch panicked")?
    }
}

/// What a process took.
#[derive(Debug)]
pub struct Watched {
    /// Moments, at most 100 ms apart.
    pub samples: Vec<Sample>,
    /// The most that was resident, in bytes (`VmHWM`).
    pub most_resident: u64,
    /// Processes that the kernel ended for want of memory.
    pub kills: u64,
}

impl Watched {
    /// The most that counted against the limit, in bytes.
    pub fn peak(&self) -> u64 {
        let all = self.samples.iter().map(|sample| sample.all);
        all.max().unwrap_or_default()
    }

    /// The most without a file behind it, in bytes.
    pub fn anonymous_peak(&self) -> u64 {
        let anonymous = self.samples.iter().map(|sample| sample.anonymous);
        anonymous.max().unwrap_or_default()
    }

    /// The most that files took, in bytes.
    pub fn file_peak(&self) -> u64 {
        let files = self.samples.iter().map(|sample| sample.file);
        files.max().unwrap_or_default()
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes as f64 / (KIB * KIB) as f64;
        write!(
            f,
            "memory, each at its most: {:.1} MiB in all, {:.1} MiB without a file behind it, {:.1} MiB of files, {:.1} MiB \
             resident; killed: {}",
            mib(self.peak()),
            mib(self.anonymous_peak()),
            mib(self.file_peak()),
            mib(self.most_resident),
            self.kills
        )
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "memory over time is what is measured here"
)]
fn watch(process: u32, group: Option<&Group>, stop: &AtomicBool) -> Result<Watched, Failure> {
    let begun = Instant::now();
    let mut watched = Watched {
        samples: Vec::new(),
        most_resident: 0,
        kills: 0,
    };
    while !stop.load(Ordering::Relaxed) {
        // A process that was killed has no status.
        if let Ok(status) = fs::read_to_string(format!("/proc/{process}/status"))
            && let Ok(most) = word(&status, "VmHWM")
        {
            watched.most_resident = watched.most_resident.max(most * KIB);
            let (all, anonymous, file) = match group {
                Some(group) => group.usage()?,
                None => {
                    let of = |name| Ok::<u64, Failure>(word(&status, name)? * KIB);
                    (of("VmRSS")?, of("RssAnon")?, of("RssFile")?)
                }
            };
            watched.samples.push(Sample {
                second: begun.elapsed().as_secs_f64(),
                all,
                anonymous,
                file,
            });
        }
        std::thread::sleep(SAMPLE_INTERVAL);
    }
    if let Some(group) = group {
        watched.kills = group.kills()?;
    }
    Ok(watched)
}
