//! A throwaway store for tests: units are applied one at a time, and what they told is kept.

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use tempfile::TempDir;

use super::open::{DataDir, Synchronous};
use super::reader::{Query, Reader};
use super::soundness::Soundness;
use super::writer::{
    EventBatch, EventSink, Unit, UnitError, Write, WriteError, Writer, WriterThread,
};
use crate::clock::{ManualClock, Timestamp};
use crate::domain::event::Event;
use crate::domain::job::Lane;
use crate::ids::AccountId;
use crate::randomness::Randomness;
use crate::store::units::{LeaseJobs, StepJob, YieldJob};
use crate::telemetry::Telemetry;

/// The most batches that a test may leave unread.
const BATCHES_MAX: usize = 100_000;

/// A store in a directory of its own, gone when it is dropped.
pub struct TestStore {
    /// Its clock, which stands still until it is moved.
    pub clock: Arc<ManualClock>,
    reader: Reader,
    events: mpsc::Receiver<Arc<EventBatch>>,
    writer: Option<Writer>,
    thread: Option<JoinHandle<()>>,
    soundness: Arc<Soundness>,
    directory: TempDir,
}

struct Keep(mpsc::SyncSender<Arc<EventBatch>>);

impl EventSink for Keep {
    fn deliver(&self, batch: &Arc<EventBatch>) {
        self.0
            .try_send(Arc::clone(batch))
            .expect("a test leaves fewer batches unread");
    }
}

impl TestStore {
    /// An empty store of an instance that sends no mail.
    pub fn open() -> Self {
        Self::open_with(|_| {})
    }

    /// An empty store of an instance that sends mail.
    pub fn open_with_mail() -> Self {
        Self::open_with(|writer| writer.mail_switch().turn_on())
    }

    fn open_with(prepare: impl FnOnce(&mut WriterThread)) -> Self {
        Self::open_in(tempfile::tempdir().expect("a temporary directory"), prepare)
    }

    /// The same store, closed and opened again.
    pub fn reopen(mut self) -> Self {
        let elsewhere = tempfile::tempdir().expect("a temporary directory");
        let directory = std::mem::replace(&mut self.directory, elsewhere);
        drop(self);
        Self::open_in(directory, |_| {})
    }

    /// Closes it, and leaves the directory.
    #[cfg(test)]
    pub(super) fn close(mut self) -> TempDir {
        let elsewhere = tempfile::tempdir().expect("a temporary directory");
        std::mem::replace(&mut self.directory, elsewhere)
    }

    /// The same store, in a directory that [`Self::close`] left.
    #[cfg(test)]
    pub(super) fn open_again(directory: TempDir) -> Self {
        Self::open_in(directory, |_| {})
    }

    fn open_in(directory: TempDir, prepare: impl FnOnce(&mut WriterThread)) -> Self {
        let clock = ManualClock::at(Timestamp::from_millis(1_790_000_000_000));
        let data_dir = DataDir::own(directory.path()).expect("nobody else uses it");
        let database = data_dir.database();
        let (mut thread, writer) = WriterThread::open(
            data_dir,
            Synchronous::Normal,
            clock.clone(),
            &mut Randomness::seeded(1).rng(),
            &Telemetry::disabled(),
        )
        .expect("a new database");
        prepare(&mut thread);
        let (sink, events) = mpsc::sync_channel(BATCHES_MAX);
        thread.add_sink(Box::new(Keep(sink)));
        let soundness = thread.soundness();
        Self {
            clock,
            soundness,
            reader: Reader::open(&database).expect("the database is there"),
            events,
            writer: Some(writer),
            thread: Some(std::thread::spawn(move || thread.run())),
            directory,
        }
    }

    /// Whether it can be written.
    pub fn soundness(&self) -> Arc<Soundness> {
        Arc::clone(&self.soundness)
    }

    /// The door to its writer.
    pub fn writer(&self) -> &Writer {
        self.writer.as_ref().expect("open until it is dropped")
    }

    /// Applies a unit and waits for its answer.
    pub fn apply<U: Unit>(&self, unit: U) -> Result<U::Answer, WriteError> {
        self.writer()
            .submit(unit)?
            .blocking_recv()
            .expect("the writer answers everybody")
    }

    /// Takes one due job on the store itself and does a step of it; whether there was one.
    pub fn step_in_house(&self) -> bool {
        let lease = LeaseJobs {
            lane: Lane::House,
            limit: 1,
        };
        let Some(leased) = self.apply(lease).expect("a lease").pop() else {
            return false;
        };
        let step = StepJob {
            job: leased.id,
            stays: false,
        };
        if self.apply(step).expect("a step") {
            self.apply(YieldJob {
                job: leased.id,
                pause_millis: 0,
            })
            .expect("yields");
        }
        true
    }

    /// Asks a query of the newest commit.
    pub fn find<Q: Query>(&mut self, query: Q) -> Q::Answer {
        self.look(query).0
    }

    /// Asks a query of the newest commit, and which commit that is.
    pub fn look<Q: Query>(&mut self, query: Q) -> (Q::Answer, i64) {
        self.reader.run(&query).expect("the query runs")
    }

    /// What was committed since the last call.
    pub fn batches(&self) -> Vec<Arc<EventBatch>> {
        self.events.try_iter().collect()
    }

    /// What the units since the last call told.
    pub fn events(&self) -> Vec<Event> {
        self.batches()
            .iter()
            .flat_map(|batch| batch.events.clone())
            .collect()
    }

    /// Changes the database behind the writer's back, as nothing in kinglet would.
    pub fn tamper(&self, sql: &str) {
        let connection = rusqlite::Connection::open(self.directory.path().join("kinglet.db"))
            .expect("the database is there");
        connection
            .pragma_update(None, "foreign_keys", false)
            .and_then(|()| connection.execute_batch(sql))
            .expect("the statements run");
    }

    /// The database file.
    pub fn database(&self) -> std::path::PathBuf {
        super::open::database_in(self.directory.path())
    }

    /// A number out of the database, by a statement of the test's own.
    pub fn number(&self, sql: &str) -> i64 {
        rusqlite::Connection::open(self.directory.path().join("kinglet.db"))
            .and_then(|connection| connection.query_row(sql, (), |row| row.get(0)))
            .expect("the statement finds a number")
    }
}

impl Drop for TestStore {
    fn drop(&mut self) {
        self.writer = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the writer has failed the test already.
            drop(thread.join());
        }
    }
}

/// Makes an account that is in use, by its name.
pub struct AddAccount(pub &'static str);

impl Unit for AddAccount {
    type Answer = AccountId;

    fn apply(&self, write: &mut Write<'_>) -> Result<AccountId, UnitError> {
        let id = AccountId(write.next_id());
        write.connection.execute(
            "INSERT INTO accounts (id, name) VALUES (?1, ?2)",
            (id, self.0),
        )?;
        Ok(id)
    }
}
