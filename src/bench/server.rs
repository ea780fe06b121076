//! The server that is measured, as a process of its own: the same program, on a throwaway directory.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::BenchError;
use super::client::Connection;
use super::process::{Usage, disk_bytes};
use crate::clock::Moment;
use crate::control::client;
use crate::control::protocol::{Answer, Request};
use crate::domain::account::Role;

/// How long a server may take to start and to stop: one of millions of posts has a log to go through.
const START_TIME_MAX: Duration = Duration::from_secs(120);
/// How often it is looked whether it has.
const LOOK_PAUSE: Duration = Duration::from_micros(500);
/// What it wants to see before it tells its figures: that makes it count them, and they are nobody's secret.
const METRICS_TOKEN: &str = "throwaway-instance";
/// How much of its log is told when it doesn't start, in bytes.
const LOG_BYTES_TOLD: u64 = 2000;

/// A directory of an instance, and how a server is to be started on it.
#[derive(Debug)]
pub struct Place {
    /// Where everything of it lies.
    directory: PathBuf,
    /// The program.
    program: PathBuf,
    /// Settings that differ from the usual, such as `storage.synchronous` and `normal`.
    settings: Vec<(String, String)>,
}

impl Place {
    /// In a directory that is there; the settings are those of a plan.
    ///
    /// # Errors
    /// When this program can't be found.
    pub fn new(directory: &Path, settings: &[(String, String)]) -> Result<Self, BenchError> {
        Ok(Self {
            directory: directory.to_owned(),
            program: std::env::current_exe()
                .map_err(BenchError::io("this program can't be found"))?,
            settings: settings.to_vec(),
        })
    }

    /// The instance's data.
    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// What the database takes, in bytes, with its log.
    ///
    /// # Errors
    /// When the directory can't be listed.
    pub fn database_bytes(&self) -> Result<u64, BenchError> {
        let data = self.data();
        let failed = || BenchError::io(format!("{}: can't be listed", data.display()));
        let mut bytes = 0;
        for entry in fs::read_dir(&data).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            if entry
                .file_name()
                .to_string_lossy()
                .starts_with("kinglet.db")
            {
                bytes += entry.metadata().map_err(failed())?.len();
            }
        }
        Ok(bytes)
    }

    /// What everything takes, in bytes.
    ///
    /// # Errors
    /// When the directory can't be listed.
    pub fn bytes(&self) -> Result<u64, BenchError> {
        disk_bytes(&self.data())
    }

    /// Forgets what was saved of homes, as anybody may: the server makes them anew.
    ///
    /// # Errors
    /// When it can't be removed.
    pub fn forget_snapshots(&self) -> Result<(), BenchError> {
        let path = self.data().join("timelines");
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let what = format!("{}: can't be removed", path.display());
                Err(BenchError::io(what)(error))
            }
            _ => Ok(()),
        }
    }

    fn log(&self) -> PathBuf {
        self.directory.join("server.log")
    }

    /// The settings as variables, in the place of whatever configuration lies around elsewhere.
    fn variables(&self, address: SocketAddr) -> Vec<(String, OsString)> {
        let own = [
            ("storage.data_dir", self.data().into_os_string()),
            ("http.listen", address.to_string().into()),
            ("limits.rate_limits", "false".into()),
            ("metrics.token", METRICS_TOKEN.into()),
        ];
        let own = own
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        let given = self.settings.iter();
        let given = given.map(|(name, value)| (name.clone(), value.into()));
        own.chain(given)
            .map(|(name, value)| {
                let name = name.replacen('.', "__", 1).to_ascii_uppercase();
                (format!("KINGLET_{name}"), value)
            })
            .collect()
    }

    /// Starts a server and waits until it answers a request with a 200; gives back how long that took, in milliseconds,
    /// from before the process was there.
    ///
    /// # Errors
    /// When it doesn't start; the error tells the end of its log.
    pub async fn start(
        &self,
        first: impl Fn(SocketAddr) -> Vec<u8>,
    ) -> Result<(ServerProcess, f64), BenchError> {
        let failed = || BenchError::io(format!("{}: can't be used", self.directory.display()));
        let address = free_address().map_err(BenchError::io("there is no free port"))?;
        let config = self.directory.join("config.toml");
        File::create(&config).map_err(failed())?;
        let log = File::create(self.log()).map_err(failed())?;
        let mut command = Command::new(&self.program);
        command
            .arg("--config")
            .arg(&config)
            .arg("serve")
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            // A Ctrl-C is meant for this process, which stops the other one.
            .process_group(0);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("KINGLET_") {
                command.env_remove(name);
            }
        }
        command.envs(self.variables(address));
        let begun = Moment::now();
        let spawned = command.spawn();
        let what = || format!("{}: can't be started", self.program.display());
        let child = spawned.map_err(BenchError::io(what()))?;
        let mut server = ServerProcess {
            child,
            address,
            data: self.data(),
        };
        let request = first(address);
        loop {
            if let Ok(mut connection) = Connection::open(address).await
                && let Ok(answer) = connection.ask(&request).await
                && answer.is_ok()
            {
                let took_ms = begun.elapsed_nanos() as f64 / 1e6;
                return Ok((server, took_ms));
            }
            let ended = server.child.try_wait().map_err(BenchError::io(what()))?;
            if ended.is_some() || u128::from(begun.elapsed_nanos()) > START_TIME_MAX.as_nanos() {
                let reason = format!("the server doesn't start:\n{}", self.end_of_log());
                return Err(BenchError::Unusable(reason));
            }
            sleep(LOOK_PAUSE).await;
        }
    }

    fn end_of_log(&self) -> String {
        let read = || {
            let mut file = File::open(self.log())?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(LOG_BYTES_TOLD)))?;
            let mut end = Vec::new();
            file.take(LOG_BYTES_TOLD).read_to_end(&mut end)?;
            Ok::<_, io::Error>(String::from_utf8_lossy(&end).trim().to_owned())
        };
        read().unwrap_or_else(|error| format!("its log can't be read: {error}"))
    }
}

