//! Jobs that wait, run or are dead.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::clock::Timestamp;
use crate::domain::job::{Job, JobState, Lane, PAYLOAD_VERSION, Priority};
use crate::ids::{AccountId, JobId};
use crate::store::error::StoreError;
use crate::store::tables::first_column;

/// A job as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    /// Its number.
    pub id: JobId,
    /// What kind of work.
    pub kind: String,
    /// What is to be done; the reason when this kinglet doesn't understand it.
    pub job: Result<Job, String>,
    /// Where it leads to.
    pub destination: String,
    /// Where it is in its life.
    pub state: JobState,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is due, its lease ends, or it died.
    pub run_at: Timestamp,
    /// When it was asked for.
    pub made_at: Timestamp,
    /// Why it failed last.
    pub last_error: Option<String>,
}

const COLUMNS: &str =
    "id, kind, version, payload, destination, state, attempts, run_at, made_at, last_error";

fn row(row: &Row<'_>) -> rusqlite::Result<JobRow> {
    let kind: String = row.get(1)?;
    Ok(JobRow {
        id: row.get(0)?,
        job: decode(&kind, row.get(2)?, row.get_ref(3)?.as_str()?),
        kind,
        destination: row.get(4)?,
        state: row.get(5)?,
        attempts: row.get(6)?,
        run_at: row.get(7)?,
        made_at: row.get(8)?,
        last_error: row.get(9)?,
    })
}

fn decode(kind: &str, version: i64, payload: &str) -> Result<Job, String> {
    if version > PAYLOAD_VERSION {
        return Err(format!("version {version} of this job is unknown here"));
    }
    let payload: serde_json::Value =
        serde_json::from_str(payload).map_err(|error| error.to_string())?;
    serde_json::from_value(serde_json::json!({ "kind": kind, "payload": payload }))
        .map_err(|error| error.to_string())
}

/// Kind and payload, as they are stored.
fn encode(job: &Job) -> (String, String) {
    let mut json = serde_json::to_value(job).expect("jobs are plain values");
    let payload = json["payload"].take().to_string();
    let kind = json["kind"].as_str().unwrap_or_default().to_owned();
    (kind, payload)
}

/// Adds a job, unless one with its key waits or runs; true when it is new.
pub(in crate::store) fn insert(
    connection: &Connection,
    job: &Job,
    run_at: Timestamp,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (kind, payload) = encode(job);
    let inserted = connection
        .prepare_cached(
            "INSERT INTO jobs (kind, version, payload, destination, priority, dedup_key, run_at, made_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            kind,
            PAYLOAD_VERSION,
            payload,
            job.destination(),
            job.priority(),
            job.dedup_key(),
            run_at,
            now
        ])?;
    Ok(inserted == 1)
}

/// Takes back a job that waits or runs, by its key.
pub(in crate::store) fn delete_by_key(
    connection: &Connection,
    key: &str,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM jobs WHERE dedup_key = ?1 AND state < 2")?
        .execute([key])?;
    Ok(())
}

/// Whether everything of an account is still to be removed.
pub(in crate::store) fn is_purging(
    connection: &Connection,
    account: AccountId,
) -> Result<bool, StoreError> {
    let key = Job::PurgeAccount { account }.dedup_key();
    Ok(connection
        .prepare_cached("SELECT 1 FROM jobs WHERE dedup_key = ?1 AND state < 2")?
        .exists([key])?)
}

/// A job by its number.
pub(in crate::store) fn find(
    connection: &Connection,
    id: JobId,
) -> Result<Option<JobRow>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM jobs WHERE id = ?1"))?;
    Ok(statement.query_row([id], row).optional()?)
}

/// Jobs of a destination and a priority that are due, the longest due first.
pub(in crate::store) fn due(
    connection: &Connection,
    destination: &str,
    priority: Priority,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<JobRow>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM jobs
         WHERE destination = ?1 AND priority = ?2 AND state = 0 AND run_at <= ?3
         ORDER BY run_at LIMIT ?4"
    ))?;
    let rows = statement.query_map(params![destination, priority, now, limit as i64], row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// When the next job of a destination and a priority is due.
pub(in crate::store) fn next_due(
    connection: &Connection,
    destination: &str,
    priority: Priority,
) -> Result<Option<Timestamp>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT min(run_at) FROM jobs WHERE destination = ?1 AND priority = ?2 AND state = 0",
    )?;
    Ok(statement.query_row(params![destination, priority], |row| row.get(0))?)
}

/// When the first lease ends.
pub(in crate::store) fn next_lease_end(
    connection: &Connection,
) -> Result<Option<Timestamp>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT min(run_at) FROM jobs WHERE state = 1")?;
    Ok(statement.query_row((), |row| row.get(0))?)
}

/// Gives a job to a worker until the lease ends, and counts the attempt.
pub(in crate::store) fn lease(
    connection: &Connection,
    id: JobId,
    until: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE jobs SET state = 1, run_at = ?2, attempts = attempts + 1 WHERE id = ?1",
        )?
        .execute(params![id, until])?;
    Ok(())
}

