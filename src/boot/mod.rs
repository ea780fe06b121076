//! The only place that knows everyone: what is started in which order, what is stopped in which order, and what
//! happens when an owner of state dies.
//!
//! Start: lock of the data directory, port, database, feeds, readers, hashers, owners, writer, tasks; then the control
//! socket and the listener answer. Stop: no new connections, the requests at work end or are cut off at the deadline,
//! tasks, owners, the writer with its last commit and checkpoint, readers.

mod error;
mod listen;
mod metrics;
mod open;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "otlp")]
mod traces;
#[cfg(not(feature = "otlp"))]
#[path = "traces_off.rs"]
mod traces;
mod url;

pub use error::BootError;
pub use open::{Opened, own_data_dir};

use std::future::{Future, pending};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use actix::System;
use rand::Rng;
use tokio::runtime::{self, Handle};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use self::listen::Listening;
pub(crate) use self::listen::listen;
use self::metrics::MetricsListener;
pub(crate) use self::open::disk_use;
use self::traces::Traces;
use crate::clock::SharedClock;
use crate::config::Config;
use crate::control::socket::ControlSocket;
use crate::http::request_log::RequestIds;
use crate::http::serve::{Bounds, Drained};
use crate::instance::Instance;
use crate::letter_box::LetterBox;
use crate::logging::LogControl;
use crate::net::inherited::Inherited;
use crate::net::listener::Endpoint;
use crate::randomness::Randomness;
use crate::telemetry::Telemetry;
use crate::threads::ThreadLog;

/// How long a start waits for another process to give up the data directory or the port.
const HANDOVER_MAX: Duration = Duration::from_secs(2);
/// How often it looks meanwhile.
const HANDOVER_PAUSE: Duration = Duration::from_millis(20);
/// How long work that blocks a thread may take to end after everything else has.
const BLOCKING_STOP_MAX: Duration = Duration::from_millis(500);
/// Connections at once to where HTTP is sent on to HTTPS; they come beside `http.connections_max`.
const REDIRECT_CONNECTIONS_MAX: usize = 64;
/// How long such a connection may stay without a request: one answer is all there is.
const REDIRECT_IDLE_MAX: Duration = Duration::from_secs(5);
/// After so long without a request the server takes it that none is coming.
#[cfg(feature = "profile")]
const LULL: Duration = Duration::from_secs(4);
/// And the first time, for what only the start needed.
#[cfg(feature = "profile")]
const START_LULL: Duration = Duration::from_secs(1);
/// Threads that serve connections, however many cores there are.
const SERVING_THREADS_MAX: usize = 16;

