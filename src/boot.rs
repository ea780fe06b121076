//! The only place that knows everyone: what is started in which order, what is stopped in which order, and what
//! happens when an owner of state dies.
//!
//! Start: lock of the data directory, port, database, feeds, readers, hashers, owners, writer, tasks; then the control
//! socket and the listener answer. Stop: no new connections, the requests at work end or are cut off at the deadline,
//! tasks, owners, the writer with its last commit and checkpoint, readers.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use actix::{Actor, Arbiter, System};
use futures_util::future::{BoxFuture, select_all};
use rand::Rng;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::actors::Actors;
use crate::actors::feed::{FeedSink, feed};
use crate::actors::hasher::Hashers;
use crate::actors::messages::StoreDoor;
use crate::actors::pool::PoolEnd;
use crate::actors::posts::{Posts, TextRules};
use crate::actors::readers::ReaderActor;
use crate::actors::tasks::{MailerSetup, TaskManager, Tasks, WakeUps};
use crate::actors::timelines::{
    PersistWindows, Residency, SnapshotKeeper, Timelines, TimelinesSetup,
};
use crate::actors::users::Users;
use crate::clock::SharedClock;
use crate::config::{self, Config, InstanceUrl, StorageProfile};
use crate::control::socket::ControlSocket;
use crate::domain::access::Registration;
use crate::http::request_log::RequestIds;
use crate::http::serve::Bounds;
use crate::instance::Instance;
use crate::randomness::{NoRandomness, Randomness};
use crate::store::error::StoreError;
use crate::store::open::{DataDir, DiskUse, Synchronous};
use crate::store::queries::instance::FindInstanceUrl;
use crate::store::reader::Reader;
use crate::store::units::SetInstanceUrl;
use crate::store::writer::WriterThread;
use crate::unsubscribe::UnsubscribeKey;

/// How long a start waits for another process to give up the data directory or the port.
const HANDOVER_MAX: Duration = Duration::from_secs(2);
/// How often it looks meanwhile.
const HANDOVER_PAUSE: Duration = Duration::from_millis(20);
/// How long the owners' threads may take to end.
const OWNERS_STOP_MAX: Duration = Duration::from_secs(2);
/// How long the writer may take for its last commit and checkpoint. The log that it leaves behind when it takes longer
/// is read at the next start, so nothing is lost.
const WRITER_STOP_MAX: Duration = Duration::from_secs(2);
/// How long the readers and the keeper of snapshots may take to end.
const READERS_STOP_MAX: Duration = Duration::from_secs(1);
/// How long work that blocks a thread may take to end after everything else has.
const BLOCKING_STOP_MAX: Duration = Duration::from_millis(500);
/// How often windows are kept on a disk that wears out, at most.
const SPARING_SNAPSHOT_INTERVAL: Duration = Duration::from_secs(3600);
/// Threads that serve connections, however many cores there are.
const SERVING_THREADS_MAX: usize = 16;

/// Why an instance can't be started, or why it stopped by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BootError {
    /// A setting that was made by a program is out of bounds.
    #[error(transparent)]
    Config(#[from] config::Faults),
    /// The data directory or what is in it can't be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address can't be listened on.
    #[error("can't listen on {address}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The control socket can't be made.
    #[error("{path}: can't make the control socket")]
    ControlSocket {
        /// Where.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The machine gives no threads.
    #[error("can't start a thread")]
    Threads(#[source] io::Error),
    /// The machine gives no throwaway directory.
    #[error("can't make a throwaway directory")]
    Throwaway(#[source] io::Error),
    /// The machine gives no random numbers.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// The configured public address is not the one that is remembered.
    #[error(
        "this instance is {remembered}, but instance.url says {configured}; to move it, run: kinglet instance set-url {configured}"
    )]
    UrlChanged {
        /// The one that is remembered.
        remembered: String,
        /// The one that is configured.
        configured: String,
    },
    /// What the instance is made of can't work.
    #[error("{0}")]
    Broken(String),
    /// An owner of state died: what it held can't be trusted to be served any more.
    #[error("{0} died; the log says why. What was answered is stored, so start again")]
    Died(&'static str),
}

impl BootError {
    /// The exit code of a process that ends with this.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::UrlChanged { .. } => config::EXIT_CONFIG,
            _ => 1,
        }
    }
}

