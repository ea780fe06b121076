//! The promises of group commit: whoever shares a batch can't tell, an answer means durable and known.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::params;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::wal::UNITS_PER_RETRY;
use super::*;
use crate::clock::ManualClock;
use crate::domain::visibility::Visibility;
use crate::ids::{AccountId, PostId};
use crate::randomness::Randomness;
use crate::store::open::BUSY_TIMEOUT;
use crate::store::open::Synchronous;
use crate::store::reader::{Query, Reader, View};
use crate::store::soundness::Trouble;
use crate::store::testing::AddAccount;
use crate::store::units::{EmptyLog, PassWriter, PreparedText, PublishPost};
use crate::telemetry::Telemetry;

const NOON: Timestamp = Timestamp::from_millis(1_790_000_000_000);
const HOUR_MILLIS: i64 = 3_600_000;

type Receiver<T> = oneshot::Receiver<Result<T, WriteError>>;

/// Opens the store of a directory at a moment.
fn open(path: &Path, now: Timestamp) -> (WriterThread, Writer) {
    let data_dir = DataDir::own(path).unwrap();
    let mut rng = Randomness::seeded(1).rng();
    WriterThread::open(
        data_dir,
        Synchronous::Normal,
        ManualClock::at(now),
        &mut rng,
        &Telemetry::new(0),
    )
    .unwrap()
}

fn store() -> (TempDir, WriterThread, Writer) {
    let directory = TempDir::new().unwrap();
    let (thread, writer) = open(directory.path(), NOON);
    (directory, thread, writer)
}

fn answer<T>(mut waiting: Receiver<T>) -> Result<T, WriteError> {
    waiting.try_recv().expect("the batch was answered")
}

/// Writes a row and announces it, then ends as it is told to.
struct Note {
    name: &'static str,
    bytes: usize,
    end: End,
}

#[derive(Clone, Copy)]
enum End {
    Well,
    Refused,
    Constraint,
    Panic,
    /// A transaction that can't be committed.
    BrokenReference,
}

fn note(name: &'static str, end: End) -> Note {
    Note {
        name,
        bytes: 1,
        end,
    }
}

impl Unit for Note {
    type Answer = i64;

    fn apply(&self, write: &mut Write<'_>) -> Result<i64, UnitError> {
        let id = write.next_id();
        write.tell(Event::AccountChanged(AccountId(id)));
        write.connection.execute(
            "INSERT INTO meta (name, value) VALUES (?1, ?2)",
            (self.name, "x".repeat(self.bytes)),
        )?;
        match self.end {
            End::Well => Ok(id),
            End::Refused => Err(Refusal::NotFound.into()),
            End::Constraint => {
                write.connection.execute(
                    "INSERT INTO blocks (account, target) VALUES (?1, NULL)",
                    [id],
                )?;
                Ok(id)
            }
            End::Panic => panic!("as the test wants it"),
            End::BrokenReference => {
                write
                    .connection
                    .execute_batch("PRAGMA defer_foreign_keys = ON")?;
                write
                    .connection
                    .execute("INSERT INTO blocks (account, target) VALUES (?1, ?1)", [id])?;
                Ok(id)
            }
        }
    }
}

fn has(directory: &TempDir, name: &str) -> bool {
    let connection = open::open_reader(
        &directory.path().join("kinglet.db"),
        open::MemoryUse::READER,
    )
    .unwrap();
    meta::get(&connection, name).unwrap().is_some()
}

/// A commit's number, and the ids that its events named.
type Told = (i64, Vec<i64>);

/// Remembers what it was told, and that nobody had been answered then.
#[derive(Clone, Default)]
struct Witness {
    told: Arc<Mutex<Vec<Told>>>,
    waiting: Arc<Mutex<Vec<Receiver<i64>>>>,
}

impl EventSink for Witness {
    fn deliver(&self, batch: &Arc<EventBatch>) {
        let ids = batch.events.iter().map(|event| match event {
            Event::AccountChanged(account) => account.0,
            other => panic!("nobody tells {other:?}"),
        });
        self.told
            .lock()
            .unwrap()
            .push((batch.commit, ids.collect()));
        for waiting in self.waiting.lock().unwrap().iter_mut() {
            assert_eq!(
                waiting.try_recv(),
                Err(oneshot::error::TryRecvError::Empty),
                "answered before the events were delivered"
            );
        }
    }
}

