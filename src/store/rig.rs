//! A store for tests: units are applied on the caller's thread, one commit each, and the events wait to be fetched.

use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::open::{DataDir, Synchronous};
use super::reader::{Query, Reader};
use super::units::{LeaseJobs, StepJob, YieldJob};
use super::writer::{
    EventBatch, EventSink, Unit, UnitError, Write, WriteError, Writer, WriterThread,
};
use crate::clock::{ManualClock, Timestamp};
use crate::domain::job::Lane;
use crate::ids::AccountId;
use crate::randomness::Randomness;
use crate::telemetry::Telemetry;

/// When tests begin.
pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// The store with everything that is at hand in a test.
pub(crate) struct Rig {
    pub(crate) clock: Arc<ManualClock>,
    thread: WriterThread,
    writer: Writer,
    reader: Reader,
    told: Arc<Mutex<Vec<Arc<EventBatch>>>>,
    /// Last: it is removed when everything is closed.
    _directory: TempDir,
}

struct Told(Arc<Mutex<Vec<Arc<EventBatch>>>>);

impl EventSink for Told {
    fn deliver(&self, batch: &Arc<EventBatch>) {
        self.0.lock().unwrap().push(Arc::clone(batch));
    }
}

impl Rig {
    /// An empty store in a directory of its own.
    pub(crate) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let clock = ManualClock::at(NOON);
        let data_dir = DataDir::own(directory.path()).unwrap();
        let database = data_dir.database();
        let mut rng = Randomness::seeded(1).rng();
        let (mut thread, writer) = WriterThread::open(
            data_dir,
            Synchronous::Normal,
            clock.clone(),
            &mut rng,
            &Telemetry::disabled(),
        )
        .unwrap();
        let told = Arc::default();
        thread.add_sink(Box::new(Told(Arc::clone(&told))));
        Self {
            clock,
            thread,
            writer,
            reader: Reader::open(&database).unwrap(),
            told,
            _directory: directory,
        }
    }

    /// Applies a unit.
    pub(crate) fn apply<U: Unit>(&mut self, unit: U) -> Result<U::Answer, WriteError> {
        let mut waiting = self.writer.submit(unit).unwrap();
        self.thread.apply_waiting();
        waiting.try_recv().unwrap()
    }

    /// Takes one due job on the store itself and does a step of it; whether there was one.
    pub(crate) fn step_in_house(&mut self) -> bool {
        let lease = LeaseJobs {
            lane: Lane::House,
            limit: 1,
        };
        let Some(leased) = self.apply(lease).unwrap().pop() else {
            return false;
        };
        if self.apply(StepJob { job: leased.id }).unwrap() {
            self.apply(YieldJob { job: leased.id }).unwrap();
        }
        true
    }

    /// Asks a query; answers with the snapshot's commit.
    pub(crate) fn ask<Q: Query>(&mut self, query: Q) -> (Q::Answer, i64) {
        self.reader.run(&query).unwrap()
    }

    /// What was told since the last call.
    pub(crate) fn take_told(&mut self) -> Vec<Arc<EventBatch>> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }
}

/// Makes an account that is in use.
pub(crate) struct AddAccount(pub(crate) &'static str);

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