impl From<&config::Storage> for DiskUse {
    fn from(settings: &config::Storage) -> Self {
        let synchronous = match settings.synchronous {
            config::Synchronous::Full => Synchronous::Full,
            config::Synchronous::Normal => Synchronous::Normal,
        };
        match settings.profile {
            StorageProfile::Default => Self::prompt(synchronous),
            StorageProfile::Flash => Self::sparing(synchronous),
        }
    }
}

/// How often windows are kept. They only make the first pages after a restart faster, so a disk that wears out gets them
/// once an hour at most, and at the stop.
fn snapshot_interval(config: &Config) -> Duration {
    let configured = Duration::from_secs(config.timelines.snapshot_interval_secs);
    match config.storage.profile {
        StorageProfile::Default => configured,
        StorageProfile::Flash => configured.max(SPARING_SNAPSHOT_INTERVAL),
    }
}

impl From<config::RegistrationMode> for Registration {
    fn from(setting: config::RegistrationMode) -> Self {
        match setting {
            config::RegistrationMode::Closed => Self::Closed,
            config::RegistrationMode::Approval => Self::Approval,
            config::RegistrationMode::Open => Self::Open,
            config::RegistrationMode::Invite => Self::Invite,
        }
    }
}

/// Runs a future with actix' system on this thread and a runtime of its own, and ends all of it.
///
/// # Errors
/// When the machine gives no threads, else what the future says.
pub fn run<T>(work: impl Future<Output = Result<T, BootError>>) -> Result<T, BootError> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let runtime = runtime::Builder::new_multi_thread()
        // The owners and the writer need the other half: with a serving thread per core, every message wakes a core that
        // is at work.
        .worker_threads((threads / 2).clamp(1, SERVING_THREADS_MAX))
        .thread_name("kinglet-http")
        .enable_all()
        .build()
        .map_err(BootError::Threads)?;
    let runtime = Arc::new(runtime);
    let system = System::with_tokio_rt({
        let runtime = Arc::clone(&runtime);
        move || runtime
    });
    let outcome = system.block_on(work);
    System::current().stop();
    drop(system);
    if let Some(runtime) = Arc::into_inner(runtime) {
        runtime.shutdown_timeout(BLOCKING_STOP_MAX);
    }
    outcome
}

/// Takes the lock of a data directory, for which it waits a while: a server that is being replaced may hold it still.
///
/// # Errors
/// [`StoreError::Locked`] when somebody else keeps it, else why it can't be used.
pub async fn own_data_dir(path: &Path) -> Result<DataDir, StoreError> {
    let owned = timeout(HANDOVER_MAX, async {
        loop {
            match DataDir::own(path) {
                Err(StoreError::Locked(_)) => sleep(HANDOVER_PAUSE).await,
                owned => return owned,
            }
        }
    });
    owned
        .await
        .unwrap_or_else(|_| Err(StoreError::Locked(path.to_owned())))
}

/// Listens on an address, for which it waits a while as well.
async fn listen(address: SocketAddr) -> Result<TcpListener, BootError> {
    let listening = timeout(HANDOVER_MAX, async {
        loop {
            match TcpListener::bind(address).await {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    sleep(HANDOVER_PAUSE).await;
                }
                listening => return listening,
            }
        }
    });
    listening
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::AddrInUse.into()))
        .map_err(|source| BootError::Listen { address, source })
}

/// What a start needs to be told.
#[derive(Clone)]
pub struct Plan {
    /// The settings.
    pub config: Config,
    /// The time.
    pub clock: SharedClock,
    /// Random numbers.
    pub randomness: Randomness,
}

/// Whether a start keeps to the public address that the instance remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UrlRule {
    /// A server: remembers what is configured, and doesn't run under another address.
    Keep,
    /// A command that was given for once.
    Overlook,
}

/// An owner's name, and what is ready when it has died.
type OwnerEnd = (&'static str, BoxFuture<'static, ()>);

