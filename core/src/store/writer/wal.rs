//! The write-ahead log is kept short: copied into the database between commits, by the only connection that writes.

use std::path::Path;
use std::time::Duration;

use super::{WriterThread, foreign};
use crate::clock::Moment;
use crate::store::open::{self, Checkpoints};

/// After so many units a log that a reader holds is tried again, however rarely it is looked after else.
pub(super) const UNITS_PER_RETRY: usize = 1000;

/// And so often one that nobody else looks after any more: that is for a long time, and its file doesn't get shorter.
const UNITS_PER_FOREIGN_RETRY: usize = UNITS_PER_RETRY / 8;

/// How long everybody waits for whoever reads while the log is to be emptied because of what was deleted: that can be done again
/// soon, where a log that grows can't wait.
const PATIENCE: Duration = Duration::from_millis(50);

/// How often it is looked whether another program holds the log.
const GUARDIAN_PAUSE: Duration = Duration::from_millis(100);
/// For how long nobody may have held it before the program that should look after it is taken for dead: a living one lets go for a
/// moment when it checkpoints.
const GUARDIAN_ABSENT: Duration = Duration::from_secs(2);

/// And so often in a row it must have been missed: it is only looked for after a commit, and those may be seconds apart.
const ABSENCES_MIN: u32 = 3;

/// The program that should look after the log, as far as it was seen.
#[derive(Debug, Default)]
pub(super) struct Guardian {
    looked_at: Option<Moment>,
    /// How often in a row nobody held the log.
    absences: u32,
    /// For how long: from the first of those looks to the last.
    absent_for: Duration,
    is_told: bool,
}

impl Guardian {
    /// Looks, unless that was done a moment ago.
    fn look(&mut self, index: &Path) {
        let passed = self.looked_at.map_or(Duration::MAX, since);
        if passed >= GUARDIAN_PAUSE {
            self.looked_at = Some(Moment::now());
            self.note(passed, foreign::is_held(index));
        }
    }

    /// Takes in what was seen so long after the last look.
    fn note(&mut self, passed: Duration, is_held: bool) {
        if is_held {
            self.absences = 0;
            self.absent_for = Duration::ZERO;
            return;
        }
        if self.absences > 0 {
            self.absent_for = self.absent_for.saturating_add(passed);
        }
        self.absences = self.absences.saturating_add(1);
    }

    fn is_dead(&self) -> bool {
        self.absences >= ABSENCES_MIN && self.absent_for >= GUARDIAN_ABSENT
    }
}

fn since(moment: Moment) -> Duration {
    Duration::from_nanos(moment.elapsed_nanos())
}

impl WriterThread {
    /// Copies the log into the database when it is time, so that it starts anew.
    pub(super) fn bound_wal(&mut self) {
        if let Checkpoints::External { wal_bytes_max } = self.disk_use.checkpoints {
            self.wishes.checkpoint = false;
            self.bound_foreign_wal(wal_bytes_max);
            return;
        }
        // Whoever holds the log for long says so, and looks himself how long it gets: nobody's write waits for him.
        let is_held = self.long_reads.are_held();
        if std::mem::take(&mut self.wishes.checkpoint) && !is_held {
            if !self.empty_log_if_free() {
                self.was_blocked = false;
                self.units_since_checkpoint = 0;
            }
            return;
        }
        let is_large = self.log_is_large();
        // A reader that holds an old snapshot keeps the WAL growing: at the bound the writer waits for it. One that holds
        // it longer than that, such as a backup, is asked again only now and then, or every batch would wait.
        let is_urgent = is_large && !self.was_blocked && !is_held;
        let units_max = if self.was_blocked {
            UNITS_PER_RETRY
        } else {
            self.disk_use.units_per_checkpoint
        };
        if !is_urgent && self.units_since_checkpoint < units_max {
            return;
        }
        let was_blocked = self.checkpoint(if is_large && !is_held {
            "TRUNCATE"
        } else {
            "PASSIVE"
        });
        self.was_blocked = was_blocked && is_large && !is_held;
        self.units_since_checkpoint = 0;
    }

