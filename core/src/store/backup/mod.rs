//! Backups: copies of the database that are made while it is written to, and checked before anybody relies on them.

mod copy;
mod deletions;
mod disks;
mod restore;
mod set;
mod verify;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub use self::deletions::{Deletion, DeletionsError};
pub use self::disks::are_on_same_disk;
pub use self::restore::{Reapplied, RestorePlan, Restored, restore, try_out};
pub(super) use self::set::hashed;
pub use self::set::{
    DATABASE_NAME, LeftOut, ListedSet, MANIFEST_NAME, MARKER_NAME, Manifest, ManifestFile,
    SET_PREFIX, SETS_MAX, SETTINGS_NAME, SHIPPED_NAME, SetState, list, look_at, mark_shipped,
    name_at, remove,
};
pub use self::verify::verify;

use self::copy::{PAGES_PER_STEP, Pace};
use self::set::Draft;
use self::verify::describe;
use super::error::StoreError;
use super::invariants::Finding;
use super::writer::LongReads;
use crate::clock::Timestamp;

/// What is copied, where to, and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The database.
    pub database: PathBuf,
    /// Where the set is made: a directory that isn't there, is empty, or has what a crash left of a set.
    pub directory: PathBuf,
    /// The settings' file, which is copied along.
    pub settings: Option<PathBuf>,
    /// By how much the log may grow while the pages are copied, in bytes; then the backup is given up.
    pub wal_bytes_max: u64,
    /// Where the writer learns that somebody holds its log.
    pub long_reads: LongReads,
    /// Whether nobody else has the database open: then the file system may share its blocks with the copy.
    pub is_still: bool,
    /// The present moment.
    pub now: Timestamp,
}

impl Plan {
    /// A plan for a database that nobody writes to meanwhile, or little.
    pub fn new(database: PathBuf, directory: PathBuf, now: Timestamp) -> Self {
        Self {
            database,
            directory,
            settings: None,
            wal_bytes_max: u64::MAX,
            long_reads: LongReads::default(),
            is_still: false,
            now,
        }
    }
}

/// Why there is no backup, or none that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The place is taken: a backup never writes over anything.
    #[error("{0} is not empty: a backup needs a directory of its own")]
    NotEmpty(PathBuf),
    /// Somebody else makes or removes this set.
    #[error("{0}: another backup is being made there")]
    InUse(PathBuf),
    /// The log grew over its bound.
    #[error(
        "so much was written meanwhile that the write-ahead log grew by more than {max_mib} MiB: the backup was given up, no \
         write was lost. Make it when less is written, or set backup.wal_max_mib higher"
    )]
    LogTooLong {
        /// The bound, in MiB.
        max_mib: u64,
    },
    /// The disk is too small.
    #[error("{place}: {needed_mib} MiB are needed and {free_mib} are free: nothing was begun")]
    NoRoom {
        /// Where.
        place: PathBuf,
        /// What the copy takes, with what has to be left, in MiB.
        needed_mib: u64,
        /// What is free, in MiB.
        free_mib: u64,
    },
    /// The instance stops.
    #[error("the instance stops: the backup was given up")]
    Stopped,
    /// Another program locks the database.
    #[error("another program locks the database")]
    Busy,
    /// The store can't be copied.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The copy breaks an invariant, most likely because the original does.
    #[error("the copy is not sound: {}", told(.0))]
    Unsound(Vec<Finding>),
    /// There is no set in this directory.
    #[error("{0}: there is no backup in this directory, for it has no manifest that can be read")]
    NoSet(PathBuf),
    /// A crash left it, or it is being made.
    #[error("{0}: this backup was never finished")]
    Unfinished(PathBuf),
    /// A newer kinglet made it.
    #[error(
        "{set}: kinglet {kinglet} made this backup, which this one can't read: use that kinglet"
    )]
    NewerFormat {
        /// Which.
        set: PathBuf,
        /// The version that made it.
        kinglet: String,
    },
    /// A file isn't the one that was written.
    #[error("{path}: {how}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        how: &'static str,
    },
    /// There is an instance already where one should be restored.
    #[error(
        "{0} holds an instance already, and nothing is written over: move the directory away first"
    )]
    Occupied(PathBuf),
    /// What was deleted since the backup can't be told.
    #[error(transparent)]
    Deletions(#[from] DeletionsError),
    /// What was asked for couldn't be done in the restored store.
    #[error("the restored store refused: {0}")]
    Refused(String),
}

