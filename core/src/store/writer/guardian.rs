//! Another program looks after the write-ahead log in the writer's stead, a replicator such as Litestream: it is left its log and
//! gets its turn at the database, and the writer takes its place once it is dead.

use std::path::Path;
use std::time::Duration;

use super::doubt::rest;
use super::{WriterThread, foreign};
use crate::clock::Moment;
use crate::store::error::StoreError;
use crate::store::open;

/// After so many units a log that nobody else looks after any more is taken in again.
const UNITS_PER_RETRY: usize = 125;

/// How often it is looked whether another program holds the log.
const LOOK_PAUSE: Duration = Duration::from_millis(100);
/// For how long nobody may have held it before the program that should look after it is taken for dead: a living one lets go for a
/// moment when it checkpoints.
const ABSENT: Duration = Duration::from_secs(2);
/// And so often in a row it must have been missed: it is only looked for after a commit, and those may be seconds apart.
const ABSENCES_MIN: u32 = 3;

/// So many pages are written before whoever waits for the database gets its turn.
///
/// After its checkpoint Litestream writes a row, takes the lock of writers, and only then copies the end of the log that was taken in.
/// The new log is written over that from the beginning, so both turns have to come before it is as long as the old one was when
/// Litestream copied it last: `min-checkpoint-page-count` in docs/operations.md. Between two turns come so many pages and one batch.
const PAGES_PER_TURN: u64 = 4096;
/// How long a turn is: whoever waits looks again every 100 ms at the longest (`sqliteDefaultBusyCallback` in SQLite's `main.c`).
pub(super) const TURN: Duration = Duration::from_millis(110);
/// What the log holds beside each page, in bytes (section 4.2 of sqlite.org/fileformat2.html).
const FRAME_HEADER_BYTES: u64 = 24;

/// The program that should look after the log, as far as it was seen.
#[derive(Debug, Default)]
pub(super) struct Guardian {
    looked_at: Option<Moment>,
    /// How often in a row nobody held the log.
    absences: u32,
    /// For how long: from the first of those looks to the last.
    absent_for: Duration,
    /// Whether it was said that it is slow.
    is_slow: bool,
    /// Whether the writer does its work.
    is_replaced: bool,
    turns: Turns,
}

impl Guardian {
    /// Looks, unless that was done a moment ago.
    fn look(&mut self, index: &Path) {
        let passed = self.looked_at.map_or(Duration::MAX, since);
        if passed >= LOOK_PAUSE {
            self.looked_at = Some(Moment::now());
            self.note(passed, foreign::is_held(index));
        }
    }

    /// Takes in what was seen so long after the last look.
    fn note(&mut self, passed: Duration, is_held: bool) {
        if is_held {
            self.absences = 0;
            self.absent_for = Duration::ZERO;
            self.is_replaced = false;
            return;
        }
        if self.absences > 0 {
            self.absent_for = self.absent_for.saturating_add(passed);
        }
        self.absences = self.absences.saturating_add(1);
    }

    fn is_dead(&self) -> bool {
        self.absences >= ABSENCES_MIN && self.absent_for >= ABSENT
    }
}

/// When others are due at the database, which a writer under load never leaves free for as long as they sleep between two looks.
#[derive(Debug, Default)]
struct Turns {
    /// How long the log was.
    log_pages: u64,
    /// Pages written since the last turn.
    pages: u64,
    /// When the last batch was done.
    rests_since: Option<Moment>,
}

impl Turns {
    /// Takes in how long the log is after a batch.
    fn note(&mut self, log_pages: u64) {
        // A shorter one started anew.
        let written = log_pages.checked_sub(self.log_pages).unwrap_or(log_pages);
        self.log_pages = log_pages;
        self.pages += written;
    }

    fn is_due(&self) -> bool {
        self.pages >= PAGES_PER_TURN
    }
}

fn since(moment: Moment) -> Duration {
    Duration::from_nanos(moment.elapsed_nanos())
}

impl WriterThread {
    /// Notes that a batch is about to be written: a pause before it was a turn.
    pub(super) fn note_rest(&mut self) {
        let turns = &mut self.guardian.turns;
        if turns
            .rests_since
            .is_some_and(|moment| since(moment) >= TURN)
        {
            turns.pages = 0;
        }
    }

    /// Takes the place of the program that should look after the log once that let it grow over its bound and is dead. As long
    /// as it lives, however slowly, nothing is checkpointed: for its own checkpoints it lets go of the log for a moment, and a
    /// log that somebody else has taken in already would start anew then, over what it hasn't copied yet. And while it holds
    /// the log, a checkpoint couldn't make that shorter.
    pub(super) fn leave_log_to_guardian(&mut self, wal_bytes_max: u64) {
        // However short the log is: who is dead is known by the time it matters.
        self.guardian
            .look(&open::index_of(&self.data_dir.database()));
        match self.log_length() {
            Ok(log) => {
                // At once: after a turn who was dead may live, and be within its own checkpoint.
                self.bound_foreign_log(log.bytes, wal_bytes_max);
                self.guardian.turns.note(log.pages);
                self.give_turn();
            }
            Err(error) => self.failed("can't tell how long the log is", &error),
        }
        self.guardian.turns.rests_since = Some(Moment::now());
    }

