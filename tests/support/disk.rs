//! The real program on a disk that fails when it is told to and remembers what was written (`disk.c`).

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;

use super::program::Program;

/// How often something is looked for, and how many times.
const LOOK: Duration = Duration::from_millis(10);
const LOOKS_MAX: usize = 3000;
/// The kinds of operations that are counted, in the shim's order.
pub const KINDS: [&str; 9] = [
    "write", "sync", "truncate", "open", "rename", "mmap", "unlink", "mkdir", "read",
];

/// The shim, compiled once for each test program.
fn shim() -> &'static Path {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/disk.c");
        let name = format!("disk-{}.so", std::process::id());
        let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let compiled = Command::new("cc")
            .args([
                "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o",
            ])
            .args([&made, &source])
            .arg("-lpthread")
            .output()
            .expect("a C compiler is installed");
        let complaint = String::from_utf8_lossy(&compiled.stderr);
        assert!(compiled.status.success(), "{complaint}");
        made
    })
}

/// An operation that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// One of [`KINDS`].
    pub kind: &'static str,
    /// Which of them, from 1.
    pub nth: u64,
    /// With which error.
    pub errno: i32,
    /// Whether everything that changes the disk fails from then on, until it is healed.
    pub lasts: bool,
}

/// A directory with a server's data on such a disk.
pub struct Disk {
    directory: TempDir,
}

/// A server on such a disk; killed with this value.
pub struct Served {
    child: Child,
    log: PathBuf,
}

impl Disk {
    /// A disk that holds a copy of the data in `template`.
    pub fn holding(template: &Path) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let disk = Self { directory };
        fs::create_dir_all(disk.data()).expect("it is empty");
        for entry in fs::read_dir(template).expect("it is there") {
            let entry = entry.expect("an entry");
            if entry.file_type().expect("a type").is_file() {
                let copied = fs::copy(entry.path(), disk.data().join(entry.file_name()));
                copied.expect("it is copied");
            }
        }
        disk
    }

    /// A disk with nothing on it.
    pub fn empty() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let disk = Self { directory };
        fs::create_dir(disk.root()).expect("it is empty");
        disk
    }

    /// All that the disk holds.
    pub fn root(&self) -> PathBuf {
        self.directory.path().join("disk")
    }

    /// Where the data is.
    pub fn data(&self) -> PathBuf {
        self.root().join("data")
    }

    /// What was written, if it was asked for.
    pub fn record(&self) -> PathBuf {
        self.directory.path().join("record")
    }

    fn healed(&self) -> PathBuf {
        self.directory.path().join("healed")
    }

    /// Lets the disk work again.
    pub fn heal(&self) {
        File::create(self.healed()).expect("a file");
    }

    /// How many operations of each kind were tried.
    pub fn counts(&self) -> HashMap<&'static str, u64> {
        let counts = fs::read(self.directory.path().join("counts")).expect("they were counted");
        let counts = counts.chunks(8).map(|count| {
            let count = count.try_into().expect("eight bytes");
            u64::from_ne_bytes(count)
        });
        KINDS.into_iter().zip(counts).collect()
    }

    /// Runs a command of the program on the data, without the shim.
    pub fn command(&self, arguments: &[&str]) -> std::process::Output {
        Command::new(Program::PATH)
            .args(arguments)
            .arg("--data")
            .arg(self.data())
            .current_dir(self.directory.path())
            .env_remove("KINGLET_CONFIG")
            .output()
            .expect("the command runs")
    }

    /// Serves the data: with this fault, or recording.
    pub fn serve(&self, fault: Option<Fault>, records: bool) -> Served {
        self.serve_with(fault, records, &[])
    }

    /// As [`Disk::serve`], with variables such as `KINGLET_LOG__LEVEL`.
    pub fn serve_with(
        &self,
        fault: Option<Fault>,
        records: bool,
        settings: &[(&str, &str)],
    ) -> Served {
        let mut command = self.serve_command();
        command.envs(settings.iter().copied());
        command
            .env("LD_PRELOAD", shim())
            .env("KINGLET_DISK_DIR", self.root())
            .env("KINGLET_DISK_COUNTS", self.directory.path().join("counts"))
            .env("KINGLET_DISK_HEALED", self.healed());
        if records {
            command.env("KINGLET_DISK_RECORD", self.record());
        }
        if let Some(fault) = fault {
            let Fault {
                kind,
                nth,
                errno,
                lasts,
            } = fault;
            let told = format!("{kind}:{nth}:{errno}:{}", u8::from(lasts));
            command.env("KINGLET_DISK_FAULT", told);
        }
        self.start(command)
    }

    /// Serves the data on a sound disk.
    pub fn serve_plainly(&self) -> Served {
        self.start(self.serve_command())
    }

    fn serve_command(&self) -> Command {
        let mut command = Command::new(Program::PATH);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(self.data())
            .current_dir(self.directory.path())
            .env_remove("KINGLET_CONFIG")
            .env("KINGLET_LIMITS__RATE_LIMITS", "false")
            .env("KINGLET_LOG__LEVEL", "warn")
            .stdin(Stdio::null());
        command
    }

    fn start(&self, mut command: Command) -> Served {
        let log = self.directory.path().join("log");
        let errors = File::create(&log).expect("a file");
        let child = command.stderr(errors).spawn().expect("the program starts");
        Served { child, log }
    }
}

impl Served {
    /// All that it said so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).expect("the log is there")).into_owned()
    }

    /// Where it answers, or how it ended before it did.
    pub async fn base(&mut self) -> Result<String, ExitStatus> {
        for _ in 0..LOOKS_MAX {
            let log = self.log();
            let base = log.lines().find_map(|line| {
                let (_, base) = line.split_once("kinglet answers at ")?;
                Some(base.trim().to_owned())
            });
            // A line may be half written.
            if let Some(base) = base.filter(|_| log.ends_with('\n')) {
                return Ok(base);
            }
            if let Some(status) = self.child.try_wait().expect("a child") {
                return Err(status);
            }
            tokio::time::sleep(LOOK).await;
        }
        panic!("it neither serves nor ends:\n{}", self.log());
    }

    /// Asks it to stop, and waits for its end.
    pub async fn stop(mut self) -> (ExitStatus, String) {
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(asked.expect("kill runs").success());
        for _ in 0..LOOKS_MAX {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return (status, self.log());
            }
            tokio::time::sleep(LOOK).await;
        }
        panic!("it doesn't stop:\n{}", self.log());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