fn told(findings: &[Finding]) -> String {
    let lines: Vec<_> = findings
        .iter()
        .map(|finding| format!("{}: {}", finding.invariant, finding.detail))
        .collect();
    lines.join("; ")
}

fn file_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::File {
        action,
        path,
        source,
    }
}

/// Copies the database and what else an instance can't be made of again: one consistent snapshot, whatever is written
/// meanwhile. The copy is opened and checked; only then it becomes a set. Blocks for as long as that takes; the
/// log is held while the pages are copied, not while they are checked.
///
/// # Errors
/// Why there is no backup; what was begun is removed.
pub fn back_up(plan: &Plan) -> Result<Manifest, BackupError> {
    let pace = Pace {
        pages_per_step: PAGES_PER_STEP,
        between: &mut |_| {},
    };
    back_up_at(plan, pace)
}

fn back_up_at(plan: &Plan, pace: Pace<'_>) -> Result<Manifest, BackupError> {
    let draft = Draft::begin(&plan.directory)?;
    disks::require_room(plan)?;
    let (copy, file) = draft.new_file(DATABASE_NAME)?;
    drop(file);
    let read = plan.long_reads.begin();
    let copied = copy::copy(plan, &copy, &read, pace);
    drop(read);
    copied?;
    sync(&copy)?;
    let described = describe(&copy)?;
    if !described.findings.is_empty() {
        return Err(BackupError::Unsound(described.findings));
    }
    let mut files = vec![set::hashed(DATABASE_NAME, &copy, None)?];
    if let Some(settings) = &plan.settings {
        let (path, mut file) = draft.new_file(SETTINGS_NAME)?;
        files.push(set::hashed(SETTINGS_NAME, settings, Some(&mut file))?);
        file.sync_all()
            .map_err(file_error("can't be brought to the disk", &path))?;
    }
    let data_dir = plan.database.parent().unwrap_or(Path::new("."));
    let same_disk = are_on_same_disk(data_dir, draft.directory())
        .map_err(file_error("can't be looked at", draft.directory()))?;
    let manifest = Manifest {
        format: set::FORMAT,
        kinglet: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: plan.now.to_string(),
        schema: described.schema,
        commit: described.commit,
        identity: described.identity,
        url: described.url,
        same_disk,
        files,
        left_out: left_out(plan.settings.is_some()),
    };
    draft.finish(&manifest)?;
    Ok(manifest)
}

/// What isn't part of a set, and why.
fn left_out(has_settings: bool) -> Vec<LeftOut> {
    let mut left_out = vec![
        (
            "timelines/",
            "a cache: it is made again from the database by itself",
        ),
        (
            "acme/",
            "certificates and their account: new ones are got by themselves",
        ),
        (
            "settings from the environment and from flags, and the files of tls.certificate and tls.key",
            "they are not kinglet's: keep them as you keep other settings of the machine",
        ),
    ];
    if !has_settings {
        left_out.push((SETTINGS_NAME, "no configuration file is in use"));
    }
    let own = |(name, why): (&str, &str)| LeftOut {
        name: name.to_owned(),
        why: why.to_owned(),
    };
    left_out.into_iter().map(own).collect()
}

/// Removes what was put together of commits whose numbers others are going to have.
pub fn forget_timelines(data_dir: &Path) -> Result<(), BackupError> {
    restore::remove_if_there(&data_dir.join(restore::SNAPSHOTS_NAME))
}

