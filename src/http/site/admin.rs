//! What owners and moderators look after: tasks, and who may come in.

use super::frame::Visit;
use super::render::Renderer;
use super::session::Notice;
use super::views::admin::{
    BackupRow, BackupsPart, DrillRow, JobLine, QueueRow, SignUpRow, SignUpsPage, Status, TaskRow,
    TasksPage, Tone,
};
use super::views::{Moment, Nav, grouped};
use crate::actors::error::AskError;
use crate::backups::{BackupsReport, DrillReport};
use crate::clock::Timestamp;
use crate::config::CronExpression;
use crate::context::Context;
use crate::domain::access::Authority;
use crate::domain::account::Role;
use crate::domain::job::{DEAD_MILLIS_MAX, Job, Lane};
use crate::domain::job_words::{QueueState, destination_in_words};
use crate::domain::schedule::PeriodicTask;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::ids::{AccountId, JobId};
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::store::backup::{ListedSet, SetState};
use crate::store::queries::access::{ListPending, PENDING_MAX};
use crate::store::queries::jobs::{JOBS_COUNTED_MAX, Queue, ScheduleRow};
use crate::store::queries::tasks::{DescribedJob, ReadTasks};
use crate::store::units::{
    ApproveAccount, DropJob, PauseDestination, PauseTask, RejectAccount, ReviveDeadJobs, RunJobNow,
    RunTaskNow,
};

/// The most backups that are listed.
const BACKUPS_SHOWN_MAX: usize = 10;
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const SECOND_MILLIS: i64 = 1000;
const MINUTE_MILLIS: i64 = 60 * SECOND_MILLIS;
const HOUR_MILLIS: i64 = 60 * MINUTE_MILLIS;
const DAY_MILLIS: i64 = 24 * HOUR_MILLIS;

/// Refuses whoever has a lower role; what is done is asked again in its transaction.
pub(super) fn require_role(visit: &Visit, least: Role) -> Result<Authority, Problem> {
    let member = visit.guest.member()?;
    if member.role >= least {
        Ok(Authority::Member(member.id))
    } else {
        Err(Problem::forbidden(match least {
            Role::Owner => "Only the owner of this instance may come here",
            Role::Moderator | Role::User => "Only moderators may come here",
        }))
    }
}

/// `GET /admin`: the first page of it that one may see.
pub(super) async fn index(context: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let visit = Visit::new(context, guest, call);
    require_role(&visit, Role::Moderator)?;
    reply::see_other(match require_role(&visit, Role::Owner) {
        Ok(_) => "/admin/tasks",
        Err(_) => "/admin/sign-ups",
    })
}

/// How long it is until a moment, in the largest unit that tells something.
fn until(now: Timestamp, then: Timestamp) -> String {
    match then.millis().saturating_sub(now.millis()) {
        ..=0 => "now".to_owned(),
        1..MINUTE_MILLIS => "in less than a minute".to_owned(),
        millis @ MINUTE_MILLIS..HOUR_MILLIS => format!("in {} min", millis / MINUTE_MILLIS),
        millis @ HOUR_MILLIS..DAY_MILLIS => format!("in {} h", millis / HOUR_MILLIS),
        millis => match millis / DAY_MILLIS {
            1 => "in a day".to_owned(),
            days => format!("in {days} days"),
        },
    }
}

/// How long something took.
fn duration(from: Timestamp, to: Timestamp) -> String {
    match to.millis().saturating_sub(from.millis()).max(0) {
        millis @ 0..SECOND_MILLIS => format!("{millis} ms"),
        millis @ SECOND_MILLIS..MINUTE_MILLIS => {
            format!("{}.{} s", millis / 1000, millis % 1000 / 100)
        }
        millis => format!("{} min", millis / MINUTE_MILLIS),
    }
}

fn count_of(number: usize, one: &str, many: &str) -> String {
    let more = if number >= JOBS_COUNTED_MAX {
        "more than "
    } else {
        ""
    };
    match number {
        1 => format!("1 {one}"),
        _ => format!("{more}{} {many}", grouped(number as u64)),
    }
}