/// Nobody listens there now; that somebody takes it within the next milliseconds is unlikely, and told.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// What the writer has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Units: posts and whatever else changes something.
    pub units: u64,
    /// Commits, each of which waits for the disk once (`fdatasync`) when durability is full.
    pub commits: u64,
}

/// A server at work; killed with this value.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    data: PathBuf,
}

impl ServerProcess {
    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has taken so far.
    ///
    /// # Errors
    /// When it is gone.
    pub fn usage(&self) -> Result<Usage, BenchError> {
        Usage::of(self.id())
    }

    /// What its writer has done so far.
    ///
    /// # Errors
    /// When it doesn't answer.
    pub fn written(&self) -> Result<Written, BenchError> {
        let told = match client::ask(&self.data, &Request::ReadLive) {
            Ok(Some(Ok(Answer::Live { figures }))) => figures,
            Ok(_) => {
                return Err(BenchError::Unusable(
                    "the server tells no figures".to_owned(),
                ));
            }
            Err(error) => return Err(BenchError::Unusable(error.to_string())),
        };
        Ok(Written {
            units: told.writer.units,
            commits: told.writer.commits,
        })
    }

    /// Has it hash a password as a log-in does: that of a new account.
    ///
    /// # Errors
    /// When the account isn't made.
    pub fn hash_a_password(&self, name: &str) -> Result<(), BenchError> {
        let request = Request::CreateAccount {
            name: name.to_owned(),
            email: format!("{name}@example.org"),
            role: Role::User,
            password: None,
        };
        match client::ask(&self.data, &request) {
            Ok(Some(Ok(_))) => Ok(()),
            Ok(Some(Err(failure))) => Err(BenchError::Unusable(failure.to_string())),
            Ok(None) => Err(BenchError::Unusable("the server has ended".to_owned())),
            Err(error) => Err(BenchError::Unusable(error.to_string())),
        }
    }

    /// Tells it to stop and waits until it has.
    ///
    /// # Errors
    /// When it doesn't stop, or not as it should.
    pub async fn stop(mut self) -> Result<(), BenchError> {
        let what = "the server can't be stopped";
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, rustix::process::Signal::TERM)
            .map_err(|error| BenchError::io(what)(error.into()))?;
        let status = self.ended().await?;
        if status.success() {
            Ok(())
        } else {
            Err(BenchError::Unusable(format!(
                "the server stops with {status}"
            )))
        }
    }

    /// Kills it (SIGKILL), as a loss of power would, but for what the kernel holds.
    ///
    /// # Errors
    /// When it can't be waited for.
    pub async fn kill(mut self) -> Result<(), BenchError> {
        let what = "the server can't be killed";
        self.child.kill().map_err(BenchError::io(what))?;
        self.ended().await.map(drop)
    }

    async fn ended(&mut self) -> Result<ExitStatus, BenchError> {
        let what = "the server doesn't stop";
        let begun = Moment::now();
        while u128::from(begun.elapsed_nanos()) < START_TIME_MAX.as_nanos() {
            if let Some(status) = self.child.try_wait().map_err(BenchError::io(what))? {
                return Ok(status);
            }
            sleep(LOOK_PAUSE).await;
        }
        Err(BenchError::Unusable(what.to_owned()))
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