#[test]
fn a_failing_unit_harms_none_of_its_batch() {
    let (directory, mut thread, writer) = store();
    let witness = Witness::default();
    thread.add_sink(Box::new(witness.clone()));
    let before = writer.submit(note("before", End::Well)).unwrap();
    let refused = writer.submit(note("refused", End::Refused)).unwrap();
    let constraint = writer.submit(note("constraint", End::Constraint)).unwrap();
    let between = writer.submit(note("between", End::Well)).unwrap();
    let panicked = writer.submit(note("panicked", End::Panic)).unwrap();
    let after = writer.submit(note("after", End::Well)).unwrap();
    drop(writer);
    let figures = thread.figures.clone().expect("it measures");
    thread.run();
    let panics = figures.panics.read().expect("there was one");
    assert_eq!((panics.count, panics.last_work), (1, "Note"));
    let ids = [before, between, after].map(|waiting| answer(waiting).unwrap());
    assert!(ids.is_sorted());
    assert_eq!(answer(refused), Err(WriteError::Refused(Refusal::NotFound)));
    assert_eq!(answer(constraint), Err(WriteError::Internal));
    assert_eq!(answer(panicked), Err(WriteError::Internal));
    assert_eq!(
        *witness.told.lock().unwrap(),
        [(1, ids.to_vec())],
        "one commit, and only what stands is told"
    );
    for (name, stands) in [
        ("before", true),
        ("refused", false),
        ("constraint", false),
        ("between", true),
        ("panicked", false),
        ("after", true),
    ] {
        assert_eq!(has(&directory, name), stands, "{name}");
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the second unit has to be taken before the third comes, which nothing tells"
)]
fn a_disk_that_wears_out_gets_what_flows_in_one_commit_and_lets_nobody_wait_who_is_alone() {
    let directory = TempDir::new().unwrap();
    let clock = ManualClock::at(NOON);
    let data_dir = DataDir::own(directory.path()).unwrap();
    let disk_use = DiskUse::sparing(Synchronous::Normal);
    let mut rng = Randomness::seeded(1).rng();
    let (mut thread, writer) = WriterThread::open(
        data_dir,
        disk_use,
        clock.clone(),
        &mut rng,
        &Telemetry::disabled(),
    )
    .unwrap();
    let page_bytes: i64 = thread
        .connection
        .query_row("PRAGMA page_size", (), |row| row.get(0))
        .unwrap();
    assert_eq!(page_bytes, 1024);
    let witness = Witness::default();
    thread.add_sink(Box::new(witness.clone()));
    let (hurry, pulse) = (thread.hurry_switch(), Arc::clone(&thread.pulse));
    let running = std::thread::spawn(move || thread.run());
    let submit = |name| writer.submit(note(name, End::Well)).unwrap();
    let first = submit("first").blocking_recv().unwrap().unwrap();
    let second = submit("second");
    std::thread::sleep(disk_use.gather / 10);
    let third = submit("third");
    let [second, third] = [second, third].map(|waiting| waiting.blocking_recv().unwrap().unwrap());
    std::thread::sleep(super::gather::FLOW);
    // Neither what commits nothing nor a clock that is put back makes writes flow.
    let pass = writer.submit(PassWriter).unwrap();
    pass.blocking_recv().unwrap().unwrap();
    clock.advance_millis(-HOUR_MILLIS);
    let alone = Moment::now();
    let fourth = submit("fourth").blocking_recv().unwrap().unwrap();
    assert!(Duration::from_nanos(alone.elapsed_nanos()) < disk_use.gather);
    // Who stops waits for nobody, though writes flow.
    hurry.turn_on();
    let hurried = Moment::now();
    let fifth = submit("fifth").blocking_recv().unwrap().unwrap();
    assert!(Duration::from_nanos(hurried.elapsed_nanos()) < disk_use.gather);
    assert!(!pulse.has_committed_all());
    drop(writer);
    running.join().unwrap();
    assert!(pulse.has_committed_all());
    assert_eq!(
        *witness.told.lock().unwrap(),
        [
            (1, vec![first]),
            (2, vec![second, third]),
            (3, vec![fourth]),
            (4, vec![fifth])
        ]
    );
}