fn queue_row(renderer: &Renderer, queue: &Queue) -> QueueRow {
    let destination = &queue.destination;
    let state = QueueState::of(destination.breaker, destination.paused, renderer.now);
    let (tone, word) = match state {
        QueueState::Works => (Tone::Good, "Works"),
        QueueState::Paused => (Tone::Calm, "Paused"),
        QueueState::Rests(_) => (Tone::Bad, "Doesn't answer"),
        QueueState::Probes => (Tone::Bad, "Being tried"),
    };
    let failures = destination.breaker.failures;
    let breaker = match state {
        QueueState::Works => None,
        QueueState::Paused => Some("Nothing is tried until you resume it.".to_owned()),
        QueueState::Rests(end) => Some(format!(
            "After {failures} failures in a row nothing is tried until {} ({}).",
            renderer.moment(end).long,
            until(renderer.now, end)
        )),
        QueueState::Probes => Some(format!(
            "After {failures} failures in a row one job finds out whether it answers again."
        )),
    };
    let waiting = match queue.waiting {
        0 => "Nothing waits.".to_owned(),
        number => {
            let waiting = count_of(number, "job waits", "jobs wait");
            match queue.next_due {
                Some(due) if due > renderer.now => {
                    format!("{waiting}, the first is due {}.", until(renderer.now, due))
                }
                _ => format!("{waiting}."),
            }
        }
    };
    QueueRow {
        name: destination.name.clone(),
        title: destination_in_words(&destination.name).to_owned(),
        status: Status {
            tone,
            word: word.to_owned(),
        },
        waiting,
        breaker,
        last_error: destination.last_error.clone(),
        paused: destination.paused,
    }
}

fn task_row(
    renderer: &Renderer,
    task: PeriodicTask,
    expression: Option<&CronExpression>,
    row: Option<&ScheduleRow>,
) -> TaskRow {
    let paused = row.is_some_and(|row| row.paused);
    let error = row.and_then(|row| row.last_error.clone());
    let last = row.and_then(|row| Some((row.started_at?, row.finished_at?)));
    let (tone, word) = match (expression, paused, &error, last) {
        (None, ..) => (Tone::Calm, "Off"),
        (_, true, ..) => (Tone::Calm, "Paused"),
        (_, _, Some(_), _) => (Tone::Bad, "Failed"),
        (.., Some(_)) => (Tone::Good, "Done"),
        (.., None) => (Tone::Calm, "Not yet"),
    };
    let next = expression.and_then(|expression| {
        let planned = row.filter(|row| row.expression == expression.as_str());
        let due = match planned {
            Some(row) => Some(row.due_at),
            None => expression.next_after(renderer.now, &renderer.zone),
        };
        // What never comes again is planned for the end of time.
        let due = due.filter(|due| due.millis() < i64::MAX)?;
        Some((renderer.moment(due), until(renderer.now, due)))
    });
    TaskRow {
        name: task.name().to_owned(),
        label: task.label().to_owned(),
        expression: expression.map(|expression| expression.as_str().to_owned()),
        status: Status {
            tone,
            word: word.to_owned(),
        },
        next,
        last: last.map(|(from, to)| (renderer.moment(from), duration(from, to))),
        error,
        paused,
    }
}

fn job_line(renderer: &Renderer, job: DescribedJob) -> JobLine {
    let DescribedJob { row, words } = job;
    let leaves = |job: &Job| job.lane() != Lane::House;
    JobLine {
        id: row.id.to_string(),
        words,
        made: renderer.moment(row.made_at),
        attempts: match row.attempts {
            0 => "not tried yet".to_owned(),
            1 => "tried once".to_owned(),
            number => format!("tried {number} times"),
        },
        when: renderer.moment(row.run_at),
        until: until(renderer.now, row.run_at),
        reason: row.last_error,
        can_drop: row.job.as_ref().map_or(row.destination != "house", leaves),
    }
}

/// A time that was written down as RFC 3339.
fn moment_of(renderer: &Renderer, text: &str) -> Option<Moment> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(renderer.moment(Timestamp::from_millis(time.as_millisecond())))
}

/// A size in the largest unit that tells something.
fn size(bytes: u64) -> String {
    match bytes {
        0..KIB => format!("{bytes} bytes"),
        KIB..MIB => format!("{} KiB", bytes / KIB),
        _ => format!("{} MiB", grouped(bytes / MIB)),
    }
}

