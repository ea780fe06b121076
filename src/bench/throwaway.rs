//! A throwaway instance: people in a directory of its own and the process that serves them. Both go with it.

use std::path::Path;

use tempfile::TempDir;

use super::population::{Before, found};
use super::report::ServerUse;
use super::server::{Place, ServerProcess};
use super::target::{Member, Target};
use super::{BenchError, Progress};

/// What the names of throwaway directories begin with.
const PREFIX: &str = "kinglet-bench-";

/// A directory that goes with this value, in the place given or the system's for such.
///
/// # Errors
/// When it can't be made there.
pub fn directory_in(place: Option<&Path>) -> Result<TempDir, BenchError> {
    let usual = std::env::temp_dir();
    let place = place.unwrap_or(&usual);
    TempDir::with_prefix_in(PREFIX, place).map_err(BenchError::io(format!(
        "{}: can't be used",
        place.display()
    )))
}

/// An instance.
#[derive(Debug)]
pub struct Throwaway {
    // Fields are dropped in their order: the process ends before its directory does.
    server: Option<ServerProcess>,
    /// What lies on the disk.
    pub place: Place,
    /// Everybody, in the order of the graph.
    pub members: Vec<Member>,
    /// What the database took before the server was started first, in bytes.
    pub bytes_before: u64,
    _directory: TempDir,
}

impl Throwaway {
    /// Makes it; no server runs on it yet.
    ///
    /// # Errors
    /// When the directory can't be used or filled.
    pub async fn make(
        directory: TempDir,
        settings: &[(String, String)],
        before: &Before<'_>,
        progress: &Progress,
    ) -> Result<Self, BenchError> {
        let place = Place::new(directory.path(), settings)?;
        let members = found(&place.data(), before, progress).await?;
        Ok(Self {
            server: None,
            bytes_before: place.database_bytes()?,
            place,
            members,
            _directory: directory,
        })
    }

    /// Starts its server; gives back how long it took until the first member's home was answered, in milliseconds.
    ///
    /// # Errors
    /// When it doesn't start.
    pub async fn start(&mut self) -> Result<f64, BenchError> {
        let first = self.members.first();
        let first = first.ok_or_else(|| BenchError::Unusable("nobody is there".to_owned()))?;
        let (server, took_ms) = self
            .place
            .start(|address| Target::new(address, Vec::new()).home(first))
            .await?;
        self.server = Some(server);
        Ok(took_ms)
    }

    /// Its server.
    ///
    /// # Errors
    /// When none runs.
    pub fn server(&self) -> Result<&ServerProcess, BenchError> {
        let missing = || BenchError::Unusable("the server has ended".to_owned());
        self.server.as_ref().ok_or_else(missing)
    }

    /// Everybody, to be asked for.
    ///
    /// # Errors
    /// When no server runs.
    pub fn target(&self) -> Result<Target, BenchError> {
        Ok(Target::new(self.server()?.address, self.members.clone()))
    }

    /// What the server has taken so far.
    ///
    /// # Errors
    /// When none runs.
    pub fn used(&self) -> Result<ServerUse, BenchError> {
        let server = self.server()?;
        Ok(ServerUse {
            usage: server.usage()?,
            written: server.written()?,
        })
    }

    /// Stops the server in order: the database has all that was written then, and its log is empty.
    ///
    /// # Errors
    /// When it doesn't stop as it should.
    pub async fn stop(&mut self) -> Result<(), BenchError> {
        match self.server.take() {
            Some(server) => server.stop().await,
            None => Ok(()),
        }
    }

    /// Kills the server (SIGKILL): the log stays as it is.
    ///
    /// # Errors
    /// When it can't be waited for.
    pub async fn kill(&mut self) -> Result<(), BenchError> {
        match self.server.take() {
            Some(server) => server.kill().await,
            None => Ok(()),
        }
    }
}
