//! What the running server knows about itself, for whoever looks for a fault. Nothing of it holds what people wrote, who they
//! are, or a secret.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::protocol::{Answer, Failure};
use super::{blocking, with_causes};
use crate::domain::live::SlowRequest;
use crate::http::metrics;
use crate::instance::Instance;
use crate::store::error::StoreError;
use crate::store::open::database_in;
use crate::store::queries::inspection::{ExplainStatements, ReadSizes, StoreSizes};
use crate::store::reader::Reader;
use crate::telemetry::Report;
use crate::telemetry::mailbox::ActorFigures;
use crate::telemetry::metrics::Seen;
use crate::telemetry::panics::Panics;
use crate::telemetry::slow::LAST_MAX;
use crate::telemetry::statements::StatementFigures;

/// The longest that statements are watched, in seconds.
pub const WATCH_SECONDS_MAX: u32 = 600;
/// How many of the statements that took the longest are explained.
const EXPLAINED_MAX: usize = 5;
/// How many statements are told of: those that took the longest.
const STATEMENTS_TOLD_MAX: usize = 200;
/// How many courses of requests are told of at once: half a mebibyte at their longest.
const COURSES_TOLD_MAX: usize = 64;
/// Kinds of messages that are named of each actor.
const KINDS_TOLD_MAX: usize = 20;

/// What is asked of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "part")]
pub enum Part {
    /// The actors and the writer.
    Actors,
    /// The statements of the next seconds.
    Statements {
        /// How many.
        seconds: u32,
    },
    /// The course of one request.
    Course {
        /// Its id, as in the log and in `X-Request-Id`.
        id: String,
    },
    /// The courses that are kept.
    Courses,
    /// How large everything stored is.
    Sizes,
    /// The last records of the log.
    Records,
    /// All figures, as Prometheus reads them.
    Metrics,
}

/// What the server says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// See [`Part::Actors`].
    Actors(Vec<ActorReport>),
    /// See [`Part::Statements`].
    Statements(Vec<StatementReport>),
    /// See [`Part::Course`].
    Course(Box<SlowRequest>),
    /// See [`Part::Courses`].
    Courses(Vec<SlowRequest>),
    /// See [`Part::Sizes`].
    Sizes(StoreSizes),
    /// See [`Part::Records`].
    Records(Vec<String>),
    /// See [`Part::Metrics`].
    Metrics(String),
}

/// An actor, a pool or the writer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActorReport {
    /// Its name.
    pub name: String,
    /// Messages that wait for it.
    pub waiting: u64,
    /// Messages it worked on since the start.
    pub handled: u64,
    /// How long messages waited.
    pub wait: Times,
    /// How long they kept its thread.
    pub handling: Times,
    /// How many of which kind, the most frequent first.
    pub kinds: Vec<(String, u64)>,
    /// The panics at its work, when there was one. What they said is in the log alone.
    pub panics: Option<PanicReport>,
}

/// Panics that were caught.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PanicReport {
    /// How many since the start.
    pub count: u64,
    /// What the last one was at: a query, a unit, a task or a lane of jobs.
    pub last_work: String,
    /// How long ago that was, in seconds.
    pub last_seconds_ago: u64,
}

/// Times, in milliseconds; bounds of the buckets that they fell into.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// The mean.
    pub mean_ms: Option<f64>,
    /// Half of them were no longer.
    pub p50_ms: Option<f64>,
    /// All but one in a hundred were no longer.
    pub p99_ms: Option<f64>,
}

/// A statement and how SQLite runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementReport {
    /// What is known of it.
    #[serde(flatten)]
    pub figures: StatementFigures,
    /// The steps of its plan; only of those that took the longest.
    pub plan: Option<Vec<String>>,
}

/// Does what is asked.
pub(super) async fn tell(instance: &Instance, part: Part) -> Result<Answer, Failure> {
    let told = match part {
        Part::Actors => Told::Actors(actors(instance)),
        Part::Statements { seconds } => Told::Statements(statements(instance, seconds).await?),
        Part::Course { id } => Told::Course(Box::new(course(instance, &id)?)),
        Part::Courses => Told::Courses(courses(instance)),
        Part::Sizes => Told::Sizes(sizes(instance).await?),
        Part::Records => Told::Records(match &instance.log {
            Some(log) => log.recent().read(),
            None => Vec::new(),
        }),
        Part::Metrics => Told::Metrics(metrics::gather(instance).await),
    };
    Ok(Answer::Told { told })
}