/// Makes the jobs wait again whose lease ended until `now`; how many there were.
pub(in crate::store) fn release_ended(
    connection: &Connection,
    now: Timestamp,
) -> Result<usize, StoreError> {
    Ok(connection
        .prepare_cached("UPDATE jobs SET state = 0 WHERE state = 1 AND run_at <= ?1")?
        .execute([now])?)
}

/// Makes up to `limit` running jobs of a lane wait again, due at once, and takes `uncounted`
/// attempts of each back: nobody works on them any more.
pub(in crate::store) fn release_lane(
    connection: &Connection,
    lane: Lane,
    now: Timestamp,
    uncounted: i64,
    limit: usize,
) -> Result<usize, StoreError> {
    Ok(connection
        .prepare_cached(
            "UPDATE jobs SET state = 0, run_at = ?2, attempts = max(attempts - ?4, 0) WHERE id IN (
                 SELECT id FROM jobs WHERE state = 1
                     AND destination IN (SELECT name FROM destinations WHERE lane = ?1) LIMIT ?3)",
        )?
        .execute(params![lane, now, limit as i64, uncounted])?)
}

/// Makes a job wait until `run_at`, as a job of so many attempts.
pub(in crate::store) fn put_off(
    connection: &Connection,
    id: JobId,
    run_at: Timestamp,
    attempts: i64,
    reason: Option<&str>,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE jobs SET state = 0, run_at = ?2, attempts = ?3, last_error = ?4 WHERE id = ?1",
        )?
        .execute(params![id, run_at, attempts, reason])?;
    Ok(())
}

/// Replaces what is to be done; its key stays.
pub(in crate::store) fn set_job(
    connection: &Connection,
    id: JobId,
    job: &Job,
) -> Result<(), StoreError> {
    let (kind, payload) = encode(job);
    connection
        .prepare_cached("UPDATE jobs SET kind = ?2, version = ?3, payload = ?4 WHERE id = ?1")?
        .execute(params![id, kind, PAYLOAD_VERSION, payload])?;
    Ok(())
}

/// Gives a job up.
pub(in crate::store) fn bury(
    connection: &Connection,
    id: JobId,
    now: Timestamp,
    reason: &str,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE jobs SET state = 2, run_at = ?2, last_error = ?3 WHERE id = ?1")?
        .execute(params![id, now, reason])?;
    Ok(())
}

/// Makes a job wait as if it had never been tried; false when it isn't there, runs, or another one does its work.
pub(in crate::store) fn revive(
    connection: &Connection,
    id: JobId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let revived = connection
        .prepare_cached(
            "UPDATE OR IGNORE jobs
             SET state = 0, attempts = 0, run_at = ?2, made_at = iif(state = 2, ?2, made_at)
             WHERE id = ?1 AND state <> 1",
        )?
        .execute(params![id, now])?;
    Ok(revived == 1)
}

/// Removes a job; false when it isn't there.
pub(in crate::store) fn delete(connection: &Connection, id: JobId) -> Result<bool, StoreError> {
    let deleted = connection
        .prepare_cached("DELETE FROM jobs WHERE id = ?1")?
        .execute([id])?;
    Ok(deleted == 1)
}

/// Whether a job is mail to somebody who is gone or deleted.
pub(in crate::store) fn is_to_nobody(
    connection: &Connection,
    id: JobId,
) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM jobs WHERE id = ?1 AND destination = 'mail' AND payload ->> 'account' IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM accounts
                 WHERE accounts.id = CAST(payload ->> 'account' AS INTEGER) AND state <> 3)",
    )?;
    Ok(statement.exists([id])?)
}

/// Up to `limit` waiting jobs that leave the house and were asked for until `until`, oldest first.
pub(in crate::store) fn waiting_since(
    connection: &Connection,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<JobRow>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM jobs
         WHERE state = 0 AND made_at <= ?1 AND destination <> 'house' ORDER BY made_at LIMIT ?2"
    ))?;
    let rows = statement.query_map(params![until, limit as i64], row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Forgets up to `limit` jobs that died until `until`; how many there were.
pub(in crate::store) fn delete_dead(
    connection: &Connection,
    until: Timestamp,
    limit: usize,
) -> Result<usize, StoreError> {
    Ok(connection
        .prepare_cached(
            "DELETE FROM jobs WHERE id IN (
                 SELECT id FROM jobs WHERE state = 2 AND run_at <= ?1 ORDER BY run_at LIMIT ?2)",
        )?
        .execute(params![until, limit as i64])?)
}

/// How many jobs of a destination and a priority wait, counted up to `limit`.
pub(in crate::store) fn count_waiting(
    connection: &Connection,
    destination: &str,
    priority: Priority,
    limit: usize,
) -> Result<usize, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT count(*) FROM (
             SELECT 1 FROM jobs WHERE destination = ?1 AND priority = ?2 AND state = 0 LIMIT ?3)",
    )?;
    let count: i64 = statement.query_row(params![destination, priority, limit as i64], |row| {
        row.get(0)
    })?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// Whether a job that leads to a destination runs.
