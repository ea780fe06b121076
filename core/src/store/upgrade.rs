//! Upgrades that rewrite what is stored: forecast, after a verified snapshot, and with a way back.
//!
//! Every step can be broken off. The snapshot is a set as a backup makes it, whole or recognisably none; each migration is a transaction;
//! the way back replaces the database by one rename, and the newer one keeps another name.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::backup::{self, BackupError, DATABASE_NAME, Manifest, Plan, SetState};
use super::error::StoreError;
use super::invariants::CheckInvariants;
use super::migrate::{self, MIGRATIONS, Migration};
use super::open::{self, DataDir, wal_of};
use super::reader::Reader;
use super::tables::{meta, posts};
use crate::clock::{Moment, Timestamp};

/// Where the snapshot before an upgrade lies; its name within the data directory.
pub const SNAPSHOT_NAME: &str = "before-upgrade";
/// The database that comes back, before it takes its place; its name within the data directory.
const RETURNING_NAME: &str = "kinglet.db.returning";
/// How much of a database is read to see how fast that is, in bytes.
const SAMPLE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// How often a database goes through the processor: copied, checked, hashed, rewritten into the log, out of it, checked again.
const PASSES: u64 = 12;
/// How many times its size an upgrade may take: the snapshot, the log, the rewritten tables.
const COPIES: u64 = 3;
/// How many databases of the same schema and commit may be put aside.
const ASIDES_MAX: u32 = 100;

/// Why an upgrade or the way back ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpgradeError {
    /// There is no database.
    #[error("{0}: there is no instance in this directory")]
    NoInstance(PathBuf),
    /// The disk is too small.
    #[error("{needed_mib} MiB may be needed and {free_mib} are free: nothing was begun")]
    NoRoom {
        /// In MiB.
        needed_mib: u64,
        /// In MiB.
        free_mib: u64,
    },
    /// The snapshot can't be made, or can't be used.
    #[error("the snapshot before the upgrade: {0}")]
    Snapshot(#[source] BackupError),
    /// No upgrade left a snapshot.
    #[error("there is no snapshot of an upgrade to go back to")]
    NoSnapshot,
    /// The newer database can't be kept under another name.
    #[error(
        "{0} is taken, and so are all names up to {0}-{ASIDES_MAX}: move those files away that you don't need"
    )]
    NoName(PathBuf),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What came of it breaks an invariant.
    #[error(
        "what came of the upgrade is not sound ({0}): kinglet rollback goes back, with the kinglet that served before"
    )]
    Unsound(String),
}

impl From<rusqlite::Error> for UpgradeError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What an upgrade is going to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// The schema that is there.
    pub from: i64,
    /// The schema that is wanted.
    pub to: i64,
    /// Whether something is rewritten; else every start does it.
    pub rewrites: bool,
    /// Bytes of the database.
    pub database_bytes: u64,
    /// Bytes that may be needed meanwhile, beside it.
    pub needed_bytes: u64,
    /// Bytes that are free.
    pub free_bytes: u64,
    /// About how long it takes, in seconds, by how fast a part of the database was read.
    pub seconds: u64,
}

/// What the way back is going to cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayBack {
    /// The snapshot.
    pub snapshot: Manifest,
    /// Commits since the snapshot: each had one acknowledged write or more, of somebody or of the server about its own work.
    pub commits_lost: i64,
    /// Posts and boosts that are there now and weren't then, whatever their dates.
    pub posts_lost: usize,
    /// What the newer database is going to be called.
    pub aside: PathBuf,
}

/// Says what an upgrade is going to take.
///
/// # Errors
/// When there is no database, or it can't be looked at.
pub fn forecast(data_dir: &DataDir) -> Result<Forecast, UpgradeError> {
    forecast_by(data_dir, MIGRATIONS)
}