#[test]
fn a_unit_that_fills_the_disk_ends_the_transaction_and_the_others_are_applied_again() {
    let (directory, mut thread, writer) = store();
    let witness = Witness::default();
    thread.add_sink(Box::new(witness.clone()));
    let pages: i64 = thread
        .connection
        .query_row("PRAGMA page_count", (), |row| row.get(0))
        .unwrap();
    thread
        .connection
        .query_row(
            &format!("PRAGMA max_page_count = {}", pages + 4),
            (),
            |_| Ok(()),
        )
        .unwrap();
    let before = writer.submit(note("before", End::Well)).unwrap();
    let large = writer
        .submit(Note {
            name: "large",
            bytes: 1 << 20,
            end: End::Well,
        })
        .unwrap();
    let refused = writer.submit(note("refused", End::Refused)).unwrap();
    let larger = writer
        .submit(Note {
            name: "larger",
            bytes: 2 << 20,
            end: End::Well,
        })
        .unwrap();
    let after = writer.submit(note("after", End::Well)).unwrap();
    drop(writer);
    thread.run();
    assert_eq!(answer(large), Err(WriteError::Unavailable));
    assert_eq!(answer(larger), Err(WriteError::Unavailable));
    assert_eq!(answer(refused), Err(WriteError::Refused(Refusal::NotFound)));
    let ids = [before, after].map(|waiting| answer(waiting).unwrap());
    assert_eq!(*witness.told.lock().unwrap(), [(1, ids.to_vec())]);
    assert!(has(&directory, "before") && has(&directory, "after"));
    assert!(!has(&directory, "large") && !has(&directory, "larger"));
}

#[test]
fn a_commit_that_fails_leaves_nothing_and_the_writer_goes_on() {
    let (directory, mut thread, writer) = store();
    let witness = Witness::default();
    thread.add_sink(Box::new(witness.clone()));
    let innocent = writer.submit(note("innocent", End::Well)).unwrap();
    let broken = writer.submit(note("broken", End::BrokenReference)).unwrap();
    thread.apply_waiting();
    assert_eq!(answer(innocent), Err(WriteError::Unavailable));
    assert_eq!(answer(broken), Err(WriteError::Unavailable));
    let next = writer.submit(note("next", End::Well)).unwrap();
    drop(writer);
    thread.run();
    let next = answer(next).unwrap();
    assert_eq!(*witness.told.lock().unwrap(), [(1, vec![next])]);
    assert!(has(&directory, "next") && !has(&directory, "innocent"));
}

#[test]
fn what_a_commit_in_doubt_did_is_told_before_anything_new_is_written() {
    let (_directory, mut thread, writer) = store();
    let witness = Witness::default();
    thread.add_sink(Box::new(witness.clone()));
    // The commit is there, but the writer didn't get to know it and couldn't look.
    thread.begin().unwrap();
    thread.commit().unwrap();
    thread.commit -= 1;
    thread.in_doubt = Some(vec![Event::AccountChanged(AccountId(7))]);
    let next = writer.submit(note("next", End::Well)).unwrap();
    drop(writer);
    thread.run();
    let next = answer(next).unwrap();
    assert_eq!(
        *witness.told.lock().unwrap(),
        [(1, vec![7]), (2, vec![next])]
    );
}

#[test]
fn events_come_in_commit_order_and_before_the_answers() {
    let (_directory, mut thread, writer) = store();
    let witness = Witness::default();
    thread.add_sink(Box::new(witness.clone()));
    let names: Vec<&'static str> = (0..UNITS_PER_COMMIT_MAX + 3)
        .map(|number| &*Box::leak(format!("note {number}").into_boxed_str()))
        .collect();
    let (first, second) = names.split_at(UNITS_PER_COMMIT_MAX);
    for name in first {
        drop(writer.submit(note(name, End::Well)).unwrap());
    }
    // Those of the second batch are still waiting when either batch is told.
    for name in second {
        let waiting = writer.submit(note(name, End::Well)).unwrap();
        witness.waiting.lock().unwrap().push(waiting);
    }
    drop(writer);
    thread.run();
    let told = witness.told.lock().unwrap();
    assert_eq!(
        told.iter().map(|(commit, _)| *commit).collect::<Vec<_>>(),
        [1, 2]
    );
    let ids: Vec<i64> = told.iter().flat_map(|(_, ids)| ids.clone()).collect();
    assert_eq!(ids.len(), names.len());
    assert!(ids.is_sorted_by(|one, next| one < next));
    let answers: Vec<i64> = witness
        .waiting
        .lock()
        .unwrap()
        .drain(..)
        .map(|waiting| answer(waiting).unwrap())
        .collect();
    assert_eq!(answers, ids[UNITS_PER_COMMIT_MAX..]);
}