pub(in crate::store) fn runs_any(
    connection: &Connection,
    destination: &str,
) -> Result<bool, StoreError> {
    // Those that run are as few as workers.
    let mut statement = connection
        .prepare_cached("SELECT 1 FROM jobs WHERE state = 1 AND destination = ?1 LIMIT 1")?;
    Ok(statement.exists([destination])?)
}

/// Up to `limit` jobs that run, the first lease to end first.
pub(in crate::store) fn running(
    connection: &Connection,
    limit: usize,
) -> Result<Vec<JobRow>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM jobs WHERE state = 1 ORDER BY run_at LIMIT ?1"
    ))?;
    let rows = statement.query_map([limit as i64], row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Up to `limit` dead jobs, the latest death first.
pub(in crate::store) fn dead(
    connection: &Connection,
    limit: usize,
) -> Result<Vec<JobRow>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM jobs WHERE state = 2 ORDER BY run_at DESC LIMIT ?1"
    ))?;
    let rows = statement.query_map([limit as i64], row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many jobs are dead, counted up to `limit`.
pub(in crate::store) fn count_dead(
    connection: &Connection,
    limit: usize,
) -> Result<usize, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT count(*) FROM (SELECT 1 FROM jobs WHERE state = 2 LIMIT ?1)")?;
    let count: i64 = statement.query_row([limit as i64], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// Up to `limit` waiting jobs that failed before, the next due first within each priority.
pub(in crate::store) fn retrying(
    connection: &Connection,
    destination: &str,
    priority: Priority,
    limit: usize,
) -> Result<Vec<JobRow>, StoreError> {
    // As many as are looked at are bounded: of thousands that wait, the first few tell why.
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM (
             SELECT * FROM jobs WHERE destination = ?1 AND priority = ?2 AND state = 0
             ORDER BY run_at LIMIT 1000)
         WHERE last_error IS NOT NULL LIMIT ?3"
    ))?;
    let rows = statement.query_map(params![destination, priority, limit as i64], row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The numbers of up to `limit` dead jobs, oldest first.
pub(in crate::store) fn dead_ids(
    connection: &Connection,
    limit: usize,
) -> Result<Vec<JobId>, StoreError> {
    first_column(
        connection,
        "SELECT id FROM jobs WHERE state = 2 ORDER BY run_at LIMIT ?1",
        [limit as i64],
    )
}

/// A job with what follows from what is to be done.
#[derive(Debug)]
pub(in crate::store) struct RoutedJob {
    /// Its number.
    pub(in crate::store) id: JobId,
    /// What is to be done; the reason when this kinglet doesn't understand it.
    pub(in crate::store) job: Result<Job, String>,
    /// Where it leads to.
    pub(in crate::store) destination: String,
    /// What it comes before.
    pub(in crate::store) priority: Priority,
    /// What another one isn't needed beside.
    pub(in crate::store) dedup_key: Option<String>,
    /// Where it is in its life.
    pub(in crate::store) state: JobState,
    /// When it is due, its lease ends, or it died.
    pub(in crate::store) run_at: Timestamp,
}

/// The next `limit` jobs above one.
pub(in crate::store) fn routed(
    connection: &Connection,
    above: JobId,
    limit: usize,
) -> Result<Vec<RoutedJob>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, kind, version, payload, destination, priority, dedup_key, state, run_at FROM jobs
         WHERE id > ?1 ORDER BY id LIMIT ?2",
    )?;
    let rows = statement.query_map(params![above, limit as i64], |row| {
        let kind: String = row.get(1)?;
        Ok(RoutedJob {
            id: row.get(0)?,
            job: decode(&kind, row.get(2)?, row.get_ref(3)?.as_str()?),
            destination: row.get(4)?,
            priority: row.get(5)?,
            dedup_key: row.get(6)?,
            state: row.get(7)?,
            run_at: row.get(8)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Sets what follows from what is to be done. Where another job has the key, this one is superfluous and goes.
pub(in crate::store) fn set_route(
    connection: &Connection,
    id: JobId,
    job: &Job,
) -> Result<(), StoreError> {
    let set = connection
        .prepare_cached(
            "UPDATE OR IGNORE jobs SET destination = ?2, priority = ?3, dedup_key = ?4 WHERE id = ?1",
        )?
        .execute(params![
            id,
            job.destination(),
            job.priority(),
            job.dedup_key()
        ])?;
    if set == 0 {
        delete(connection, id)?;
    }
    Ok(())
}

/// Ends a lease: the job waits again, and is due.
pub(in crate::store) fn end_lease(
    connection: &Connection,
    id: JobId,
    now: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE jobs SET state = 0, run_at = ?2 WHERE id = ?1 AND state = 1")?
        .execute(params![id, now])?;
    Ok(())
}
