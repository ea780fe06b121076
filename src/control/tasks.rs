//! Tasks and jobs, as the operator asks about them and decides on them.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::protocol::{Answer, Failure};
use crate::actors::error::AskError;
use crate::clock::Timestamp;
use crate::config::CronExpression;
use crate::domain::access::Authority;
use crate::domain::job_words::QueueState;
use crate::domain::refusal::Refusal;
use crate::domain::schedule::PeriodicTask;
use crate::ids::JobId;
use crate::instance::Instance;
use crate::store::queries::jobs::{Queue, ScheduleRow};
use crate::store::queries::tasks::{DescribedJob, ReadTasks};
use crate::store::units::{
    DropJob, JOBS_PER_REVIVAL_MAX, PauseDestination, PauseTask, ReviveDeadJobs, RunJobNow,
    RunTaskNow,
};

const BY: Authority = Authority::Operator;
/// The most units that try dead jobs again for one request: half a million jobs.
const REVIVALS_MAX: usize = 1000;

/// What the instance does by itself. Moments are RFC 3339 in the instance's zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TasksReport {
    /// Where jobs lead to.
    pub queues: Vec<QueueLine>,
    /// What runs by the clock.
    pub schedule: Vec<ScheduleLine>,
    /// What is worked on.
    pub running: Vec<JobLine>,
    /// What failed and is tried again; the first of them.
    pub retrying: Vec<JobLine>,
    /// What was given up; the latest of them.
    pub dead: Vec<JobLine>,
    /// How many are dead.
    pub dead_total: usize,
}

/// A destination of jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueLine {
    /// Its name.
    pub name: String,
    /// `works`, `paused`, `rests` (after failures) or `probes` (one job finds out).
    pub state: String,
    /// How many jobs wait.
    pub waiting: usize,
    /// Failures in a row.
    pub failures: i64,
    /// Until when nothing is tried.
    pub rests_until: Option<String>,
    /// Why it failed last.
    pub last_error: Option<String>,
}

/// A task that runs by the clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleLine {
    /// Its name.
    pub name: String,
    /// What it does.
    pub label: String,
    /// When it runs, as crontab writes it; none when it is turned off.
    pub expression: Option<String>,
    /// `off`, `paused`, `failed`, `done` or `new`, which never ran.
    pub state: String,
    /// When it runs next.
    pub next_run: Option<String>,
    /// When its last run began.
    pub last_run: Option<String>,
    /// How long that took, in milliseconds.
    pub took_millis: Option<i64>,
    /// Why that failed.
    pub last_error: Option<String>,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobLine {
    /// Its number.
    pub id: i64,
    /// What it is about.
    pub about: String,
    /// Where it leads to.
    pub queue: String,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was asked for.
    pub made_at: String,
    /// When it is tried again, its lease ends, or it died.
    pub at: String,
    /// Why it failed last.
    pub last_error: Option<String>,
}

/// What is told of tasks and jobs.
pub(super) async fn read(instance: &Instance) -> Result<Answer, Failure> {
    let found = instance.actors.find(ReadTasks).await.map_err(told)?;
    let zone = &instance.config.instance.time_zone;
    let now = instance.clock.now();
    let jobs = |jobs: Vec<DescribedJob>| jobs.into_iter().map(|job| job_line(job, zone)).collect();
    let schedule = PeriodicTask::ALL.into_iter().map(|task| {
        let row = found.schedules.iter().find(|row| row.task == task.name());
        schedule_line(task, instance.config.schedule.of(task), row, now, zone)
    });
    let report = TasksReport {
        schedule: schedule.collect(),
        queues: found
            .queues
            .queues
            .iter()
            .map(|queue| queue_line(queue, now, zone))
            .collect(),
        running: jobs(found.running),
        retrying: jobs(found.retrying),
        dead: jobs(found.dead),
        dead_total: found.queues.dead,
    };
    Ok(Answer::Tasks { report })
}

/// Has a task of the schedule run now.
pub(super) async fn run(instance: &Instance, name: String) -> Result<Answer, Failure> {
    let task = find_task(&name)?;
    if instance.config.schedule.of(task).is_none() {
        return Err(Failure::new(format!(
            "{name} is turned off in the configuration: see schedule.{name}"
        )));
    }
    let unit = RunTaskNow {
        by: BY,
        task: name.clone(),
    };
    done(instance.actors.perform(unit).await)
}