#[test]
fn a_bulk_load_commits_as_many_as_wait() {
    let directory = TempDir::new().unwrap();
    let (mut thread, writer) = WriterThread::open(
        DataDir::own(directory.path()).unwrap(),
        DiskUse::prompt(Synchronous::Normal).in_bulk(),
        ManualClock::at(NOON),
        &mut Randomness::seeded(1).rng(),
        &Telemetry::disabled(),
    )
    .unwrap();
    let witness = Witness::default();
    thread.add_sink(Box::new(witness.clone()));
    let units = 3 * UNITS_PER_COMMIT_MAX;
    for number in 0..units {
        let name = Box::leak(format!("note {number}").into_boxed_str());
        drop(writer.submit(note(name, End::Well)).unwrap());
    }
    drop(writer);
    thread.run();
    let told = witness.told.lock().unwrap();
    let told: Vec<_> = told.iter().map(|(at, ids)| (*at, ids.len())).collect();
    assert_eq!(told, [(1, units)]);
}

#[test]
fn a_full_lane_says_busy_and_loses_nothing() {
    let (_directory, thread, writer) = store();
    let waiting: Vec<_> = (0..UNITS_WAITING_MAX)
        .map(|_| writer.submit(note("same", End::Refused)).unwrap())
        .collect();
    assert_eq!(
        writer.submit(note("one more", End::Well)).err(),
        Some(WriteError::Busy)
    );
    drop(writer);
    thread.run();
    for waiting in waiting {
        assert_eq!(answer(waiting), Err(WriteError::Refused(Refusal::NotFound)));
    }
}

#[test]
fn a_stopped_writer_says_unavailable() {
    let (_directory, thread, writer) = store();
    drop(thread);
    assert_eq!(
        writer.submit(note("late", End::Well)).err(),
        Some(WriteError::Unavailable)
    );
}

#[test]
fn the_last_door_closed_checkpoints_and_lets_the_directory_go() {
    let (directory, thread, writer) = store();
    // Keeps the database open, so that what is left of the log is the writer's doing.
    let _reader = Reader::open(&directory.path().join("kinglet.db")).unwrap();
    let waiting = writer.submit(note("kept", End::Well)).unwrap();
    assert!(matches!(
        DataDir::own(directory.path()),
        Err(StoreError::Locked(_))
    ));
    drop(writer);
    thread.run();
    answer(waiting).unwrap();
    let wal = std::fs::metadata(directory.path().join("kinglet.db-wal")).unwrap();
    assert_eq!(wal.len(), 0);
    DataDir::own(directory.path()).unwrap();
}

#[test]
fn ids_grow_over_restarts_whatever_the_clock_says() {
    let directory = TempDir::new().unwrap();
    let mut largest = 0;
    let moments = [
        NOON,
        NOON.plus_millis(-HOUR_MILLIS),
        Timestamp::from_millis(0),
    ];
    let names = ["wren", "robin", "finch"];
    for (now, name) in moments.into_iter().zip(names) {
        let (thread, writer) = open(directory.path(), now);
        let account = writer.submit(AddAccount(name)).unwrap();
        drop(writer);
        thread.run();
        let author = answer(account).unwrap();
        assert!(author.0 > largest, "{name}: {author} after {largest}");
        let (thread, writer) = open(directory.path(), now);
        let post = writer.submit(post(author)).unwrap();
        // The largest id may be one that is no longer there.
        drop(writer);
        thread.run();
        let post = answer(post).unwrap();
        assert!(post.0 > author.0);
        largest = post.0;
        let (thread, writer) = open(directory.path(), now);
        let deleted = writer
            .submit(crate::store::units::DeletePost { author, post })
            .unwrap();
        drop(writer);
        thread.run();
        answer(deleted).unwrap();
    }
}

