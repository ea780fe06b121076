//! A loss of power at every moment: what the real program wrote is recorded with its syncs, and for every prefix of the
//! record the disk is put together as it may look then: without anything that was not synced, with all of it, and with some of
//! it, torn. Each opens, is sound, and holds what was acknowledged before, with at most what was asked next.
//!
//! `KINGLET_POWER_CUTS` says after how many of the writes the power is lost (150, spread over the sessions; `all` for
//! every one), `KINGLET_POWER_SEED` repeats what was torn.

#![expect(
    clippy::panic,
    reason = "clippy takes only the test functions themselves for tests"
)]

mod support;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kinglet::clock::SystemClock;
use kinglet::ids::{AccountId, PostId};
use kinglet::randomness::Randomness;
use kinglet::store::invariants::CheckInvariants;
use kinglet::store::open::{DataDir, Synchronous, database_in};
use kinglet::store::queries::posts::LoadPosts;
use kinglet::store::queries::relations::LoadRelations;
use kinglet::store::reader::Reader;
use kinglet::store::writer::WriterThread;
use kinglet::telemetry::Telemetry;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use support::disk::Disk;
use support::server::Client;
use support::session::{Act, Town, Visitor, account_of, script};

/// After how many of the writes the power is lost, unless it is said.
const CUTS: usize = 150;
/// How many disks are looked at once.
const AT_ONCE: usize = 2;
/// What a disk writes as a whole, in bytes.
const SECTOR_BYTES: usize = 512;
/// The numbers of the shim's kinds.
const WRITE: u64 = 0;
const SYNC: u64 = 1;
const TRUNCATE: u64 = 2;
const OPEN: u64 = 3;
const RENAME: u64 = 4;
const UNLINK: u64 = 6;
const MKDIR: u64 = 7;
const CREATED: u64 = 9;

/// One thing that the program did to the disk.
#[derive(Debug, Clone)]
struct Step {
    /// Where the record of it ends: what was acknowledged when the record was as long came after it.
    end: u64,
    kind: u64,
    inode: u64,
    offset: u64,
    data: Vec<u8>,
}

impl Step {
    fn path(&self) -> PathBuf {
        PathBuf::from(String::from_utf8(self.data.clone()).expect("a path is text here"))
    }
}

fn steps_of(record: &[u8]) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut at = 0;
    while at < record.len() {
        let number = |place: usize| {
            let place = at + 8 * place;
            u64::from_ne_bytes(record[place..place + 8].try_into().expect("eight bytes"))
        };
        let [kind, inode, offset, length] = [0, 1, 2, 3].map(number);
        let begin = at + 32;
        at = begin + usize::try_from(length).expect("it is in memory");
        steps.push(Step {
            end: at as u64,
            kind,
            inode,
            offset,
            data: record[begin..at].to_vec(),
        });
    }
    steps
}

/// A change of a file that may not have come to the disk yet.
#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(offset, data) => {
                let end = offset + data.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*offset..end].copy_from_slice(data);
            }
            Self::Truncate(length) => bytes.resize(*length, 0),
        }
    }

    /// What a power loss in the middle of it leaves.
    fn torn(&self, random: &mut StdRng) -> Self {
        match self {
            Self::Write(offset, data) => {
                let sectors = data.len() / SECTOR_BYTES;
                let kept = random.random_range(0..=sectors) * SECTOR_BYTES;
                Self::Write(*offset, data[..kept].to_vec())
            }
            truncate => truncate.clone(),
        }
    }
}

/// A file: what is on the disk, and what isn't yet.
#[derive(Debug, Clone, Default)]
struct Content {
    durable: Vec<u8>,
    pending: Vec<Change>,
}

/// A change of the directory.
#[derive(Debug, Clone)]
enum Naming {
    Named(PathBuf, usize),
    Removed(PathBuf),
}

/// How much of what was not synced is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    All,
    Nothing,
    Some,
}

/// The disk as the record makes it.
#[derive(Debug, Default)]
struct Model {
    contents: Vec<Content>,
    /// Which content an open file has.
    inodes: HashMap<u64, usize>,
    directory: u64,
    durable_names: HashMap<PathBuf, usize>,
    names: HashMap<PathBuf, usize>,
    pending_names: Vec<Naming>,
}

impl Model {
    /// What lies in a directory, all of it on the disk.
    fn of(template: &Path, data: &Path) -> Self {
        let mut model = Self::default();
        for entry in fs::read_dir(template).expect("it is there") {
            let entry = entry.expect("an entry");
            let durable = fs::read(entry.path()).expect("it is a file");
            model
                .names
                .insert(data.join(entry.file_name()), model.contents.len());
            model.contents.push(Content {
                durable,
                pending: Vec::new(),
            });
        }
        model.durable_names = model.names.clone();
        model
    }

