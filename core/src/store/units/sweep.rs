//! What has expired is forgotten. Whether something has expired is asked wherever it is used; this keeps tables small.

use super::access_rules::{end_all_access, tell_revoked};
use super::lease_jobs::is_too_old;
use super::publish_post::IDEMPOTENCY_KEY_MILLIS;
use super::review_account::remove_newcomer;
use super::settle_job::give_up;
use crate::clock::Timestamp;
use crate::domain::access::{CONFIRMATION_MILLIS_MAX, SESSION_IDLE_MILLIS_MAX};
use crate::domain::job::{DEAD_MILLIS_MAX, MAIL_AGE_MILLIS_MAX};
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;
use crate::store::tables::{
    apps, codes, credentials, idempotency_keys, jobs, links, sessions, tokens,
};
use crate::store::writer::{Unit, UnitError, Write};

/// The most rows that one unit forgets.
pub const ROWS_PER_SWEEP_MAX: usize = 200;
/// How long a client is remembered that nobody has a token for or ever wrote with, in milliseconds: 7 days.
pub const APP_UNUSED_MILLIS_MAX: i64 = 7 * 24 * 60 * 60 * 1000;
/// How long a code is remembered after it expired, in milliseconds: a thief may come late.
const CODE_MEMORY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// A sweep: forgets a bounded number of rows and answers whether more may be left.
macro_rules! sweeps {
    ($($(#[$doc:meta])* $name:ident = $sweep:path;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default)]
        pub struct $name;

        impl Unit for $name {
            type Answer = bool;

            fn apply(&self, write: &mut Write<'_>) -> Result<bool, UnitError> {
                $sweep(write)
            }
        }
    )*};
}
sweeps! {
    /// Forgets expired codes of OAuth and expired links.
    SweepCodes = sweep_codes;
    /// Ends sessions that nobody used for long.
    SweepSessions = sweep_sessions;
    /// Forgets clients that nobody has a token for or ever wrote with.
    SweepApplications = sweep_applications;
    /// Forgets sign-ups whose mail address was not confirmed in time: their names are free again.
    SweepSignUps = sweep_sign_ups;
    /// Forgets the keys of retries that come no more.
    SweepIdempotencyKeys = sweep_idempotency_keys;
    /// Gives up mail that is too late, and forgets what has been dead for long.
    SweepJobs = sweep_jobs;
}

fn sweep_codes(write: &mut Write<'_>) -> Result<bool, UnitError> {
    let until = write.now.plus_millis(-CODE_MEMORY_MILLIS);
    let codes = codes::delete_until(write.connection, until, ROWS_PER_SWEEP_MAX)?;
    let links = links::delete_until(write.connection, write.now, ROWS_PER_SWEEP_MAX)?;
    Ok(codes.max(links) == ROWS_PER_SWEEP_MAX)
}

fn sweep_sessions(write: &mut Write<'_>) -> Result<bool, UnitError> {
    let until = write.now.plus_millis(-SESSION_IDLE_MILLIS_MAX);
    let ended = sessions::delete_idle(write.connection, until, ROWS_PER_SWEEP_MAX)?;
    let is_more = ended.len() == ROWS_PER_SWEEP_MAX;
    tell_revoked(write, ended);
    Ok(is_more)
}

fn sweep_applications(write: &mut Write<'_>) -> Result<bool, UnitError> {
    let until = write.now.plus_millis(-APP_UNUSED_MILLIS_MAX);
    Ok(forget_unused_apps(write, until, ROWS_PER_SWEEP_MAX)? == ROWS_PER_SWEEP_MAX)
}

/// Forgets up to `limit` clients registered until `until` that nobody uses, the oldest first; how many there were.
pub(super) fn forget_unused_apps(
    write: &mut Write<'_>,
    until: Timestamp,
    limit: usize,
) -> Result<usize, StoreError> {
    let unused = apps::unused_until(write.connection, until, limit)?;
    let mut ended = Vec::new();
    for app in &unused {
        ended.extend(tokens::delete_surplus_of_client(write.connection, *app, 0)?);
        apps::delete(write.connection, *app)?;
    }
    tell_revoked(write, ended);
    Ok(unused.len())
}

fn sweep_sign_ups(write: &mut Write<'_>) -> Result<bool, UnitError> {
    let until = write.now.plus_millis(-CONFIRMATION_MILLIS_MAX);
    let until = AccountId::floor_of(until);
    let unconfirmed = credentials::unconfirmed_until(write.connection, until, ROWS_PER_SWEEP_MAX)?;
    for account in &unconfirmed {
        end_all_access(write, *account)?;
        remove_newcomer(write, *account)?;
    }
    Ok(unconfirmed.len() == ROWS_PER_SWEEP_MAX)
}

fn sweep_idempotency_keys(write: &mut Write<'_>) -> Result<bool, UnitError> {
    let until = write.now.plus_millis(-IDEMPOTENCY_KEY_MILLIS);
    let first_kept = PostId::floor_of(until.plus_millis(1));
    let deleted = idempotency_keys::delete_below(write.connection, first_kept, ROWS_PER_SWEEP_MAX)?;
    Ok(deleted == ROWS_PER_SWEEP_MAX)
}

fn sweep_jobs(write: &mut Write<'_>) -> Result<bool, UnitError> {
    let until = write.now.plus_millis(-MAIL_AGE_MILLIS_MAX);
    let late = jobs::waiting_since(write.connection, until, ROWS_PER_SWEEP_MAX)?;
    let mut buried = 0;
    for row in &late {
        let Ok(job) = &row.job else { continue };
        if is_too_old(job, row.made_at.millis(), write.now.millis()) {
            let reason = row.last_error.as_deref().unwrap_or("it was never tried");
            give_up(write, row, &format!("too late: {reason}"))?;
            buried += 1;
        }
    }
    let until = write.now.plus_millis(-DEAD_MILLIS_MAX);
    let forgotten = jobs::delete_dead(write.connection, until, ROWS_PER_SWEEP_MAX)?;
    Ok(buried == ROWS_PER_SWEEP_MAX || forgotten == ROWS_PER_SWEEP_MAX)
}