fn post(author: AccountId) -> PublishPost {
    PublishPost {
        author,
        text: PreparedText {
            text: "a wren in the hedge".to_owned(),
            terms: "a wren in the hedge".to_owned(),
            ..PreparedText::default()
        },
        visibility: Some(Visibility::Public),
        reply_to: None,
        app: None,
        idempotency_key: None,
    }
}

/// The largest size of the write-ahead log, looked at after each commit, before the writer bounds it.
#[derive(Clone)]
struct WalGauge {
    wal: PathBuf,
    bytes_max: Arc<AtomicU64>,
}

impl EventSink for WalGauge {
    fn deliver(&self, _: &Arc<EventBatch>) {
        let bytes = std::fs::metadata(&self.wal).unwrap().len();
        self.bytes_max.fetch_max(bytes, Ordering::Relaxed);
    }
}

/// Looks, and keeps its snapshot until the log has become so large, and for a while then.
struct Dawdle {
    wal: PathBuf,
    bytes: u64,
}

/// How long it stays when the log is large, and how often it looks whether it is.
const DAWDLE: Duration = Duration::from_millis(300);
const LOOK: Duration = Duration::from_millis(1);
/// How often it looks at most.
const LOOKS_MAX: usize = 20_000;

impl Query for Dawdle {
    type Answer = Option<PostId>;

    #[expect(
        clippy::disallowed_methods,
        reason = "a reader that is slow for no reason"
    )]
    fn run(&self, view: &View<'_>) -> Result<Option<PostId>, StoreError> {
        let newest = view
            .connection
            .query_row("SELECT max(id) FROM posts", (), |row| row.get(0))?;
        for _ in 0..LOOKS_MAX {
            if std::fs::metadata(&self.wal).is_ok_and(|wal| wal.len() >= self.bytes) {
                break;
            }
            std::thread::sleep(LOOK);
        }
        std::thread::sleep(DAWDLE);
        Ok(newest)
    }
}

#[test]
fn nobody_waits_for_a_reader_until_what_was_deleted_left_the_log() {
    let (directory, mut thread, writer) = store();
    write(&mut thread, &writer, "first").unwrap();
    let mut reader = rusqlite::Connection::open(directory.path().join("kinglet.db")).unwrap();
    let reading = reader.transaction().unwrap();
    let count = |reading: &rusqlite::Transaction<'_>| -> i64 {
        let sql = "SELECT count(*) FROM sqlite_schema";
        reading.query_row(sql, (), |row| row.get(0)).unwrap()
    };
    count(&reading);
    write(&mut thread, &writer, "after what is read").unwrap();
    let begun = Moment::now();
    assert!(thread.empty_log_if_free());
    let waited = Duration::from_nanos(begun.elapsed_nanos());
    assert!(waited < BUSY_TIMEOUT / 4, "{waited:?}");
    drop(reading);
    assert!(!thread.empty_log_if_free());
    // In all else it is as patient as before.
    let timeout: u128 = thread
        .connection
        .query_row("PRAGMA busy_timeout", (), |row| row.get::<_, i64>(0))
        .map(|millis| millis.unsigned_abs().into())
        .unwrap();
    assert_eq!(timeout, BUSY_TIMEOUT.as_millis());
}

#[test]
fn a_log_that_was_held_is_tried_again_neither_late_nor_at_each_batch() {
    for disk_use in [DiskUse::sparing, DiskUse::prompt] {
        let (_directory, mut thread, writer) = store();
        thread.disk_use = disk_use(Synchronous::Normal);
        thread.disk_use.wal_bytes_max = 1;
        let pending = writer.submit(note("first", End::Well)).unwrap();
        thread.apply_waiting();
        answer(pending).unwrap();
        for (units, is_tried) in [(UNITS_PER_RETRY - 1, false), (UNITS_PER_RETRY, true)] {
            thread.was_blocked = true;
            thread.units_since_checkpoint = units;
            thread.bound_wal();
            assert_eq!(thread.units_since_checkpoint == 0, is_tried);
            assert_eq!(thread.was_blocked, !is_tried);
        }
    }
}

