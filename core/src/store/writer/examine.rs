//! A database that seems damaged is looked at as a whole before anything is written to it again: what looked like damage may
//! have been a disk that couldn't be read.

use std::time::Duration;

use super::WriterThread;
use crate::clock::Moment;
use crate::store::error::StoreError;
use crate::store::open::{self, MemoryUse};
use crate::store::soundness::Trouble;

/// How long after one look the next one is, at first and at most: a look reads all of the database.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(600);
/// What SQLite says of a sound database.
const SOUND: &str = "ok";

/// When to look.
#[derive(Debug, Default)]
pub(super) struct Examination {
    /// The last look, or the moment in which there was something to look at, and how long the next one has to wait.
    last: Option<(Moment, Duration)>,
}

impl Examination {
    /// Whether it is time.
    fn is_due(&mut self) -> bool {
        match &mut self.last {
            None => {
                self.last = Some((Moment::now(), PAUSE_MIN));
                false
            }
            Some((at, pause)) if Duration::from_nanos(at.elapsed_nanos()) >= *pause => {
                *at = Moment::now();
                *pause = (*pause * 2).min(PAUSE_MAX);
                true
            }
            Some(_) => false,
        }
    }
}

impl WriterThread {
    /// Whether a look at the whole database, if it is time for one, finds no damage.
    pub(super) fn proves_sound(&mut self) -> bool {
        if !self.examination.is_due() {
            return false;
        }
        match self.examine() {
            Ok(said) if said == SOUND => {
                self.examination = Examination::default();
                self.soundness.is_undamaged();
                true
            }
            Ok(_) => false,
            Err(error) => {
                if Trouble::of(&error).is_none() {
                    self.failed("can't examine the database", &error);
                }
                false
            }
        }
    }

    fn examine(&self) -> Result<String, StoreError> {
        self.pulse.at_work();
        let connection = open::open_reader(&self.data_dir.database(), MemoryUse::READER)?;
        Ok(connection.query_row("PRAGMA quick_check(1)", (), |row| row.get(0))?)
    }
}