/// Stops a task or a queue, or lets it go on.
pub(super) async fn pause(
    instance: &Instance,
    name: String,
    paused: bool,
) -> Result<Answer, Failure> {
    if PeriodicTask::from_name(&name).is_some() {
        let unit = PauseTask {
            by: BY,
            task: name.clone(),
            paused,
        };
        return done(instance.actors.perform(unit).await);
    }
    let unit = PauseDestination {
        by: BY,
        name: name.clone(),
        paused,
    };
    match instance.actors.perform(unit).await {
        Err(AskError::Refused(Refusal::NotFound)) => Err(Failure::new(format!(
            "there is no queue and no task {name}: `kinglet tasks` lists them"
        ))),
        outcome => done(outcome),
    }
}

/// Has a job tried now.
pub(super) async fn retry(instance: &Instance, id: i64) -> Result<Answer, Failure> {
    let unit = RunJobNow {
        by: BY,
        job: JobId(id),
    };
    done(instance.actors.perform(unit).await)
}

/// Has every dead job tried again.
pub(super) async fn retry_dead(instance: &Instance) -> Result<Answer, Failure> {
    let mut jobs = 0;
    for _ in 0..REVIVALS_MAX {
        let unit = ReviveDeadJobs { by: BY };
        let revived = instance.actors.perform(unit).await.map_err(told)?;
        jobs += revived;
        if revived < JOBS_PER_REVIVAL_MAX {
            break;
        }
    }
    Ok(Answer::Revived { jobs })
}

/// Forgets a job.
pub(super) async fn forget(instance: &Instance, id: i64) -> Result<Answer, Failure> {
    let unit = DropJob {
        by: BY,
        job: JobId(id),
    };
    done(instance.actors.perform(unit).await)
}

fn find_task(name: &str) -> Result<PeriodicTask, Failure> {
    PeriodicTask::from_name(name).ok_or_else(|| {
        let names = PeriodicTask::ALL.map(PeriodicTask::name).join(", ");
        Failure::new(format!("there is no task {name}; the tasks are {names}"))
    })
}

fn done(outcome: Result<(), AskError>) -> Result<Answer, Failure> {
    outcome.map(|()| Answer::Done).map_err(told)
}

fn told(error: AskError) -> Failure {
    match error {
        AskError::Refused(Refusal::NotFound) => Failure::new("there is no such job"),
        error => Failure::new(error.to_string()),
    }
}

/// RFC 3339 to the second.
pub(super) fn moment(time: Timestamp, zone: &TimeZone) -> String {
    let zoned = time.in_zone(zone.clone());
    zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn queue_line(queue: &Queue, now: Timestamp, zone: &TimeZone) -> QueueLine {
    let destination = &queue.destination;
    let state = QueueState::of(destination.breaker, destination.paused, now);
    QueueLine {
        name: destination.name.clone(),
        state: state.word().to_owned(),
        waiting: queue.waiting,
        failures: destination.breaker.failures,
        rests_until: match state {
            QueueState::Rests(until) => Some(moment(until, zone)),
            _ => None,
        },
        last_error: destination.last_error.clone(),
    }
}

fn schedule_line(
    task: PeriodicTask,
    expression: Option<&CronExpression>,
    row: Option<&ScheduleRow>,
    now: Timestamp,
    zone: &TimeZone,
) -> ScheduleLine {
    let last_error = row.and_then(|row| row.last_error.clone());
    let last = row.and_then(|row| Some((row.started_at?, row.finished_at?)));
    let state = match (expression, row.is_some_and(|row| row.paused)) {
        (None, _) => "off",
        (_, true) => "paused",
        _ if last_error.is_some() => "failed",
        _ if last.is_some() => "done",
        _ => "new",
    };
    let next = expression.and_then(|expression| {
        let planned = row.filter(|row| row.expression == expression.as_str());
        planned.map_or_else(
            || expression.next_after(now, zone),
            // What never comes again is planned for the end of time.
            |row| Some(row.due_at).filter(|due| due.millis() < i64::MAX),
        )
    });
    ScheduleLine {
        name: task.name().to_owned(),
        label: task.label().to_owned(),
        expression: expression.map(|expression| expression.as_str().to_owned()),
        state: state.to_owned(),
        next_run: next.map(|next| moment(next, zone)),
        last_run: last.map(|(from, _)| moment(from, zone)),
        took_millis: last.map(|(from, to)| to.millis().saturating_sub(from.millis()).max(0)),
        last_error,
    }
}

fn job_line(job: DescribedJob, zone: &TimeZone) -> JobLine {
    let DescribedJob { row, words } = job;
    JobLine {
        id: row.id.0,
        about: words,
        queue: row.destination,
        attempts: row.attempts,
        made_at: moment(row.made_at, zone),
        at: moment(row.run_at, zone),
        last_error: row.last_error,
    }
}