fn forecast_by(data_dir: &DataDir, migrations: &[Migration]) -> Result<Forecast, UpgradeError> {
    let database = data_dir.database();
    let bytes = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
    let connection = open(data_dir)?;
    migrate::refuse_newer_by(&connection, migrations)?;
    let from = migrate::schema(&connection)?;
    drop(connection);
    let database_bytes = bytes(&database) + bytes(&wal_of(&database));
    let begun = Moment::now();
    let sampled = sample(&database)?;
    let nanos = begun.elapsed_nanos();
    let whole = u128::from(nanos) * u128::from(database_bytes) / u128::from(sampled.max(1));
    let seconds = whole * u128::from(PASSES) / 1_000_000_000;
    let space = rustix::fs::statvfs(data_dir.path())
        .map_err(|error| not_looked_at(data_dir.path())(error.into()))?;
    Ok(Forecast {
        from,
        to: i64::try_from(migrations.len()).expect("a handful of migrations"),
        rewrites: migrate::needs_rewriting(from, migrations),
        database_bytes,
        needed_bytes: database_bytes.saturating_mul(COPIES),
        free_bytes: space.f_bavail.saturating_mul(space.f_frsize),
        seconds: u64::try_from(seconds).unwrap_or(u64::MAX).max(1),
    })
}

/// Reads the beginning of a file; how much of it.
fn sample(path: &Path) -> Result<u64, StoreError> {
    let unreadable = |source| StoreError::File {
        action: "can't be read",
        path: path.to_owned(),
        source,
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut part = vec![0; 256 * 1024];
    let mut bytes = 0;
    while bytes < SAMPLE_BYTES_MAX {
        match file.read(&mut part).map_err(unreadable)? {
            0 => break,
            read => bytes += read as u64,
        }
    }
    Ok(bytes)
}

/// Makes a snapshot, verifies it, and brings the database to this kinglet's schema. Broken off anywhere, it can be given again.
///
/// # Errors
/// Why it ended; the database is as it was, or as after one of the migrations.
pub fn upgrade(data_dir: &DataDir, now: Timestamp) -> Result<Forecast, UpgradeError> {
    let done = upgrade_by(data_dir, MIGRATIONS, now)?;
    let findings = Reader::open(&data_dir.database())?.run(&CheckInvariants)?.0;
    match findings.first() {
        None => Ok(done),
        Some(finding) => Err(UpgradeError::Unsound(format!(
            "{}: {}",
            finding.invariant, finding.detail
        ))),
    }
}

fn upgrade_by(
    data_dir: &DataDir,
    migrations: &[Migration],
    now: Timestamp,
) -> Result<Forecast, UpgradeError> {
    let forecast = forecast_by(data_dir, migrations)?;
    if !forecast.rewrites {
        return Ok(forecast);
    }
    if forecast.free_bytes < forecast.needed_bytes {
        let mib = |bytes: u64| bytes / 1024 / 1024;
        return Err(UpgradeError::NoRoom {
            needed_mib: mib(forecast.needed_bytes),
            free_mib: mib(forecast.free_bytes),
        });
    }
    snapshot(data_dir, now).map_err(UpgradeError::Snapshot)?;
    let mut connection = open(data_dir)?;
    migrate::apply(&mut connection, migrations)?;
    empty_log(&connection)?;
    Ok(forecast)
}

/// Makes the snapshot, unless there is one of this very state that an upgrade left which was broken off.
fn snapshot(data_dir: &DataDir, now: Timestamp) -> Result<(), BackupError> {
    let place = data_dir.path().join(SNAPSHOT_NAME);
    if place.exists() {
        let connection = open(data_dir).map_err(|error| BackupError::Refused(error.to_string()))?;
        let state = (migrate::schema(&connection)?, meta::commit(&connection)?);
        drop(connection);
        match backup::verify(&place) {
            // After the first of several migrations the snapshot is older than the database, and the one to go back to.
            Ok(found) if found.commit == state.1 && found.schema <= state.0 => return Ok(()),
            _ => backup::remove(&place)?,
        }
    }
    let plan = Plan {
        is_still: true,
        ..Plan::new(data_dir.database(), place.clone(), now)
    };
    backup::back_up(&plan)?;
    backup::verify(&place).map(drop)
}

/// Applies every migration to a database that is a copy of something that is kept.
pub(super) fn rewrite(database: &Path) -> Result<(), StoreError> {
    let mut connection = open_at(database)?;
    migrate::apply(&mut connection, MIGRATIONS)
}

/// Says what the way back to before the upgrade costs.
///
/// # Errors
/// When there is no way back.
pub fn look_back(data_dir: &DataDir) -> Result<WayBack, UpgradeError> {
    let place = data_dir.path().join(SNAPSHOT_NAME);
    if !place.exists() {
        return Err(UpgradeError::NoSnapshot);
    }
    let snapshot = backup::verify(&place).map_err(UpgradeError::Snapshot)?;
    let connection = open(data_dir)?;
    let (schema, commit) = (migrate::schema(&connection)?, meta::commit(&connection)?);
    let older = open::open_still(&place.join(DATABASE_NAME))?;
    open::attach(&older, &data_dir.database(), "newer")?;
    Ok(WayBack {
        commits_lost: commit - snapshot.commit,
        posts_lost: posts::count_newer(&older)?,
        aside: aside(
            data_dir,
            &format!("kinglet.db.schema-{schema}-commit-{commit}"),
        )?,
        snapshot,
    })
}

/// What the newer database is going to be called: a name that nothing has, for another one may have been put aside that came as
/// far; or the one that a way back gave it which was broken off.
fn aside(data_dir: &DataDir, name: &str) -> Result<PathBuf, UpgradeError> {
    let database = data_dir.database();
    for number in 1..=ASIDES_MAX {
        let path = data_dir.path().join(match number {
            1 => name.to_owned(),
            _ => format!("{name}-{number}"),
        });
        if !has_name(&path)? || is_same(&database, &path)? {
            return Ok(path);
        }
    }
    Err(UpgradeError::NoName(data_dir.path().join(name)))
}

fn has_name(path: &Path) -> Result<bool, StoreError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(not_looked_at(path)(error)),
    }
}

