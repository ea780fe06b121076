//! `kinglet tasks`: what the instance does by itself.

use super::args::{Output, Tasks, TasksCommand};
use super::columns::columns;
use super::{Beginning, CliError, ask, print, print_json};
use crate::config::Config;
use crate::control::protocol::{Answer, Request};
use crate::control::tasks::{JobLine, QueueLine, ScheduleLine, TasksReport};

pub(super) fn run(tasks: &Tasks, config: &Config) -> Result<(), CliError> {
    let Some(command) = &tasks.command else {
        return overview(tasks.output, config);
    };
    match command {
        TasksCommand::Dead(output) => dead(*output, config),
        TasksCommand::Run(task) => change(
            Request::RunTask {
                name: task.name.clone(),
            },
            config,
        ),
        TasksCommand::Pause(task) => pause(&task.name, true, config),
        TasksCommand::Resume(task) => pause(&task.name, false, config),
        TasksCommand::Retry(retry) => match retry.id {
            Some(id) => change(Request::RetryJob { id }, config),
            None => retry_all(config),
        },
        TasksCommand::Drop(job) => change(Request::DropJob { id: job.id }, config),
    }
}

fn pause(name: &str, paused: bool, config: &Config) -> Result<(), CliError> {
    let name = name.to_owned();
    change(Request::PauseTasks { name, paused }, config)
}

/// Changes that print nothing when they are done.
fn change(request: Request, config: &Config) -> Result<(), CliError> {
    match ask(config, request, Beginning::Refused)? {
        Answer::Done => Ok(()),
        _ => Err(CliError::Mismatch),
    }
}

fn retry_all(config: &Config) -> Result<(), CliError> {
    match ask(config, Request::RetryDeadJobs, Beginning::Refused)? {
        Answer::Revived { jobs: 1 } => print("1 job is tried again"),
        Answer::Revived { jobs } => print(&format!("{jobs} jobs are tried again")),
        _ => Err(CliError::Mismatch),
    }
}

fn read(config: &Config) -> Result<TasksReport, CliError> {
    match ask(config, Request::ReadTasks, Beginning::Refused)? {
        Answer::Tasks { report } => Ok(report),
        _ => Err(CliError::Mismatch),
    }
}

fn overview(output: Output, config: &Config) -> Result<(), CliError> {
    let report = read(config)?;
    if output.json {
        print_json(&serde_json::json!(report))
    } else {
        print(&text_of(&report))
    }
}

fn dead(output: Output, config: &Config) -> Result<(), CliError> {
    let report = read(config)?;
    if output.json {
        print_json(&serde_json::json!({"dead": report.dead, "total": report.dead_total}))
    } else if report.dead.is_empty() {
        print("no job was given up")
    } else {
        print(&dead_text(&report))
    }
}

fn text_of(report: &TasksReport) -> String {
    let mut parts = vec![queues(&report.queues), schedule(&report.schedule)];
    if !report.running.is_empty() {
        parts.push(jobs("RUNNING", "LEASED UNTIL", &report.running));
    }
    if !report.retrying.is_empty() {
        parts.push(jobs("FAILED", "NEXT ATTEMPT", &report.retrying));
    }
    if !report.dead.is_empty() {
        parts.push(dead_text(report));
    }
    parts.join("\n\n")
}

fn dead_text(report: &TasksReport) -> String {
    let mut text = jobs("DEAD", "GIVEN UP", &report.dead);
    if report.dead_total > report.dead.len() {
        text.push_str(&format!("\n(of {})", report.dead_total));
    }
    text
}

/// A moment to the minute, without what separates date and time for programs.
fn minute(moment: &str) -> String {
    let minute: String = moment.chars().take(16).collect();
    minute.replace('T', " ")
}

fn queues(queues: &[QueueLine]) -> String {
    let mut rows = vec![["QUEUE", "STATE", "WAITING", "UNTIL", "LAST ERROR"].map(str::to_owned)];
    rows.extend(queues.iter().map(|queue| {
        [
            queue.name.clone(),
            queue.state.clone(),
            queue.waiting.to_string(),
            queue.rests_until.as_deref().map(minute).unwrap_or_default(),
            queue.last_error.clone().unwrap_or_default(),
        ]
    }));
    columns(&rows)
}

fn schedule(tasks: &[ScheduleLine]) -> String {
    let heading = [
        "TASK",
        "STATE",
        "CRON",
        "NEXT RUN",
        "LAST RUN",
        "TOOK",
        "LAST ERROR",
    ];
    let mut rows = vec![heading.map(str::to_owned)];
    rows.extend(tasks.iter().map(|task| {
        [
            task.name.clone(),
            task.state.clone(),
            task.expression.clone().unwrap_or_default(),
            task.next_run.as_deref().map(minute).unwrap_or_default(),
            task.last_run.as_deref().map(minute).unwrap_or_default(),
            task.took_millis
                .map(|millis| format!("{millis} ms"))
                .unwrap_or_default(),
            task.last_error.clone().unwrap_or_default(),
        ]
    }));
    columns(&rows)
}

fn jobs(title: &str, at: &str, jobs: &[JobLine]) -> String {
    let mut rows = vec![[title, "ABOUT", "TRIED", at, "LAST ERROR"].map(str::to_owned)];
    rows.extend(jobs.iter().map(|job| {
        [
            job.id.to_string(),
            job.about.clone(),
            job.attempts.to_string(),
            minute(&job.at),
            job.last_error.clone().unwrap_or_default(),
        ]
    }));
    columns(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_overview_stands_in_columns() {
        let job = JobLine {
            id: 17,
            about: "Mention mail to @bob about a post".to_owned(),
            queue: "mail".to_owned(),
            attempts: 16,
            made_at: "2026-11-20T08:00:00+01:00".to_owned(),
            at: "2026-11-22T17:10:31+01:00".to_owned(),
            last_error: Some("450 try later".to_owned()),
        };
        let report = TasksReport {
            queues: vec![QueueLine {
                name: "mail".to_owned(),
                state: "rests".to_owned(),
                waiting: 12,
                failures: 3,
                rests_until: Some("2026-11-22T17:12:00+01:00".to_owned()),
                last_error: Some("connection refused".to_owned()),
            }],
            schedule: vec![ScheduleLine {
                name: "codes".to_owned(),
                label: "Forget expired codes and links".to_owned(),
                expression: Some("10 * * * *".to_owned()),
                state: "done".to_owned(),
                next_run: Some("2026-11-22T18:10:00+01:00".to_owned()),
                last_run: None,
                took_millis: Some(8),
                last_error: None,
            }],
            running: vec![],
            retrying: vec![],
            dead: vec![job],
            dead_total: 240,
        };
        assert_eq!(
            text_of(&report),
            "QUEUE  STATE  WAITING  UNTIL             LAST ERROR\n\
             mail   rests  12       2026-11-22 17:12  connection refused\n\
             \n\
             TASK   STATE  CRON        NEXT RUN          LAST RUN  TOOK  LAST ERROR\n\
             codes  done   10 * * * *  2026-11-22 18:10            8 ms\n\
             \n\
             DEAD  ABOUT                              TRIED  GIVEN UP          LAST ERROR\n\
             17    Mention mail to @bob about a post  16     2026-11-22 17:10  450 try later\n\
             (of 240)"
        );
    }
}