/// Has so many units applied by a running writer; what it did by itself meanwhile, but for its last checkpoint.
fn checkpoints_of(disk_use: DiskUse, units: usize) -> (u64, u64) {
    let directory = TempDir::new().unwrap();
    let telemetry = Telemetry::new(0);
    let (thread, writer) = WriterThread::open(
        DataDir::own(directory.path()).unwrap(),
        disk_use,
        ManualClock::at(NOON),
        &mut Randomness::seeded(1).rng(),
        &telemetry,
    )
    .unwrap();
    let running = std::thread::spawn(move || thread.run());
    let mut waiting = std::collections::VecDeque::new();
    for _ in 0..units {
        if waiting.len() == UNITS_WAITING_MAX {
            let oldest: Receiver<()> = waiting.pop_front().unwrap();
            oldest.blocking_recv().unwrap().unwrap();
        }
        waiting.push_back(writer.submit(PassWriter).unwrap());
    }
    for waiting in waiting {
        waiting.blocking_recv().unwrap().unwrap();
    }
    // The answers come before the checkpoint of their batch, the next one's after it.
    let last = writer.submit(PassWriter).unwrap();
    last.blocking_recv().unwrap().unwrap();
    let figures = &telemetry.writer;
    let made = (
        figures.passive.time.read().count(),
        figures.truncating.time.read().count(),
    );
    drop(writer);
    running.join().unwrap();
    // The last door closed: the log is taken in once more, whatever the disk.
    assert_eq!(figures.truncating.time.read().count(), made.1 + 1);
    made
}

#[test]
fn a_disk_that_wears_out_gets_a_fiftieth_of_the_checkpoints() {
    const UNITS: usize = 21_000;
    let [sparing, prompt] = [DiskUse::sparing, DiskUse::prompt].map(|of| of(Synchronous::Normal));
    assert_eq!(
        checkpoints_of(sparing, sparing.units_per_checkpoint - 1),
        (0, 0)
    );
    assert_eq!(checkpoints_of(sparing, UNITS), (2, 0));
    // A batch may have passed the mark by nearly all of itself.
    let per_checkpoint = prompt.units_per_checkpoint;
    let fewest = UNITS / (per_checkpoint + UNITS_PER_COMMIT_MAX - 1);
    let (made, truncating) = checkpoints_of(prompt, UNITS);
    let expected = fewest as u64..=(UNITS / per_checkpoint) as u64;
    assert!(expected.contains(&made), "{made}");
    assert_eq!(truncating, 0);
}

#[test]
fn what_a_log_is_emptied_for_empties_it_on_a_disk_that_wears_out_too() {
    let (directory, mut thread, writer) = store();
    thread.disk_use = DiskUse::sparing(Synchronous::Normal);
    let wal = open::wal_of(&directory.path().join("kinglet.db"));
    let written = writer.submit(note("written", End::Well)).unwrap();
    thread.apply_waiting();
    thread.bound_wal();
    answer(written).unwrap();
    assert!(std::fs::metadata(&wal).unwrap().len() > 0);
    // As after a purge: what was deleted is in the log as long as it isn't taken in.
    let emptied = writer.submit(EmptyLog).unwrap();
    thread.apply_waiting();
    thread.bound_wal();
    answer(emptied).unwrap();
    assert_eq!(std::fs::metadata(&wal).unwrap().len(), 0);
    let figures = thread.figures.as_ref().unwrap();
    assert_eq!(figures.truncating.time.read().count(), 1);
}

#[test]
fn a_writer_tells_what_it_is_at() {
    let pulse = Pulse::default();
    assert_eq!(pulse.at_work_for(), None);
    pulse.at_work();
    let at_first = pulse.at_work_for().unwrap();
    assert!(pulse.at_work_for().unwrap() >= at_first);
    pulse.at_rest();
    assert_eq!(pulse.at_work_for(), None);
}

