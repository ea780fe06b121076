//! A server as a value: start it, use it, stop it. Several fit into one process.
//!
//! ```
//! let server = kinglet::Server::builder().in_memory().start_blocking()?;
//! assert!(server.url().starts_with("http://127.0.0.1:"));
//! # Ok::<(), kinglet::boot::BootError>(())
//! ```

pub mod seeding;

use std::fmt;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

use tempfile::TempDir;
use tokio::runtime;
use tokio::sync::oneshot;

use crate::actors::error::AskError;
use crate::actors::users::{CreateMember, GrantUserToken, Typed};
use crate::boot::{self, BootError, Plan, Serving};
use crate::clock::{Clock, SharedClock, SystemClock};
use crate::config::{Config, Synchronous};
use crate::domain::account::Role;
use crate::domain::refusal::Refusal;
use crate::domain::scope::Scopes;
use crate::ids::AccountId;
use crate::instance::Instance;
use crate::randomness::Randomness;
use crate::secret::Secret;

pub use self::seeding::Seeding;

/// Where the state is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// Where the configuration says.
    Configured,
    /// In a directory of its own that lives as long as the server.
    Throwaway,
}

/// How a server shall be started.
#[derive(Clone)]
#[must_use]
pub struct ServerBuilder {
    place: Place,
    config: Config,
    clock: SharedClock,
    seed: Option<u64>,
}

impl Default for ServerBuilder {
    fn default() -> Self {
        let mut config = Config::default();
        config.http.listen = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        Self {
            place: Place::Configured,
            config,
            clock: Arc::new(SystemClock),
            seed: None,
        }
    }
}

impl ServerBuilder {
    /// Takes these settings, all of them; what is called after this changes single ones.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Keeps the state in a throwaway directory: the same store as any other, but that it is removed with the server,
    /// so no commit waits for the disk.
    pub fn in_memory(mut self) -> Self {
        self.place = Place::Throwaway;
        self.config.storage.synchronous = Synchronous::Normal;
        self
    }

    /// Keeps the state in this directory, which is made if need be.
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.place = Place::Configured;
        self.config.storage.data_dir = path.into();
        self
    }

    /// Listens on this address; unless it or a configuration is given, on a free port of `127.0.0.1`.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.config.http.listen = address;
        self
    }

    /// Asks this clock for the time.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Draws all random numbers out of a seed: every token can be foretold then, which is for tests alone.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Keeps at most so many entries of a reader's home in memory.
    pub fn window_entries_max(mut self, entries: usize) -> Self {
        self.config.timelines.window_entries_max = entries;
        self
    }

    /// Keeps the homes of at most so many readers in memory.
    pub fn resident_readers_max(mut self, readers: usize) -> Self {
        self.config.timelines.resident_readers_max = readers;
        self
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Errors
    /// Why it can't be started; nothing of it is left then.
    pub async fn start(self) -> Result<Server, BootError> {
        let (ready, started) = oneshot::channel();
        let thread = self.launch(move |outcome| {
            // Whoever started it may have gone away; then nobody keeps the server, and it stops.
            drop(ready.send(outcome));
        })?;
        match started.await {
            Ok(outcome) => thread.into_server(outcome),
            Err(_) => Err(BootError::Died("the server's thread")),
        }
    }

    /// As [`start`](Self::start), for programs without an asynchronous runtime. It blocks the thread.
    ///
    /// # Errors
    /// Why it can't be started; nothing of it is left then.
    pub fn start_blocking(self) -> Result<Server, BootError> {
        let (ready, started) = sync_channel(1);
        let thread = self.launch(move |outcome| {
            // As above.
            drop(ready.send(outcome));
        })?;
        match started.recv() {
            Ok(outcome) => thread.into_server(outcome),
            Err(_) => Err(BootError::Died("the server's thread")),
        }
    }

    fn launch(
        mut self,
        ready: impl FnOnce(Result<Serving, BootError>) + Send + 'static,
    ) -> Result<ServerThread, BootError> {
        let throwaway = match self.place {
            Place::Configured => None,
            Place::Throwaway => {
                let directory = TempDir::with_prefix("kinglet-").map_err(BootError::Throwaway)?;
                self.config.storage.data_dir = directory.path().join("data");
                Some(directory)
            }
        };
        let plan = Plan {
            config: self.config,
            clock: self.clock,
            randomness: match self.seed {
                None => Randomness::from_system()?,
                Some(seed) => Randomness::seeded(seed),
            },
            letter_box: None,
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let (end, ended) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("kinglet".to_owned())
            .spawn(move || {
                let mut ready = Some(ready);
                let serving = boot::serve(
                    plan,
                    |serving| {
                        if let Some(ready) = ready.take() {
                            ready(Ok(serving));
                        }
                    },
                    // A handle that is gone stops the server as well.
                    async move { drop(stopped.await) },
                );
                let outcome = boot::run(serving);
                drop(throwaway);
                match (ready, outcome) {
                    (Some(ready), Err(error)) => ready(Err(error)),
                    // Whoever started it may not want to know how it ended.
                    (_, outcome) => drop(end.send(outcome)),
                }
            })
            .map_err(BootError::Threads)?;
        Ok(ServerThread {
            thread: Some(thread),
            stop: Some(stop),
            ended: Some(ended),
        })
    }
}

/// The thread that a server lives on; ends with this value.
struct ServerThread {
    thread: Option<thread::JoinHandle<()>>,
    stop: Option<oneshot::Sender<()>>,
    ended: Option<oneshot::Receiver<Result<(), BootError>>>,
}

impl ServerThread {
    fn into_server(self, outcome: Result<Serving, BootError>) -> Result<Server, BootError> {
        let Serving { instance, address } = outcome?;
        Ok(Server {
            url: instance.url.to_string(),
            address,
            instance,
            thread: self,
        })
    }
}

impl Drop for ServerThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the server's thread panicked");
        }
    }
}

