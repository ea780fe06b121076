//! The real binary, started as an operator would.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;

/// How long a server may take to say where it answers, and to end.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// The line that says that a server answers.
const ANSWERS_AT: &str = "kinglet answers at ";

/// A directory in which kinglet is run.
pub struct Place {
    directory: TempDir,
}

/// A server that runs in a [`Place`]; killed with this value.
pub struct Running {
    child: Child,
    /// Where it answers.
    pub url: String,
    output: Option<JoinHandle<String>>,
    errors: Option<JoinHandle<String>>,
}

/// What a server left when it ended.
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// All it wrote to standard output.
    pub output: String,
    /// All it wrote to standard error.
    pub errors: String,
}

impl Place {
    /// An empty directory.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        Self { directory }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The directory of the data.
    pub fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Writes a `config.toml`.
    pub fn configure(&self, text: &str) {
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(self.path().join("config.toml"))
            .expect("a file");
        file.write_all(text.as_bytes()).expect("it is written");
    }

    /// A command that is not started yet, in this directory and with no other configuration than what lies there.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kinglet"));
        command
            .args(arguments)
            .current_dir(self.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("KINGLET_") {
                command.env_remove(variable);
            }
        }
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        command.output().expect("the binary runs")
    }

    /// Runs a command that reads standard input.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut stdin = child.stdin.take().expect("standard input is a pipe");
        stdin.write_all(input.as_bytes()).expect("it reads");
        drop(stdin);
        child.wait_with_output().expect("it ends")
    }

    /// Runs a command that has to succeed; what it wrote to standard output.
    #[track_caller]
    pub fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// Runs a command that has to fail with this exit code; what it wrote to standard error.
    #[track_caller]
    pub fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
        errors
    }

    /// Starts a server on a free port and waits until it answers.
    pub fn serve(&self) -> Running {
        Running::start(self.command(&["serve", "--listen", "127.0.0.1:0"]))
    }
}

impl Running {
    /// Starts a server and waits until it answers.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the binary runs");
        let mut output = child.stdout.take().expect("standard output is a pipe");
        let output = std::thread::spawn(move || {
            let mut text = String::new();
            output.read_to_string(&mut text).expect("UTF-8");
            text
        });
        let errors = child.stderr.take().expect("standard error is a pipe");
        let (told, url) = sync_channel(1);
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            for line in BufReader::new(errors).lines() {
                let line = line.expect("UTF-8");
                text.push_str(&line);
                text.push('\n');
                if let Some(url) = line.strip_prefix(ANSWERS_AT) {
                    // Nobody listens after the first.
                    drop(told.try_send(url.to_owned()));
                }
            }
            text
        });
        let mut running = Self {
            child,
            url: String::new(),
            output: Some(output),
            errors: Some(errors),
        };
        running.url = running.answers_at(&url);
        running
    }

    fn answers_at(&mut self, url: &Receiver<String>) -> String {
        match url.recv_timeout(PATIENCE) {
            Ok(url) => url,
            Err(RecvTimeoutError::Timeout) => panic!("the server doesn't say that it answers"),
            Err(RecvTimeoutError::Disconnected) => {
                let errors = self.errors.take().map(JoinHandle::join);
                panic!("the server didn't start: {errors:?}")
            }
        }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.child.id().to_string())
            .status()
            .expect("kill runs");
        assert!(sent.success());
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        let status = self.child.wait().expect("it ends");
        let take = |reader: Option<JoinHandle<String>>| {
            let reader = reader.expect("it is taken once");
            reader.join().expect("it is read")
        };
        Ended {
            status,
            output: take(self.output.take()),
            errors: take(self.errors.take()),
        }
    }

    /// Stops it as a service manager would.
    pub fn stop(self) -> Ended {
        self.signal("TERM");
        self.end()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended long ago.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
