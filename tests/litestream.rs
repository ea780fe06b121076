//! The recipe for Litestream in docs/operations.md, run with the real program: a standby is promoted, and the log stays bounded when
//! Litestream is dead.

mod support;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use futures_util::future::join_all;
use kinglet::clock::Moment;
use rusqlite::{Connection, OpenFlags};
use support::operations::{blocks, commands, part};
use support::process::{Place, Running};
use support::server::Client;
use support::shell::Shell;
use support::tools::{Helper, litestream};

const HEADING: &str = "### Replicate with Litestream";
/// What the page says that may be lost.
const LAG_MAX: Duration = Duration::from_secs(3);
/// Before the machine dies somebody writes so often, for so long, with so much rest between. While it rests Litestream has the log start
/// anew, and what is written again right then is what a replica may lack.
const BURSTS: usize = 8;
const BURST: Duration = Duration::from_millis(900);
const REST: Duration = Duration::from_millis(130);
/// How long Litestream may take for its first snapshot.
const REPLICATED_MAX: Duration = Duration::from_secs(30);
/// The bound of the log where Litestream dies, in MiB: the least that can be set.
const WAL_MAX_MIB: u64 = 64;
/// How long it may take until it is known that Litestream is dead: meanwhile the log grows, whatever its bound.
const KNOWN_MAX: Duration = Duration::from_millis(2500);
/// How long it may take to fill the log.
const CHECKPOINT_MAX: Duration = Duration::from_secs(90);
/// Posts at once.
const WRITERS: usize = 8;

/// Held by each test: they write as fast as the disk allows, and what Litestream promises of the lag it can't keep on a disk that others keep
/// busy.
static DISK: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Two hosts: one that serves and one that stands by. They share nothing but the replica.
struct Hosts {
    primary: Place,
    standby: Place,
}

impl Hosts {
    /// With the settings of the page, but for the bound of the log.
    fn new(wal_max_mib: u64) -> Self {
        let hosts = Self {
            primary: Place::new(),
            standby: Place::new(),
        };
        let settings = blocks(&part(HEADING), "toml").concat();
        assert!(settings.contains("external_checkpoint = true"));
        let limits = "\n[limits]\nrate_limits = false\n";
        let settings = settings.replace("= 256", &format!("= {wal_max_mib}")) + limits;
        for host in [&hosts.primary, &hosts.standby] {
            host.configure(&settings);
            let yaml = &blocks(&part(HEADING), "yaml")[0];
            fs::write(
                host.path().join("litestream.yml"),
                hosts.at_home(host, yaml),
            )
            .expect("it is written");
        }
        hosts
    }

    fn replica(&self) -> PathBuf {
        self.standby.path().join("replica")
    }

    /// What the page says, with the paths of this test.
    fn at_home(&self, host: &Place, text: &str) -> String {
        let to = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        text.replace("/var/lib/kinglet", &to(&host.data()))
            .replace("/mnt/standby/kinglet", &to(&self.replica()))
            .replace(
                "/etc/litestream.yml",
                &to(&host.path().join("litestream.yml")),
            )
    }

    /// Starts Litestream beside the primary, and waits until it has a snapshot and more.
    fn replicate(&self) -> Helper {
        let log = self.primary.path().join("litestream.log");
        let output = File::create(&log).expect("a file");
        let child = Command::new(litestream())
            .args(["replicate", "-config"])
            .arg(self.primary.path().join("litestream.yml"))
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a file"))
            .stderr(output)
            .spawn()
            .expect("Litestream starts");
        Helper(child)
    }

    /// The generations of the replica that have a snapshot: what can be restored.
    fn snapshots(&self) -> usize {
        let entries = |path: PathBuf| {
            let entries = fs::read_dir(path).into_iter().flatten();
            entries.map(|entry| entry.expect("a name").path())
        };
        entries(self.replica().join("generations"))
            .filter(|generation| {
                entries(generation.join("snapshots"))
                    .any(|file| file.extension().is_some_and(|end| end == "lz4"))
            })
            .count()
    }

