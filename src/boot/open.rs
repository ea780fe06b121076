//! An instance without any door to the outside: its actors in the order they are started and stopped in.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use actix::Arbiter;
use futures_util::future::{BoxFuture, select_all};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::url::{UrlRule, public_url};
use super::{BootError, HANDOVER_MAX, HANDOVER_PAUSE, Plan};
use crate::actors::Actors;
use crate::actors::budget::{Budget, Division};
use crate::actors::door::Door;
use crate::actors::feed::{FeedSink, feed};
use crate::actors::hasher::Hashers;
use crate::actors::instance::{GuestBook, ReaderBook, ReaderNews, ReaderNewsSink};
use crate::actors::messages::StoreDoor;
use crate::actors::pool::PoolEnd;
use crate::actors::posts::{Posts, TextRules};
use crate::actors::readers::ReaderActor;
use crate::actors::tasks::{MailerSetup, TaskManager, Tasks, WakeUps};
use crate::actors::timelines::{
    PersistWindows, Residency, SnapshotKeeper, Timelines, TimelinesSetup,
};
use crate::actors::users::{Standings, StandingsSink, Users, UsersSetup};
use crate::backups::Backups;
use crate::config::{self, Config, StorageProfile};
use crate::domain::access::Registration;
use crate::instance::Instance;
use crate::memory;
use crate::store::error::StoreError;
use crate::store::open::{Checkpoints, DataDir, DiskUse, Synchronous};
use crate::store::queries::instance::FindInstanceUrl;
use crate::store::reader::Reader;
use crate::store::snapshots;
use crate::store::units::SetInstanceUrl;
use crate::store::writer::{LongReads, Switch, WriterThread};
use crate::telemetry::Telemetry;
use crate::telemetry::mailbox::ActorName;
use crate::threads::{ThreadLog, name_this};
use crate::unsubscribe::UnsubscribeKey;

const MIB: u64 = 1024 * 1024;
/// How long the owners' threads may take to end.
const OWNERS_STOP_MAX: Duration = Duration::from_secs(2);
/// How long the readers may take to end, and then the keeper of snapshots.
const READERS_STOP_MAX: Duration = Duration::from_secs(1);
/// How long those may take to end who wait for the disk. With everything else that a stop waits for it has to be less
/// than the 30 s that the packaged service has for it.
#[derive(Debug, Clone, Copy)]
struct StopTimes {
    tasks: Duration,
    /// For the last commit and checkpoint. The log that the writer leaves behind when it takes longer is read at the next
    /// start, so nothing is lost.
    writer: Duration,
}

impl StopTimes {
    /// A disk that is spared is slow, and has a longer log to take in. What was filled in bulk has the longest, no service
    /// around it, and somebody who opens it next.
    fn of(config: &Config, in_bulk: bool) -> Self {
        let [tasks, writer] = match config.storage.profile {
            _ if in_bulk => [4, 600],
            StorageProfile::Default => [2, 2],
            StorageProfile::Flash => [4, 10],
        };
        Self {
            tasks: Duration::from_secs(tasks),
            writer: Duration::from_secs(writer),
        }
    }
}

/// How often windows are kept on a disk that wears out, at most.
const SPARING_SNAPSHOT_INTERVAL: Duration = Duration::from_secs(3600);

/// The budget of memory for caches in MiB, as far as there is room for it.
fn fitting_budget(config: &Config) -> u64 {
    let wanted_mib = config.limits.memory_budget_mib;
    let budget_mib = memory::fitting_budget(wanted_mib, memory::there_is());
    if budget_mib < wanted_mib {
        tracing::info!(target: "kinglet::boot::open", budget_mib, wanted_mib, "there is less memory than caches may take");
    }
    budget_mib
}

