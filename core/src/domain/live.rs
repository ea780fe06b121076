//! What a running instance is about at this moment, as plain figures: `/admin/live` and `kinglet top` show the same.
//!
//! Nothing in it names a path, a query or a body: routes are told by their patterns.

use serde::{Deserialize, Serialize};

/// Seconds that "now" spans: rates and percentiles are those of the requests answered within them.
pub const NOW_SECONDS: usize = 10;
/// Seconds that the course of requests is told for.
pub const COURSE_SECONDS: usize = 60;
/// Slow requests that are told of, the latest first.
pub const SLOW_SHOWN_MAX: usize = 20;

/// All of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveFigures {
    /// The version of kinglet.
    pub version: String,
    /// The public address.
    pub url: String,
    /// The moment, RFC 3339.
    pub at: String,
    /// How long the server has been running, in seconds.
    pub uptime_seconds: u64,
    /// Requests and their answers.
    pub traffic: Traffic,
    /// The thread that writes.
    pub writer: WriterFigures,
    /// Who owns the state, and the pools that work for them.
    pub actors: Vec<ActorFigures>,
    /// What is kept in memory.
    pub caches: Vec<CacheFigures>,
    /// What waits to be done; nothing when that couldn't be looked up in time.
    pub jobs: Option<JobFigures>,
    /// What the process takes of the machine.
    pub process: ProcessFigures,
    /// From how many milliseconds on a request is slow; 0 when none is.
    pub slow_ms: u64,
    /// The latest slow requests, the last first.
    pub slow: Vec<SlowRequest>,
}

/// Requests and their answers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Traffic {
    /// Requests answered in a second, over the last [`NOW_SECONDS`].
    pub per_second: f64,
    /// Half of them took no longer, in milliseconds; none when there was none.
    pub p50_ms: Option<f64>,
    /// All but one in a hundred took no longer, in milliseconds.
    pub p99_ms: Option<f64>,
    /// Of these, answered with a status of 500 and above.
    pub failed: u64,
    /// Of these, answered with a status of 400 to 499.
    pub refused: u64,
    /// Requests being answered.
    pub at_work: u64,
    /// Open connections.
    pub connections: u64,
    /// Requests since the start.
    pub total: u64,
    /// Answered with a status of 500 and above since the start.
    pub failed_total: u64,
    /// Requests of each of the last [`COURSE_SECONDS`], the present one last.
    pub course: Vec<u32>,
}

/// The thread that writes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct WriterFigures {
    /// Units that wait in its lane.
    pub waiting: u64,
    /// Units that the lane has room for.
    pub room: u64,
    /// Units applied since the start.
    pub units: u64,
    /// Commits since the start.
    pub commits: u64,
    /// The mean time of a commit, in milliseconds; none when there was none.
    pub commit_ms: Option<f64>,
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
}

impl WriterFigures {
    /// How many units share a commit.
    #[must_use]
    pub fn units_per_commit(&self) -> Option<f64> {
        (self.commits > 0).then(|| self.units as f64 / self.commits as f64)
    }
}

/// An actor or a pool of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActorFigures {
    /// Its name.
    pub name: String,
    /// Messages that wait for it.
    pub waiting: u64,
    /// Messages that it took since the start.
    pub handled: u64,
    /// The mean time that a message waited, in microseconds.
    pub wait_us: Option<f64>,
    /// The mean time that a message took, in microseconds.
    pub work_us: Option<f64>,
}

/// Something that is kept in memory, and may be forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheFigures {
    /// Its name.
    pub name: String,
    /// How many values it holds.
    pub entries: u64,
    /// About how much memory they take, in bytes.
    pub bytes: u64,
    /// How much they may take, in bytes; most share it.
    pub bytes_max: u64,
}

impl CacheFigures {
    /// Which part of what it may take it has, in hundredths.
    #[must_use]
    pub fn full_percent(&self) -> u64 {
        let percent = self.bytes.saturating_mul(100);
        let percent = percent.checked_div(self.bytes_max);
        percent.unwrap_or(0).min(100)
    }
}

/// Jobs by what becomes of them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct JobFigures {
    /// Jobs that wait.
    pub waiting: u64,
    /// Jobs being done.
    pub running: u64,
    /// Jobs that failed and are tried again; they wait too.
    pub retrying: u64,
    /// Jobs that were given up.
    pub dead: u64,
}

/// What the process takes of the machine; none where the system doesn't tell.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ProcessFigures {
    /// Memory that it has in use, in bytes.
    pub resident_bytes: Option<u64>,
    /// Time on processors since the start, in milliseconds.
    pub cpu_ms: Option<u64>,
    /// Open files and sockets.
    pub open_files: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
}

/// A request that took long, and where its time went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SlowRequest {
    /// The id that log and answer carry.
    pub id: String,
    /// When it began, RFC 3339.
    pub at: String,
    /// Its method.
    pub method: String,
    /// The route's pattern.
    pub route: String,
    /// The status of its answer.
    pub status: u16,
    /// How long it took, in microseconds.
    pub total_us: u64,
    /// What it did meanwhile, in the order of beginnings. They may lie within each other.
    pub spans: Vec<SlowSpan>,
    /// How many more there were than are kept.
    pub spans_lost: u32,
}

/// A stretch of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlowSpan {
    /// What was done, such as `gate`, `mailbox`, `handler`, `reader`, `queue`, `apply`, `commit`, `render`.
    pub kind: String,
    /// By whom, or with what.
    pub detail: String,
    /// When it began, in microseconds after the request.
    pub start_us: u64,
    /// How long it took, in microseconds.
    pub length_us: u64,
}

impl SlowSpan {
    /// Where a bar begins and how long it is, in hundredths of a percent of the whole. A bar is never so short that it
    /// isn't seen, and never leaves the whole.
    #[must_use]
    pub fn bar(&self, total_us: u64) -> (u64, u64) {
        const WHOLE: u64 = 10_000;
        const LEAST: u64 = 50;
        let part = |us: u64| (us.min(total_us) * WHOLE).checked_div(total_us);
        let start = part(self.start_us).unwrap_or(0).min(WHOLE - LEAST);
        let length = part(self.length_us).unwrap_or(WHOLE);
        (start, length.clamp(LEAST, WHOLE - start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stay_within_the_whole_and_are_seen() {
        let bar = |start_us, length_us, total_us| {
            let span = SlowSpan {
                kind: "commit".to_owned(),
                detail: String::new(),
                start_us,
                length_us,
            };
            span.bar(total_us)
        };
        assert_eq!(bar(0, 1000, 1000), (0, 10_000));
        assert_eq!(bar(500, 250, 1000), (5000, 2500));
        assert_eq!(bar(0, 0, 1000), (0, 50), "too short to be seen");
        assert_eq!(bar(1000, 1, 1000), (9950, 50), "at the very end");
        assert_eq!(bar(900, 500, 1000), (9000, 1000), "longer than the whole");
        assert_eq!(bar(0, 0, 0), (0, 10_000));
    }

    #[test]
    fn shares_of_nothing_are_none() {
        let mut cache = CacheFigures {
            name: "posts".to_owned(),
            entries: 0,
            bytes_max: 0,
            bytes: 0,
        };
        assert_eq!(cache.full_percent(), 0);
        (cache.bytes, cache.bytes_max) = (30, 40);
        assert_eq!(cache.full_percent(), 75);
        assert_eq!(WriterFigures::default().units_per_commit(), None);
    }
}