    fn step(&mut self, step: &Step, data: &Path) {
        match step.kind {
            WRITE | TRUNCATE => {
                let Some(content) = self.inodes.get(&step.inode) else {
                    return;
                };
                let offset = usize::try_from(step.offset).expect("it is in memory");
                let change = match step.kind {
                    WRITE => Change::Write(offset, step.data.clone()),
                    _ => Change::Truncate(offset),
                };
                self.contents[*content].pending.push(change);
            }
            SYNC if step.inode == self.directory => {
                for naming in std::mem::take(&mut self.pending_names) {
                    naming.apply(&mut self.durable_names);
                }
            }
            SYNC => {
                if let Some(content) = self.inodes.get(&step.inode) {
                    let content = &mut self.contents[*content];
                    for change in content.pending.drain(..) {
                        change.apply(&mut content.durable);
                    }
                }
            }
            OPEN if step.path() == data => self.directory = step.inode,
            OPEN => {
                if let Some(content) = self.names.get(&step.path()) {
                    self.inodes.insert(step.inode, *content);
                }
            }
            CREATED => {
                let content = self.contents.len();
                self.contents.push(Content::default());
                self.inodes.insert(step.inode, content);
                self.name(Naming::Named(step.path(), content));
            }
            UNLINK => self.name(Naming::Removed(step.path())),
            RENAME | MKDIR => {
                // Only snapshots, which may be lost, have directories and are renamed.
                let path = step.path().to_string_lossy().into_owned();
                assert!(path.contains("/timelines"), "{path}");
            }
            other => panic!("nothing has the kind {other}"),
        }
    }

    fn name(&mut self, naming: Naming) {
        naming.clone().apply(&mut self.names);
        self.pending_names.push(naming);
    }

    /// Makes the directory as it is found when the power is back.
    fn write(&self, directory: &Path, loss: Loss, random: &mut StdRng) {
        let mut names = self.durable_names.clone();
        let kept = match loss {
            Loss::All => 0,
            Loss::Nothing => self.pending_names.len(),
            Loss::Some => random.random_range(0..=self.pending_names.len()),
        };
        for naming in &self.pending_names[..kept] {
            naming.clone().apply(&mut names);
        }
        for (path, content) in names {
            let name = path
                .file_name()
                .expect("a file has a name")
                .to_string_lossy()
                .into_owned();
            // Shared memory is made anew, and snapshots may be lost.
            let is_of_database = name == "kinglet.db" || name == "kinglet.db-wal";
            if !is_of_database {
                continue;
            }
            let content = &self.contents[content];
            let mut bytes = content.durable.clone();
            for change in &content.pending {
                match loss {
                    Loss::All => break,
                    Loss::Nothing => change.apply(&mut bytes),
                    Loss::Some => match random.random_range(0..3) {
                        0 => {}
                        1 => change.torn(random).apply(&mut bytes),
                        _ => change.apply(&mut bytes),
                    },
                }
            }
            fs::write(directory.join(name), bytes).expect("it is written");
        }
    }
}

impl Naming {
    fn apply(self, names: &mut HashMap<PathBuf, usize>) {
        match self {
            Self::Named(path, content) => drop(names.insert(path, content)),
            Self::Removed(path) => drop(names.remove(&path)),
        }
    }
}

/// What the store holds of the sessions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct State {
    /// The texts of posts that are there, and whether they are favoured.
    posts: HashMap<usize, (String, bool)>,
    follows: bool,
}

impl State {
    fn after(acts: &[Act]) -> Self {
        let mut state = Self::default();
        for act in acts {
            match *act {
                Act::Post(number) => {
                    let text = format!("post {number} end");
                    state.posts.insert(number, (text, false));
                }
                Act::Edit(number) => {
                    let post = state.posts.get_mut(&number);
                    post.expect("it is there").0 = format!("edited {number} end");
                }
                Act::Delete(number) => drop(state.posts.remove(&number)),
                Act::Favour(number, on) => {
                    state.posts.get_mut(&number).expect("it is there").1 = on;
                }
                Act::Follow(on) => state.follows = on,
            }
        }
        state
    }
}

/// What was done, and how long the record was when it was acknowledged.
struct Course {
    acts: Vec<Act>,
    acknowledged: Vec<u64>,
    ids: HashMap<usize, PostId>,
    wren: AccountId,
    robin: AccountId,
}