/// How the settings want the disk to be used.
pub fn disk_use(settings: &config::Storage) -> DiskUse {
    let synchronous = match settings.synchronous {
        config::Synchronous::Full => Synchronous::Full,
        config::Synchronous::Normal => Synchronous::Normal,
    };
    let disk_use = match settings.profile {
        StorageProfile::Default => DiskUse::prompt(synchronous),
        StorageProfile::Flash => DiskUse::sparing(synchronous),
    };
    let checkpoints = if settings.external_checkpoint {
        Checkpoints::External {
            wal_bytes_max: settings.external_wal_max_mib.saturating_mul(MIB),
        }
    } else {
        Checkpoints::Own
    };
    DiskUse {
        checkpoints,
        ..disk_use
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

fn registration(setting: config::RegistrationMode) -> Registration {
    match setting {
        config::RegistrationMode::Closed => Registration::Closed,
        config::RegistrationMode::Approval => Registration::Approval,
        config::RegistrationMode::Open => Registration::Open,
        config::RegistrationMode::Invite => Registration::Invite,
    }
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

/// An owner's name, and what is ready when it has died.
type OwnerEnd = (&'static str, BoxFuture<'static, ()>);

/// An instance whose actors run, without any door to the outside.
pub struct Opened {
    /// The instance.
    pub instance: Instance,
    arbiter: Arbiter,
    owners: Handle,
    ends: Vec<OwnerEnd>,
    writer_ended: oneshot::Receiver<()>,
    pools: [PoolEnd; 2],
    /// What it does by itself once it is let; none when it was opened for a command, for that waits for the server.
    rest: Option<Rest>,
    tasks: Option<JoinHandle<()>>,
    stop_tasks: watch::Sender<bool>,
    hurry: Switch,
    long_reads: LongReads,
    stop_times: StopTimes,
}

/// What waits for the instance to begin its work.
struct Rest {
    manager: TaskManager,
    stopped: watch::Receiver<bool>,
    mail: Option<Switch>,
}

impl Opened {
    /// Opens the instance for a command. Has to be called within [`run`].
    ///
    /// # Errors
    /// Why it can't be opened.
    pub async fn for_command(data_dir: DataDir, plan: Plan) -> Result<Self, BootError> {
        let listen = plan.config.main_address();
        Self::open(data_dir, plan, listen, UrlRule::Overlook).await
    }

    /// Opens the instance for a server that listens on this address, for HTTPS or not. It does nothing by itself, and asks for no mail,
    /// before [`begin_work`](Self::begin_work). Has to be called within [`run`](super::run).
    ///
    /// # Errors
    /// Why it can't be opened.
    pub async fn for_server(
        data_dir: DataDir,
        plan: Plan,
        listening: (SocketAddr, bool),
    ) -> Result<Self, BootError> {
        Self::open(data_dir, plan, listening, UrlRule::Keep).await
    }

    /// Lets a server's instance do what it does by itself. The second call does nothing.
    pub fn begin_work(&mut self) {
        if let Some(rest) = self.rest.take() {
            if let Some(mail) = rest.mail {
                mail.turn_on();
            }
            self.tasks = Some(tokio::spawn(rest.manager.run(rest.stopped)));
        }
    }

    pub(super) async fn open(
        data_dir: DataDir,
        plan: Plan,
        listening: (SocketAddr, bool),
        rule: UrlRule,
    ) -> Result<Self, BootError> {
        let Plan {
            config,
            settings_file,
            clock,
            randomness,
            log,
            letter_box,
            telemetry,
            caches_bytes_max,
            in_bulk,
            repeats,
        } = plan;
        let telemetry = if telemetry {
            Telemetry::new(config.log.slow_ms)
        } else {
            Telemetry::disabled()
        };
        let path = data_dir.path().to_owned();
        let database = data_dir.database();
        let mut rng = randomness.branch("store").rng();
        let mut memory = Division::of(fitting_budget(&config));
        if let Some(bytes_max) = caches_bytes_max {
            memory.caches = Budget::new(bytes_max);
        }
        let disk_use = DiskUse {
            memory: memory.writer,
            ..disk_use(&config.storage)
        };
        let disk_use = if in_bulk {
            disk_use.in_bulk()
        } else {
            disk_use
        };
        let stop_times = StopTimes::of(&config, in_bulk);
        let (mut writer_thread, writer) =
            WriterThread::open(data_dir, disk_use, Arc::clone(&clock), &mut rng, &telemetry)?;
        let randomness = match writer_thread.commit_number() {
            commit if repeats && commit > 0 => randomness.branch(&format!("commit {commit}")),
            _ => randomness,
        };
        let soundness = writer_thread.soundness();
        soundness.reserve_mib(config.storage.disk_reserve_mib);
        let remembered = Reader::open(&database)?.run(&FindInstanceUrl)?.0;
        let url = public_url(&config, remembered.as_deref(), listening, rule)?;

        let (users_feed, users_sink) = feed();
        let (posts_feed, posts_sink) = feed();
        let (timelines_feed, timelines_sink) = feed();
        let (readers, readers_ended) =
            ReaderActor::start_pool(&database, memory.reader, &soundness, &telemetry);
        let store = StoreDoor { writer, readers };
        let hashers = Hashers::start(&telemetry);

        // All owners share one thread: what they ask each other for a page then wakes nobody.
        let arbiter = Arbiter::try_new().map_err(BootError::Threads)?;
        let thread_log = ThreadLog::of_this_thread();
        let (begin, begun) = oneshot::channel();
        arbiter.spawn_fn(move || {
            thread_log.adopt();
            name_this("kinglet-owners");
            // Whoever waits for it is below.
            drop(begin.send(Handle::current()));
        });
        let runtime = begun.await.map_err(|_| {
            BootError::Broken("the owners' thread ended before it had begun".to_owned())
        })?;
        let owners = arbiter.handle();
        let standings = Arc::new(Standings::default());
        let users = UsersSetup {
            store: store.clone(),
            hashers,
            feed: users_feed,
            clock: Arc::clone(&clock),
            rng: randomness.rng(),
            registration: registration(config.registration.mode),
            standings: Arc::clone(&standings),
            budget: memory.caches.clone(),
            watch: telemetry.watch(ActorName::Users),
        };
        let users = Users::start_on(&owners, users);
        let users = Door::new(users, &telemetry, ActorName::Users);
        let residency = Residency::new(
            config.timelines.window_entries_max,
            config.timelines.resident_readers_max,
        );
        let (keeper, keeper_ended) = SnapshotKeeper::start_in(
            path.join(snapshots::DIRECTORY_NAME),
            writer_thread.identity()?,
            memory.snapshots_bytes,
            &telemetry,
        );
        let timelines = TimelinesSetup {
            store: store.clone(),
            feed: timelines_feed,
            residency,
            budget: memory.caches.clone(),
            keeper,
            snapshot_interval: snapshot_interval(&config),
            commit: writer_thread.commit_number(),
            watch: telemetry.watch(ActorName::Timelines),
        };
        let timelines = Timelines::start_on(&owners, timelines);
        let timelines = Door::new(timelines, &telemetry, ActorName::Timelines);
        let rules = TextRules {
            characters_max: usize::try_from(config.limits.post_characters_max)
                .unwrap_or(usize::MAX),
            local_host: url.authority().to_owned(),
        };
        let tasks_store = store.clone();
        let watch = telemetry.watch(ActorName::Posts);
        let lines = timelines.clone();
        let posts = Posts::new(store, lines, posts_feed, rules, &memory.caches, watch);
        let posts = posts.start_on(&owners);
        let posts = Door::new(posts, &telemetry, ActorName::Posts);

        let sinks: [(&'static str, FeedSink); 3] = [
            ("Users", users_sink(users.recipient())),
            ("Posts", posts_sink(posts.recipient())),
            ("Timelines", timelines_sink(timelines.recipient())),
        ];
        let mut ends: Vec<OwnerEnd> = Vec::new();
        for (name, sink) in sinks {
            ends.push((name, Box::pin(sink.actor_gone())));
            writer_thread.add_sink(Box::new(sink));
        }
        // After the feeds of the owners, as they ask for.
        writer_thread.add_sink(Box::new(StandingsSink(Arc::clone(&standings))));
        let reader_news = Arc::new(ReaderNews::default());
        writer_thread.add_sink(Box::new(ReaderNewsSink(Arc::clone(&reader_news))));
        let (tasks, tasks_gone) = Tasks::new(tasks_store, telemetry.watch(ActorName::Tasks));
        let tasks = tasks.start_on(&owners);
        let tasks = Door::new(tasks, &telemetry, ActorName::Tasks);
        ends.push((
            "Tasks",
            Box::pin(async move {
                // The sender never speaks: it is dropped with the actor.
                drop(tasks_gone.await);
            }),
        ));
        let wakes = WakeUps::default();
        writer_thread.add_sink(Box::new(wakes.clone()));
        let mut mail = config.mail.url.is_on().then(|| writer_thread.mail_switch());
        if rule == UrlRule::Overlook
            && let Some(mail) = mail.take()
        {
            // What a command asks for is sent by the server.
            mail.turn_on();
        }
        let hurry = writer_thread.hurry_switch();
        let long_reads = writer_thread.long_reads();
        let leftovers = writer_thread.leftovers();
        let unsubscribe_key = UnsubscribeKey::new(writer_thread.unsubscribe_key()?);
        let identity = writer_thread.identity()?;
        let (writer_alive, writer_ended) = oneshot::channel();
        let thread_log = ThreadLog::of_this_thread();
        thread::Builder::new()
            .name("kinglet-writer".to_owned())
            .spawn(move || {
                thread_log.adopt();
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
            guests: Arc::new(GuestBook::new(standings, &memory.caches)),
            readers: Arc::new(ReaderBook::new(reader_news, &memory.caches)),
        };
        let config = Arc::new(config);
        let path = Arc::new(path);
        let url = Arc::new(url);
        let mailer = MailerSetup::of(&config, &url, &unsubscribe_key, identity, letter_box);
        let (stop_tasks, tasks_stopped) = watch::channel(false);
        let backups = Backups {
            actors: actors.clone(),
            config: Arc::clone(&config),
            settings_file: settings_file.map(Arc::new),
            data_dir: Arc::clone(&path),
            clock: Arc::clone(&clock),
            randomness: randomness.branch("backups"),
            long_reads: long_reads.clone(),
        };
        let manager = TaskManager {
            backups: backups.clone(),
            mailer,
            actors: actors.clone(),
            config: Arc::clone(&config),
            clock: Arc::clone(&clock),
            // What is done by itself takes none of the numbers that answers are made of.
            randomness: randomness.branch("tasks"),
            wakes: wakes.clone(),
            url: Arc::clone(&url),
            soundness: Arc::clone(&soundness),
            leftovers,
            telemetry: Arc::clone(&telemetry),
        };
        let rest = (rule == UrlRule::Keep).then_some(Rest {
            manager,
            stopped: tasks_stopped,
            mail,
        });
        let opened = Self {
            instance: Instance {
                actors,
                config,
                url,
                started_at: clock.now(),
                clock,
                randomness,
                unsubscribe_key,
                wakes,
                soundness,
                log,
                backups,
                data_dir: path,
                telemetry,
                probes: Arc::default(),
            },
            arbiter,
            owners: runtime,
            ends,
            writer_ended,
            pools: [readers_ended, keeper_ended],
            rest,
            tasks: None,
            stop_tasks,
            hurry,
            long_reads,
            stop_times,
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

    /// What runs on the owners' thread.
    pub fn owners(&self) -> &Handle {
        &self.owners
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
        let times = self.stop_times;
        let pulse = Arc::clone(&self.instance.telemetry.writer.pulse);
        self.hurry.turn_on();
        self.long_reads.end();
        // What waits to begin holds doors as well.
        drop(self.rest);
        // A task that ended already needs no signal.
        let _ = self.stop_tasks.send(true);
        let tasks = async {
            match self.tasks {
                // One that died before has been told of.
                Some(tasks) if !tasks.is_finished() => drop(tasks.await),
                _ => {}
            }
        };
        let tasks = timeout(times.tasks, tasks).await;
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
        self.arbiter.stop();
        let arbiter = self.arbiter;
        let joined = tokio::task::spawn_blocking(move || arbiter.join().is_ok());
        let owners = timeout(OWNERS_STOP_MAX, joined).await;
        // The owners held the last doors to the writer: it ends by itself.
        let mut writer = if self.writer_ended.is_terminated() {
            Ok(())
        } else {
            timeout(times.writer, self.writer_ended).await.map(drop)
        };
        if writer.is_err() && pulse.has_committed_all() {
            tracing::warn!("the last checkpoint takes too long: the next start reads the log");
            writer = Ok(());
        }
        let [readers, keeper] = self.pools;
        let readers = timeout(READERS_STOP_MAX, readers.wait()).await;
        if timeout(READERS_STOP_MAX, keeper.wait()).await.is_err() {
            // On a disk that fails it may try for ever, and nothing that it keeps is needed.
            tracing::warn!("the keeper of timeline snapshots is left behind");
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_wears_out_gets_windows_once_an_hour_at_most() {
        let mut config = Config::default();
        for (profile, wanted_secs, kept_secs) in [
            (StorageProfile::Default, 1, 1),
            (StorageProfile::Default, 7200, 7200),
            (StorageProfile::Flash, 1, 3600),
            (StorageProfile::Flash, 3599, 3600),
            (StorageProfile::Flash, 7200, 7200),
        ] {
            config.storage.profile = profile;
            config.timelines.snapshot_interval_secs = wanted_secs;
            assert_eq!(snapshot_interval(&config), Duration::from_secs(kept_secs));
        }
    }

    #[test]
    fn the_settings_say_how_the_disk_is_used() {
        let mut storage = config::Storage {
            profile: StorageProfile::Flash,
            ..config::Storage::default()
        };
        assert_eq!(disk_use(&storage), DiskUse::sparing(Synchronous::Full));
        storage.synchronous = config::Synchronous::Normal;
        storage.external_checkpoint = true;
        let expected = DiskUse {
            checkpoints: Checkpoints::External {
                wal_bytes_max: storage.external_wal_max_mib * MIB,
            },
            ..DiskUse::sparing(Synchronous::Normal)
        };
        assert_eq!(disk_use(&storage), expected);
        storage.profile = StorageProfile::Default;
        storage.external_checkpoint = false;
        assert_eq!(disk_use(&storage), DiskUse::prompt(Synchronous::Normal));
    }
}
