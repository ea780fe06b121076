//! What becomes of a job that was tried: done, put off, or given up.

use super::mark_stale::{MailOutcome, count_mail};
use crate::clock::Timestamp;
use crate::domain::job::{Breaker, Job, JobState, Lane, REASON_CHARS_MAX, backoff_millis};
use crate::ids::{AccountId, JobId};
use crate::store::error::StoreError;
use crate::store::tables::jobs::JobRow;
use crate::store::tables::{destinations, jobs, mail_standing};
use crate::store::units::digest::close_digest;
use crate::store::writer::{Unit, UnitError, Write};

/// A job is done.
#[derive(Debug, Clone, Copy)]
pub struct FinishJob {
    /// Which.
    pub job: JobId,
}

impl Unit for FinishJob {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        let Some(row) = jobs::find(write.connection, self.job)? else {
            return Ok(());
        };
        jobs::delete(write.connection, self.job)?;
        close_breaker(write, &row.destination)?;
        count(write, &row, MailOutcome::Sent)?;
        if let Ok(Job::DigestMail {
            account,
            until: Some(until),
        }) = row.job
        {
            close_digest(write, account, until)?;
        }
        Ok(())
    }
}

/// A destination answered, if only to say no: the others may be tried.
fn close_breaker(write: &Write<'_>, destination: &str) -> Result<(), StoreError> {
    let found = destinations::find(write.connection, destination)?;
    if found.is_some_and(|found| found.breaker != Breaker::default()) {
        destinations::set_breaker(write.connection, destination, Breaker::default(), None)?;
    }
    Ok(())
}

/// The job that a worker reports on, as long as it runs: who comes late with bad news finds that others have judged.
fn running(write: &Write<'_>, job: JobId) -> Result<Option<JobRow>, StoreError> {
    let found = jobs::find(write.connection, job)?;
    Ok(found.filter(|row| row.state == JobState::Running))
}

/// Why a job could not be done yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setback {
    /// Its destination can't be reached: no fault of the job, so the attempt doesn't count.
    Unreachable,
    /// It was turned away for now.
    Deferred,
}

/// A job is tried again later.
#[derive(Debug, Clone)]
pub struct RetryJob {
    /// Which.
    pub job: JobId,
    /// Whose fault it was.
    pub setback: Setback,
    /// What was said.
    pub reason: String,
    /// A random number that spreads the next attempts.
    pub chance: u16,
}

impl Unit for RetryJob {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        let connection = write.connection;
        let Some(row) = running(write, self.job)? else {
            return Ok(());
        };
        let reason = shortened(&self.reason);
        let mut attempts = row.attempts;
        match self.setback {
            Setback::Unreachable => {
                attempts = (attempts - 1).max(0);
                if let Some(destination) = destinations::find(connection, &row.destination)? {
                    let breaker = destination.breaker.failed(write.now.millis(), self.chance);
                    let reason = Some(reason.as_str());
                    destinations::set_breaker(connection, &row.destination, breaker, reason)?;
                }
            }
            Setback::Deferred => close_breaker(write, &row.destination)?,
        }
        if jobs::is_to_nobody(connection, self.job)? {
            return forget(write, self.job);
        }
        let pause = backoff_millis(attempts.max(1), self.chance);
        let run_at = write.now.plus_millis(pause);
        jobs::put_off(connection, self.job, run_at, attempts, Some(&reason))?;
        Ok(())
    }
}

/// An address that the mail server doesn't know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounced {
    /// Whose.
    pub account: AccountId,
    /// The address as it was written to: the account may have another one, or this may be one that it only wants to have.
    pub email: String,
}

/// A job is given up for good.
#[derive(Debug, Clone)]
pub struct BuryJob {
    /// Which.
    pub job: JobId,
    /// Why.
    pub reason: String,
    /// The address that proved to be no good.
    pub bounced: Option<Bounced>,
}

impl Unit for BuryJob {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        let reason = shortened(&self.reason);
        if let Some(row) = running(write, self.job)? {
            if jobs::is_to_nobody(write.connection, self.job)? {
                count(write, &row, MailOutcome::Failed)?;
                forget(write, self.job)?;
            } else {
                give_up(write, &row, &reason)?;
            }
            close_breaker(write, &row.destination)?;
        }
        if let Some(Bounced { account, email }) = &self.bounced {
            let standing = mail_standing::address(write.connection, *account)?;
            if standing.is_some_and(|standing| standing.email == *email) {
                mail_standing::set_bounced(write.connection, *account, write.now, &reason)?;
            }
        }
        Ok(())
    }
}

/// Removes mail to somebody who was deleted meanwhile: why it failed names the address.
fn forget(write: &mut Write<'_>, job: JobId) -> Result<(), UnitError> {
    jobs::delete(write.connection, job)?;
    write.forget_soon()?;
    Ok(())
}

/// Ends a job that didn't succeed; it is kept for somebody to look at.
pub(super) fn give_up(write: &Write<'_>, row: &JobRow, reason: &str) -> Result<(), StoreError> {
    jobs::bury(write.connection, row.id, write.now, &shortened(reason))?;
    count(write, row, MailOutcome::Failed)
}

fn count(write: &Write<'_>, row: &JobRow, outcome: MailOutcome) -> Result<(), StoreError> {
    match &row.job {
        Ok(job) if job.lane() == Lane::Mail => count_mail(write, outcome, 1),
        _ => Ok(()),
    }
}

/// A reason, as much of it as is kept.
pub(super) fn shortened(reason: &str) -> String {
    reason.chars().take(REASON_CHARS_MAX).collect()
}

/// Puts a running job off without a reproach: it was not its time.
pub(super) fn postpone(write: &Write<'_>, job: JobId, run_at: Timestamp) -> Result<(), StoreError> {
    let Some(row) = running(write, job)? else {
        return Ok(());
    };
    let attempts = (row.attempts - 1).max(0);
    jobs::put_off(
        write.connection,
        job,
        run_at,
        attempts,
        row.last_error.as_deref(),
    )
}

/// A job stands back for others; it goes on after a pause, without one as soon as nobody else is there.
#[derive(Debug, Clone, Copy)]
pub struct YieldJob {
    /// Which.
    pub job: JobId,
    /// The pause, in milliseconds.
    pub pause_millis: i64,
}

impl Unit for YieldJob {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        postpone(write, self.job, write.now.plus_millis(self.pause_millis))?;
        Ok(())
    }
}