fn backup_row(renderer: &Renderer, are_shipped: bool, set: &ListedSet) -> BackupRow {
    let name = set.path.file_name().unwrap_or_default().to_string_lossy();
    let row = |tone, word: &str, made, about| BackupRow {
        name: name.clone().into_owned(),
        status: Status {
            tone,
            word: word.to_owned(),
        },
        made,
        about,
    };
    let (manifest, is_shipped) = match &set.state {
        SetState::Whole {
            manifest,
            is_shipped,
        } => (manifest, *is_shipped),
        SetState::Unfinished => {
            let about = "being made, or left by a crash and removed by the next".to_owned();
            return row(Tone::Calm, "Unfinished", None, about);
        }
        SetState::Unreadable => {
            let about = "it has no manifest that can be read".to_owned();
            return row(Tone::Bad, "Unusable", None, about);
        }
    };
    let mut about = size(manifest.bytes());
    if manifest.same_disk {
        about.push_str(" · on the same disk as the data");
    }
    let (tone, word) = match (are_shipped, is_shipped) {
        (true, true) => (Tone::Good, "Whole, shipped"),
        (true, false) => (Tone::Bad, "Not shipped"),
        (false, _) if manifest.same_disk => (Tone::Calm, "Same disk"),
        (false, _) => (Tone::Good, "Whole"),
    };
    row(tone, word, moment_of(renderer, &manifest.made_at), about)
}

fn drill_row(renderer: &Renderer, drill: DrillReport) -> DrillRow {
    let (tone, word) = match drill.error {
        Some(_) => (Tone::Bad, "Failed"),
        None => (Tone::Good, "Restored and checked"),
    };
    let took = i64::try_from(drill.took_millis).unwrap_or(i64::MAX);
    let begin = Timestamp::from_millis(0);
    DrillRow {
        status: Status {
            tone,
            word: word.to_owned(),
        },
        at: moment_of(renderer, &drill.at),
        took: duration(begin, Timestamp::from_millis(took)),
        set: drill.set,
        error: drill.error,
    }
}

fn backups_part(renderer: &Renderer, report: BackupsReport) -> BackupsPart {
    let warning = (report.same_disk && !report.are_shipped).then(|| {
        "They lie on the same disk as the data: what breaks the disk takes both. Set backup.directory to another disk, or \
         backup.after_command to a program that takes them away."
            .to_owned()
    });
    let more = report.sets.len().saturating_sub(BACKUPS_SHOWN_MAX);
    let shown = report.sets.iter().take(BACKUPS_SHOWN_MAX);
    BackupsPart {
        directory: report.directory.display().to_string(),
        warning,
        sets: shown
            .map(|set| backup_row(renderer, report.are_shipped, set))
            .collect(),
        more: (more > 0).then(|| count_of(more, "older one", "older ones")),
        drill: report.drill.map(|drill| drill_row(renderer, drill)),
    }
}

/// `GET /admin/tasks`: queues, schedule, and what failed.
pub(super) async fn tasks(context: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    require_role(&visit, Role::Owner)?;
    let found = visit.context.actors.find(ReadTasks).await?;
    let renderer = visit.renderer();
    let config = &visit.context.instance.config;
    let schedule = PeriodicTask::ALL.into_iter().map(|task| {
        let row = found.schedules.iter().find(|row| row.task == task.name());
        task_row(&renderer, task, config.schedule.of(task), row)
    });
    let schedule = schedule.collect();
    let lines = |jobs: Vec<DescribedJob>| {
        let lines = jobs.into_iter().map(|job| job_line(&renderer, job));
        lines.collect::<Vec<_>>()
    };
    let dead_total = (found.queues.dead > found.dead.len()).then(|| {
        format!(
            "the latest {} of {}",
            found.dead.len(),
            count_of(found.queues.dead, "job", "jobs")
        )
    });
    let report = visit.context.instance.backups.report().await;
    let report = report.map_err(AskError::from)?;
    let page = TasksPage {
        backups: report.map(|report| backups_part(&renderer, report)),
        zone: renderer.zone.iana_name().unwrap_or("UTC").to_owned(),
        queues: found
            .queues
            .queues
            .iter()
            .map(|queue| queue_row(&renderer, queue))
            .collect(),
        schedule,
        running: lines(found.running),
        retrying: lines(found.retrying),
        dead: lines(found.dead),
        dead_total,
        dead_days: DEAD_MILLIS_MAX / DAY_MILLIS,
        frame: visit.frame(Nav::Admin).await?,
    };
    visit.page(&page)
}

