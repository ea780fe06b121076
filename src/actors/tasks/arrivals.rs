//! Takes in the archives that members uploaded: one at a time, in shifts, so that a job ends before its lease does, and each
//! shift goes on where the last one noted that it was.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use super::lane::chance;
use crate::Actors;
use crate::archives::import::{Archive, Arrival, Course, Report, Taker};
use crate::archives::kept::Shelf;
use crate::archives::taking::Importer;
use crate::archives::{ArchiveError, Batch};
use crate::clock::{Moment, SharedClock};
use crate::config::Config;
use crate::domain::arrival::Fate;
use crate::domain::arriving::{Arriving, Outcome};
use crate::domain::job::LeasedJob;
use crate::error::AskError;
use crate::ids::AccountId;
use crate::randomness::Randomness;
use crate::store::queries::archive::FindArrival;
use crate::store::units::{EndArrival, FinishJob, NoteArrival, RetryJob, Setback, YieldJob};

/// How long one archive is taken in before others have their turn; far less than a lease.
const SHIFT_TIME_MAX: Duration = Duration::from_secs(60);
/// How long an archive is taken in altogether, from when it was uploaded, in milliseconds.
const TIME_MILLIS_MAX: i64 = 7 * 24 * 60 * 60 * 1000;
/// How often it is noted how far it is, and looked whether anybody wants the rest.
const NOTE_PAUSE: Duration = Duration::from_secs(1);
/// How long the others wait before they look again, in milliseconds.
const WAIT_MILLIS: i64 = 5_000;
/// How often an archive is tried that can't be read or stored.
const ATTEMPTS_MAX: i64 = 8;
/// How often a batch is tried for which the writer has no room, and the pause between.
const BUSY_TRIES_MAX: usize = 50;
const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// Who takes them in.
pub(super) struct Arrivals {
    pub(super) actors: Actors,
    pub(super) config: Arc<Config>,
    pub(super) clock: SharedClock,
    pub(super) importer: Importer,
    pub(super) randomness: Randomness,
    /// Room for one: it stays taken as long as somebody reads, whoever waits for that.
    desk: Arc<Semaphore>,
}

/// How a shift ended.
enum Shift {
    /// All of it is in.
    Whole,
    /// There is more.
    More,
    /// Nobody wants it any more.
    Unwanted,
}

impl Arrivals {
    pub(super) fn new(
        actors: Actors,
        config: Arc<Config>,
        clock: SharedClock,
        importer: Importer,
        randomness: Randomness,
    ) -> Self {
        Self {
            actors,
            config,
            clock,
            importer,
            randomness,
            desk: Arc::new(Semaphore::new(1)),
        }
    }

    /// Takes in as much of an archive as a shift allows, and settles its job.
    pub(super) async fn work(&self, job: &LeasedJob, account: AccountId) -> Result<(), AskError> {
        let found = self.actors.find(FindArrival { account }).await?;
        let under_way = found.filter(|found| found.ended.is_none());
        let Some((file, arriving)) = under_way.and_then(|found| Some((found.file.clone()?, found)))
        else {
            return self.actors.perform(FinishJob { job: job.id }).await;
        };
        let Ok(seat) = Arc::clone(&self.desk).try_acquire_owned() else {
            let wait = YieldJob {
                job: job.id,
                pause_millis: WAIT_MILLIS,
            };
            return self.actors.perform(wait).await;
        };
        let path = Shelf::Uploads.place_in(&self.config.storage.data_dir, &file);
        let (outcome, reason) = match self.shift(account, &path, arriving, seat).await {
            Ok(Shift::More) => {
                let yields = YieldJob {
                    job: job.id,
                    pause_millis: 0,
                };
                return self.actors.perform(yields).await;
            }
            Ok(Shift::Unwanted) => return self.actors.perform(FinishJob { job: job.id }).await,
            Ok(Shift::Whole) => (Outcome::Done, None),
            Err(ArchiveError::Refused(why) | ArchiveError::Taker(why)) => {
                (Outcome::Refused, Some(why))
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(target: "kinglet::actors::tasks::arrivals", job = %job.id, %error, cause, "an archive can't be taken in now");
                if job.attempt < ATTEMPTS_MAX {
                    let retry = RetryJob {
                        job: job.id,
                        setback: Setback::Deferred,
                        reason: error.to_string(),
                        chance: chance(&self.randomness),
                    };
                    return self.actors.perform(retry).await;
                }
                let why = "the server can't read it or store what is in it".to_owned();
                (Outcome::Refused, Some(why))
            }
        };
        let end = EndArrival {
            account,
            file,
            outcome,
            reason,
        };
        self.actors.perform(end).await?;
        remove(&path);
        self.actors.perform(FinishJob { job: job.id }).await
    }

