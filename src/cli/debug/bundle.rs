//! `kinglet debug bundle`: all of it in one file for a bug report, with secrets, texts and people taken out.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde_json::json;

use super::{Part, Told, ask};
use crate::cli::{CliError, ask_server, print};
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::config::{Config, Loaded};
use crate::control::protocol::{Answer, Request};
use crate::doctor::{self, Case};
use crate::features;
use crate::redact::redact;
use crate::store::open::database_in;

/// How long statements are watched for a bundle, in seconds.
const WATCH_SECONDS: u32 = 3;
/// The name of the folder in the archive.
const FOLDER: &str = "kinglet-debug";
/// What is said at the beginning of the archive.
const READ_ME: &str = "\
What kinglet knows about one instance, for a bug report.

Left out are: texts of posts and messages, names of people, mail addresses, IP addresses, passwords, tokens, keys and whatever
looks like one. The public address and the title of the instance are in it. Look through the files before you hand them on.

instance.json    version, build, system, how long it has been running
config.json      the settings in force, secrets masked
sizes.json       how large the database and its tables are
metrics.txt      all figures, as Prometheus reads them
live.json        the figures of the moment, as kinglet top shows them
actors.json      each actor: what waits, what it works on, how long it takes
sql.json         the statements of three seconds, with the plans of the heaviest
requests.json    where the time of the slow and of the last requests went
log.txt          the last records of the log; requests are in requests.json instead
doctor.json      what is right and wrong around the instance, as kinglet doctor tells it
check.json       which invariants of the store are broken (with --check)
missing.txt      what could not be had, and why
";

/// Options of `debug bundle`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The file, which must not exist; kinglet-debug-DATE.tar.gz unless given
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Check every invariant of the store as well, which takes a while on a large one
    #[arg(long)]
    pub check: bool,
}

pub(super) fn run(options: &Bundle, loaded: &Loaded) -> Result<(), CliError> {
    let now = SystemClock.now();
    let path = match &options.file {
        Some(path) => path.clone(),
        None => {
            let moment = now.to_string();
            let digits: String = moment.chars().filter(char::is_ascii_digit).collect();
            format!("kinglet-debug-{}.tar.gz", &digits[..14]).into()
        }
    };
    // Before anything else: what can't be kept needs not be asked for.
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(|source| cant_write(&path, source))?;
    let mut archive = Archive::begin(file, now);
    let written = archive
        .add("README.txt", READ_ME)
        .and_then(|()| collect(&mut archive, options.check, loaded))
        .and_then(|()| archive.end());
    written.map_err(|source| cant_write(&path, source))?;
    print(&format!(
        "{}: look through it before you hand it on",
        path.display()
    ))
}

/// Puts everything into the archive. What can't be had is named there: the worse an instance fares, the more the rest is needed.
fn collect(archive: &mut Archive, check: bool, loaded: &Loaded) -> io::Result<()> {
    let config = &loaded.config;
    let mut missing = Vec::new();
    archive.add_json("instance.json", &instance(config))?;
    archive.add_json("config.json", &config.to_json())?;
    let parts = [
        ("sizes.json", Part::Sizes),
        ("actors.json", Part::Actors),
        ("requests.json", Part::Courses),
        ("log.txt", Part::Records),
        ("metrics.txt", Part::Metrics),
        (
            "sql.json",
            Part::Statements {
                seconds: WATCH_SECONDS,
            },
        ),
    ];
    for (name, part) in parts {
        match ask(config, part) {
            Ok(told) => add(archive, name, &told)?,
            Err(error) => missing.push(format!("{name}: {error}")),
        }
    }
    match ask_server(config, Request::ReadLive) {
        Ok(Answer::Live { figures }) => archive.add_json("live.json", &figures)?,
        Ok(_) => missing.push(format!("live.json: {}", CliError::Mismatch)),
        Err(error) => missing.push(format!("live.json: {error}")),
    }
    if check {
        match ask_server(config, Request::Check) {
            Ok(Answer::Checked { broken }) => {
                archive.add_json("check.json", &json!({"broken": broken}))?;
            }
            Ok(_) => missing.push(format!("check.json: {}", CliError::Mismatch)),
            Err(error) => missing.push(format!("check.json: {error}")),
        }
    }
    let case = Case {
        loaded: loaded.clone(),
        faults: Vec::new(),
        clock: Arc::new(SystemClock),
    };
    match doctor::examine(case) {
        Ok(findings) => archive.add_json("doctor.json", &findings)?,
        Err(error) => missing.push(format!("doctor.json: {error}")),
    }
    archive.add("missing.txt", &missing.join("\n"))
}

