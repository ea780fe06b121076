//! How a server is to be: what its configuration says, where it keeps its state, what time it takes it for.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

use tempfile::TempDir;
use tokio::sync::oneshot;
use tracing::Dispatch;

use super::{Server, ServerThread};
use crate::boot::{self, BootError, Plan, Serving};
use crate::clock::{Clock, SharedClock, SystemClock};
use crate::config::{Config, Fault, Faults, InstanceUrl, MailUrl, Origin, Synchronous};
use crate::letter_box::LetterBox;
use crate::logging::LogControl;
use crate::net::inherited::Inherited;
use crate::randomness::Randomness;
use crate::threads::ThreadLog;

/// Where the state is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// Where the configuration says.
    Configured,
    /// In a directory of its own that lives as long as the server.
    Throwaway,
}

/// How a server shall be started; made by [`Server::builder`].
///
/// Without a word more it is what `kinglet serve` makes of an empty configuration, but that it listens on a free port of
/// `127.0.0.1`: state in the directory `data`, nobody may sign up, no mail. For tests say [`in_memory`](Self::in_memory).
///
/// ```
/// use kinglet::clock::{Clock as _, ManualClock, Timestamp};
/// use kinglet::Server;
///
/// let clock = ManualClock::at(Timestamp::from_millis(1_790_000_000_000));
/// let server = Server::builder()
///     .in_memory()
///     .url("https://social.example")
///     .clock(clock.clone())
///     .seed(7)
///     .configure(|config| config.limits.post_characters_max = 5000)
///     .start_blocking()?;
/// assert_eq!(server.url(), "https://social.example");
/// clock.advance_millis(24 * 60 * 60 * 1000);
/// assert_eq!(server.instance().clock.now().date(), "2026-09-22");
/// # Ok::<(), kinglet::boot::BootError>(())
/// ```
#[derive(Clone)]
#[must_use = "no server runs before `start` or `start_blocking`"]
pub struct ServerBuilder {
    place: Place,
    config: Config,
    clock: SharedClock,
    seed: Option<u64>,
    letter_box: Option<LetterBox>,
    subscriber: Option<Dispatch>,
    log: Option<LogControl>,
    settings_file: Option<PathBuf>,
    telemetry: bool,
    caches_bytes_max: Option<usize>,
    in_bulk: bool,
    inherited: Arc<Inherited>,
    /// What can't be in a configuration, told at the start.
    faults: Vec<Fault>,
}

impl Default for ServerBuilder {
    fn default() -> Self {
        let mut config = Config::default();
        config.http.listen = (Ipv4Addr::LOCALHOST, 0).into();
        Self {
            place: Place::Configured,
            config,
            clock: Arc::new(SystemClock),
            seed: None,
            letter_box: None,
            subscriber: None,
            log: None,
            settings_file: None,
            telemetry: true,
            caches_bytes_max: None,
            in_bulk: false,
            inherited: Arc::default(),
            faults: Vec::new(),
        }
    }
}

impl ServerBuilder {
    /// Takes these settings, all of them; what is called after this changes single ones. A file such as `kinglet serve`
    /// reads is loaded by [`Sources`](crate::config::Sources).
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Changes settings; [`Config`] has all of them. They are checked at the start, every fault at once.
    ///
    /// ```
    /// use kinglet::config::RegistrationMode;
    /// use kinglet::Server;
    ///
    /// let server = Server::builder()
    ///     .in_memory()
    ///     .configure(|config| {
    ///         config.instance.title = "Birds".to_owned();
    ///         config.registration.mode = RegistrationMode::Open;
    ///         config.limits.rate_limits = false;
    ///     })
    ///     .start_blocking()?;
    /// assert_eq!(server.instance().config.instance.title, "Birds");
    ///
    /// let wrong = Server::builder().in_memory().configure(|config| config.http.connections_max = 0);
    /// let error = wrong.start_blocking().unwrap_err();
    /// assert!(error.to_string().contains("http.connections_max"));
    /// # Ok::<(), kinglet::boot::BootError>(())
    /// ```
    pub fn configure(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Keeps the state in a throwaway directory: the same store as any other, but that it is removed with the server,
    /// so no commit waits for the disk.
    pub fn in_memory(mut self) -> Self {
        self.place = Place::Throwaway;
        self.config.storage.synchronous = Synchronous::Normal;
        self
    }

    /// Keeps the state in this directory, which is made if need be. One server at a time has it.
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.place = Place::Configured;
        self.config.storage.data_dir = path.into();
        self
    }