    async fn shift(
        &self,
        account: AccountId,
        path: &Path,
        arriving: Arriving,
        seat: OwnedSemaphorePermit,
    ) -> Result<Shift, ArchiveError> {
        let reader = ArchiveReader {
            path: path.to_owned(),
            arrival: Arrival {
                local_host: self.importer.host().to_owned(),
                now: self.clock.now(),
            },
            account,
            actors: self.actors.clone(),
            importer: self.importer.clone(),
            runtime: Handle::current(),
            _seat: seat,
        };
        match tokio::task::spawn_blocking(move || reader.read(&arriving)).await {
            Ok(ended) => ended,
            Err(_) => Err(ArchiveError::Gone("the work broke off".to_owned())),
        }
    }
}

/// Removes a file that nobody needs any more. What is left all the same goes with the next sweep.
pub(super) fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::debug!(target: "kinglet::actors::tasks::arrivals", %error, "an archive can't be removed");
    }
}

/// Reads an archive on a thread of its own.
struct ArchiveReader {
    path: PathBuf,
    arrival: Arrival,
    account: AccountId,
    actors: Actors,
    importer: Importer,
    runtime: Handle,
    _seat: OwnedSemaphorePermit,
}

impl ArchiveReader {
    fn read(&self, arriving: &Arriving) -> Result<Shift, ArchiveError> {
        let now = self.arrival.now;
        if now > arriving.asked_at.plus_millis(TIME_MILLIS_MAX) {
            return Err(ArchiveError::refused("it isn't in after a week"));
        }
        let archive = Archive::open_named(&self.path, &arriving.name, self.arrival.clone())?;
        let begun = Course {
            done: usize::try_from(arriving.done).unwrap_or(0),
            report: Report::from_json(&arriving.report).unwrap_or_default(),
        };
        // Whoever waits sees how much there is.
        if !self.note(arriving, &archive, &begun)? {
            return Ok(Shift::Unwanted);
        }
        // What is passed over because it is done is no part of a shift: however long that takes, the shift gets on.
        let (mut shift_began, mut noted) = (None, Moment::now());
        let mut done = begun.done;
        let mut failure = None;
        let mut taker = Batches { reader: self };
        let mut is_wanted = true;
        let mut look = |course: &Course| {
            let gets_on = course.done > done;
            done = course.done;
            let is_over =
                gets_on && since(*shift_began.get_or_insert_with(Moment::now)) >= SHIFT_TIME_MAX;
            if !is_over && since(noted) < NOTE_PAUSE {
                return ControlFlow::Continue(());
            }
            noted = Moment::now();
            match self.note(arriving, &archive, course) {
                Ok(true) if !is_over => return ControlFlow::Continue(()),
                Ok(wanted) => is_wanted = wanted,
                Err(error) => failure = Some(error),
            }
            ControlFlow::Break(())
        };
        let taken = archive.go_on(begun, &mut taker, &mut look)?;
        if let Some(error) = failure {
            return Err(error);
        }
        if !is_wanted {
            return Ok(Shift::Unwanted);
        }
        let Some(whole) = taken else {
            return Ok(Shift::More);
        };
        Ok(match self.note(arriving, &archive, &whole)? {
            true => Shift::Whole,
            false => Shift::Unwanted,
        })
    }

    /// Notes how far it is; false when nobody wants the rest.
    fn note(
        &self,
        arriving: &Arriving,
        archive: &Archive,
        course: &Course,
    ) -> Result<bool, ArchiveError> {
        let count = |things: usize| i64::try_from(things).unwrap_or(i64::MAX);
        let note = NoteArrival {
            account: self.account,
            file: arriving.file.clone().unwrap_or_default(),
            things: count(archive.things()),
            done: count(course.done),
            report: course.report.to_json(),
        };
        self.perform(async || self.actors.perform(note.clone()).await)
    }

    /// Has something stored, from this thread. A writer that has no room for the moment is waited for.
    fn perform<T>(&self, work: impl AsyncFn() -> Result<T, AskError>) -> Result<T, ArchiveError> {
        self.runtime.block_on(async {
            let mut tries = 0;
            loop {
                tries += 1;
                match work().await {
                    Err(AskError::Busy) if tries < BUSY_TRIES_MAX => sleep(BUSY_PAUSE).await,
                    Err(AskError::Refused(refusal)) => {
                        return Err(ArchiveError::Taker(refusal.to_string()));
                    }
                    Err(error) => return Err(ArchiveError::Gone(error.to_string())),
                    Ok(done) => return Ok(done),
                }
            }
        })
    }
}

fn since(moment: Moment) -> Duration {
    Duration::from_nanos(moment.elapsed_nanos())
}

/// Hands batches over to the writer.
struct Batches<'a> {
    reader: &'a ArchiveReader,
}

impl Taker for Batches<'_> {
    fn take(&mut self, batch: Batch) -> Result<Vec<Fate>, ArchiveError> {
        let reader = self.reader;
        reader.perform(async || reader.importer.take(reader.account, batch.clone()).await)
    }
}