fn sync(path: &Path) -> Result<(), StoreError> {
    fs::File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(file_error("can't be brought to the disk", path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use sha2::{Digest, Sha256};

    use super::*;
    use crate::clock::{ManualClock, SharedClock};
    use crate::randomness::Randomness;
    use crate::store::open::{database_in, wal_of};
    use crate::store::queries::instance::FindInstanceUrl;
    use crate::store::reader::Reader;
    use crate::store::testing::TestStore;
    use crate::store::units::{EmptyLog, SetInstanceUrl};

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    fn plan(store: &TestStore, directory: &Path) -> Plan {
        Plan::new(store.database(), directory.to_owned(), NOW)
    }

    fn set_url(store: &TestStore, url: &str) {
        let unit = SetInstanceUrl {
            url: url.to_owned(),
        };
        store.apply(unit).expect("a commit");
    }

    fn back_up_watched(plan: &Plan, between: &mut dyn FnMut(i64)) -> Result<Manifest, BackupError> {
        let pace = Pace {
            pages_per_step: 10,
            between,
        };
        back_up_at(plan, pace)
    }

    fn clock() -> SharedClock {
        ManualClock::at(NOW)
    }

    fn restored(set: &Path, data_dir: &Path) -> Result<Restored, BackupError> {
        let plan = RestorePlan {
            set: set.to_owned(),
            data_dir: data_dir.to_owned(),
            url: None,
            deletions_from: None,
        };
        restore(&plan, &clock(), &mut Randomness::seeded(2).rng())
    }

    fn store() -> TestStore {
        let store = TestStore::open();
        set_url(&store, "https://example.org");
        store
    }

    #[test]
    fn a_backup_is_what_its_manifest_says() {
        let store = store();
        let parent = tempfile::tempdir().expect("a directory");
        let directory = parent.path().join("copy");
        let manifest = back_up(&plan(&store, &directory)).expect("a backup");
        assert_eq!(manifest.commit, 1);
        let text = fs::read_to_string(directory.join(MANIFEST_NAME)).expect("a manifest");
        assert_eq!(
            serde_json::from_str::<Manifest>(&text).expect("JSON"),
            manifest
        );
        for name in [DATABASE_NAME, MANIFEST_NAME] {
            let found = fs::metadata(directory.join(name)).expect("is there");
            assert_eq!(found.permissions().mode() & 0o777, 0o600, "{name}");
        }
        let copy = fs::read(directory.join(DATABASE_NAME)).expect("is there");
        let [file] = &manifest.files[..] else {
            panic!("{manifest:?}");
        };
        assert_eq!(file.bytes, copy.len() as u64);
        let digest = Sha256::digest(&copy);
        let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(file.sha256, digits);
    }

    #[test]
    fn nothing_is_written_over() {
        let store = store();
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("dear.txt");
        fs::write(&file, "dear").expect("writes");
        let refused = back_up(&plan(&store, directory.path()));
        assert!(
            matches!(refused, Err(BackupError::NotEmpty(_))),
            "{refused:?}"
        );
        assert_eq!(fs::read_to_string(&file).expect("is there"), "dear");
    }

    #[test]
    fn an_unsound_store_has_no_backup_and_leaves_nothing() {
        let store = store();
        store.tamper("INSERT INTO tags (name) VALUES ('lonely')");
        let parent = tempfile::tempdir().expect("a directory");
        let directory = parent.path().join("copy");
        let refused = back_up(&plan(&store, &directory));
        let Err(BackupError::Unsound(findings)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(findings[0].invariant, "tags_are_in_use");
        assert!(!directory.exists());
    }

    #[test]
    fn what_a_crash_left_of_a_backup_is_removed_and_no_other_is_disturbed() {
        let store = store();
        let directory = tempfile::tempdir().expect("a directory");
        for name in [DATABASE_NAME, "kinglet.db-wal", MARKER_NAME] {
            fs::write(directory.path().join(name), "half").expect("writes");
        }
        assert!(matches!(
            verify(directory.path()),
            Err(BackupError::Unfinished(_))
        ));
        let at_work = set::Draft::begin(directory.path()).expect("nobody else works there");
        let refused = back_up(&plan(&store, directory.path()));
        assert!(matches!(refused, Err(BackupError::InUse(_))), "{refused:?}");
        drop(at_work);
        back_up(&plan(&store, directory.path())).expect("a backup");
        verify(directory.path()).expect("it is sound");
        assert!(!directory.path().join(MARKER_NAME).exists());
        assert!(!directory.path().join("kinglet.db-wal").exists());
    }

    #[test]
    fn a_copy_is_one_snapshot_though_somebody_writes_at_every_step() {
        let store = store();
        let parent = tempfile::tempdir().expect("a directory");
        let set = parent.path().join("copy");
        let mut steps = 0;
        let manifest = back_up_watched(&plan(&store, &set), &mut |commit| {
            steps += 1;
            assert_eq!(commit, 1);
            set_url(&store, &format!("https://{steps}.example.org"));
        })
        .expect("a backup");
        assert!(steps > 5, "{steps}");
        assert_eq!(manifest.commit, 1);
        assert_eq!(manifest.url.as_deref(), Some("https://example.org"));
        assert_eq!(verify(&set).expect("it is sound"), manifest);
    }

    #[test]
    fn a_log_that_grows_too_long_ends_the_backup_and_no_write() {
        let store = store();
        let parent = tempfile::tempdir().expect("a directory");
        let set = parent.path().join("copy");
        let plan = Plan {
            wal_bytes_max: 100_000,
            ..plan(&store, &set)
        };
        let mut written = 0;
        let wal = wal_of(&store.database());
        let refused = back_up_watched(&plan, &mut |_| {
            let before = fs::metadata(&wal).expect("it is there").len();
            while fs::metadata(&wal).expect("it is there").len() - before <= 100_000 {
                written += 1;
                set_url(&store, &format!("https://{written}.example.org"));
            }
        });
        assert!(
            matches!(refused, Err(BackupError::LogTooLong { .. })),
            "{refused:?}"
        );
        assert!(!set.exists());
        let found = Reader::open(&store.database())
            .and_then(|mut reader| reader.run(&FindInstanceUrl))
            .expect("an answer");
        assert_eq!(found.0, Some(format!("https://{written}.example.org")));
        store.apply(EmptyLog).expect("it is emptied");
        // The checkpoint comes after the answer: the next answer comes after that.
        set_url(&store, "https://example.org");
        let left = fs::metadata(&wal).expect("it is there").len();
        assert!(left < 50_000, "{left} bytes are left of the log");
    }

    #[test]
    fn an_instance_that_stops_gives_a_backup_up() {
        let store = store();
        let parent = tempfile::tempdir().expect("a directory");
        let set = parent.path().join("copy");
        let plan = plan(&store, &set);
        plan.long_reads.end();
        let refused = back_up(&plan);
        assert!(matches!(refused, Err(BackupError::Stopped)), "{refused:?}");
        assert!(!set.exists());
    }

    #[test]
    fn every_harm_to_a_set_is_found() {
        let store = store();
        let parent = tempfile::tempdir().expect("a directory");
        let settings = parent.path().join("settings.toml");
        fs::write(&settings, "[instance]\n").expect("writes");
        let make = |name: &str| {
            let set = parent.path().join(name);
            let plan = Plan {
                settings: Some(settings.clone()),
                ..plan(&store, &set)
            };
            back_up(&plan).expect("a backup");
            set
        };
        let whole = make("whole");
        assert_eq!(verify(&whole).expect("it is sound").files.len(), 2);
        type Harm = fn(&Path);
        let harms: &[(&str, Harm)] = &[
            ("size", |set| {
                let path = set.join(SETTINGS_NAME);
                fs::write(path, "[instance]").expect("writes");
            }),
            ("hash", |set| {
                let path = set.join(DATABASE_NAME);
                let mut bytes = fs::read(&path).expect("it is there");
                let last = bytes.len() - 1;
                bytes[last] ^= 1;
                fs::write(path, bytes).expect("writes");
            }),
            ("missing", |set| {
                fs::remove_file(set.join(DATABASE_NAME)).expect("it was there");
            }),
            ("outside", |set| {
                let path = set.join(MANIFEST_NAME);
                let text = fs::read_to_string(&path).expect("it is there");
                fs::write(path, text.replace("\"config.toml\"", "\"../config.toml\""))
                    .expect("writes");
            }),
            ("no backup in this directory", |set| {
                fs::write(set.join(MANIFEST_NAME), "{}").expect("writes");
            }),
            ("never finished", |set| {
                fs::write(set.join(MARKER_NAME), "").expect("writes");
            }),
            ("use that kinglet", |set| {
                let path = set.join(MANIFEST_NAME);
                let text = fs::read_to_string(&path).expect("it is there");
                fs::write(path, text.replace("\"format\": 1", "\"format\": 2")).expect("writes");
            }),
            ("isn't the database", |set| {
                let path = set.join(MANIFEST_NAME);
                let text = fs::read_to_string(&path).expect("it is there");
                fs::write(path, text.replace("\"commit\": 1", "\"commit\": 2")).expect("writes");
            }),
        ];
        for (words, harm) in harms {
            let set = make(&words.replace(' ', "_"));
            harm(&set);
            let found = verify(&set).expect_err(words).to_string();
            assert!(found.contains(words), "{found}");
            let data_dir = parent.path().join("data");
            assert!(restored(&set, &data_dir).is_err(), "{words}");
            assert!(!database_in(&data_dir).exists(), "{words}");
        }
    }

    #[test]
    fn what_is_restored_is_what_was_copied_and_nothing_is_written_over() {
        let store = store();
        let parent = tempfile::tempdir().expect("a directory");
        // A name that a URI can't have as it is.
        let set = parent.path().join("copy 100%?#");
        back_up(&plan(&store, &set)).expect("a backup");
        let data_dir = parent.path().join("data");
        // What an attempt left that was broken off.
        fs::create_dir_all(data_dir.join("restoring")).expect("it is made");
        fs::create_dir(data_dir.join("timelines")).expect("it is made");
        fs::write(data_dir.join("kinglet.db-wal"), "of another").expect("writes");
        let refused = restored(&set, &data_dir);
        assert!(
            matches!(refused, Err(BackupError::Occupied(_))),
            "{refused:?}"
        );
        fs::remove_file(data_dir.join("kinglet.db-wal")).expect("it was there");
        fs::write(data_dir.join("restoring/kinglet.db"), "half").expect("writes");
        assert_eq!(restored(&set, &data_dir).expect("restored").reapplied, None);
        assert!(!data_dir.join("restoring").exists());
        assert!(!data_dir.join("timelines").exists());
        let found = Reader::open(&database_in(&data_dir))
            .and_then(|mut reader| reader.run(&FindInstanceUrl))
            .expect("an answer");
        assert_eq!(found, (Some("https://example.org".to_owned()), 1));
        let refused = restored(&set, &data_dir);
        assert!(
            matches!(refused, Err(BackupError::Occupied(_))),
            "{refused:?}"
        );
        let drill = parent.path().join("drill");
        try_out(&set, &drill, &clock(), &mut Randomness::seeded(2).rng()).expect("it works");
        assert!(!drill.exists());
    }

    #[test]
    fn sets_are_listed_from_the_newest_and_removed_whole() {
        let store = store();
        let parent = tempfile::tempdir().expect("a directory");
        let none = list(&parent.path().join("none")).expect("nothing");
        assert!(none.is_empty());
        for days in 0..3 {
            let now = NOW.plus_millis(days * 24 * 60 * 60 * 1000);
            let plan = Plan {
                now,
                ..plan(&store, &parent.path().join(name_at(now)))
            };
            let manifest = back_up(&plan).expect("a backup");
            assert_eq!(manifest.made(), Some(now));
        }
        fs::create_dir(parent.path().join("else")).expect("it is made");
        let sets = list(parent.path()).expect("they are there");
        let names: Vec<_> = sets
            .iter()
            .map(|set| set.path.file_name().expect("a name").to_owned())
            .collect();
        assert_eq!(
            names,
            [
                "kinglet-20260923T141320Z",
                "kinglet-20260922T141320Z",
                "kinglet-20260921T141320Z"
            ]
        );
        mark_shipped(&sets[0].path).expect("it is remembered");
        mark_shipped(&sets[0].path).expect("it is remembered");
        fs::write(sets[1].path.join(MARKER_NAME), "").expect("writes");
        fs::write(sets[2].path.join(MANIFEST_NAME), "").expect("writes");
        let states: Vec<_> = list(parent.path())
            .expect("they are there")
            .into_iter()
            .map(|set| set.state)
            .collect();
        assert!(
            matches!(
                &states[..],
                [
                    SetState::Whole {
                        is_shipped: true,
                        ..
                    },
                    SetState::Unfinished,
                    SetState::Unreadable
                ]
            ),
            "{states:?}"
        );
        for set in &sets {
            remove(&set.path).expect("it is removed");
            assert!(!set.path.exists());
        }
    }
}