/// An instance whose actors run, without any door to the outside.
pub struct Opened {
    /// The instance.
    pub instance: Instance,
    arbiters: Vec<Arbiter>,
    ends: Vec<OwnerEnd>,
    writer_ended: oneshot::Receiver<()>,
    pools: [PoolEnd; 2],
    /// None when the instance was opened for a command: what there is to do waits for the server.
    tasks: Option<JoinHandle<()>>,
    stop_tasks: watch::Sender<bool>,
}

impl Opened {
    /// Opens the instance for a command. Has to be called within [`run`].
    ///
    /// # Errors
    /// Why it can't be opened.
    pub async fn for_command(data_dir: DataDir, plan: Plan) -> Result<Self, BootError> {
        let listen = plan.config.http.listen;
        Self::open(data_dir, plan, listen, UrlRule::Overlook).await
    }

    async fn open(
        data_dir: DataDir,
        plan: Plan,
        listening: SocketAddr,
        rule: UrlRule,
    ) -> Result<Self, BootError> {
        let Plan {
            config,
            clock,
            randomness,
        } = plan;
        let path = data_dir.path().to_owned();
        let database = data_dir.database();
        let (mut writer_thread, writer) =
            WriterThread::open(data_dir, &config.storage, Arc::clone(&clock))?;
        let remembered = Reader::open(&database)?.run(&FindInstanceUrl)?.0;
        let url = public_url(&config, remembered.as_deref(), listening, rule)?;

        let (users_feed, users_sink) = feed();
        let (posts_feed, posts_sink) = feed();
        let (timelines_feed, timelines_sink) = feed();
        let (readers, readers_ended) = ReaderActor::start_pool(&database);
        let store = StoreDoor { writer, readers };
        let hashers = Hashers::start();

        let arbiter = || Arbiter::try_new().map_err(BootError::Threads);
        let arbiters = vec![arbiter()?, arbiter()?, arbiter()?];
        let users = Users::start_in_arbiter(&arbiters[0].handle(), {
            let store = store.clone();
            let clock = Arc::clone(&clock);
            let rng = randomness.rng();
            let registration = config.registration.mode.into();
            move |_| Users::new(store, hashers, users_feed, clock, rng, registration)
        });
        let residency = Residency {
            window_entries_max: config.timelines.window_entries_max,
            resident_readers_max: config.timelines.resident_readers_max,
        };
        let (keeper, keeper_ended) =
            SnapshotKeeper::start_in(path.join("timelines"), writer_thread.identity()?);
        let timelines = TimelinesSetup {
            store: store.clone(),
            feed: timelines_feed,
            residency,
            keeper,
            snapshot_interval: snapshot_interval(&config),
            commit: writer_thread.commit_number(),
        };
        let timelines =
            Timelines::start_in_arbiter(&arbiters[1].handle(), move |_| Timelines::new(timelines));
        let rules = TextRules {
            characters_max: usize::try_from(config.limits.post_characters_max)
                .unwrap_or(usize::MAX),
            local_host: url.authority().to_owned(),
        };
        let tasks_store = store.clone();
        let posts = Posts::start_in_arbiter(&arbiters[2].handle(), move |_| {
            Posts::new(store, posts_feed, rules)
        });

        let sinks: [(&'static str, FeedSink); 3] = [
            ("Users", users_sink(users.clone().recipient())),
            ("Posts", posts_sink(posts.clone().recipient())),
            ("Timelines", timelines_sink(timelines.clone().recipient())),
        ];
        let mut ends: Vec<OwnerEnd> = Vec::new();
        for (name, sink) in sinks {
            ends.push((name, Box::pin(sink.actor_gone())));
            writer_thread.add_sink(Box::new(sink));
        }
        let (tasks, tasks_gone) = Tasks::new(tasks_store);
        // Its handlers only pass on what they are asked, so it needs no thread of its own.
        let tasks = Tasks::start_in_arbiter(&arbiters[0].handle(), move |_| tasks);
        ends.push((
            "Tasks",
            Box::pin(async move {
                // The sender never speaks: it is dropped with the actor.
                drop(tasks_gone.await);
            }),
        ));
        let wakes = WakeUps::default();
        writer_thread.add_sink(Box::new(wakes.clone()));
        if config.mail.url.is_on() {
            writer_thread.send_mail();
        }
        let unsubscribe_key = UnsubscribeKey::new(writer_thread.unsubscribe_key()?);
        let identity = writer_thread.identity()?;
        let (writer_alive, writer_ended) = oneshot::channel();
        thread::Builder::new()
            .name("kinglet-writer".to_owned())
            .spawn(move || {
                // Dropped when the thread ends, also by a panic.
                let _alive = writer_alive;
                writer_thread.run();
            })
            .map_err(BootError::Threads)?;

        let actors = Actors {
            users,
            posts,
            timelines,
            tasks,
        };
        let config = Arc::new(config);
        let url = Arc::new(url);
        let mailer = MailerSetup::of(&config, &url, &unsubscribe_key, identity);
        let (stop_tasks, tasks_stopped) = watch::channel(false);
        let manager = TaskManager {
            mailer,
            actors: actors.clone(),
            config: Arc::clone(&config),
            clock: Arc::clone(&clock),
            randomness: randomness.clone(),
            wakes: wakes.clone(),
        };
        let tasks = (rule == UrlRule::Keep).then(|| tokio::spawn(manager.run(tasks_stopped)));
        let opened = Self {
            instance: Instance {
                actors,
                config,
                url,
                clock,
                randomness,
                unsubscribe_key,
                wakes,
                data_dir: Arc::new(path),
            },
            arbiters,
            ends,
            writer_ended,
            pools: [readers_ended, keeper_ended],
            tasks,
            stop_tasks,
        };
        if rule == UrlRule::Keep
            && remembered.is_none()
            && let Err(error) = opened.remember_url().await
        {
            opened.close().await?;
            return Err(error);
        }
        Ok(opened)
    }

    /// Remembers the public address where it was set explicitly.
    async fn remember_url(&self) -> Result<(), BootError> {
        let Some(url) = &self.instance.config.instance.url else {
            return Ok(());
        };
        let unit = SetInstanceUrl {
            url: url.to_string(),
        };
        let done = self.instance.actors.perform(unit).await;
        done.map(drop)
            .map_err(|error| BootError::Broken(format!("can't remember instance.url: {error}")))
    }

    /// Ready when an owner of state has died, with its name. It never is in a sound program.
    pub async fn died(&mut self) -> &'static str {
        let owners = self.ends.iter_mut().map(|(name, end)| {
            let name = *name;
            Box::pin(async move {
                end.as_mut().await;
                name
            }) as BoxFuture<'_, &'static str>
        });
        let tasks = async {
            match &mut self.tasks {
                Some(tasks) => drop(tasks.await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            (name, _, _) = select_all(owners) => name,
            () = tasks => "the task manager",
            _ = &mut self.writer_ended => "the writer",
        }
    }

    /// Stops tasks, owners, writer and readers, in this order.
    ///
    /// # Errors
    /// When one of them doesn't stop in time. Whatever was answered is stored all the same.
    pub async fn close(self) -> Result<(), BootError> {
        // A task that ended already needs no signal.
        let _ = self.stop_tasks.send(true);
        let tasks = async {
            match self.tasks {
                // One that died before has been told of.
                Some(tasks) if !tasks.is_finished() => drop(tasks.await),
                _ => {}
            }
        };
        let tasks = timeout(OWNERS_STOP_MAX, tasks).await;
        let saved = timeout(
            OWNERS_STOP_MAX,
            self.instance.actors.timelines.send(PersistWindows),
        )
        .await;
        if !matches!(saved, Ok(Ok(()))) {
            // Whoever reads next has its home merged anew.
            tracing::warn!("the timelines in memory weren't saved");
        }
        drop(self.instance);
        for arbiter in &self.arbiters {
            arbiter.stop();
        }
        let arbiters = self.arbiters;
        let joined = tokio::task::spawn_blocking(move || {
            arbiters.into_iter().all(|arbiter| arbiter.join().is_ok())
        });
        let owners = timeout(OWNERS_STOP_MAX, joined).await;
        // The owners held the last doors to the writer: it ends by itself.
        let writer = if self.writer_ended.is_terminated() {
            Ok(())
        } else {
            timeout(WRITER_STOP_MAX, self.writer_ended).await.map(drop)
        };
        let [readers, keeper] = self.pools;
        let readers = timeout(READERS_STOP_MAX, async {
            readers.wait().await;
            keeper.wait().await;
        })
        .await;
        let late = [
            ("the tasks", tasks.is_err()),
            ("the owners", owners.is_err()),
            ("the writer", writer.is_err()),
            ("the readers", readers.is_err()),
        ];
        match late.iter().find(|(_, is_late)| *is_late) {
            None => Ok(()),
            Some((name, _)) => Err(BootError::Broken(format!("{name} didn't stop in time"))),
        }
    }
}

/// The public address in force: the configured one, else the remembered one, else that of the listener.
fn public_url(
    config: &Config,
    remembered: Option<&str>,
    listening: SocketAddr,
    rule: UrlRule,
) -> Result<InstanceUrl, BootError> {
    let Some(remembered) = remembered else {
        return Ok(config.public_url(listening));
    };
    match &config.instance.url {
        None => remembered
            .parse()
            .map_err(|error| BootError::Broken(format!("the remembered URL {remembered} {error}"))),
        Some(configured) if rule == UrlRule::Keep && configured.as_str() != remembered => {
            Err(BootError::UrlChanged {
                remembered: remembered.to_owned(),
                configured: configured.to_string(),
            })
        }
        Some(configured) => Ok(configured.clone()),
    }
}

/// What is known once a server answers.
#[derive(Clone)]
pub struct Serving {
    /// The instance.
    pub instance: Instance,
    /// The address listened on.
    pub address: SocketAddr,
}

/// Serves an instance until `stop` is ready, then stops it in order. Has to be called within [`run`].
///
/// # Errors
/// Why it can't start, or what made it stop by itself.
pub async fn serve(
    plan: Plan,
    ready: impl FnOnce(Serving),
    stop: impl Future<Output = ()>,
) -> Result<(), BootError> {
    plan.config.check()?;
    let data_dir = own_data_dir(&plan.config.storage.data_dir).await?;
    let listener = listen(plan.config.http.listen).await?;
    let unknown_address = |source| BootError::Listen {
        address: plan.config.http.listen,
        source,
    };
    let address = listener.local_addr().map_err(unknown_address)?;
    let mut opened = Opened::open(data_dir, plan, address, UrlRule::Keep).await?;
    let served = serve_opened(&mut opened, listener, address, ready, stop).await;
    let closed = opened.close().await;
    served.and(closed)
}

async fn serve_opened(
    opened: &mut Opened,
    listener: TcpListener,
    address: SocketAddr,
    ready: impl FnOnce(Serving),
    stop: impl Future<Output = ()>,
) -> Result<(), BootError> {
    let instance = opened.instance.clone();
    let filter = crate::http::routes::filter(&instance)
        .map_err(|error| BootError::Broken(format!("the routes don't fit together: {error}")))?;
    let socket =
        ControlSocket::bind(&instance.data_dir).map_err(|source| BootError::ControlSocket {
            path: instance.data_dir.to_path_buf(),
            source,
        })?;
    let (stop_commands, commands_stopped) = oneshot::channel::<()>();
    let commands = tokio::spawn(socket.serve(instance.clone(), async move {
        // As below.
        drop(commands_stopped.await);
    }));
    let (stop_http, http_stopped) = oneshot::channel::<()>();
    let http = tokio::spawn(crate::http::serve::serve(
        listener,
        filter,
        bounds(&instance.config),
        Arc::clone(&instance.clock),
        Arc::new(RequestIds::seeded(instance.randomness.rng().next_u64())),
        // A dropped sender stops as well as a signal.
        async move { drop(http_stopped.await) },
    ));
    tracing::info!(%address, url = %instance.url, "serving");
    ready(Serving { instance, address });
    let outcome = tokio::select! {
        () = stop => Ok(()),
        name = opened.died() => {
            tracing::error!(owner = name, "an owner of state died: stopping");
            Err(BootError::Died(name))
        }
    };
    tracing::info!("stopping");
    drop(stop_http);
    match http.await {
        Ok(drained) if drained.aborted > 0 => {
            tracing::warn!(
                connections = drained.aborted,
                "connections were cut off at the deadline"
            );
        }
        Ok(_) => {}
        Err(error) => tracing::error!(%error, "the listener failed"),
    }
    drop(stop_commands);
    if let Err(error) = commands.await {
        tracing::error!(%error, "the control socket failed");
    }
    outcome
}

/// What the configuration says about connections.
fn bounds(config: &Config) -> Bounds {
    let http = &config.http;
    Bounds {
        connections_max: usize::try_from(http.connections_max).unwrap_or(usize::MAX),
        body_bytes_max: http.body_max_kib.saturating_mul(1024),
        header_timeout: Duration::from_secs(http.header_timeout_secs),
        body_timeout: Duration::from_secs(http.body_timeout_secs),
        drain_timeout: Duration::from_secs(http.drain_timeout_secs),
        ..Bounds::default()
    }
}

#[cfg(test)]
mod tests {
    use actix::{Context, Handler, Message};
    use tempfile::TempDir;

    use super::*;
    use crate::clock::SystemClock;

    /// What no sound program does.
    struct Fall;

    impl Message for Fall {
        type Result = ();
    }

    macro_rules! falls {
        ($($owner:ty),*) => {$(
            impl Handler<Fall> for $owner {
                type Result = ();

                fn handle(&mut self, _: Fall, _: &mut Context<Self>) {
                    panic!("a handler panics");
                }
            }
        )*};
    }
    falls!(Users, Posts, Timelines);

    fn plan(directory: &TempDir) -> Plan {
        let mut config = Config::default();
        config.http.listen = SocketAddr::new(std::net::Ipv4Addr::LOCALHOST.into(), 0);
        config.storage.data_dir = directory.path().join("data");
        Plan {
            config,
            clock: Arc::new(SystemClock),
            randomness: Randomness::seeded(1),
        }
    }

    /// What becomes of a server after `harm`.
    fn harmed(harm: impl FnOnce(&Instance)) -> Result<(), BootError> {
        let directory = tempfile::tempdir().expect("a directory");
        let ready = |serving: Serving| harm(&serving.instance);
        let outcome = run(serve(plan(&directory), ready, std::future::pending()));
        // The directory is given up, and whole: an instance can be opened in it again.
        run(async {
            let data_dir = own_data_dir(&directory.path().join("data")).await?;
            let opened = Opened::for_command(data_dir, plan(&directory)).await?;
            opened.close().await
        })
        .expect("it opens again");
        outcome
    }

    #[test]
    fn a_server_stops_with_an_error_when_an_owner_dies() {
        for (name, outcome) in [
            (
                "Users",
                harmed(|instance| instance.actors.users.do_send(Fall)),
            ),
            (
                "Posts",
                harmed(|instance| instance.actors.posts.do_send(Fall)),
            ),
            (
                "Timelines",
                harmed(|instance| instance.actors.timelines.do_send(Fall)),
            ),
        ] {
            let error = outcome.expect_err("it can't go on");
            assert!(
                matches!(error, BootError::Died(died) if died == name),
                "{error}"
            );
            assert_eq!(error.exit_code(), 1);
        }
    }

    #[test]
    fn the_remembered_address_rules_over_all_but_the_configured_one() {
        let listening = "127.0.0.1:8420".parse().expect("an address");
        let mut config = Config::default();
        let url = |config: &Config, remembered, rule| {
            public_url(config, remembered, listening, rule).map(|url| url.to_string())
        };
        let a = Some("https://a.example");
        let found = url(&config, None, UrlRule::Keep).expect("a URL");
        assert_eq!(found, "http://127.0.0.1:8420");
        let found = url(&config, a, UrlRule::Keep).expect("a URL");
        assert_eq!(found, "https://a.example");
        config.instance.url = Some("https://b.example".parse().expect("a URL"));
        let found = url(&config, a, UrlRule::Overlook).expect("a URL");
        assert_eq!(found, "https://b.example");
        let refused = url(&config, a, UrlRule::Keep).expect_err("they differ");
        assert_eq!(refused.exit_code(), config::EXIT_CONFIG);
    }
}
