//! A COMMIT whose outcome is unknown: nobody is answered, and nothing is written, before it was looked up.

use std::time::Duration;

use rusqlite::Connection;

use super::WriterThread;
use crate::store::error::StoreError;
use crate::store::open;
use crate::store::tables::meta;

/// How often it is looked what became of a commit that failed, and how long between two looks; meanwhile nobody is answered.
pub(super) const DOUBT_LOOKS_MAX: usize = 50;
const DOUBT_PAUSE: Duration = Duration::from_millis(100);

impl WriterThread {
    /// The same database on a new connection, never another one that lies there now.
    pub(super) fn reopened(&self) -> Result<Connection, StoreError> {
        let database = self.data_dir.database();
        if !self.soundness.is_in_place() {
            self.soundness.is_gone();
            return Err(StoreError::File {
                action: "the database is not where it was",
                path: database,
                source: std::io::ErrorKind::NotFound.into(),
            });
        }
        open::open_writer(&database, self.disk_use)
    }

    /// After a COMMIT that failed: takes the transaction back if it still stands, else looks whether the commit is in the
    /// database, so often, with pauses, until it can be seen. `None` when it never could.
    pub(super) fn look_after_failed_commit(&mut self, looks: usize) -> Option<bool> {
        if !self.connection.is_autocommit() {
            self.roll_back();
            return Some(false);
        }
        for look in 1..=looks {
            match self.find_commit() {
                Ok(found) => {
                    let committed = found > self.commit;
                    self.commit = found;
                    return Some(committed);
                }
                Err(error) => self.failed("can't see what became of a commit", &error),
            }
            if self.hurries.is_on() || look == looks {
                break;
            }
            rest(DOUBT_PAUSE);
        }
        None
    }

    /// The number of the newest commit: by a new connection, which then replaces the old one, or by the old one.
    fn find_commit(&mut self) -> Result<i64, StoreError> {
        let reopened = self
            .reopened()
            .and_then(|connection| Ok((meta::commit(&connection)?, connection)));
        match reopened {
            Ok((found, connection)) => {
                self.connection = connection;
                self.tap.begin_anew();
                self.soundness.opened();
                Ok(found)
            }
            Err(error) => {
                self.failed("can't open the database anew", &error);
                meta::commit(&self.connection)
            }
        }
    }

    /// Nothing is written before it is known what became of a commit in doubt, and those who keep something in memory
    /// know it too. False when it can't be known yet.
    pub(super) fn settle_doubt(&mut self) -> bool {
        let Some(events) = self.in_doubt.take() else {
            return true;
        };
        match self.look_after_failed_commit(1) {
            Some(committed) => {
                if committed {
                    // Nothing was begun since that commit: its wishes are still there.
                    self.note_leftovers();
                    self.deliver(events);
                }
                true
            }
            None => {
                self.in_doubt = Some(events);
                false
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "neither a disk that fails nor a program that wants the database tells when it is time to go on"
)]
pub(super) fn rest(pause: Duration) {
    std::thread::sleep(pause);
}