impl Course {
    /// What is found in a directory, which has to open and to be sound.
    fn found(&self, directory: &Path) -> State {
        let data_dir = DataDir::own(directory).expect("nobody has it");
        let mut rng = Randomness::seeded(1).rng();
        let clock = Arc::new(SystemClock);
        let opened = WriterThread::open(
            data_dir,
            Synchronous::Normal,
            clock,
            &mut rng,
            &Telemetry::disabled(),
        );
        let opened = opened.expect("it opens");
        let mut reader = Reader::open(&database_in(directory)).expect("it opens");
        let (broken, _) = reader.run(&CheckInvariants).expect("it is checked");
        assert!(broken.is_empty(), "{broken:?}");
        let posts: Vec<PostId> = self.ids.values().copied().collect();
        let load = LoadPosts {
            posts: posts.clone(),
            accounts: Vec::new(),
            marks: Some((self.wren, posts)),
        };
        let (loaded, _) = reader.run(&load).expect("they are read");
        let relations = LoadRelations { account: self.wren };
        let (relations, _) = reader.run(&relations).expect("they are read");
        drop(opened);
        let posts = self.ids.iter().filter_map(|(number, id)| {
            let post = loaded.posts.get(id)?;
            let favoured = loaded.marks.get(id).is_some_and(|marks| marks.favourited);
            Some((*number, (post.text.clone(), favoured)))
        });
        State {
            posts: posts.collect(),
            follows: relations.follows.contains_key(&self.robin),
        }
    }

    /// Whether this may be found when the power was lost when the record was so long.
    fn allows(&self, found: &State, at: u64) -> bool {
        let sure = self.acknowledged.iter().filter(|end| **end <= at).count();
        let asked = (sure + 1).min(self.acts.len());
        (sure..=asked).any(|acts| State::after(&self.acts[..acts]) == *found)
    }
}

async fn account(base: &str, token: &str) -> AccountId {
    let id = account_of(base, token).await.expect("the disk is sound");
    AccountId(id.parse().expect("a number"))
}

/// Two sessions, each with a stop in good order, so that the log is emptied, removed and made again.
async fn record(town: &Town, disk: &Disk, synchronous: &str) -> Course {
    let mut course = Course {
        acts: Vec::new(),
        acknowledged: Vec::new(),
        ids: HashMap::new(),
        wren: AccountId(0),
        robin: AccountId(0),
    };
    let script = script();
    let mut ids = HashMap::new();
    for half in script.chunks(script.len().div_ceil(2)) {
        let settings = [("KINGLET_STORAGE__SYNCHRONOUS", synchronous)];
        let mut served = disk.serve_with(None, true, &settings);
        let base = served.base().await.expect("it starts");
        course.wren = account(&base, &town.tokens[0]).await;
        course.robin = account(&base, &town.tokens[1]).await;
        let mut visitor = Visitor {
            client: Client::new(&base).with_token(&town.tokens[0]),
            robin: course.robin.to_string(),
            ids: std::mem::take(&mut ids),
            done: Vec::new(),
            open: Vec::new(),
        };
        for act in half {
            assert!(visitor.act(*act).await, "the disk is sound");
            course.acts.push(*act);
            let recorded = fs::metadata(disk.record()).expect("it is recorded");
            course.acknowledged.push(recorded.len());
        }
        ids = visitor.ids;
        let (status, log) = served.stop().await;
        assert!(status.success(), "{log}");
    }
    let numbered = ids
        .iter()
        .map(|(number, id)| (*number, PostId(id.parse().expect("a number"))));
    course.ids = numbered.collect();
    course
}