/// Whether two names are of one file.
fn is_same(one: &Path, other: &Path) -> Result<bool, StoreError> {
    let look = |path| fs::symlink_metadata(path).map_err(not_looked_at(path));
    let (one, other) = (look(one)?, look(other)?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

fn not_looked_at(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::File {
        action: "can't be looked at",
        path,
        source,
    }
}

/// Goes back to before the upgrade. The newer database keeps another name, and the snapshot stays.
///
/// # Errors
/// Why it doesn't; the database is the newer one or the older one, whole.
pub fn roll_back(data_dir: &DataDir) -> Result<WayBack, UpgradeError> {
    let way = look_back(data_dir)?;
    let database = data_dir.database();
    let broken = |action: &'static str| {
        let path = database.clone();
        move |source| StoreError::File {
            action,
            path,
            source,
        }
    };
    // All of the newer one has to be in the file that is put aside.
    empty_log(&open(data_dir)?)?;
    let returning = data_dir.path().join(RETURNING_NAME);
    let snapshot = data_dir.path().join(SNAPSHOT_NAME).join(DATABASE_NAME);
    fs::copy(&snapshot, &returning)
        .and_then(|_| File::open(&returning)?.sync_all())
        .map_err(broken("can't be brought back"))?;
    if !has_name(&way.aside)? {
        fs::hard_link(&database, &way.aside).map_err(broken("can't be put aside"))?;
    }
    // Of commits that are going to have the numbers of others.
    backup::forget_timelines(data_dir.path()).map_err(UpgradeError::Snapshot)?;
    fs::rename(&returning, &database)
        .and_then(|()| File::open(data_dir.path())?.sync_all())
        .map_err(broken("can't be replaced"))?;
    Ok(way)
}

/// Whether an upgrade left a snapshot to go back to.
pub fn has_snapshot(data_dir: &Path) -> bool {
    let sets = backup::look_at(&data_dir.join(SNAPSHOT_NAME));
    matches!(sets, SetState::Whole { .. })
}

/// Opens the database of a directory that this process owns alone.
fn open(data_dir: &DataDir) -> Result<Connection, UpgradeError> {
    let database = data_dir.database();
    if !database.exists() {
        return Err(UpgradeError::NoInstance(data_dir.path().to_owned()));
    }
    Ok(open_at(&database)?)
}

fn open_at(database: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(
        database,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    for (pragma, value) in [("synchronous", "full"), ("secure_delete", "on")] {
        connection.pragma_update(None, pragma, value)?;
    }
    Ok(connection)
}

/// Takes the log into the database, so that the one file is all of it.
fn empty_log(connection: &Connection) -> Result<(), StoreError> {
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    let is_blocked: bool = connection.query_row(checkpoint, (), |row| row.get(0))?;
    if is_blocked {
        let locked = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
        return Err(rusqlite::Error::SqliteFailure(locked, None).into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::store::migrate::Kind;
    use crate::store::open::database_in;
    use crate::store::testing::TestStore;
    use crate::store::units::SetInstanceUrl;

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
    /// How often an upgrade is killed, unless KINGLET_UPGRADE_KILLS says otherwise.
    const KILLS: u64 = 12;
    /// The variable that names the directory to the process that is going to be killed.
    const DIRECTORY: &str = "KINGLET_UPGRADE_CHILD";
    /// Rows that the made-up upgrade rewrites, so that it takes a while.
    const ROWS: i64 = 40_000;

    /// Something to rewrite, where no invariant asks what it is.
    const FILL: &str =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
        INSERT INTO meta (name, value) SELECT 'number ' || i, i FROM n";

    /// The migrations of a kinglet that is two rewritings ahead.
    fn newer() -> Vec<Migration> {
        let rewrites = Migration {
            sql: "CREATE TABLE newer (
                      name TEXT PRIMARY KEY, value TEXT NOT NULL, twice INTEGER NOT NULL DEFAULT 0
                  ) WITHOUT ROWID, STRICT;
                  INSERT INTO newer SELECT name, value, 2 * CAST(value AS INTEGER) FROM meta;
                  DROP TABLE meta;
                  ALTER TABLE newer RENAME TO meta",
            kind: Kind::Rewrites,
        };
        let marks = Migration {
            sql: "UPDATE meta SET value = value || '!' WHERE name LIKE 'number %'",
            kind: Kind::Rewrites,
        };
        [MIGRATIONS, &[rewrites, marks]].concat()
    }

    /// A database of the older kinglet with something in it.
    fn older(directory: &Path) {
        let store = TestStore::open();
        for number in 0..3 {
            let url = format!("https://{number}.example.org");
            store.apply(SetInstanceUrl { url }).expect("a commit");
        }
        let set = directory.join("set");
        backup::back_up(&Plan::new(store.database(), set.clone(), NOW)).expect("a backup");
        fs::rename(set.join(DATABASE_NAME), database_in(directory)).expect("it is moved");
        fs::remove_dir_all(set).expect("it is removed");
        let connection = open_at(&database_in(directory)).expect("it opens");
        let journal: String = connection
            .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
            .expect("an answer");
        assert_eq!(journal, "wal");
        connection.execute_batch(FILL).expect("it is filled");
    }

    fn own(directory: &Path) -> DataDir {
        DataDir::own(directory).expect("nobody else uses it")
    }

    /// What the rows are made of: how many, their sum, how many of the newest kind.
    fn rows(database: &Path, column: &str) -> (i64, i64, i64) {
        let connection = open_at(database).expect("it opens");
        let sql = format!(
            "SELECT count(*), sum(CAST({column} AS INTEGER)), sum(value LIKE '%!') FROM meta WHERE name LIKE 'number %'"
        );
        let row = connection.query_row(&sql, (), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        row.expect("rows")
    }

    const SUM: i64 = ROWS * (ROWS + 1) / 2;

    fn require_upgraded(directory: &Path) {
        assert_eq!(
            rows(&database_in(directory), "twice"),
            (ROWS, 2 * SUM, ROWS)
        );
    }

    fn require_older(database: &Path) {
        assert_eq!(rows(database, "value"), (ROWS, SUM, 0));
        let connection = open_at(database).expect("it opens");
        let schema = migrate::schema(&connection).expect("a schema");
        assert_eq!(schema, migrate::known());
    }

    #[test]
    fn an_upgrade_is_forecast_done_once_and_taken_back() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        older(path);
        let data_dir = own(path);
        let no_way = look_back(&data_dir).expect_err("nothing was upgraded");
        assert!(matches!(no_way, UpgradeError::NoSnapshot), "{no_way}");
        let forecast = forecast_by(&data_dir, &newer()).expect("a forecast");
        assert!(forecast.rewrites);
        assert_eq!(
            (forecast.from, forecast.to),
            (migrate::known(), migrate::known() + 2)
        );
        assert!(forecast.needed_bytes > 2 * forecast.database_bytes);
        upgrade_by(&data_dir, &newer(), NOW).expect("it is upgraded");
        require_upgraded(path);
        assert!(
            !upgrade_by(&data_dir, &newer(), NOW)
                .expect("nothing to do")
                .rewrites
        );

        // What is written afterwards is lost by the way back, and told before.
        let connection = open(&data_dir).expect("it opens");
        connection
            .execute_batch(
                "PRAGMA foreign_keys = OFF;
                 UPDATE meta SET value = value + 5 WHERE name = 'commit';
                 -- One written now, and one that was brought along, whose id is of its date.
                 INSERT INTO posts (key, id, author, visibility) VALUES (1, 117000000000000000, 1, 0), (-1, 4711, 1, 0)",
            )
            .expect("it is written");
        drop(connection);
        fs::create_dir(path.join("timelines")).expect("it is made");
        let way = look_back(&data_dir).expect("there is a way back");
        assert_eq!((way.commits_lost, way.posts_lost), (5, 2));
        assert_eq!(roll_back(&data_dir).expect("the way back"), way);
        require_older(&data_dir.database());
        assert!(!path.join("timelines").exists());
        let commit = |path: &Path| meta::commit(&open_at(path).expect("it opens"));
        assert_eq!(commit(&data_dir.database()).expect("a commit"), 3);
        assert_eq!(commit(&way.aside).expect("a commit"), 8);
        assert_eq!(rows(&way.aside, "twice"), (ROWS, 2 * SUM, ROWS));
        // And forth again, from the same snapshot.
        upgrade_by(&data_dir, &newer(), NOW).expect("it is upgraded");
        require_upgraded(path);
    }

    #[test]
    fn databases_that_came_as_far_are_put_aside_beside_each_other() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        older(path);
        let data_dir = own(path);
        // As many commits each time, but others.
        let upgraded = |url: &str| {
            upgrade_by(&data_dir, &newer(), NOW).expect("it is upgraded");
            let connection = open(&data_dir).expect("it opens");
            connection
                .execute_batch(&format!(
                    "UPDATE meta SET value = value + 5 WHERE name = 'commit';
                     INSERT OR REPLACE INTO meta (name, value) VALUES ('test', '{url}')"
                ))
                .expect("it is written");
        };
        let written = |path: &Path| -> String {
            let connection = open_at(path).expect("it opens");
            let sql = "SELECT value FROM meta WHERE name = 'test'";
            connection
                .query_row(sql, (), |row| row.get(0))
                .expect("a value")
        };
        let mut asides = Vec::new();
        for url in ["first", "second", "third"] {
            upgraded(url);
            let way = look_back(&data_dir).expect("there is a way back");
            assert_eq!(roll_back(&data_dir).expect("the way back"), way);
            require_older(&data_dir.database());
            asides.push(way.aside);
        }
        for (aside, url) in asides.iter().zip(["first", "second", "third"]) {
            assert_eq!(written(aside), url, "{}", aside.display());
        }
        let name = |number: usize| asides[number].to_string_lossy().into_owned();
        assert_eq!(name(1), format!("{}-2", name(0)));
        assert_eq!(name(2), format!("{}-3", name(0)));
        // A way back that was broken off once the newer one had its other name.
        upgraded("fourth");
        let way = look_back(&data_dir).expect("there is a way back");
        fs::hard_link(data_dir.database(), &way.aside).expect("it is put aside");
        assert_eq!(roll_back(&data_dir).expect("the way back"), way);
        assert_eq!(written(&way.aside), "fourth");
        assert!(!path.join(format!("{}-5", name(0))).exists());
        // Their names have an end.
        upgraded("last");
        for number in 5..=ASIDES_MAX {
            fs::write(format!("{}-{number}", name(0)), "").expect("it is written");
        }
        let refused = roll_back(&data_dir).expect_err("no name is left");
        assert!(matches!(refused, UpgradeError::NoName(_)), "{refused}");
        assert_eq!(written(&data_dir.database()), "last");
    }

    /// Not a test: the process that is killed.
    #[test]
    #[ignore = "it is started by another test"]
    fn child() {
        if let Some(directory) = std::env::var_os(DIRECTORY) {
            upgrade_by(&own(Path::new(&directory)), &newer(), NOW).expect("it is upgraded");
        }
    }

    /// Where a file system of this test's own is mounted; it is no test but what another one starts there.
    const SHARING: &str = "KINGLET_SHARING_DIRECTORY";

    #[test]
    #[ignore = "it is started by another test"]
    fn snapshot_on_a_file_system_that_shares_blocks() {
        let Some(directory) = std::env::var_os(SHARING) else {
            return;
        };
        let path = Path::new(&directory);
        older(path);
        let data_dir = own(path);
        let connection = open(&data_dir).expect("it opens");
        connection
            .execute_batch(
                "INSERT INTO meta (name, value) VALUES ('much', hex(randomblob(16000000)))",
            )
            .expect("it grows");
        empty_log(&connection).expect("it is taken in");
        drop(connection);
        let free = || {
            rustix::fs::sync();
            let space = rustix::fs::statvfs(path).expect("a file system");
            space.f_bavail * space.f_frsize
        };
        let bytes = fs::metadata(data_dir.database()).expect("a file").len();
        let before = free();
        snapshot(&data_dir, NOW).expect("a snapshot");
        let taken = before.saturating_sub(free());
        // All of it by itself, and in next to no room.
        let copy = path.join(SNAPSHOT_NAME).join(DATABASE_NAME);
        assert_eq!(fs::metadata(&copy).expect("a file").len(), bytes);
        assert!(
            bytes > 32_000_000 && taken < bytes / 8,
            "{taken} of {bytes}"
        );
        upgrade_by(&data_dir, &newer(), NOW).expect("it is upgraded");
        require_older(&copy);
        roll_back(&data_dir).expect("the way back");
        require_older(&data_dir.database());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_snapshot_shares_its_blocks_where_the_file_system_can() {
        let place = tempfile::tempdir().expect("a directory");
        let mount = "set -e; mkdir data; truncate -s 512M image; mkfs.xfs -q -m reflink=1 image; mount -o loop image data; echo mounted";
        let test = "store::upgrade::tests::snapshot_on_a_file_system_that_shares_blocks";
        let script = format!("{mount}; exec \"$0\" --ignored --exact {test}");
        let output = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "bash", "-c", &script])
            .arg(std::env::current_exe().expect("a program"))
            .env(SHARING, place.path().join("data"))
            .current_dir(place.path())
            .output();
        let told = output
            .map_err(|error| error.to_string())
            .and_then(|output| {
                let errors = String::from_utf8_lossy(&output.stderr).into_owned();
                let told = String::from_utf8_lossy(&output.stdout).into_owned();
                match told.starts_with("mounted") {
                    true => Ok((output.status, format!("{told}{errors}"))),
                    false => Err(errors),
                }
            });
        match told {
            Ok((status, told)) => {
                assert!(status.success(), "{told}");
                assert!(told.contains("1 passed"), "{told}");
            }
            Err(why) => not_tested(&format!(
                "snapshots that share blocks: no XFS can be mounted here ({})",
                why.lines().next().unwrap_or("no reason")
            )),
        }
    }

    /// Says what can't be tried on this machine, past the harness, and where `tests/run` tells of it at its end.
    fn not_tested(what: &str) {
        use std::io::Write;
        // Nobody is left to be told when the terminal is gone.
        drop(writeln!(std::io::stderr(), "NOT TESTED: {what}"));
        if let Some(list) = std::env::var_os("KINGLET_NOT_TESTED") {
            let mut list = File::options().append(true).open(list).expect("a list");
            writeln!(list, "{what}").expect("it can be written");
        }
    }

    #[test]
    fn an_upgrade_that_is_killed_anywhere_is_resumed_and_its_snapshot_is_whole() {
        let number = |name: &str| std::env::var(name).ok()?.parse().ok();
        let kills = number("KINGLET_UPGRADE_KILLS").unwrap_or(KILLS);
        let seed = number("KINGLET_UPGRADE_SEED").unwrap_or_else(|| u64::from(std::process::id()));
        println!("{kills} kills, KINGLET_UPGRADE_SEED={seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let template = tempfile::tempdir().expect("a directory");
        older(template.path());
        let start = |directory: &Path| {
            Command::new(std::env::current_exe().expect("this program"))
                .args(["--exact", "store::upgrade::tests::child", "--ignored"])
                .env(DIRECTORY, directory)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("it starts")
        };
        let fresh = || {
            let directory = tempfile::tempdir().expect("a directory");
            fs::copy(database_in(template.path()), database_in(directory.path())).expect("a copy");
            directory
        };
        let whole = fresh();
        let begun = Moment::now();
        assert!(start(whole.path()).wait().expect("it ends").success());
        let takes = begun.elapsed_nanos();
        require_upgraded(whole.path());
        let mut reached = [0; 3];
        for _ in 0..kills {
            let directory = fresh();
            let path = directory.path();
            let mut child = start(path);
            // Nobody ever speaks: the kill comes by the clock.
            let (_quiet, silence) = sync_channel::<()>(1);
            let moment = Duration::from_nanos(random.random_range(0..takes * 2 / 3));
            assert!(silence.recv_timeout(moment).is_err());
            child.kill().expect("it is ours");
            child.wait().expect("it ends");
            // Whatever was reached, the database is whole, and once it was touched the snapshot is as well.
            let connection = open_at(&database_in(path)).expect("it opens");
            let schema = migrate::schema(&connection).expect("a schema");
            drop(connection);
            reached[usize::try_from(schema - migrate::known()).expect("one of three")] += 1;
            let place = path.join(SNAPSHOT_NAME);
            if schema == migrate::known() {
                require_older(&database_in(path));
            } else {
                require_older(&place.join(DATABASE_NAME));
            }
            let again = start(path).wait().expect("it ends");
            assert!(again.success(), "it can be given again");
            require_upgraded(path);
            require_older(&place.join(DATABASE_NAME));
            assert!(has_snapshot(path));
        }
        println!("killed before, between and after: {reached:?}");
    }
}
