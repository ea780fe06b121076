//! The write-ahead log is kept short: copied into the database between commits, by the only connection that writes.

use std::time::Duration;

use super::WriterThread;
use crate::clock::Moment;
use crate::store::open::{self, Checkpoints};

/// After so many units a log that a reader holds is tried again, however rarely it is looked after else.
pub(super) const UNITS_PER_RETRY: usize = 1000;

/// How long everybody waits for whoever reads while the log is to be emptied because of what was deleted: that can be done again
/// soon, where a log that grows can't wait.
const PATIENCE: Duration = Duration::from_millis(50);

impl WriterThread {
    /// Copies the log into the database when it is time, so that it starts anew.
    pub(super) fn bound_wal(&mut self) {
        if let Checkpoints::External { wal_bytes_max } = self.disk_use.checkpoints {
            self.wishes.checkpoint = false;
            self.leave_log_to_guardian(wal_bytes_max);
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

    /// Copies a log into the database that the disk didn't take in when it was tried last.
    pub(super) fn retry_checkpoint(&mut self) {
        match self.disk_use.checkpoints {
            Checkpoints::Own => {
                self.checkpoint("TRUNCATE");
            }
            Checkpoints::External { .. } => self.retry_in_place_of_guardian(),
        }
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