/// Loses the power after so many of the steps of two sessions, in each of three ways; every disk opens and is sound. Tells
/// after which steps something was missing that had been acknowledged, or there that nobody had asked for.
async fn lose_power(synchronous: &str, cuts: usize) -> Vec<String> {
    let seed = std::env::var("KINGLET_POWER_SEED").ok();
    let seed: u64 = seed.map_or_else(
        || u64::from(std::process::id()),
        |seed| seed.parse().expect("a number"),
    );
    let town = Town::new();
    let disk = Disk::holding(&town.data());
    let before = tempfile::tempdir().expect("a directory");
    for entry in fs::read_dir(disk.data()).expect("it is there") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), before.path().join(entry.file_name())).expect("it is copied");
    }
    let course = record(&town, &disk, synchronous).await;
    let steps = steps_of(&fs::read(disk.record()).expect("the record"));
    let count = |kind: u64| steps.iter().filter(|step| step.kind == kind).count();
    let (writes, syncs) = (count(WRITE), count(SYNC));
    let cuts = cuts.min(steps.len());
    println!(
        "{synchronous}: {} steps, {writes} writes, {syncs} syncs, {cuts} cuts, KINGLET_POWER_SEED={seed}",
        steps.len()
    );
    assert!(
        writes > 100 && count(UNLINK) > 0,
        "both sessions are in the record"
    );
    let data = disk.data();
    std::thread::scope(|scope| {
        let looking = (0..AT_ONCE).map(|part| {
            let (course, steps, data, before) = (&course, &steps, &data, before.path());
            scope.spawn(move || {
                let mut random = StdRng::seed_from_u64(seed + part as u64);
                let mut model = Model::of(before, data);
                let mut broken = Vec::new();
                for (number, step) in steps.iter().enumerate() {
                    model.step(step, data);
                    // Spread evenly, each looked at by one of the threads.
                    let is_cut = (number + 1) * cuts / steps.len() > number * cuts / steps.len();
                    if !is_cut || number % AT_ONCE != part {
                        continue;
                    }
                    for loss in [Loss::All, Loss::Nothing, Loss::Some] {
                        let directory = tempfile::tempdir().expect("a directory");
                        model.write(directory.path(), loss, &mut random);
                        let found = course.found(directory.path());
                        if !course.allows(&found, step.end) {
                            broken.push(format!("step {number}, {loss:?} lost: {found:?}"));
                        }
                    }
                }
                broken
            })
        });
        // All of them run before one is waited for.
        let looking: Vec<_> = looking.collect();
        let broken = looking
            .into_iter()
            .map(|part| part.join().expect("every disk is sound"));
        broken.flatten().collect()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_of_power_at_any_moment_loses_nothing_that_was_acknowledged() {
    let cuts = match std::env::var("KINGLET_POWER_CUTS").as_deref() {
        Ok("all") => usize::MAX,
        Ok(cuts) => cuts.parse().expect("a number or all"),
        Err(_) => CUTS,
    };
    let broken = lose_power("full", cuts).await;
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Else the test above would find nothing wrong with anything. What is left is sound all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_full_synchronisation_the_last_moments_are_lost_and_the_rest_is_sound() {
    let broken = lose_power("normal", CUTS).await;
    assert!(broken.len() > CUTS / 2, "{broken:#?}");
}

/// A directory that isn't on the disk takes everything in it along.
#[tokio::test]
async fn the_data_directory_itself_is_on_the_disk_before_anything_is_acknowledged() {
    let disk = Disk::empty();
    let mut served = disk.serve(None, true);
    served.base().await.expect("it starts");
    let steps = steps_of(&fs::read(disk.record()).expect("the record"));
    let is = |step: &Step, kind: u64, path: &Path| step.kind == kind && step.path() == path;
    let made = steps.iter().position(|step| is(step, MKDIR, &disk.data()));
    let made = made.expect("it is made");
    let after = &steps[made..];
    let parent = after.iter().find(|step| is(step, OPEN, &disk.root()));
    let parent = parent.expect("it is opened").inode;
    let is_synced = |step: &Step| step.kind == SYNC && step.inode == parent;
    let synced = after.iter().position(is_synced).expect("it is synced");
    let written = after.iter().position(|step| step.kind == WRITE);
    assert!(written.is_some_and(|written| synced < written));
}

#[test]
fn what_was_not_synced_may_be_lost_or_torn_and_what_was_may_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = Path::new("/d");
    let step = |kind, inode, offset, data: &[u8]| Step {
        end: 0,
        kind,
        inode,
        offset,
        data: data.to_vec(),
    };
    let mut model = Model::default();
    for step in [
        step(OPEN, 1, 0, b"/d"),
        step(CREATED, 2, 0, b"/d/kinglet.db"),
        step(WRITE, 2, 0, b"synced"),
        step(SYNC, 2, 0, b""),
        step(SYNC, 1, 0, b""),
        step(WRITE, 2, 6, b" and not"),
        step(CREATED, 3, 0, b"/d/kinglet.db-wal"),
        step(WRITE, 3, 0, b"log"),
        step(SYNC, 3, 0, b""),
    ] {
        model.step(&step, data);
    }
    let mut random = StdRng::seed_from_u64(1);
    let mut read = |loss, name: &str| {
        for entry in fs::read_dir(directory.path()).expect("it is there") {
            fs::remove_file(entry.expect("an entry").path()).expect("it is removed");
        }
        model.write(directory.path(), loss, &mut random);
        fs::read_to_string(directory.path().join(name)).ok()
    };
    assert_eq!(read(Loss::All, "kinglet.db").as_deref(), Some("synced"));
    assert_eq!(
        read(Loss::All, "kinglet.db-wal"),
        None,
        "its name isn't on the disk"
    );
    let all = read(Loss::Nothing, "kinglet.db");
    assert_eq!(all.as_deref(), Some("synced and not"));
    assert_eq!(
        read(Loss::Nothing, "kinglet.db-wal").as_deref(),
        Some("log")
    );
}