    /// Listens on this address; unless it or a configuration is given, on a free port of `127.0.0.1`.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.config.http.listen = address.into();
        self
    }

    /// Goes on with sockets that listen already, which take the place of the addresses configured for the same use.
    pub fn inherit(mut self, sockets: Inherited) -> Self {
        self.inherited = Arc::new(sockets);
        self
    }

    /// Is reached by people at this address, such as `https://social.example`: links, redirects and cookies follow it.
    /// It still listens on [`Server::addr`], where a proxy or a test asks it. Unless it is given, it is that address.
    ///
    /// A text that is no such address is told at the start.
    pub fn url(mut self, url: &str) -> Self {
        match url.parse::<InstanceUrl>() {
            Ok(url) => self.config.instance.url = Some(url),
            Err(error) => self.faults.push(Fault {
                origin: Origin::Program,
                setting: Some("instance.url".to_owned()),
                reason: format!("{url:?} {error}"),
            }),
        }
        self
    }

    /// Asks this clock for the time: a [`ManualClock`](crate::clock::ManualClock) stands still until it is moved. What the
    /// server does by itself at a certain time, it does when it is [woken](Server::wake) after that.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Puts all mail into this box instead of sending it, and turns mail on: people are written to as they wish, whoever
    /// signs up has to confirm the address first.
    ///
    /// ```
    /// use std::time::Duration;
    /// use kinglet::Server;
    /// use kinglet::letter_box::LetterBox;
    ///
    /// let letters = LetterBox::default();
    /// let server = Server::builder().in_memory().letter_box(&letters).start_blocking()?;
    /// let seed = server.seed();
    /// server.block_on(async {
    ///     seed.person("alice").await?;
    ///     let bob = seed.person("bob").await?;
    ///     seed.post(&bob, "Hello @alice").publish().await?;
    ///     let mail = letters.next(Duration::from_secs(10)).await.expect("a mail");
    ///     assert_eq!(mail.to, "alice@example.org");
    ///     assert!(mail.text.contains("Hello @alice"));
    ///     Ok::<_, kinglet::actors::error::AskError>(())
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "mail")]
    pub fn letter_box(mut self, letter_box: &LetterBox) -> Self {
        self.letter_box = Some(letter_box.clone());
        self
    }

    /// Draws all random numbers out of a seed: every token can be foretold then, which is for tests alone. A server that is
    /// started again in the same directory draws others than before.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Writes the records of this server to this subscriber and to no other; unless it is given, they go to that of the
    /// process. What a test's own thread logs while it asks the server doesn't belong to it.
    ///
    /// ```
    /// use kinglet::Server;
    /// use kinglet::config::Log;
    /// use kinglet::logging::{LogSink, subscriber};
    ///
    /// let log = LogSink::new();
    /// let server = Server::builder()
    ///     .in_memory()
    ///     .subscriber(subscriber(&Log::default(), log.clone()))
    ///     .start_blocking()?;
    /// let address = server.addr().to_string();
    /// drop(server);
    /// assert!(log.text().contains(&address), "{}", log.text());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn subscriber(mut self, subscriber: Dispatch) -> Self {
        self.subscriber = Some(subscriber);
        self
    }

    /// The file that the settings come from, as an absolute path: backups bring it along.
    pub fn settings_file(mut self, file: Option<PathBuf>) -> Self {
        self.settings_file = file;
        self
    }

    /// Lets `kinglet log` change the levels of a log that [`logging::controlled`](crate::logging::controlled) made.
    pub fn log_control(mut self, control: LogControl) -> Self {
        self.log = Some(control);
        self
    }

    /// Whether the server measures itself; on unless this says otherwise. Without it there are no metrics and no courses of
    /// slow requests; it is for measuring what they cost.
    pub fn telemetry(mut self, is_on: bool) -> Self {
        self.telemetry = is_on;
        self
    }

    /// Lets what the actors keep (posts, accounts, homes; not the database's pages) take so many bytes, which may be fewer than
    /// `limits.memory_budget_mib` can say: then nearly everything comes out of the store each time.
    pub fn caches_bytes_max(mut self, bytes: usize) -> Self {
        self.caches_bytes_max = Some(bytes);
        self
    }

    /// Has a commit take up to 4,096 acts, and the log up to a gigabyte before it is copied into the database, unless another program
    /// does that: to fill a large instance, which is served by another start. Stopping may take minutes then.
    pub fn in_bulk(mut self) -> Self {
        self.in_bulk = true;
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
        Faults::none(self.faults)?;
        let throwaway = match self.place {
            Place::Configured => None,
            Place::Throwaway => {
                let directory = TempDir::with_prefix("kinglet-").map_err(BootError::Throwaway)?;
                self.config.storage.data_dir = directory.path().join("data");
                Some(directory)
            }
        };
        if self.letter_box.is_some() && !self.config.mail.url.is_on() {
            // Mail has to be on; where it would go doesn't matter.
            self.config.mail.url = MailUrl::Console;
        }
        let plan = Plan {
            config: self.config,
            settings_file: self.settings_file,
            clock: self.clock,
            randomness: match self.seed {
                None => Randomness::from_system()?,
                Some(seed) => Randomness::seeded(seed),
            },
            letter_box: self.letter_box,
            log: self.log,
            telemetry: self.telemetry,
            caches_bytes_max: self.caches_bytes_max,
            in_bulk: self.in_bulk,
            repeats: self.seed.is_some(),
        };
        let log = ThreadLog::new(self.subscriber);
        let (stop, stopped) = oneshot::channel::<()>();
        let (end, ended) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("kinglet".to_owned())
            .spawn(move || {
                log.adopt();
                let mut ready = Some(ready);
                let serving = boot::serve(
                    plan,
                    &self.inherited,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_address_that_is_none_is_told_at_the_start() {
        let builder = Server::builder().in_memory().url("social.example");
        let error = builder.start_blocking().expect_err("that is no address");
        let told = error.to_string();
        assert!(
            told.contains("program: instance.url: \"social.example\" "),
            "{told}"
        );
        assert_eq!(error.exit_code(), crate::config::EXIT_CONFIG);
    }

    #[test]
    fn a_public_address_leaves_alone_where_the_server_listens() {
        let builder = Server::builder().in_memory().url("https://social.example/");
        let server = builder.start_blocking().expect("it starts");
        assert_eq!(server.url(), "https://social.example");
        assert!(server.addr().ip().is_loopback());
    }
}