    /// Takes the place of the program that should look after the log once that let it grow over its bound and is dead. As long
    /// as it lives, however slowly, nothing is checkpointed: for its own checkpoints it lets go of the log for a moment, and a
    /// log that somebody else has taken in already would start anew then, over what it hasn't copied yet. And while it holds
    /// the log, a checkpoint couldn't make that shorter.
    fn bound_foreign_wal(&mut self, wal_bytes_max: u64) {
        let wal = open::wal_of(&self.data_dir.database());
        let bytes = std::fs::metadata(&wal).map_or(0, |metadata| metadata.len());
        // However short the log is: who is dead is known by the time it matters.
        self.guardian
            .look(&open::index_of(&self.data_dir.database()));
        if bytes < wal_bytes_max {
            self.guardian.is_told = false;
            self.was_blocked = false;
            return;
        }
        if !self.guardian.is_dead() {
            if !self.guardian.is_told {
                tracing::warn!(target: "kinglet::store::writer", bytes, "the program that checkpoints the database is too slow, or hangs");
                self.guardian.is_told = true;
            }
            return;
        }
        if self.was_blocked && self.units_since_checkpoint < UNITS_PER_FOREIGN_RETRY {
            return;
        }
        self.units_since_checkpoint = 0;
        if !self.was_blocked {
            tracing::warn!(target: "kinglet::store::writer", bytes, "nobody else checkpoints the database: kinglet does it, and the replica has to begin anew");
            self.was_blocked = true;
        }
        self.checkpoint("PASSIVE");
    }

    /// Empties the log unless somebody reads for long; answers whether a reader held it back.
    pub(super) fn empty_log_if_free(&mut self) -> bool {
        self.wait_at_most(PATIENCE);
        let was_blocked = self.measured_checkpoint("TRUNCATE");
        self.wait_at_most(open::BUSY_TIMEOUT);
        was_blocked
    }

    /// For how long SQLite waits for whoever has the database, from now on.
    fn wait_at_most(&self, time: Duration) {
        if let Err(error) = self.connection.busy_timeout(time) {
            // It waits as before, that is all.
            tracing::warn!(target: "kinglet::store::writer", %error, "SQLite can't be told how long to wait");
        }
    }

    fn log_is_large(&self) -> bool {
        let wal = open::wal_of(&self.data_dir.database());
        std::fs::metadata(&wal).is_ok_and(|metadata| metadata.len() >= self.disk_use.wal_bytes_max)
    }

    /// Copies the log into the database; answers whether a reader held it back.
    pub(super) fn checkpoint(&mut self, mode: &str) -> bool {
        let was_blocked = self.measured_checkpoint(mode);
        // A passive checkpoint never waits: it goes as far as the oldest reader lets it.
        if was_blocked && mode != "PASSIVE" {
            tracing::warn!(target: "kinglet::store::writer", mode, "a reader held the write-ahead log for too long");
        }
        was_blocked
    }

    fn measured_checkpoint(&mut self, mode: &str) -> bool {
        self.pulse.at_work();
        let begun = Moment::now();
        let was_blocked = self.run_checkpoint(mode);
        if let Some(figures) = &self.figures {
            let figures = match mode {
                "PASSIVE" => &figures.passive,
                _ => &figures.truncating,
            };
            figures.time.observe(begun.elapsed_nanos());
            if was_blocked {
                figures.blocked.count();
            }
        }
        was_blocked
    }

    fn run_checkpoint(&mut self, mode: &str) -> bool {
        let done =
            self.connection
                .query_row(&format!("PRAGMA wal_checkpoint({mode})"), (), |row| {
                    row.get::<_, bool>(0)
                });
        match done {
            Ok(was_blocked) => {
                self.log_is_stuck = false;
                if !was_blocked && mode == "TRUNCATE" {
                    self.leftovers.set(false);
                }
                was_blocked
            }
            Err(error) => {
                // Until the bound the log takes what the database can't.
                self.log_is_stuck = self.log_is_large();
                if self.log_is_stuck {
                    self.failed("can't checkpoint", &error.into());
                    return false;
                }
                tracing::warn!(target: "kinglet::store::writer", %error, mode, "the write-ahead log can't be checkpointed now");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