    /// Tries again to take in the log, as the disk didn't let it be done; whoever should do that may live again.
    pub(super) fn retry_in_place_of_guardian(&mut self) {
        self.guardian
            .look(&open::index_of(&self.data_dir.database()));
        if self.guardian.is_dead() {
            self.checkpoint("PASSIVE");
        } else {
            self.log_is_stuck = false;
        }
    }

    fn give_turn(&mut self) {
        // After the last batch before a stop nobody writes any more.
        let is_last = self.hurries.is_on() && self.lane.is_empty();
        if self.guardian.turns.is_due() && !is_last {
            rest(TURN);
            self.guardian.turns.pages = 0;
        }
    }

    fn bound_foreign_log(&mut self, bytes: u64, bytes_max: u64) {
        if bytes < bytes_max {
            self.guardian.is_slow = false;
            self.was_blocked = false;
            return;
        }
        if !self.guardian.is_dead() {
            if !self.guardian.is_slow {
                tracing::warn!(target: "kinglet::store::writer", bytes, "the program that checkpoints the database is too slow, or hangs");
                self.guardian.is_slow = true;
            }
            return;
        }
        if self.was_blocked && self.units_since_checkpoint < UNITS_PER_RETRY {
            return;
        }
        self.units_since_checkpoint = 0;
        self.was_blocked = true;
        if !self.guardian.is_replaced {
            tracing::warn!(target: "kinglet::store::writer", bytes, "nobody else checkpoints the database: kinglet does it, and the replica has to begin anew");
            self.guardian.is_replaced = true;
        }
        self.checkpoint("PASSIVE");
    }

    /// How much of the log is in use: its file stays as long as the longest was.
    fn log_length(&self) -> Result<LogLength, StoreError> {
        let pragma = |sql: &str, column| {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.query_row((), |row| row.get::<_, i64>(column))
        };
        // Does nothing but tell; negative when there is no log yet, or SQLite can't tell now.
        let pages = u64::try_from(pragma("PRAGMA wal_checkpoint(NOOP)", 1)?).unwrap_or_default();
        let page_bytes = u64::try_from(pragma("PRAGMA page_size", 0)?).unwrap_or_default();
        Ok(LogLength {
            pages,
            bytes: pages * (page_bytes + FRAME_HEADER_BYTES),
        })
    }
}

/// What the log holds since it started anew.
struct LogLength {
    pages: u64,
    bytes: u64,
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use rusqlite::Connection;
    use tempfile::TempDir;

    use super::*;
    use crate::clock::{ManualClock, Timestamp};
    use crate::randomness::Randomness;
    use crate::store::open::{Checkpoints, DataDir, DiskUse, Synchronous};
    use crate::store::writer::{Unit, UnitError, Write, Writer};
    use crate::telemetry::Telemetry;

    const PAGE_BYTES: usize = 4096;

    /// Writes so many pages.
    struct Fill {
        pages: usize,
    }

    impl Unit for Fill {
        type Answer = ();

        fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
            let (name, value) = (
                write.next_id().to_string(),
                "x".repeat(self.pages * PAGE_BYTES),
            );
            write.connection.execute(
                "INSERT INTO meta (name, value) VALUES (?1, ?2)",
                (name, value),
            )?;
            Ok(())
        }
    }

    /// A store whose log is looked after by another program, which has its bound never reached.
    fn store() -> (TempDir, WriterThread, Writer) {
        let directory = TempDir::new().unwrap();
        let disk_use = DiskUse {
            checkpoints: Checkpoints::External {
                wal_bytes_max: u64::MAX,
            },
            ..DiskUse::prompt(Synchronous::Normal)
        };
        let (thread, writer) = WriterThread::open(
            DataDir::own(directory.path()).unwrap(),
            disk_use,
            ManualClock::at(Timestamp::from_millis(1_790_000_000_000)),
            &mut Randomness::seeded(1).rng(),
            &Telemetry::new(0),
        )
        .unwrap();
        (directory, thread, writer)
    }

    fn database(directory: &TempDir) -> PathBuf {
        open::database_in(directory.path())
    }

    #[test]
    fn the_end_of_a_log_outlasts_its_new_beginning() {
        const PAGES: usize = 8 * 1024;
        let (directory, mut thread, writer) = store();
        let mut written = |pages| {
            let waiting = writer.submit(Fill { pages }).unwrap();
            thread.apply_waiting();
            waiting.blocking_recv().unwrap().unwrap();
        };
        written(PAGES);
        let wal = open::wal_of(&database(&directory));
        let end = || {
            let log = fs::read(&wal).unwrap();
            let bytes = PAGES * PAGE_BYTES;
            (log.len(), log[bytes / 2..bytes].to_vec())
        };
        let before = end();
        // As Litestream does, which copies the end only afterwards.
        let other = Connection::open(database(&directory)).unwrap();
        let (log, taken_in): (i64, i64) = other
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |row| {
                Ok((row.get(1)?, row.get(2)?))
            })
            .unwrap();
        assert_eq!(log, taken_in);
        written(1);
        assert!(thread.log_length().unwrap().pages < 100, "it started anew");
        assert!(end() == before);
    }

    #[test]
    fn a_busy_writer_leaves_the_database_free_for_as_long_as_others_sleep() {
        // What SQLite's waiters sleep between two looks at the longest is a little less than a turn; a busy machine adds to it.
        const FREE: Duration = Duration::from_millis(90);
        const LOOK: Duration = Duration::from_millis(1);
        const PAGES: usize = 512;
        const TURNS_MAX: usize = 8;
        let (directory, thread, writer) = store();
        let other = Connection::open(database(&directory)).unwrap();
        other.busy_timeout(Duration::ZERO).unwrap();
        let running = std::thread::spawn(move || thread.run());
        let is_over = Arc::new(AtomicBool::new(false));
        let had_turn = Arc::new(AtomicBool::new(false));
        let looking = std::thread::spawn({
            let (is_over, had_turn) = (Arc::clone(&is_over), Arc::clone(&had_turn));
            move || {
                let mut free_since = None;
                while !is_over.load(Ordering::Relaxed) {
                    let is_free = other.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_ok();
                    free_since = is_free.then(|| free_since.unwrap_or_else(Moment::now));
                    if free_since.is_some_and(|moment| since(moment) >= FREE) {
                        had_turn.store(true, Ordering::Relaxed);
                    }
                    rest(LOOK);
                }
            }
        });
        let submit = || writer.submit(Fill { pages: PAGES }).unwrap();
        let units_max = TURNS_MAX * usize::try_from(PAGES_PER_TURN).unwrap() / PAGES;
        let mut units = 0;
        let mut waiting = submit();
        // The next one waits already whenever one is done.
        while !had_turn.load(Ordering::Relaxed) && units < units_max {
            let next = submit();
            waiting.blocking_recv().unwrap().unwrap();
            waiting = next;
            units += 1;
        }
        waiting.blocking_recv().unwrap().unwrap();
        is_over.store(true, Ordering::Relaxed);
        looking.join().unwrap();
        drop(writer);
        running.join().unwrap();
        assert!(had_turn.load(Ordering::Relaxed), "{units} units");
    }

    #[test]
    fn a_log_that_could_not_be_taken_in_is_never_cut() {
        let (directory, mut thread, writer) = store();
        let written = |thread: &mut WriterThread| {
            let waiting = writer.submit(Fill { pages: 1 }).unwrap();
            thread.apply_waiting();
            waiting.blocking_recv().unwrap().unwrap();
        };
        written(&mut thread);
        let wal = open::wal_of(&database(&directory));
        let length = || fs::metadata(&wal).unwrap().len();
        let is_taken_in = || {
            let database = fs::read(database(&directory)).unwrap();
            database.windows(100).any(|bytes| bytes == [b'x'; 100])
        };
        let before = length();
        thread.log_is_stuck = true;
        written(&mut thread);
        assert!(length() > before && !thread.log_is_stuck);
        assert!(!is_taken_in(), "nobody was seen to be dead");
        for _ in 0..ABSENCES_MIN {
            thread.guardian.note(ABSENT, false);
        }
        let before = length();
        thread.log_is_stuck = true;
        written(&mut thread);
        assert!(length() >= before && !thread.log_is_stuck);
        assert!(is_taken_in());
    }

    #[test]
    fn whoever_is_missed_for_long_is_dead_however_rarely_it_is_looked_for() {
        for (pause, looks) in [(100, 21), (500, 5), (2000, 3), (60_000, 3)] {
            let mut guardian = Guardian::default();
            let pause = Duration::from_millis(pause);
            guardian.note(pause, true);
            for look in 1..=looks {
                assert!(!guardian.is_dead(), "{pause:?}: look {look}");
                guardian.note(pause, false);
            }
            assert!(guardian.is_dead(), "{pause:?}");
            guardian.note(pause, true);
            assert!(!guardian.is_dead(), "{pause:?}: it lives again");
            guardian.note(pause, false);
            assert!(!guardian.is_dead(), "{pause:?}: it let go for a moment");
        }
    }

    #[test]
    fn a_turn_is_due_when_enough_is_written_wherever_the_log_starts_anew() {
        let mut turns = Turns::default();
        let mut is_due_at = |log_pages| {
            turns.note(log_pages);
            let is_due = turns.is_due();
            if is_due {
                turns.pages = 0;
            }
            is_due
        };
        assert!(!is_due_at(PAGES_PER_TURN - 10));
        assert!(!is_due_at(PAGES_PER_TURN - 10), "nothing was written");
        assert!(!is_due_at(9), "it started anew");
        assert!(is_due_at(10));
        assert!(!is_due_at(PAGES_PER_TURN), "ten were counted before");
        assert!(is_due_at(PAGES_PER_TURN + 10));
    }
}
