//! `kinglet debug`: what the running server knows about itself, for whoever looks for a fault.

mod bundle;

use std::time::Duration;

use clap::{Args, Subcommand};

pub use self::bundle::Bundle;
use super::args::Output;
use super::columns::columns;
use super::stats::UNICODE;
use super::top::draw::waterfall;
use super::{CliError, ask_server, print, print_json};
use crate::config::{Config, Loaded};
use crate::control::debug::{ActorReport, Part, StatementReport, Times, Told, WATCH_SECONDS_MAX};
use crate::control::protocol::{Answer, Request};

/// The width of a waterfall, in columns.
const WATERFALL_COLUMNS: usize = 100;
/// Kinds of messages that are named of each actor in a table.
const KINDS_SHOWN_MAX: usize = 3;
/// Statements that are shown in a table.
const STATEMENTS_SHOWN_MAX: usize = 20;

/// `debug ...`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Debug {
    /// Show each actor: messages that wait, how long they take, which are most frequent
    #[command(after_help = "\
Examples:
  kinglet debug actors
  kinglet debug actors --json | jq '.[] | select(.waiting > 0)'")]
    Actors(Output),

    /// Watch the SQL statements of the next seconds: how often each runs, how long it takes, and how
    #[command(after_help = "\
Examples:
  kinglet debug sql
  kinglet debug sql --for 1m --json | jq '.[0]'

Statements are shown as they were prepared, never with what they were run with.")]
    Sql(Sql),

    /// Show where the time of one request went, by its id in the log or in X-Request-Id
    #[command(after_help = "\
Examples:
  kinglet debug request 53df8b321cc2b117")]
    Request(OneRequest),

    /// Pack what a bug report needs into one file, without secrets, texts and names
    #[command(after_help = "\
Examples:
  kinglet debug bundle
  kinglet debug bundle slow-evening.tar.gz --check")]
    Bundle(Bundle),
}

/// Options of `debug sql`.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sql {
    /// How long to watch, such as 30s or 2m; up to 10m
    #[arg(long = "for", value_name = "TIME", default_value = "10s", value_parser = watch_time)]
    pub time: Duration,

    /// Whether the answer is for a script.
    #[command(flatten)]
    pub output: Output,
}

/// Options of `debug request`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct OneRequest {
    /// The request's id
    #[arg(value_name = "ID")]
    pub id: String,

    /// Whether the answer is for a script.
    #[command(flatten)]
    pub output: Output,
}

fn watch_time(text: &str) -> Result<Duration, String> {
    let (number, seconds_each) = match text.strip_suffix('m') {
        Some(minutes) => (minutes, 60),
        None => (text.strip_suffix('s').unwrap_or(text), 1),
    };
    let seconds: u32 = number
        .parse()
        .map_err(|_| "has to be a time such as 30s or 2m".to_owned())?;
    match seconds.saturating_mul(seconds_each) {
        seconds @ 1..=WATCH_SECONDS_MAX => Ok(Duration::from_secs(seconds.into())),
        _ => Err(format!("has to be 1s to {}m", WATCH_SECONDS_MAX / 60)),
    }
}

pub(super) fn run(command: &Debug, loaded: &Loaded) -> Result<(), CliError> {
    let config = &loaded.config;
    match command {
        Debug::Actors(output) => {
            let Told::Actors(actors) = ask(config, Part::Actors)? else {
                return Err(CliError::Mismatch);
            };
            if output.json {
                return print_json(&serde_json::json!(actors));
            }
            print(&table_of_actors(&actors))
        }
        Debug::Sql(options) => {
            let part = Part::Statements {
                seconds: u32::try_from(options.time.as_secs()).unwrap_or(WATCH_SECONDS_MAX),
            };
            let Told::Statements(statements) = ask(config, part)? else {
                return Err(CliError::Mismatch);
            };
            if options.output.json {
                return print_json(&serde_json::json!(statements));
            }
            print(&table_of_statements(&statements))
        }
        Debug::Request(options) => {
            let id = options.id.clone();
            let Told::Course(course) = ask(config, Part::Course { id })? else {
                return Err(CliError::Mismatch);
            };
            if options.output.json {
                return print_json(&serde_json::json!(course));
            }
            print(&waterfall(&course, &UNICODE, WATERFALL_COLUMNS).join("\n"))
        }
        Debug::Bundle(options) => bundle::run(options, loaded),
    }
}

fn ask(config: &Config, part: Part) -> Result<Told, CliError> {
    match ask_server(config, Request::Tell { part })? {
        Answer::Told { told } => Ok(told),
        _ => Err(CliError::Mismatch),
    }
}

