//! The thread that writes: group commit.
//!
//! It takes all units that wait (up to [`DiskUse::units_per_commit`]), applies them inside one transaction,
//! commits, hands the batch's events to whoever keeps something in memory, and only then answers the waiters. So
//! an answer means: durable, and known to everybody who caches. It doesn't sleep to fill a batch: under load, batches
//! grow by themselves while the previous commit waits for the disk. Only a disk that wears out ([`DiskUse::sparing`])
//! makes it wait a moment for more, while writes flow.
//!
//! A savepoint for each unit costs a copy of every page that the unit changes, and nearly no unit fails after it wrote
//! something. So a batch is applied without savepoints first; when a unit has to be taken back, all of it is, and
//! the batch is applied once more with a savepoint each ([`Care`]).

mod apply;
mod doubt;
mod examine;
mod foreign;
mod gather;
mod guardian;
mod lane;
mod leftovers;
mod long_reads;
mod noting;
mod wal;

pub use self::lane::Writer;
pub use self::leftovers::Leftovers;
pub use self::long_reads::{LongRead, LongReads};

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::CryptoRng;
use rusqlite::Connection;
use tokio::sync::mpsc;

use self::apply::Care;
use self::doubt::DOUBT_LOOKS_MAX;
use self::examine::Examination;
use self::lane::Pending;
use super::error::StoreError;
use super::open::{self, Checkpoints, DataDir, DiskUse};
use super::soundness::{Room, Soundness};
use super::tables::terms::IndexChange;
use super::tables::{self, meta};
use super::units::index_posts;
use super::watch::Tap;
use crate::clock::{Moment, Tick};
use crate::clock::{SharedClock, Timestamp};
use crate::domain::event::Event;
use crate::domain::refusal::Refusal;
use crate::ids::IdGenerator;
use crate::telemetry::Telemetry;
use crate::telemetry::writer::{Pulse, WriterFigures};

/// The most units in one transaction, unless very much is written at once ([`DiskUse::in_bulk`]).
pub const UNITS_PER_COMMIT_MAX: usize = 512;
/// The most units that wait for the writer; one more is answered [`WriteError::Busy`].
pub const UNITS_WAITING_MAX: usize = 4096;
/// So many units of a batch may end its transaction; then all that is left of it is answered, for a full disk would have every
/// unit applied once for every other.
const ENDINGS_PER_BATCH_MAX: usize = 8;

/// One user action: everything that must happen together or not at all.
///
/// A unit touches a bounded number of rows and decides inside the transaction whether it is allowed. It may be applied
/// again from the start when another unit of its batch ended the transaction, so it changes nothing but through
/// [`Write`].
pub trait Unit: Send + 'static {
    /// What the person is told.
    type Answer: Send + 'static;

    /// Does it.
    ///
    /// # Errors
    /// [`UnitError::Refused`] when the rules forbid it, [`UnitError::Store`] when the machine fails. Either way nothing
    /// of the unit remains.
    fn apply(&self, write: &mut Write<'_>) -> Result<Self::Answer, UnitError>;

    /// Whether it is done even when the disk has no more room than is to be left: small, and needed then.
    fn may_use_reserve(&self) -> bool {
        false
    }
}

/// Why a unit left no trace.
#[derive(Debug, thiserror::Error)]
pub enum UnitError {
    /// The rules forbid it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The machine failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for UnitError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What the waiter is told instead of an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The rules forbid it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Too many units wait.
    #[error("too many units wait for the writer")]
    Busy,
    /// The database can't be written; nothing of the unit remains.
    #[error("the database can't be written")]
    Unavailable,
    /// A fault of the program; nothing of the unit remains.
    #[error("the unit failed")]
    Internal,
}

/// What units want of the batch that they are part of.
#[derive(Debug, Default)]
struct Wishes {
    /// A commit, though no row changed.
    commit: bool,
    /// The log emptied after the commit.
    checkpoint: bool,
    /// The log emptied soon, for it holds what they deleted.
    forgetting: bool,
}

/// What a unit may use while it is applied.
pub struct Write<'a> {
    pub(super) connection: &'a Connection,
    pub(super) ids: &'a mut IdGenerator,
    pub(super) events: &'a mut Vec<Event>,
    /// The commit that this unit will be part of.
    pub(super) commit: i64,
    /// The present moment.
    pub now: Timestamp,
    /// Whether this instance sends mail: where it doesn't, nobody asks for any.
    pub(super) sends_mail: bool,
    index: &'a mut Vec<IndexChange>,
    wishes: &'a mut Wishes,
}