/// Runs a future with actix' system on this thread and a runtime of its own, and ends all of it.
///
/// # Errors
/// When the machine gives no threads, else what the future says.
pub fn run<T>(work: impl Future<Output = Result<T, BootError>>) -> Result<T, BootError> {
    let log = ThreadLog::of_this_thread();
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(serving_threads())
        .thread_name("kinglet-http")
        .on_thread_start(move || log.adopt())
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

/// How many threads serve connections. The owners and the writer need the other half: with a serving thread per core,
/// every message wakes a core that is at work.
pub(crate) fn serving_threads() -> usize {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    (cores / 2).clamp(1, SERVING_THREADS_MAX)
}

/// What a start needs to be told.
#[derive(Clone)]
pub struct Plan {
    /// The settings.
    pub config: Config,
    /// The file that they come from, as an absolute path: part of backups.
    pub settings_file: Option<PathBuf>,
    /// The time.
    pub clock: SharedClock,
    /// Random numbers.
    pub randomness: Randomness,
    /// What changes the log's levels, where the log is kinglet's own.
    pub log: Option<LogControl>,
    /// Where mail is kept instead of being sent, as far as the settings let it leave at all.
    pub letter_box: Option<LetterBox>,
    /// Whether it measures itself; commands and those who measure what that costs don't.
    pub telemetry: bool,
    /// What all caches together may hold, in bytes, where it isn't what the settings say.
    pub caches_bytes_max: Option<usize>,
    /// Whether it is filled with very much at once.
    pub in_bulk: bool,
    /// Whether `randomness` begins alike at every start: then one on a store that has been written to draws on from there,
    /// not once more what is stored already.
    pub repeats: bool,
}

/// What is known once a server answers.
#[derive(Clone)]
pub struct Serving {
    /// The instance.
    pub instance: Instance,
    /// Every place listened at; each use has its own.
    pub endpoints: Vec<Endpoint>,
}

/// Serves an instance until `stop` is ready, then stops it in order. Has to be called within [`run`]. Sockets that were
/// handed over take the place of the addresses configured for the same use.
///
/// # Errors
/// Why it can't start, or what made it stop by itself.
pub async fn serve(
    plan: Plan,
    inherited: &Inherited,
    ready: impl FnOnce(Serving),
    stop: impl Future<Output = ()>,
) -> Result<(), BootError> {
    plan.config.check()?;
    let data_dir = own_data_dir(&plan.config.storage.data_dir).await?;
    let listening = Listening::start(&plan, inherited).await?;
    let mut opened = Opened::for_server(data_dir, plan, listening.main_address()).await?;
    opened.begin_work();
    let served = serve_opened(&mut opened, listening, ready, stop).await;
    let closed = opened.close().await;
    served.and(closed)
}

async fn serve_opened(
    opened: &mut Opened,
    listening: Listening,
    ready: impl FnOnce(Serving),
    stop: impl Future<Output = ()>,
) -> Result<(), BootError> {
    let instance = opened.instance.clone();
    let filter = crate::http::routes::filter(&instance)
        .map_err(|error| BootError::Broken(format!("the routes don't fit together: {error}")))?;
    listening.check_url(&instance.url)?;
    let socket =
        ControlSocket::bind(&instance.data_dir).map_err(|source| BootError::ControlSocket {
            path: instance.data_dir.to_path_buf(),
            source,
        })?;
    let ids = Arc::new(RequestIds::seeded(instance.randomness.rng().next_u64()));
    // What may fail comes before whatever would have to be stopped then.
    let traces = Traces::start(&instance)?;
    let metrics = match MetricsListener::start(&instance).await {
        Ok(metrics) => metrics,
        Err(error) => {
            traces.stop().await;
            return Err(error);
        }
    };
    let (stop_serving, stopped) = watch::channel(false);
    // A dropped sender stops as well as a signal.
    let told_to_stop = || {
        let mut stopped = stopped.clone();
        async move { drop(stopped.wait_for(|stopped| *stopped).await) }
    };
    let (stop_commands, commands_stopped) = oneshot::channel::<()>();
    let commands = tokio::spawn(socket.serve(instance.clone(), async move {
        // As above.
        drop(commands_stopped.await);
    }));
    let Listening {
        listeners,
        redirects,
        endpoints,
        #[cfg(feature = "acme")]
        acme,
    } = listening;
    // Where one thread serves all connections, it is that of the owners: then a page wakes nobody.
    let place = match serving_threads() {
        1 => opened.owners().clone(),
        _ => Handle::current(),
    };
    let http = place.spawn(crate::http::serve::serve(
        listeners,
        filter,
        bounds(&instance.config),
        Arc::clone(&instance.clock),
        Arc::clone(&instance.telemetry),
        Arc::clone(&ids),
        told_to_stop(),
    ));
    let redirects = (!redirects.is_empty()).then(|| {
        tokio::spawn(crate::http::serve::serve(
            redirects,
            crate::http::redirect::filter(&instance.url),
            redirect_bounds(&instance.config),
            Arc::clone(&instance.clock),
            Arc::clone(&instance.telemetry),
            ids,
            told_to_stop(),
        ))
    });
    #[cfg(feature = "acme")]
    let acme = acme.map(|acme| tokio::spawn(acme.run(instance.randomness.clone(), told_to_stop())));
    for place in &endpoints {
        tracing::info!(address = %place.address, usage = %place.usage, url = %instance.url, "serving");
    }
    let telemetry = Arc::clone(&instance.telemetry);
    // Where the log is another program's, so is the process.
    let owns_process = instance.log.is_some();
    let stays_small = async {
        if owns_process {
            stay_small(&telemetry).await;
        }
        pending().await
    };
    ready(Serving {
        instance,
        endpoints,
    });
    let outcome = tokio::select! {
        () = stop => Ok(()),
        name = opened.died() => {
            tracing::error!(owner = name, "an owner of state died: stopping");
            Err(BootError::Died(name))
        }
        () = stays_small => Ok(()),
    };
    tracing::info!("stopping");
    drop(stop_serving);
    drained(http).await;
    if let Some(redirects) = redirects {
        drained(redirects).await;
    }
    #[cfg(feature = "acme")]
    if let Some(acme) = acme
        && let Err(error) = acme.await
    {
        tracing::error!(%error, "the keeper of certificates failed");
    }
    if let Some(metrics) = metrics {
        metrics.stop().await;
    }
    traces.stop().await;
    drop(stop_commands);
    if let Err(error) = commands.await {
        tracing::error!(%error, "the control socket failed");
    }
    outcome
}

/// Gives memory back whenever it gets quiet: most of the program is code that only the start needs, or a log-in, or a page that
/// nobody asks for just now.
#[cfg(feature = "profile")]
async fn stay_small(telemetry: &Telemetry) {
    let mut lull = START_LULL;
    loop {
        telemetry
            .http
            .quiet
            .falls(std::mem::replace(&mut lull, LULL))
            .await;
        if let Err(error) = kinglet_sampler::give_back() {
            tracing::debug!(%error, "the system takes no memory back");
            return;
        }
    }
}

/// The package that can give memory back was left out.
#[cfg(not(feature = "profile"))]
async fn stay_small(_: &Telemetry) {}

/// Waits until a listener's connections have ended.
async fn drained(listener: JoinHandle<Drained>) {
    match listener.await {
        Ok(drained) if drained.aborted > 0 => {
            tracing::warn!(
                connections = drained.aborted,
                "connections were cut off at the deadline"
            );
        }
        Ok(_) => {}
        Err(error) => tracing::error!(%error, "the listener failed"),
    }
}

/// What the configuration says about connections.
pub(crate) fn bounds(config: &Config) -> Bounds {
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

/// What holds for connections that are only sent on: few and short, so that they take nothing from the others.
fn redirect_bounds(config: &Config) -> Bounds {
    let bounds = bounds(config);
    Bounds {
        connections_max: bounds.connections_max.min(REDIRECT_CONNECTIONS_MAX),
        idle_timeout: bounds.idle_timeout.min(REDIRECT_IDLE_MAX),
        ..bounds
    }
}

#[cfg(test)]
mod tests {
    use actix::{Context, Handler, Message};
    use tempfile::TempDir;

    use super::*;
    use crate::actors::posts::Posts;
    use crate::actors::tasks::Tasks;
    use crate::actors::timelines::Timelines;
    use crate::actors::users::Users;
    use crate::clock::SystemClock;
    use crate::config::StorageProfile;

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
    falls!(Users, Posts, Timelines, Tasks);

    fn plan(directory: &TempDir) -> Plan {
        let mut config = Config::default();
        config.http.listen = ([127, 0, 0, 1], 0).into();
        config.storage.data_dir = directory.path().join("data");
        Plan {
            config,
            settings_file: None,
            clock: Arc::new(SystemClock),
            randomness: Randomness::seeded(1),
            log: None,
            letter_box: None,
            telemetry: true,
            caches_bytes_max: None,
            in_bulk: false,
            repeats: true,
        }
    }

    /// What becomes of a server after `harm`.
    fn harmed(harm: impl FnOnce(&Instance)) -> Result<(), BootError> {
        let directory = tempfile::tempdir().expect("a directory");
        let ready = |serving: Serving| harm(&serving.instance);
        let outcome = run(serve(
            plan(&directory),
            &Inherited::default(),
            ready,
            std::future::pending(),
        ));
        // The directory is given up, and whole: an instance can be opened in it again.
        run(async {
            let data_dir = own_data_dir(&directory.path().join("data")).await?;
            let opened = Opened::for_command(data_dir, plan(&directory)).await?;
            opened.close().await
        })
        .expect("it opens again");
        outcome
    }

    /// Opens an instance as a server does, and closes it.
    fn opened_once(plan: Plan) -> Result<u64, BootError> {
        run(async {
            let data_dir = own_data_dir(&plan.config.storage.data_dir).await?;
            let listening = (([127, 0, 0, 1], 8420).into(), false);
            let opened = Opened::for_server(data_dir, plan, listening).await?;
            let drawn = opened.instance.randomness.rng().next_u64();
            opened.close().await?;
            Ok(drawn)
        })
    }

    #[test]
    fn another_address_is_told_on_a_disk_that_wears_out_too() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |url: &str| {
            let mut plan = plan(&directory);
            plan.config.storage.profile = StorageProfile::Flash;
            plan.config.instance.url = Some(url.parse().expect("a URL"));
            opened_once(plan)
        };
        at("https://a.example").expect("it opens");
        let error = at("https://b.example").expect_err("it is another");
        assert!(matches!(error, BootError::UrlChanged { .. }), "{error}");
        assert_eq!(error.exit_code(), crate::config::EXIT_CONFIG);
    }

    #[test]
    fn a_seed_draws_nothing_twice_in_one_store_and_the_same_in_every_new_one() {
        let draws = || {
            let directory = tempfile::tempdir().expect("a directory");
            let mut plan = plan(&directory);
            // It is remembered, which is a commit.
            plan.config.instance.url = Some("https://a.example".parse().expect("a URL"));
            [plan.clone(), plan].map(|plan| opened_once(plan).expect("it opens"))
        };
        let [first, again] = draws();
        assert_ne!(first, again);
        assert_eq!([first, again], draws());
    }

    #[test]
    fn a_server_stops_with_an_error_when_an_owner_dies() {
        for (name, outcome) in [
            (
                "Users",
                harmed(|instance| drop(tokio::spawn(instance.actors.users.send(Fall)))),
            ),
            (
                "Posts",
                harmed(|instance| drop(tokio::spawn(instance.actors.posts.send(Fall)))),
            ),
            (
                "Timelines",
                harmed(|instance| drop(tokio::spawn(instance.actors.timelines.send(Fall)))),
            ),
            (
                "Tasks",
                harmed(|instance| drop(tokio::spawn(instance.actors.tasks.send(Fall)))),
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
    fn whoever_is_only_sent_on_takes_few_connections_and_not_for_long() {
        let mut config = Config::default();
        config.http.connections_max = 10_000;
        let bounds = redirect_bounds(&config);
        assert_eq!(bounds.connections_max, REDIRECT_CONNECTIONS_MAX);
        assert!(bounds.idle_timeout <= REDIRECT_IDLE_MAX);
        config.http.connections_max = 10;
        assert_eq!(redirect_bounds(&config).connections_max, 10);
    }
}