fn table_of_actors(actors: &[ActorReport]) -> String {
    let head = [
        "ACTOR", "WAITING", "HANDLED", "WAIT p50", "p99", "WORK p50", "p99 ms", "MOSTLY",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(actors.iter().map(|actor| {
        let Times {
            p50_ms: wait_p50,
            p99_ms: wait_p99,
            ..
        } = actor.wait;
        let kinds = actor.kinds.iter().take(KINDS_SHOWN_MAX);
        let kinds: Vec<_> = kinds
            .map(|(kind, count)| format!("{kind} {count}"))
            .collect();
        [
            actor.name.clone(),
            actor.waiting.to_string(),
            actor.handled.to_string(),
            millis(wait_p50),
            millis(wait_p99),
            millis(actor.handling.p50_ms),
            millis(actor.handling.p99_ms),
            kinds.join(", "),
        ]
    }));
    let mut table = columns(&rows);
    for actor in actors {
        if let Some(panics) = &actor.panics {
            table.push_str(&format!(
                "\n{}: {} panics since the start, the last {} s ago at {}; the log has what it said",
                actor.name, panics.count, panics.last_seconds_ago, panics.last_work
            ));
        }
    }
    table
}

fn millis(time: Option<f64>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| format!("{time:.2}"))
}

fn table_of_statements(statements: &[StatementReport]) -> String {
    if statements.is_empty() {
        return "no statement ran".to_owned();
    }
    let head = ["TOTAL ms", "COUNT", "SLOWEST ms", "", "STATEMENT"];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(statements.iter().take(STATEMENTS_SHOWN_MAX).map(|report| {
        let figures = &report.figures;
        let in_millis = |micros: u64| format!("{}.{:03}", micros / 1000, micros % 1000);
        let marks = [("scans", figures.scans), ("sorts", figures.sorts)];
        let marks: Vec<_> = marks
            .into_iter()
            .filter_map(|(mark, holds)| holds.then_some(mark))
            .collect();
        [
            in_millis(figures.total_us),
            figures.count.to_string(),
            in_millis(figures.slowest_us),
            marks.join(" "),
            one_line(figures.sql.as_deref().unwrap_or("all others")),
        ]
    }));
    let mut text = columns(&rows);
    for report in statements {
        if let (Some(sql), Some(plan)) = (&report.figures.sql, &report.plan) {
            text.push_str(&format!("\n\n{}", one_line(sql)));
            for step in plan {
                text.push_str(&format!("\n  {step}"));
            }
        }
    }
    text
}

/// A statement as one line, however it is written in the source.
fn one_line(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::debug::PanicReport;
    use crate::telemetry::statements::StatementFigures;

    #[test]
    fn times_to_watch_are_seconds_or_minutes_within_bounds() {
        for (text, seconds) in [("30s", 30), ("2m", 120), ("5", 5), ("10m", 600)] {
            assert_eq!(watch_time(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "0s", "11m", "1h", "-1s", "99999999m"] {
            assert!(watch_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn panics_are_told_below_the_actors() {
        let none = Times {
            mean_ms: None,
            p50_ms: None,
            p99_ms: None,
        };
        let actor = |name: &str, panics| ActorReport {
            name: name.to_owned(),
            waiting: 0,
            handled: 7,
            wait: none,
            handling: none,
            kinds: Vec::new(),
            panics,
        };
        let panics = PanicReport {
            count: 2,
            last_work: "ReadHome".to_owned(),
            last_seconds_ago: 90,
        };
        let table = table_of_actors(&[actor("readers", Some(panics)), actor("users", None)]);
        let said = "readers: 2 panics since the start, the last 90 s ago at ReadHome; the log has what it said";
        assert!(table.ends_with(said), "{table}");
        assert!(!table_of_actors(&[actor("users", None)]).contains("panic"));
    }

    #[test]
    fn statements_are_told_with_their_plans() {
        let report = |sql: &str, plan: Option<Vec<String>>| StatementReport {
            figures: StatementFigures {
                sql: Some(sql.to_owned()),
                count: 3,
                total_us: 4_321,
                slowest_us: 2_000,
                scans: plan.is_some(),
                sorts: false,
            },
            plan,
        };
        let statements = [
            report("SELECT\n    1", Some(vec!["SCAN birds".to_owned()])),
            report("COMMIT", None),
        ];
        let expected = "\
TOTAL ms  COUNT  SLOWEST ms         STATEMENT
4.321     3      2.000       scans  SELECT 1
4.321     3      2.000              COMMIT

SELECT 1
  SCAN birds";
        assert_eq!(table_of_statements(&statements), expected);
    }
}