/// A running server. Dropping it stops it and waits for that; [`shutdown`](Self::shutdown) doesn't block meanwhile.
#[must_use = "a server that is dropped stops"]
pub struct Server {
    url: String,
    address: SocketAddr,
    instance: Instance,
    thread: ServerThread,
}

impl Server {
    /// A server with the default configuration on a free port of `127.0.0.1`, to be changed and started.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// The public address, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address that it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The directory with everything that it stores.
    pub fn data_dir(&self) -> &Path {
        &self.instance.data_dir
    }

    /// The instance itself, for programs that want more than HTTP offers.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Fills the server with people and what they do, by typed calls.
    pub fn seed(&self) -> Seeding {
        Seeding::new(&self.instance)
    }

    /// Waits for a future, for programs without an asynchronous runtime: what it asks of the server is done on the
    /// server's own threads. It blocks the thread.
    ///
    /// # Panics
    /// When this thread is one of an asynchronous runtime, which must not be blocked: await the future there.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("the machine gives a runtime for one thread");
        runtime.block_on(future)
    }

    /// Makes an account as the operator would: whatever the registration mode, with any role.
    ///
    /// # Errors
    /// When the name or the mail address is taken or no such thing, or the password is too weak.
    pub async fn create_account(
        &self,
        name: &str,
        email: &str,
        password: &str,
        role: Role,
    ) -> Result<AccountId, AskError> {
        let message = CreateMember {
            typed: Typed {
                name: name.to_owned(),
                email: email.to_owned(),
                password: Secret::new(password.to_owned()),
            },
            role,
        };
        let created = self.instance.actors.users.send(message).await?;
        Ok(created?.account)
    }

    /// Makes an access token for an account, with scopes such as `read write follow`.
    ///
    /// # Errors
    /// When there is no such account or no such scope.
    pub async fn create_token(
        &self,
        account: AccountId,
        scopes: &str,
    ) -> Result<Secret<String>, AskError> {
        let message = GrantUserToken {
            account,
            app: None,
            scopes: Scopes::parse(scopes).map_err(|error| Refusal::invalid(error.to_string()))?,
        };
        let granted = self.instance.actors.users.send(message).await?;
        Ok(granted?.token)
    }

    /// Ready when the server has ended: by itself with what made it, else without an error.
    ///
    /// # Errors
    /// What made it end by itself. It is told once.
    pub async fn ended(&mut self) -> Result<(), BootError> {
        let Some(ended) = &mut self.thread.ended else {
            return Ok(());
        };
        let outcome = ended.await;
        self.thread.ended = None;
        outcome.unwrap_or(Err(BootError::Died("the server's thread")))
    }

    /// Stops: no new connections, the requests at work end or are cut off at the configured deadline, then everything
    /// that was answered is on the disk.
    ///
    /// # Errors
    /// What didn't stop as it should.
    pub async fn shutdown(mut self) -> Result<(), BootError> {
        drop(self.thread.stop.take());
        self.ended().await
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("url", &self.url)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