impl Write<'_> {
    /// The next id, of whatever kind: commit order is id order, so paging by id can't skip a row.
    pub(super) fn next_id(&mut self) -> i64 {
        self.ids.next(self.now)
    }

    /// Sees to it that what is made from now on has an id above this one, which was made of a date.
    pub(super) fn raise_ids(&mut self, id: i64) {
        self.ids.raise(id);
    }

    /// Asks for the write-ahead log to be copied into the database and emptied after the commit.
    pub(super) fn checkpoint_afterwards(&mut self) {
        self.wishes.checkpoint = true;
    }

    /// Says that something was deleted that nobody shall be able to read any more: it has to leave the log as well.
    pub(super) fn forget_soon(&mut self) -> Result<(), StoreError> {
        self.wishes.forgetting = true;
        meta::touch_forgotten(self.connection, self.commit)
    }

    /// Says that what was deleted was overwritten where SQLite left it: the log has to take it into the file soon.
    pub(super) fn overwrote(&mut self) {
        self.wishes.commit = true;
        self.wishes.forgetting = true;
    }

    /// Says that the database file changed, where no row did.
    pub(super) fn changed_file(&mut self) {
        self.wishes.commit = true;
    }

    /// Changes the index of posts at the end of the transaction, all of a batch at once: the index writes what it collected
    /// to its tables whenever a savepoint begins or ends.
    pub(super) fn index(&mut self, change: IndexChange) {
        self.index.push(change);
    }

    /// Announces a fact; it is handed on only when the unit is committed.
    pub(super) fn tell(&mut self, event: Event) {
        self.events.push(event);
    }
}

/// The events of one commit, in the order of its units.
#[derive(Debug)]
pub struct EventBatch {
    /// The commit's number; each is one more than the last.
    pub commit: i64,
    /// What happened.
    pub events: Vec<Event>,
}

/// Takes events on behalf of somebody who keeps something in memory.
pub trait EventSink: Send {
    /// Called on the writer's thread, in commit order, before the waiters are answered. It must not block.
    fn deliver(&self, batch: &Arc<EventBatch>);
}

/// Something about the writer that is off until it is turned on for good. Clones are the same switch.
#[derive(Debug, Clone, Default)]
pub struct Switch(Arc<AtomicBool>);

