//! What a running instance is about at this moment, put together for those who look: `/admin/live`, `kinglet top`.

use std::fs;
use std::time::Duration;

use tokio::time::timeout;

use crate::cache;
use crate::clock::Timestamp;
use crate::domain::live::{
    ActorFigures, CacheFigures, JobFigures, LiveFigures, ProcessFigures, SLOW_SHOWN_MAX,
    SlowRequest, SlowSpan, Traffic, WriterFigures,
};
use crate::error::AskError;
use crate::instance::Instance;
use crate::store::open::database_in;
use crate::store::queries::tasks::ReadTasks;
use crate::store::writer::UNITS_WAITING_MAX;
use crate::telemetry::{Report, mailbox, process};

/// How long jobs may be looked up; what takes longer is left out: who looks for what hangs must not hang with it.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);
const MICROS_PER_SECOND: f64 = 1_000_000.0;
const MILLIS_PER_SECOND: f64 = 1000.0;

impl Instance {
    /// The figures of this moment.
    ///
    /// # Errors
    /// When the jobs can't be looked up.
    pub async fn live(&self) -> Result<LiveFigures, AskError> {
        let (jobs, caches) =
            tokio::join!(timeout(ANSWER_TIME_MAX, self.jobs()), self.actors.caches());
        let jobs = match jobs {
            Ok(Err(AskError::Busy)) | Err(_) => None,
            Ok(jobs) => Some(jobs?),
        };
        let now = self.clock.now();
        let uptime = now.seconds().saturating_sub(self.started_at.seconds());
        let uptime_seconds = u64::try_from(uptime).unwrap_or(0);
        let slow = self.telemetry.slow.recent().into_iter();
        Ok(LiveFigures {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            url: self.url.to_string(),
            at: self.moment(now),
            uptime_seconds,
            traffic: self.traffic(now, uptime_seconds),
            writer: self.writer(),
            actors: self
                .telemetry
                .actors()
                .iter()
                .map(|actor| figures_of(actor))
                .collect(),
            caches: caches.iter().map(cache_figures).collect(),
            jobs,
            process: process(),
            slow_ms: self.config.log.slow_ms,
            slow: slow
                .take(SLOW_SHOWN_MAX)
                .map(|report| self.slow_request(report))
                .collect(),
        })
    }

    fn traffic(&self, now: Timestamp, uptime_seconds: u64) -> Traffic {
        let http = &self.telemetry.http;
        let statuses = || {
            http.read()
                .into_iter()
                .flat_map(|(.., figures)| figures.statuses())
        };
        let failures = statuses().filter(|(status, _)| *status >= 500);
        Traffic {
            at_work: level(http.in_flight.get()),
            connections: level(http.connections.get()),
            total: statuses().map(|(_, requests)| requests).sum(),
            failed_total: failures.map(|(_, requests)| requests).sum(),
            ..self.telemetry.recent.traffic(now, uptime_seconds)
        }
    }

    fn writer(&self) -> WriterFigures {
        let writer = &self.telemetry.writer;
        let commit = writer.commit.read();
        let log = database_in(&self.data_dir).with_extension("db-wal");
        WriterFigures {
            waiting: level(writer.waiting.get()),
            room: count(UNITS_WAITING_MAX),
            units: writer.units_per_commit.read().sum,
            commits: commit.count(),
            commit_ms: commit.mean().map(|seconds| seconds * MILLIS_PER_SECOND),
            // Without a log nothing waits to be copied.
            wal_bytes: fs::metadata(log).map_or(0, |log| log.len()),
        }
    }

    async fn jobs(&self) -> Result<JobFigures, AskError> {
        let found = self.actors.find(ReadTasks).await?;
        let queues = found.queues.queues.iter();
        Ok(JobFigures {
            waiting: count(queues.map(|queue| queue.waiting).sum()),
            running: count(found.running.len()),
            retrying: count(found.retrying.len()),
            dead: count(found.queues.dead),
        })
    }

    /// A request's course, as it is told.
    pub fn slow_request(&self, report: Report) -> SlowRequest {
        let spans = report.spans.into_iter().map(|slice| SlowSpan {
            kind: slice.kind.name().to_owned(),
            detail: slice.detail.into_owned(),
            start_us: u64::from(slice.start_us),
            length_us: u64::from(slice.length_us),
        });
        SlowRequest {
            id: report.id,
            at: self.moment(Timestamp::from_millis(report.at)),
            method: report.method.into_owned(),
            route: report
                .route
                .map_or_else(|| "-".to_owned(), |route| route.into_owned()),
            status: report.status,
            total_us: report.total_us,
            spans: spans.collect(),
            spans_lost: report.spans_lost,
        }
    }

    /// RFC 3339 in the instance's zone.
    fn moment(&self, at: Timestamp) -> String {
        let zoned = at.in_zone(self.config.instance.time_zone.clone());
        zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// What rises and falls may be read between the two.
fn level(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn figures_of(actor: &mailbox::ActorFigures) -> ActorFigures {
    let (wait, handling) = (actor.wait(), actor.handling());
    ActorFigures {
        name: actor.name().name().to_owned(),
        waiting: count(actor.depth()),
        handled: wait.count(),
        wait_us: wait.mean().map(|seconds| seconds * MICROS_PER_SECOND),
        work_us: handling.mean().map(|seconds| seconds * MICROS_PER_SECOND),
    }
}

fn cache_figures(cache: &cache::CacheFigures) -> CacheFigures {
    CacheFigures {
        name: cache.name.to_owned(),
        entries: count(cache.entries),
        bytes_max: count(cache.bytes_max),
        bytes: count(cache.bytes),
    }
}

fn process() -> ProcessFigures {
    let Some(told) = process::ProcessFigures::read() else {
        return ProcessFigures::default();
    };
    ProcessFigures {
        resident_bytes: Some(told.resident_bytes),
        cpu_ms: Some((told.cpu_seconds * MILLIS_PER_SECOND) as u64),
        open_files: Some(told.open_files),
        threads: Some(told.threads),
    }
}