fn actors(instance: &Instance) -> Vec<ActorReport> {
    let telemetry = &instance.telemetry;
    let mut reports: Vec<ActorReport> = telemetry.actors().iter().map(actor).collect();
    let writer = &telemetry.writer;
    let waiting = u64::try_from(writer.waiting.get()).unwrap_or(0);
    let outcomes = [
        ("committed", writer.committed.get()),
        ("refused", writer.refused.get()),
        ("failed", writer.failed.get()),
        ("turned away", writer.turned_away.get()),
    ];
    reports.push(ActorReport {
        name: "writer".to_owned(),
        waiting,
        handled: writer.apply.read().count(),
        wait: times(&writer.lane.read()),
        handling: times(&writer.apply.read()),
        kinds: outcomes
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(kind, count)| (kind.to_owned(), count))
            .collect(),
        panics: panics(&writer.panics),
    });
    reports
}

fn actor(figures: &Arc<ActorFigures>) -> ActorReport {
    let mut kinds = figures.messages();
    kinds.sort_by(|(one, few), (other, many)| many.cmp(few).then(one.cmp(other)));
    kinds.truncate(KINDS_TOLD_MAX);
    ActorReport {
        name: figures.name().name().to_owned(),
        waiting: u64::try_from(figures.depth()).unwrap_or(u64::MAX),
        handled: figures.handling().count(),
        wait: times(&figures.wait()),
        handling: times(&figures.handling()),
        kinds: kinds
            .into_iter()
            .map(|(kind, count)| (kind.to_owned(), count))
            .collect(),
        panics: panics(&figures.panics),
    }
}

fn panics(panics: &Panics) -> Option<PanicReport> {
    panics.read().map(|seen| PanicReport {
        count: seen.count,
        last_work: seen.last_work.to_owned(),
        last_seconds_ago: seen.last_seconds_ago,
    })
}

fn times(seen: &Seen) -> Times {
    let millis = |seconds: Option<f64>| seconds.map(|seconds| seconds * 1000.0);
    Times {
        mean_ms: millis(seen.mean()),
        p50_ms: millis(seen.quantile(0.5)),
        p99_ms: millis(seen.quantile(0.99)),
    }
}

async fn statements(instance: &Instance, seconds: u32) -> Result<Vec<StatementReport>, Failure> {
    let watching = instance.telemetry.statements.watch();
    sleep(Duration::from_secs(seconds.min(WATCH_SECONDS_MAX).into())).await;
    let mut seen = watching.read();
    drop(watching);
    seen.truncate(STATEMENTS_TOLD_MAX);
    let texts = seen.iter().filter_map(|figures| figures.sql.clone());
    let sql: Vec<String> = texts.take(EXPLAINED_MAX).collect();
    let database = database_in(&instance.data_dir);
    let explained = sql.clone();
    let plans = blocking(move || Ok(Reader::open(&database)?.run(&ExplainStatements { sql })?.0))
        .await?
        .map_err(|error: StoreError| with_causes(&error))?;
    let plan_of = |text: &Option<String>| {
        let place = explained
            .iter()
            .position(|sql| Some(sql) == text.as_ref())?;
        plans.get(place).cloned().flatten()
    };
    let report = |figures: StatementFigures| StatementReport {
        plan: plan_of(&figures.sql),
        figures,
    };
    Ok(seen.into_iter().map(report).collect())
}

fn course(instance: &Instance, id: &str) -> Result<SlowRequest, Failure> {
    let slow = &instance.telemetry.slow;
    let found = slow.find(id).map(|report| instance.slow_request(report));
    found.ok_or_else(|| {
        Failure::new(format!(
            "the course of request {id} isn't kept: kept are those of the last {LAST_MAX} requests (the first as \
             many of a busy second), of those that took {} ms (log.slow_ms) or longer, and the slowest of the last ten minutes; the log has its line with id=\"{id}\"",
            instance.config.log.slow_ms
        ))
    })
}

/// The slow ones first, the last ones after them.
fn courses(instance: &Instance) -> Vec<SlowRequest> {
    let slow = &instance.telemetry.slow;
    let mut reports: Vec<Report> = Vec::new();
    for report in [slow.recent(), slow.slowest(), slow.last()]
        .into_iter()
        .flatten()
    {
        if reports.len() == COURSES_TOLD_MAX {
            break;
        }
        if reports.iter().all(|known| known.id != report.id) {
            reports.push(report);
        }
    }
    let told = reports.into_iter();
    told.map(|report| instance.slow_request(report)).collect()
}

async fn sizes(instance: &Instance) -> Result<StoreSizes, Failure> {
    let database = database_in(&instance.data_dir);
    blocking(move || Ok(Reader::open(&database)?.run(&ReadSizes)?.0))
        .await?
        .map_err(|error: StoreError| with_causes(&error))
}