    async fn until_replicated(&self, generations: usize) {
        let waiting = async {
            while self.snapshots() < generations {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let waited = tokio::time::timeout(REPLICATED_MAX, waiting).await;
        let log = fs::read_to_string(self.primary.path().join("litestream.log"));
        assert!(waited.is_ok(), "no snapshot: {log:?}");
    }

    /// Does on the standby what the page says.
    fn promote(&self) {
        let shell = Shell::new(self.standby.path()).program("litestream", &litestream());
        let steps = commands(&part(HEADING));
        assert_eq!(steps.len(), 2, "{steps:?}");
        for step in steps {
            shell.done(&self.at_home(&self.standby, &step));
        }
    }
}

fn token(place: &Place, name: &str) -> String {
    let email = format!("{name}@example.org");
    place.done(&["user", "create", name, "--email", &email]);
    let token = place.done(&["token", "create", name, "--scopes", "read write"]);
    token.trim().to_owned()
}

/// A post that was acknowledged.
struct Acknowledged {
    id: String,
    at: Moment,
}

fn passed(since: Moment) -> Duration {
    Duration::from_nanos(since.elapsed_nanos())
}

/// Writes for so long.
async fn write(client: Client, time: Duration) -> Vec<Acknowledged> {
    let mut acknowledged = Vec::new();
    let begun = Moment::now();
    while passed(begun) < time {
        let text = "a tern ".repeat(50);
        let body = serde_json::json!({"status": text});
        let answer = client.post("/api/v1/statuses", body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let post: serde_json::Value = serde_json::from_str(&answer.text).expect("JSON");
        acknowledged.push(Acknowledged {
            id: post["id"].as_str().expect("an id").to_owned(),
            at: Moment::now(),
        });
    }
    acknowledged
}

async fn write_together(running: &Running, token: &str, time: Duration) -> Vec<Acknowledged> {
    let client = || Client::new(&running.url).with_token(token);
    let written = join_all((0..WRITERS).map(|_| write(client(), time))).await;
    let mut written: Vec<_> = written.into_iter().flatten().collect();
    written.sort_by(|one, other| one.id.cmp(&other.id));
    written
}

/// The posts of a database, in order.
fn posts(database: &Path) -> Vec<String> {
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let connection = connection.expect("it opens");
    let mut statement = connection
        .prepare("SELECT id FROM posts ORDER BY id")
        .expect("it is SQL");
    let rows = statement.query_map((), |row| row.get::<_, i64>(0));
    rows.expect("rows")
        .map(|id| id.expect("an id").to_string())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_is_promoted_with_nothing_lost_beyond_the_stated_lag() {
    let _disk = DISK.lock().await;
    let hosts = Hosts::new(256);
    let token = token(&hosts.primary, "ada");
    let replicating = hosts.replicate();
    hosts.until_replicated(1).await;
    let running = hosts.primary.serve();
    let mut written = Vec::new();
    for _ in 0..BURSTS {
        tokio::time::sleep(REST).await;
        written.extend(write_together(&running, &token, BURST).await);
    }
    // The machine dies with all that ran on it.
    let died = Moment::now();
    drop(running);
    drop(replicating);
    hosts.promote();
    let found = posts(&hosts.standby.data().join("kinglet.db"));
    let ids: Vec<&String> = written.iter().map(|post| &post.id).collect();
    assert!(
        found.iter().eq(ids.iter().copied().take(found.len())),
        "a prefix"
    );
    let lost = &written[found.len()..];
    let lag = lost.first().map_or(Duration::ZERO, |first| {
        Duration::from_nanos(died.nanos_since(first.at))
    });
    println!("{} posts, {} lost, lag {lag:?}", written.len(), lost.len());
    assert!(lag <= LAG_MAX, "{lag:?}");
    let serving = hosts.standby.serve();
    let reader = Client::new(&serving.url).with_token(&token);
    let last = found.last().expect("posts");
    let answer = reader.get(&format!("/api/v1/statuses/{last}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let again = write_together(&serving, &token, Duration::from_millis(200)).await;
    assert!(again.iter().all(|post| post.id > *last), "ids grow");
    assert!(serving.stop().status.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_bounded_when_litestream_is_dead_and_it_begins_anew_when_it_lives() {
    let _disk = DISK.lock().await;
    let hosts = Hosts::new(WAL_MAX_MIB);
    let token = token(&hosts.primary, "ada");
    let replicating = hosts.replicate();
    hosts.until_replicated(1).await;
    let running = hosts.primary.serve();
    let mut written = write_together(&running, &token, Duration::from_secs(1)).await;
    drop(replicating);
    let wal = hosts.primary.data().join("kinglet.db-wal");
    let mib = || fs::metadata(&wal).expect("it is there").len() / 1024 / 1024;
    let database = hosts.primary.data().join("kinglet.db");
    // Only a checkpoint changes the database's file, and nobody but kinglet is left to do one.
    let taken_in = || fs::metadata(&database).expect("it is there").len();
    let (before, mut longest) = (taken_in(), 0);
    let length = mib();
    let dead_since = Moment::now();
    let mut unknown = 0;
    while taken_in() == before {
        let waited = passed(dead_since);
        assert!(waited < CHECKPOINT_MAX, "{longest} MiB and no checkpoint");
        let more = write_together(&running, &token, Duration::from_millis(500)).await;
        written.extend(more);
        longest = longest.max(mib());
        if passed(dead_since) <= KNOWN_MAX + Duration::from_millis(500) {
            unknown = longest.saturating_sub(length);
        }
    }
    // From there on it starts anew.
    for _ in 0..4 {
        let more = write_together(&running, &token, Duration::from_millis(500)).await;
        written.extend(more);
        longest = longest.max(mib());
    }
    println!(
        "{} posts, the log had {longest} MiB, {unknown} of them at first",
        written.len()
    );
    assert!(
        longest <= WAL_MAX_MIB.max(length) + unknown + 8,
        "{longest} MiB, {unknown} of them at first"
    );

    let replicating = hosts.replicate();
    hosts.until_replicated(2).await;
    written.extend(write_together(&running, &token, Duration::from_secs(1)).await);
    tokio::time::sleep(LAG_MAX).await;
    let ended = running.stop();
    assert!(
        ended
            .errors
            .contains("nobody else checkpoints the database"),
        "{}",
        ended.errors
    );
    drop(replicating);
    hosts.promote();
    let mut ids: Vec<_> = written.iter().map(|post| post.id.clone()).collect();
    ids.sort_unstable();
    assert!(posts(&hosts.standby.data().join("kinglet.db")) == ids);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_litestream_that_lives_but_slowly_is_left_to_its_log_and_loses_nothing() {
    let _disk = DISK.lock().await;
    let hosts = Hosts::new(WAL_MAX_MIB);
    let token = token(&hosts.primary, "ada");
    let replicating = hosts.replicate();
    hosts.until_replicated(1).await;
    let running = hosts.primary.serve();
    let mut written = write_together(&running, &token, Duration::from_secs(2)).await;
    let signal = |name: &str| {
        let process = replicating.0.id().to_string();
        let sent = Command::new("kill").args([name, &process]).status();
        assert!(sent.expect("it is sent").success());
    };
    let wal = hosts.primary.data().join("kinglet.db-wal");
    let database = hosts.primary.data().join("kinglet.db");
    let changed = || {
        let found = fs::metadata(&database).expect("it is there");
        (found.len(), found.modified().expect("a time"))
    };
    // It stands still, as on a machine that swaps: longer than the bound of the log is good for. Where it held the lock of writers
    // then, nobody could write: it has copied all before, and has nothing to do.
    tokio::time::sleep(LAG_MAX).await;
    signal("-STOP");
    let (before, stopped) = (changed(), Moment::now());
    let length = || fs::metadata(&wal).expect("it is there").len();
    // The file is as long as the longest log was.
    let enough = length().max(WAL_MAX_MIB * 1024 * 1024) + 8 * 1024 * 1024;
    while length() < enough {
        assert!(passed(stopped) < CHECKPOINT_MAX, "{} bytes", length());
        let more = write_together(&running, &token, Duration::from_millis(500)).await;
        written.extend(more);
    }
    assert_eq!(changed(), before, "nobody takes in what it hasn't copied");
    signal("-CONT");
    // It catches up while posts come in, and takes the log into the database itself.
    let goes_on = Moment::now();
    while changed() == before {
        assert!(passed(goes_on) < CHECKPOINT_MAX, "it doesn't go on");
        let more = write_together(&running, &token, Duration::from_millis(500)).await;
        written.extend(more);
    }
    written.extend(write_together(&running, &token, Duration::from_secs(2)).await);
    tokio::time::sleep(LAG_MAX).await;
    let ended = running.stop();
    assert!(
        ended.errors.contains("is too slow, or hangs")
            && !ended.errors.contains("nobody else checkpoints"),
        "{}",
        ended.errors
    );
    drop(replicating);
    println!("{} posts, {} snapshots", written.len(), hosts.snapshots());
    // What the page says checks it too: each index, and each count.
    hosts.promote();
    let mut ids: Vec<_> = written.iter().map(|post| post.id.clone()).collect();
    ids.sort_unstable();
    assert!(posts(&hosts.standby.data().join("kinglet.db")) == ids);
}