/// An act of the owner's: a sound form, a role, something done, back to the list.
macro_rules! owners_act {
    ($(#[$doc:meta])* $name:ident, $notice:ident, |$visit:ident, $by:ident| $unit:expr) => {
        $(#[$doc])*
        pub(super) async fn $name(
            context: Context,
            guest: Guest,
            call: Call,
        ) -> Result<Response, Problem> {
            let mut $visit = Visit::new(context, guest, call);
            let $by = require_role(&$visit, Role::Owner)?;
            $visit.form().await?;
            let unit = $unit;
            $visit.context.actors.perform(unit).await?;
            $visit.go("/admin/tasks", Some(Notice::$notice))
        }
    };
}

fn name_of(visit: &Visit) -> String {
    visit.call.param("name").to_owned()
}

owners_act! {
    /// `POST /admin/queues/:name/pause`: stops what leads to a destination.
    pause_queue, Paused, |visit, by| PauseDestination { by, name: name_of(&visit), paused: true }
}
owners_act! {
    /// `POST /admin/queues/:name/resume`: lets it go on at once.
    resume_queue, Resumed, |visit, by| PauseDestination { by, name: name_of(&visit), paused: false }
}
owners_act! {
    /// `POST /admin/tasks/:name/pause`: stops a task of the schedule.
    pause_task, Paused, |visit, by| PauseTask { by, task: name_of(&visit), paused: true }
}
owners_act! {
    /// `POST /admin/tasks/:name/resume`: lets it go on.
    resume_task, Resumed, |visit, by| PauseTask { by, task: name_of(&visit), paused: false }
}
owners_act! {
    /// `POST /admin/tasks/:name/run`: has a task run now.
    run_task, TaskDue, |visit, by| RunTaskNow { by, task: name_of(&visit) }
}
owners_act! {
    /// `POST /admin/jobs/:id/retry`: has a job tried now.
    retry_job, JobRetried, |visit, by| RunJobNow { by, job: visit.call.id::<JobId>("id")? }
}
owners_act! {
    /// `POST /admin/jobs/:id/drop`: forgets a job.
    drop_job, JobDropped, |visit, by| DropJob { by, job: visit.call.id::<JobId>("id")? }
}
owners_act! {
    /// `POST /admin/jobs/retry-dead`: has everything tried again that was given up.
    retry_dead, JobRetried, |visit, by| ReviveDeadJobs { by }
}

/// `GET /admin/sign-ups`: who waits for approval.
pub(super) async fn sign_ups(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    require_role(&visit, Role::Moderator)?;
    let pending = visit.context.actors.find(ListPending).await?;
    let renderer = visit.renderer();
    let page = SignUpsPage {
        is_more: pending.len() == PENDING_MAX,
        waiting: pending
            .into_iter()
            .map(|(member, reason)| SignUpRow {
                id: member.id.to_string(),
                name: member.name,
                asked: renderer.moment(member.id.time()),
                reason: reason.unwrap_or_default(),
            })
            .collect(),
        frame: visit.frame(Nav::Admin).await?,
    };
    visit.page(&page)
}

/// `POST /admin/sign-ups/:id/approve`: lets somebody in.
pub(super) async fn approve(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let by = require_role(&visit, Role::Moderator)?;
    visit.form().await?;
    let account: AccountId = visit.call.id("id")?;
    let unit = ApproveAccount { by, account };
    visit.context.actors.perform(unit).await?;
    visit.go("/admin/sign-ups", Some(Notice::Approved))
}

/// `POST /admin/sign-ups/:id/reject`: turns somebody away.
pub(super) async fn reject(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let by = require_role(&visit, Role::Moderator)?;
    visit.form().await?;
    let account: AccountId = visit.call.id("id")?;
    let unit = RejectAccount { by, account };
    visit.context.actors.perform(unit).await?;
    visit.go("/admin/sign-ups", Some(Notice::Rejected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_units_that_fit() {
        let now = Timestamp::from_millis(1_790_000_000_000);
        for (millis, words) in [
            (-5, "now"),
            (1, "in less than a minute"),
            (MINUTE_MILLIS, "in 1 min"),
            (HOUR_MILLIS - 1, "in 59 min"),
            (HOUR_MILLIS, "in 1 h"),
            (DAY_MILLIS, "in a day"),
            (3 * DAY_MILLIS + 5, "in 3 days"),
        ] {
            assert_eq!(until(now, now.plus_millis(millis)), words);
        }
        for (millis, words) in [
            (-1, "0 ms"),
            (999, "999 ms"),
            (1250, "1.2 s"),
            (61_000, "1 min"),
        ] {
            assert_eq!(duration(now, now.plus_millis(millis)), words);
        }
        assert_eq!(count_of(1, "job waits", "jobs wait"), "1 job waits");
        assert_eq!(
            count_of(1200, "job waits", "jobs wait"),
            "1\u{202f}200 jobs wait"
        );
    }
}