fn add(archive: &mut Archive, name: &str, told: &Told) -> io::Result<()> {
    match told {
        Told::Metrics(text) => archive.add(name, text),
        Told::Records(lines) => archive.add(name, &lines.join("\n")),
        Told::Actors(actors) => archive.add_json(name, actors),
        Told::Statements(statements) => archive.add_json(name, statements),
        Told::Courses(courses) => archive.add_json(name, courses),
        Told::Sizes(sizes) => archive.add_json(name, sizes),
        Told::Course(course) => archive.add_json(name, course),
    }
}

/// What is known without a server.
fn instance(config: &Config) -> serde_json::Value {
    let data_dir = &config.storage.data_dir;
    let database = database_in(data_dir);
    let bytes = |path: &Path| std::fs::metadata(path).ok().map(|found| found.len());
    let log = database.with_extension("db-wal");
    let line = |path: &str, begins: &str| {
        let text = std::fs::read_to_string(path).ok()?;
        let line = text.lines().find(|line| line.starts_with(begins))?;
        Some(line.trim().to_owned())
    };
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "features": built_with(),
        "debug_build": cfg!(debug_assertions),
        "system": std::env::consts::OS,
        "architecture": std::env::consts::ARCH,
        "distribution": line("/etc/os-release", "PRETTY_NAME="),
        "kernel": line("/proc/sys/kernel/osrelease", ""),
        "memory": line("/proc/meminfo", "MemTotal:"),
        "cores": std::thread::available_parallelism().ok().map(usize::from),
        "database_bytes": bytes(&database),
        "write_ahead_log_bytes": bytes(&log),
    })
}

/// What this build has of what can be left out.
fn built_with() -> Vec<&'static str> {
    [
        ("website", features::WEB),
        ("mail", features::MAIL),
        ("snapshots", features::SNAPSHOTS),
        ("search", features::SEARCH),
        ("profile", features::PROFILE),
        ("otlp", features::OTLP),
    ]
    .into_iter()
    .filter_map(|(name, is_in)| is_in.then_some(name))
    .collect()
}

/// An archive of texts, each cleaned on its way in.
struct Archive {
    tar: Option<tar::Builder<GzEncoder<File>>>,
    now: Timestamp,
}

impl Archive {
    fn begin(file: File, now: Timestamp) -> Self {
        let tar = tar::Builder::new(GzEncoder::new(file, Compression::default()));
        Self {
            tar: Some(tar),
            now,
        }
    }

    fn add_json(&mut self, name: &str, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string_pretty(value)?;
        self.add(name, &text)
    }

    fn add(&mut self, name: &str, text: &str) -> io::Result<()> {
        let Some(tar) = &mut self.tar else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let text = redact(text);
        let mut header = tar::Header::new_ustar();
        header.set_size(u64::try_from(text.len()).map_err(io::Error::other)?);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(self.now.seconds()).unwrap_or(0));
        tar.append_data(&mut header, format!("{FOLDER}/{name}"), text.as_bytes())
    }

    fn end(&mut self) -> io::Result<()> {
        let Some(tar) = self.tar.take() else {
            return Ok(());
        };
        let mut file = tar.into_inner()?.finish()?;
        file.flush()
    }
}

fn cant_write(path: &Path, source: io::Error) -> CliError {
    CliError::Io {
        what: format!("{}: can't be written", path.display()),
        source,
    }
}