impl Switch {
    /// Turns it on.
    pub fn turn_on(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The writer's thread: ends, with a last checkpoint, when every [`Writer`] is gone.
pub struct WriterThread {
    connection: Connection,
    disk_use: DiskUse,
    clock: SharedClock,
    ids: IdGenerator,
    commit: i64,
    /// When something was committed last.
    committed_at: Option<Moment>,
    units_since_checkpoint: usize,
    /// Whether a reader held back the last checkpoint of a log that was too long.
    was_blocked: bool,
    /// The program that should look after the log, where another one does.
    guardian: guardian::Guardian,
    /// Whether the log is too long and the disk doesn't take it in: nothing is written before it does.
    log_is_stuck: bool,
    /// Whether a transaction couldn't be taken back: the connection is worth nothing any more.
    is_stuck: bool,
    soundness: Arc<Soundness>,
    /// When a database that seemed damaged is looked at again.
    examination: Examination,
    /// Whether units may ask for mail, which nobody sends else.
    sends_mail: Switch,
    /// Whether nothing is gathered any more.
    hurries: Switch,
    /// Who holds the log for long.
    long_reads: LongReads,
    /// Whether the log holds what was deleted.
    leftovers: Leftovers,
    /// What the units of the batch at work want of it.
    wishes: Wishes,
    /// What they want changed in the index of posts.
    index: Vec<IndexChange>,
    /// The events of a commit that failed in a way that leaves open whether it happened.
    in_doubt: Option<Vec<Event>>,
    sinks: Vec<Box<dyn EventSink>>,
    tap: Tap,
    lane: mpsc::Receiver<Box<dyn Pending>>,
    /// `None` where nothing is measured.
    figures: Option<Arc<WriterFigures>>,
    pulse: Arc<Pulse>,
    /// When the commit of the batch at work began and ended.
    committed: Option<(Tick, Tick)>,
    /// Last, for fields are dropped in order: the directory's lock goes after the connection.
    data_dir: DataDir,
}

impl WriterThread {
    /// Opens the database for writing. `rng` makes what a new database is told from every other by.
    ///
    /// # Errors
    /// What the disk or SQLite say, or [`StoreError::NewerSchema`].
    pub fn open(
        data_dir: DataDir,
        disk_use: impl Into<DiskUse>,
        clock: SharedClock,
        rng: &mut impl CryptoRng,
        telemetry: &Telemetry,
    ) -> Result<(Self, Writer), StoreError> {
        let disk_use = disk_use.into();
        open::remove_unfinished(&data_dir)?;
        // After a crash nobody knows what is in the log.
        let wal = open::wal_of(&data_dir.database());
        let has_log = std::fs::metadata(wal).is_ok_and(|found| found.len() > 0);
        let leftovers = Leftovers::new(has_log && disk_use.checkpoints == Checkpoints::Own);
        let connection = open::open_writer(&data_dir.database(), disk_use)?;
        meta::initialise(&connection, rng)?;
        index_posts::begin(&connection, clock.now())?;
        let commit = meta::commit(&connection)?;
        let soundness = Arc::new(Soundness::of(&data_dir.database(), data_dir.path()));
        soundness.opened();
        let ids = IdGenerator::above(tables::largest_id(&connection)?);
        let (sender, lane) = mpsc::channel(UNITS_WAITING_MAX);
        let figures = telemetry.is_on().then(|| Arc::clone(&telemetry.writer));
        let writer = Writer::new(sender, figures.clone());
        let thread = Self {
            connection,
            disk_use,
            clock,
            ids,
            commit,
            committed_at: None,
            units_since_checkpoint: 0,
            was_blocked: false,
            guardian: guardian::Guardian::default(),
            log_is_stuck: false,
            is_stuck: false,
            soundness,
            examination: Examination::default(),
            sends_mail: Switch::default(),
            hurries: Switch::default(),
            long_reads: LongReads::default(),
            leftovers,
            wishes: Wishes::default(),
            index: Vec::new(),
            in_doubt: None,
            sinks: Vec::new(),
            tap: Tap::new(Arc::clone(&telemetry.statements)),
            lane,
            figures,
            pulse: Arc::clone(&telemetry.writer.pulse),
            committed: None,
            data_dir,
        };
        Ok((thread, writer))
    }

    /// The store's random identity, made with the database: what was derived from another store can be told apart.
    ///
    /// # Errors
    /// What SQLite says, or [`StoreError::NoIdentity`].
    pub fn identity(&self) -> Result<String, StoreError> {
        let identity = meta::identity(&self.connection)?;
        if identity.is_empty() {
            return Err(StoreError::NoIdentity);
        }
        Ok(identity)
    }

    /// What links to unsubscribe are signed with: 32 bytes, made with the database.
    ///
    /// # Errors
    /// What SQLite says, or [`StoreError::Corrupt`].
    pub fn unsubscribe_key(&self) -> Result<[u8; 32], StoreError> {
        let digits = meta::unsubscribe_key(&self.connection)?;
        let byte = |at: usize| {
            let pair = digits.expose().get(2 * at..2 * at + 2);
            pair.and_then(|pair| u8::from_str_radix(pair, 16).ok())
        };
        let mut key = [0; 32];
        for (at, place) in key.iter_mut().enumerate() {
            *place = byte(at).ok_or_else(|| StoreError::Corrupt {
                table: "meta",
                column: "unsubscribe_key",
                value: "something else than 64 hexadecimal digits".to_owned(),
            })?;
        }
        Ok(key)
    }

    /// The newest commit.
    pub fn commit_number(&self) -> i64 {
        self.commit
    }

    /// Whether the store can be written, as far as this thread and its readers know.
    pub fn soundness(&self) -> Arc<Soundness> {
        Arc::clone(&self.soundness)
    }

    /// What lets units ask for mail.
    pub fn mail_switch(&self) -> Switch {
        self.sends_mail.clone()
    }

    /// What makes it commit at once even where it gathers: for a stop.
    pub fn hurry_switch(&self) -> Switch {
        self.hurries.clone()
    }

    /// Where long reads are announced: a backup's.
    pub fn long_reads(&self) -> LongReads {
        self.long_reads.clone()
    }

    /// Whether the log holds what was deleted. Where another program checkpoints, nobody here knows.
    pub fn leftovers(&self) -> Leftovers {
        self.leftovers.clone()
    }

    /// Who is told of events.
    pub fn add_sink(&mut self, sink: Box<dyn EventSink>) {
        self.sinks.push(sink);
    }

    /// Applies units until every [`Writer`] is gone.
    pub fn run(mut self) {
        let timer = self.timer();
        let units = self.disk_use.units_per_commit;
        let mut batch = Vec::new();
        while self.lane.blocking_recv_many(&mut batch, units) > 0 {
            self.pulse.at_work();
            if let Some(timer) = &timer {
                self.gather(timer, &mut batch);
            }
            self.note_rest();
            self.units_since_checkpoint += batch.len();
            if let Some(figures) = &self.figures {
                figures.waiting.fall(batch.len());
            }
            self.commit_batch(std::mem::take(&mut batch));
            self.bound_wal();
            self.pulse.at_rest();
        }
        self.pulse.all_is_committed();
        if self.disk_use.checkpoints == Checkpoints::Own {
            self.checkpoint("TRUNCATE");
        }
    }

    /// Applies what waits now, as one batch, on the caller's thread.
    #[cfg(test)]
    pub(super) fn apply_waiting(&mut self) {
        let mut batch = Vec::new();
        while batch.len() < self.disk_use.units_per_commit
            && let Ok(pending) = self.lane.try_recv()
        {
            batch.push(pending);
        }
        self.commit_batch(batch);
    }

    /// Applies a batch and answers every waiter of it.
    fn commit_batch(&mut self, mut batch: Vec<Box<dyn Pending>>) {
        match self.room() {
            Room::Some => {}
            Room::Reserve => {
                let (needed, mut rest) = batch
                    .into_iter()
                    .partition(|pending| pending.may_use_reserve());
                self.answer_unavailable(&mut rest);
                batch = needed;
            }
            Room::None | Room::Doubtful => self.answer_unavailable(&mut batch),
        }
        let mut care = Care::Swift;
        let mut endings = 0;
        // Each round ends the batch, takes one unit, which ended the transaction, out of it, or has more care taken.
        while !batch.is_empty() {
            match self.try_batch(&mut batch, care) {
                Round::Committed { outcomes, events } => {
                    self.deliver(events);
                    let committed = self.committed.take();
                    for (mut pending, outcome) in batch.drain(..).zip(outcomes) {
                        self.note(pending.as_mut(), &outcome, committed);
                        pending.answer(outcome);
                    }
                }
                Round::NeedsSavepoints => care = Care::Savepoints,
                Round::EndedBy { unit } => {
                    self.count_failed(1);
                    batch.remove(unit).answer(Err(WriteError::Unavailable));
                    endings += 1;
                    if endings == ENDINGS_PER_BATCH_MAX {
                        self.answer_unavailable(&mut batch);
                    }
                }
                Round::Unavailable => self.answer_unavailable(&mut batch),
                // Whoever waits learns that there is no answer, which is the truth.
                Round::InDoubt => {
                    self.count_failed(batch.len());
                    batch.clear();
                }
            }
        }
    }

    /// What it makes sense to try.
    fn room(&mut self) -> Room {
        let mut room = self.soundness.may_write();
        if room == Room::Doubtful && self.proves_sound() {
            room = self.soundness.may_write();
        }
        if room != Room::None && self.log_is_stuck {
            self.retry_checkpoint();
            if self.log_is_stuck {
                return Room::None;
            }
        }
        room
    }

    fn answer_unavailable(&self, batch: &mut Vec<Box<dyn Pending>>) {
        self.count_failed(batch.len());
        for pending in batch.drain(..) {
            pending.answer(Err(WriteError::Unavailable));
        }
    }

    /// Notes that the machine failed; what else went wrong is logged each time.
    fn failed(&self, what: &'static str, error: &StoreError) {
        if self.soundness.note_writing(error).is_none() {
            let error = error as &dyn std::error::Error;
            tracing::error!(target: "kinglet::store::writer", error, what, "the writer failed");
        }
    }

    fn count_failed(&self, units: usize) {
        if let Some(figures) = &self.figures {
            figures.failed.add(units as u64);
        }
    }

    fn deliver(&self, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let batch = Arc::new(EventBatch {
            commit: self.commit,
            events,
        });
        for sink in &self.sinks {
            sink.deliver(&batch);
        }
    }

    fn try_batch(&mut self, batch: &mut [Box<dyn Pending>], care: Care) -> Round {
        if !self.settle_doubt() {
            return Round::Unavailable;
        }
        if let Err(error) = self.begin() {
            self.failed("can't begin a transaction", &error);
            return Round::Unavailable;
        }
        self.wishes.commit = false;
        self.wishes.forgetting = false;
        self.committed = None;
        self.index.clear();
        let changes_before = self.connection.total_changes();
        let mut outcomes = Vec::with_capacity(batch.len());
        let mut events = Vec::new();
        for (unit, pending) in batch.iter_mut().enumerate() {
            let (events_before, changes_before_unit) = (events.len(), self.index.len());
            let begun = self.figures.is_some().then(Tick::now);
            let outcome = match care {
                Care::Savepoints => self.apply_in_savepoint(pending.as_mut(), &mut events),
                Care::Swift => match self.apply_swiftly(pending.as_mut(), &mut events) {
                    Some(outcome) => outcome,
                    None => {
                        self.roll_back();
                        return Round::NeedsSavepoints;
                    }
                },
            };
            if let Some(begun) = begun
                && let Some(submission) = pending.submission()
            {
                submission.applied = Some((begun, Tick::now()));
            }
            if outcome.is_err() {
                events.truncate(events_before);
                self.index.truncate(changes_before_unit);
            }
            // A full disk, an I/O or a memory error can end the whole transaction: then nothing of the batch stands.
            if self.connection.is_autocommit() || self.is_stuck {
                return Round::EndedBy { unit };
            }
            outcomes.push(outcome);
        }
        // What changed nothing needs no commit, and no wait for the disk.
        let is_unchanged = self.connection.total_changes() == changes_before
            && events.is_empty()
            && self.index.is_empty()
            && !self.wishes.commit;
        if is_unchanged || outcomes.iter().all(Result::is_err) {
            self.roll_back();
            return Round::Committed { outcomes, events };
        }
        if let Err(error) = self.change_index() {
            self.failed("can't change the search index", &error);
            self.roll_back();
            return Round::Unavailable;
        }
        let begun = self.figures.is_some().then(Tick::now);
        let committed = self.commit();
        if let (Some(figures), Some(begun)) = (&self.figures, begun) {
            let ended = Tick::now();
            figures.commit.observe(ended.nanos_since(begun));
            figures.units_per_commit.observe(outcomes.len() as u64);
            self.committed = Some((begun, ended));
        }
        if let Err(error) = committed {
            self.failed("can't commit", &error);
            match self.look_after_failed_commit(DOUBT_LOOKS_MAX) {
                Some(true) => {}
                Some(false) => return Round::Unavailable,
                None => {
                    self.in_doubt = Some(events);
                    return Round::InDoubt;
                }
            }
        }
        self.note_leftovers();
        if !self.soundness.is_in_place() {
            // It is written where nobody finds it again, unless the files are put back: nobody is told that it stands.
            self.soundness.is_gone();
            self.deliver(events);
            return Round::InDoubt;
        }
        self.soundness.was_written();
        Round::Committed { outcomes, events }
    }

    /// Tells who empties the log that the last commit deleted something.
    fn note_leftovers(&self) {
        if self.wishes.forgetting && self.disk_use.checkpoints == Checkpoints::Own {
            self.leftovers.set(true);
        }
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        // A transaction that could not be taken back when its time was.
        self.roll_back();
        if self.is_stuck {
            self.connection = self.reopened()?;
            self.tap.begin_anew();
            self.is_stuck = false;
        }
        self.tap.follow(&mut self.connection)?;
        self.connection
            .prepare_cached("BEGIN IMMEDIATE")?
            .execute(())?;
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.pulse.at_work();
        meta::set_commit(&self.connection, self.commit + 1, self.ids.last())?;
        self.connection.prepare_cached("COMMIT")?.execute(())?;
        self.commit += 1;
        self.committed_at = Some(Moment::now());
        Ok(())
    }

    fn roll_back(&mut self) {
        if self.connection.is_autocommit() {
            return;
        }
        if let Err(error) = self.connection.execute_batch("ROLLBACK") {
            self.failed("can't roll back", &error.into());
        }
        self.is_stuck |= !self.connection.is_autocommit();
    }
}

enum Round {
    /// A unit that wrote something has to be taken back.
    NeedsSavepoints,
    Committed {
        outcomes: Vec<Result<(), WriteError>>,
        events: Vec<Event>,
    },
    EndedBy {
        unit: usize,
    },
    Unavailable,
    InDoubt,
}

#[cfg(test)]
mod tests;
