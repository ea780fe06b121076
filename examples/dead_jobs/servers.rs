//! The servers that are measured, as processes of their own that end with these values.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::Failure;
use super::load::now;

/// How long a server may take to start.
const START_TIME_MAX: Duration = Duration::from_secs(20);
/// How often it is looked whether it has.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// The release build of kinglet beside this example.
pub fn program() -> Result<PathBuf, Failure> {
    let example = std::env::current_exe()?;
    let folder = example.parent().and_then(Path::parent);
    let program = folder.ok_or("this program is in no directory")?;
    let program = program.join("kinglet");
    if cfg!(debug_assertions) {
        return Err("figures of a debug build tell nothing: run this with --release".into());
    }
    if !program.exists() {
        let path = program.display();
        return Err(format!("{path} is not there: run `cargo build --release` first").into());
    }
    Ok(program)
}

/// A process that is killed when this is dropped; what it has stored is thrown away.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `kinglet serve`.
pub struct Kinglet {
    process: Process,
    program: PathBuf,
    data: PathBuf,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Kinglet {
    /// Starts it on a directory, with these variables in its environment, and waits until it answers.
    pub fn start_with(
        program: &Path,
        data: &Path,
        settings: &[(&str, &str)],
    ) -> Result<Self, Failure> {
        let log = log_of(data);
        let child = command(program, data)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("KINGLET_LIMITS__RATE_LIMITS", "false")
            .envs(settings.iter().copied())
            .stderr(File::create(&log)?)
            .spawn()?;
        let mut process = Process(child);
        let begun = now();
        let address = loop {
            let text = fs::read_to_string(&log)?;
            if let Some((_, rest)) = text.split_once("kinglet answers at http://")
                && let Some((address, _)) = rest.split_once('\n')
            {
                break address.trim().parse()?;
            }
            if process.0.try_wait()?.is_some() || begun.elapsed() > START_TIME_MAX {
                return Err(format!("kinglet doesn't start:\n{text}").into());
            }
            pause();
        };
        Ok(Self {
            process,
            program: program.to_owned(),
            data: data.to_owned(),
            address,
        })
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.process.0.id()
    }

    /// What it has logged so far.
    pub fn log(&self) -> Result<String, Failure> {
        Ok(fs::read_to_string(log_of(&self.data))?)
    }

    /// Makes an access token.
    pub fn create_token(&self, name: &str) -> Result<String, Failure> {
        let token = self.run(&["token", "create", name, "--scopes", "read write"])?;
        Ok(token.trim().to_owned())
    }

    fn run(&self, arguments: &[&str]) -> Result<String, Failure> {
        let done = command(&self.program, &self.data)
            .args(arguments)
            .output()?;
        if !done.status.success() {
            let said = String::from_utf8_lossy(&done.stderr);
            return Err(format!("kinglet {}: {said}", arguments.join(" ")).into());
        }
        Ok(String::from_utf8(done.stdout)?)
    }
}

fn log_of(data: &Path) -> PathBuf {
    data.with_extension("log")
}

fn command(program: &Path, data: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("--data").arg(data).stdin(Stdio::null());
    // No configuration that happens to lie around is part of this.
    if let Some(folder) = data.parent() {
        command.current_dir(folder);
    }
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("KINGLET_") {
            command.env_remove(name);
        }
    }
    command
}

#[expect(
    clippy::disallowed_methods,
    reason = "a file can't be waited for without means of the system"
)]
fn pause() {
    std::thread::sleep(LOOK_INTERVAL);
}
