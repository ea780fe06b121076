//! Filling a store as fast as the writer can: the same units as ever, many of them on their way at once.
//!
//! It is for whoever measures, or moves a large instance. Nothing is left out: each unit decides, indexes and counts as if
//! a person had asked for it.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rand::CryptoRng;
use tokio::sync::oneshot;

use super::error::StoreError;
use super::open::{DataDir, DiskUse};
use super::writer::{UNITS_PER_COMMIT_MAX, Unit, WriteError, Writer, WriterThread};
use crate::clock::SharedClock;
use crate::telemetry::Telemetry;

/// The most units of one [`Flow`] on their way: while a commit waits for the disk, the next one comes together.
pub const UNITS_IN_FLIGHT_MAX: usize = 2 * UNITS_PER_COMMIT_MAX;

/// A store that this process alone writes, without actors and without a door.
pub struct BulkStore {
    writer: Writer,
    thread: JoinHandle<()>,
}

impl BulkStore {
    /// Opens the store in a data directory, or makes it.
    ///
    /// # Errors
    /// When somebody else uses the directory, or what the disk and SQLite say.
    pub fn open(
        data_dir: &Path,
        disk_use: impl Into<DiskUse>,
        clock: SharedClock,
        rng: &mut impl CryptoRng,
        telemetry: &Arc<Telemetry>,
    ) -> Result<Self, StoreError> {
        let data_dir = DataDir::own(data_dir)?;
        let path = data_dir.path().to_owned();
        let (thread, writer) = WriterThread::open(data_dir, disk_use, clock, rng, telemetry)?;
        let thread = thread::Builder::new()
            .name("kinglet-writer".to_owned())
            .spawn(move || thread.run())
            .map_err(|source| StoreError::File {
                action: "can't start the thread that writes in",
                path,
                source,
            })?;
        Ok(Self { writer, thread })
    }

    /// The door to its writer.
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Waits for the last commit and for the log to be copied into the database; other doors to the writer keep it open.
    ///
    /// # Errors
    /// When the writer panicked.
    pub fn close(self) -> Result<(), StoreError> {
        drop(self.writer);
        self.thread
            .join()
            .map_err(|panic| super::reader::panicked(&*panic))
    }
}

/// Units of one kind on their way to the writer, whose answers come back in order.
pub struct Flow<U: Unit> {
    writer: Writer,
    waiting: VecDeque<oneshot::Receiver<Result<U::Answer, WriteError>>>,
    in_flight_max: usize,
}

impl<U: Unit> Flow<U> {
    /// A flow of at most `in_flight_max` units at once, itself at most [`UNITS_IN_FLIGHT_MAX`] and at least one.
    pub fn new(writer: &Writer, in_flight_max: usize) -> Self {
        Self {
            writer: writer.clone(),
            waiting: VecDeque::new(),
            in_flight_max: in_flight_max.clamp(1, UNITS_IN_FLIGHT_MAX),
        }
    }

    /// Sends a unit; answers the one that was sent first when as many are on their way as may be. It blocks the thread.
    ///
    /// # Errors
    /// What the writer says of the unit that is answered, or of this one.
    pub fn send(&mut self, unit: U) -> Result<Option<U::Answer>, WriteError> {
        let answered = if self.waiting.len() < self.in_flight_max {
            None
        } else {
            self.receive()?
        };
        self.waiting.push_back(self.writer.submit(unit)?);
        Ok(answered)
    }

    /// Waits for the answer to the unit that was sent first; `None` when none is on its way. It blocks the thread.
    ///
    /// # Errors
    /// What the writer says.
    pub fn receive(&mut self) -> Result<Option<U::Answer>, WriteError> {
        let Some(waiting) = self.waiting.pop_front() else {
            return Ok(None);
        };
        let answer = waiting.blocking_recv();
        answer.unwrap_or(Err(WriteError::Unavailable)).map(Some)
    }

    /// Sends all of them and answers all in order. It blocks the thread.
    ///
    /// # Errors
    /// What the writer says first; what was sent before is done all the same.
    pub fn send_all(
        mut self,
        units: impl IntoIterator<Item = U>,
    ) -> Result<Vec<U::Answer>, WriteError> {
        let mut answers = Vec::new();
        for unit in units {
            answers.extend(self.send(unit)?);
        }
        while let Some(answer) = self.receive()? {
            answers.push(answer);
        }
        Ok(answers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::ids::AccountId;
    use crate::randomness::Randomness;
    use crate::store::open::Synchronous;
    use crate::store::testing::AddAccount;

    #[test]
    fn every_unit_is_answered_in_order_and_stays() {
        let directory = tempfile::tempdir().expect("a directory");
        let open = || {
            BulkStore::open(
                directory.path(),
                Synchronous::Normal,
                Arc::new(SystemClock),
                &mut Randomness::seeded(1).rng(),
                &Telemetry::disabled(),
            )
        };
        let store = open().expect("it opens");
        assert!(matches!(open(), Err(StoreError::Locked(_))));
        let names = ["ada", "bob", "cem", "dot", "eve"];
        for in_flight in [0, 2, usize::MAX] {
            let flow = Flow::new(store.writer(), in_flight);
            let units = names.iter().map(|name| {
                let name = format!("{name}{in_flight}");
                AddAccount(Box::leak(name.into_boxed_str()))
            });
            let ids: Vec<AccountId> = flow.send_all(units).expect("new names");
            assert_eq!(ids.len(), names.len());
            assert!(ids.is_sorted());
        }
        let mut flow = Flow::new(store.writer(), 2);
        assert_eq!(flow.send(AddAccount("ada0")), Ok(None));
        assert_eq!(
            flow.receive(),
            Err(WriteError::Internal),
            "the name is taken"
        );
        assert_eq!(flow.receive(), Ok(None));
        drop(flow);
        store.close().expect("it closes");
        open().expect("nobody has it").close().expect("it closes");
    }
}