#[test]
fn the_log_stays_bounded_while_a_reader_holds_a_snapshot() {
    const UNITS: usize = 20_000;
    const WAL_BYTES_MAX_HERE: u64 = 4 << 20;
    // One batch of small posts may come on top before the bound is looked at; it dirties some hundred pages.
    const BATCH_BYTES_MAX: u64 = 2 << 20;
    let (directory, mut thread, writer) = store();
    let author = writer.submit(AddAccount("wren")).unwrap();
    thread.apply_waiting();
    let author = answer(author).unwrap();
    thread.disk_use.wal_bytes_max = WAL_BYTES_MAX_HERE;
    let database = directory.path().join("kinglet.db");
    let gauge = WalGauge {
        wal: open::wal_of(&database),
        bytes_max: Arc::default(),
    };
    thread.add_sink(Box::new(gauge.clone()));
    let wal = gauge.wal.clone();
    let (looking, looked) = std::sync::mpsc::sync_channel(0);
    let reading = std::thread::spawn(move || {
        let mut reader = Reader::open(&database).unwrap();
        looking.send(()).unwrap();
        let bytes = WAL_BYTES_MAX_HERE;
        reader.run(&Dawdle { wal, bytes }).unwrap();
    });
    looked.recv().unwrap();
    let writing = std::thread::spawn(move || thread.run());
    let mut waiting = std::collections::VecDeque::new();
    for _ in 0..UNITS {
        if waiting.len() == UNITS_WAITING_MAX {
            let oldest: Receiver<PostId> = waiting.pop_front().unwrap();
            oldest.blocking_recv().unwrap().unwrap();
        }
        waiting.push_back(writer.submit(post(author)).unwrap());
    }
    for waiting in waiting {
        waiting.blocking_recv().unwrap().unwrap();
    }
    drop(writer);
    writing.join().unwrap();
    reading.join().unwrap();
    let bytes_max = gauge.bytes_max.load(Ordering::Relaxed);
    assert!(
        (WAL_BYTES_MAX_HERE..WAL_BYTES_MAX_HERE + BATCH_BYTES_MAX).contains(&bytes_max),
        "{bytes_max} bytes"
    );
    let connection = open::open_reader(
        &directory.path().join("kinglet.db"),
        open::MemoryUse::READER,
    )
    .unwrap();
    let posts: i64 = connection
        .query_row(
            "SELECT count(*) FROM posts WHERE author = ?1",
            params![author],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(posts, UNITS as i64);
}

/// Has a unit applied alone.
fn write(
    thread: &mut WriterThread,
    writer: &Writer,
    name: &'static str,
) -> Result<i64, WriteError> {
    let waiting = writer.submit(note(name, End::Well)).unwrap();
    thread.apply_waiting();
    answer(waiting)
}

#[test]
fn a_directory_that_is_moved_away_takes_nothing_until_it_is_back() {
    let home = TempDir::new().unwrap();
    let [here, there] = ["here", "there"].map(|name| home.path().join(name));
    let (mut thread, writer) = open(&here, NOON);
    let soundness = thread.soundness();
    write(&mut thread, &writer, "before").unwrap();
    std::fs::rename(&here, &there).unwrap();
    let away = Err(WriteError::Unavailable);
    assert_eq!(write(&mut thread, &writer, "away"), away);
    assert_eq!(soundness.writing(), Some(Trouble::Gone));
    // Another database in its place isn't written to, and the old one isn't either.
    std::fs::create_dir(&here).unwrap();
    std::fs::copy(there.join("kinglet.db"), here.join("kinglet.db")).unwrap();
    assert_eq!(write(&mut thread, &writer, "another"), away);
    std::fs::remove_dir_all(&here).unwrap();
    std::fs::rename(&there, &here).unwrap();
    write(&mut thread, &writer, "back").unwrap();
    assert_eq!(soundness.writing(), None);
    let reader = || open::open_reader(&here.join("kinglet.db"), open::MemoryUse::READER).unwrap();
    for (name, stands) in [("before", true), ("another", false), ("back", true)] {
        assert_eq!(
            meta::get(&reader(), name).unwrap().is_some(),
            stands,
            "{name}"
        );
    }
}

#[test]
fn a_log_that_is_removed_under_the_writer_takes_nothing_more() {
    let (directory, mut thread, writer) = store();
    write(&mut thread, &writer, "before").unwrap();
    let wal = open::wal_of(&directory.path().join("kinglet.db"));
    std::fs::remove_file(wal).unwrap();
    for name in ["first", "second"] {
        assert_eq!(
            write(&mut thread, &writer, name),
            Err(WriteError::Unavailable)
        );
    }
    assert_eq!(thread.soundness().writing(), Some(Trouble::Gone));
}

#[test]
fn what_is_left_of_the_disk_is_left_until_there_is_more() {
    let (directory, mut thread, writer) = store();
    let soundness = thread.soundness();
    let space = rustix::fs::statvfs(directory.path()).unwrap();
    let free_mib = space.f_bavail * space.f_frsize / (1 << 20);
    soundness.reserve_mib(free_mib * 2);
    assert_eq!(soundness.look(), Some(Trouble::Reserve));
    assert_eq!(
        write(&mut thread, &writer, "in the reserve"),
        Err(WriteError::Unavailable)
    );
    assert!(!has(&directory, "in the reserve"));
    soundness.reserve_mib(free_mib / 4);
    write(&mut thread, &writer, "with room").unwrap();
    assert_eq!(soundness.look(), None);
}

#[test]
fn a_damaged_page_stops_writing_and_leaves_the_rest_to_be_read() {
    let (directory, mut thread, writer) = store();
    let author = writer.submit(AddAccount("wren")).unwrap();
    thread.apply_waiting();
    let author = answer(author).unwrap();
    let published = writer.submit(post(author)).unwrap();
    thread.apply_waiting();
    answer(published).unwrap();
    let root: i64 = thread
        .connection
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'posts'",
            (),
            |row| row.get(0),
        )
        .unwrap();
    drop(writer);
    thread.run();
    let database = directory.path().join("kinglet.db");
    let mut bytes = std::fs::read(&database).unwrap();
    let page = usize::try_from(root - 1).unwrap() * 4096;
    bytes[page..page + 4096].fill(0x5a);
    std::fs::write(&database, bytes).unwrap();
    let (mut thread, writer) = open(directory.path(), NOON);
    let soundness = thread.soundness();
    let published = writer.submit(post(author)).unwrap();
    thread.apply_waiting();
    assert_eq!(answer(published), Err(WriteError::Unavailable));
    assert_eq!(soundness.writing(), Some(Trouble::Damaged));
    // Not even what lies elsewhere is written, for nobody knows what else is damaged.
    assert_eq!(
        write(&mut thread, &writer, "elsewhere"),
        Err(WriteError::Unavailable)
    );
    let reader = open::open_reader(&database, open::MemoryUse::READER).unwrap();
    let name: String = reader
        .query_row("SELECT name FROM accounts WHERE id = ?1", [author], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(name, "wren");
}

#[test]
fn a_batch_that_fills_the_disk_again_and_again_is_answered_without_trying_every_unit() {
    let (directory, mut thread, writer) = store();
    let pages: i64 = thread
        .connection
        .query_row("PRAGMA page_count", (), |row| row.get(0))
        .unwrap();
    let bound = format!("PRAGMA max_page_count = {}", pages + 4);
    thread.connection.query_row(&bound, (), |_| Ok(())).unwrap();
    let waiting: Vec<_> = (0..3 * ENDINGS_PER_BATCH_MAX)
        .map(|_| Note {
            name: "large",
            bytes: 1 << 20,
            end: End::Well,
        })
        .map(|large| writer.submit(large).unwrap())
        .collect();
    thread.apply_waiting();
    for waiting in waiting {
        assert_eq!(answer(waiting), Err(WriteError::Unavailable));
    }
    assert_eq!(thread.soundness().writing(), Some(Trouble::Full));
    write(&mut thread, &writer, "small").unwrap();
    assert!(has(&directory, "small") && !has(&directory, "large"));
    assert_eq!(thread.soundness().writing(), None);
}

#[test]
fn a_log_that_the_disk_takes_in_no_more_is_not_let_grow() {
    let (_directory, mut thread, writer) = store();
    thread.disk_use.wal_bytes_max = 1;
    thread.log_is_stuck = true;
    thread.soundness.note_writing(&StoreError::File {
        action: "as the test wants it",
        path: PathBuf::new(),
        source: std::io::ErrorKind::StorageFull.into(),
    });
    assert_eq!(thread.soundness().writing(), Some(Trouble::Full));
    write(&mut thread, &writer, "after a checkpoint").unwrap();
    assert!(!thread.log_is_stuck);
    assert_eq!(thread.soundness().writing(), None);
}
