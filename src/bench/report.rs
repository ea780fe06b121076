//! What was measured, as it is written to a file and read again.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::BenchError;
use super::histogram::Histogram;
use super::lag::Lag;
use super::machine::Machine;
use super::mix::Kind;
use super::process::Usage;
use super::server::Written;
use super::tally::Tally;

/// The version of this shape. A report of another one isn't read.
pub const FORMAT: u32 = 1;
/// The largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// The shares whose times are told, for plots: each step leaves a part of what the last one left.
const SHARES: [f64; 14] = [
    0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999, 0.99999, 1.0,
];

/// All that was measured in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: u32,
    /// Which kinglet measured, and was measured unless the server is another one.
    pub kinglet: Program,
    /// When it began, as RFC 3339.
    pub at: String,
    /// What was measured.
    pub server: Server,
    /// Where.
    pub machine: Machine,
    /// Under which load.
    pub load: Load,
    /// The loads, one after the other.
    pub loads: Vec<LoadReport>,
    /// What it comes to, one number each: what is compared.
    pub figures: Vec<Figure>,
    /// What has to be known to judge them.
    pub notes: Vec<String>,
}

/// A build of kinglet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its version.
    pub version: String,
    /// The commit it was built from, where whoever built it said so (`KINGLET_COMMIT`).
    pub commit: Option<String>,
    /// `release` or `debug`.
    pub build: String,
}

impl Program {
    /// This one.
    pub fn this() -> Self {
        let build = if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        };
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: option_env!("KINGLET_COMMIT").map(str::to_owned),
            build: build.to_owned(),
        }
    }
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Its address; none for a throwaway instance.
    pub url: Option<String>,
    /// What it says that it is.
    pub version: Option<String>,
    /// What is on the disk when a post is answered: `full` or `normal`; none where that isn't known.
    pub durability: Option<String>,
    /// Settings that differ from the usual.
    pub settings: Vec<(String, String)>,
}

/// What the server had to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Where the graph comes from: a file's name or `made`.
    pub graph: String,
    /// People.
    pub people: usize,
    /// Follows.
    pub follows: usize,
    /// Posts that were there before the start.
    pub history: usize,
    /// What makes runs alike.
    pub seed: u64,
    /// What was asked, and how often each.
    pub mix: String,
}

/// A load and what it came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadReport {
    /// What it is called.
    pub name: String,
    /// Connections.
    pub connections: usize,
    /// Requests that were due in a second; none in a closed loop.
    pub rate: Option<f64>,
    /// How long it lasted.
    pub seconds: f64,
    /// Requests that were done in a second.
    pub per_second: f64,
    /// Requests that should have been sent and weren't.
    pub unsent: u64,
    /// Connections that the server closed.
    pub reopened: u64,
    /// The first answer that wasn't as it should be.
    pub failure: Option<String>,
    /// The kinds, and last of all `all`.
    pub kinds: Vec<KindReport>,
    /// Posts that were published, with those of the samples of lag.
    pub posts: u64,
    /// What the server took for it; none of a server that isn't this program's child.
    pub server: Option<ServerUse>,
    /// Cores that the load itself kept busy.
    pub generator_cores: f64,
}

/// A kind of requests and how long they took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KindReport {
    /// Which.
    pub kind: String,
    /// How many were done.
    pub done: u64,
    /// How many weren't.
    pub failed: u64,
    /// Within which time half were done, in milliseconds.
    pub p50_ms: f64,
    /// And 99 of 100.
    pub p99_ms: f64,
    /// And 999 of 1000.
    pub p999_ms: f64,
    /// Shares of the requests and the time within which they were done, in milliseconds.
    pub curve: Vec<(f64, f64)>,
}

/// What a server took for a load.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ServerUse {
    /// Of the machine.
    pub usage: Usage,
    /// Of its writer.
    pub written: Written,
}

/// Which way a figure is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// More.
    More,
    /// Less.
    Less,
}

/// One number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What it is called, the same in every run.
    pub name: String,
    /// How much.
    pub value: f64,
    /// Of what.
    pub unit: String,
    /// Which way it is better.
    pub better: Better,
    /// The least and the most of all rounds, where there were several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<(f64, f64)>,
    /// What it shall be at least or at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<f64>,
}

impl Figure {
    /// A figure that is better when it is higher.
    pub fn more(name: impl Into<String>, value: f64, unit: &str) -> Self {
        Self::new(name.into(), value, unit, Better::More)
    }

    /// A figure that is better when it is lower.
    pub fn less(name: impl Into<String>, value: f64, unit: &str) -> Self {
        Self::new(name.into(), value, unit, Better::Less)
    }

    fn new(name: String, value: f64, unit: &str, better: Better) -> Self {
        Self {
            name,
            value,
            unit: unit.to_owned(),
            better,
            spread: None,
            goal: None,
        }
    }

    /// Whether it is as good as it shall be; none without a goal.
    pub fn is_reached(&self) -> Option<bool> {
        let goal = self.goal?;
        Some(match self.better {
            Better::More => self.value >= goal,
            Better::Less => self.value <= goal,
        })
    }
}

impl KindReport {
    fn of(kind: &str, took: &Histogram, failed: u64) -> Self {
        Self {
            kind: kind.to_owned(),
            done: took.count(),
            failed,
            p50_ms: took.ms_at(0.5),
            p99_ms: took.ms_at(0.99),
            p999_ms: took.ms_at(0.999),
            curve: SHARES.map(|share| (share, took.ms_at(share))).to_vec(),
        }
    }
}

impl LoadReport {
    /// Of a load that is over.
    pub fn new(
        name: &str,
        connections: usize,
        rate: Option<f64>,
        tally: &Tally,
        posts: u64,
        server: Option<ServerUse>,
        generator: &Usage,
    ) -> Self {
        let seconds = tally.nanos as f64 / 1e9;
        let used = Kind::ALL.into_iter().filter(|kind| {
            let place = kind.place();
            tally.took[place].count() + tally.failed[place] > 0
        });
        let mut kinds: Vec<_> = used
            .map(|kind| {
                let place = kind.place();
                KindReport::of(kind.name(), &tally.took[place], tally.failed[place])
            })
            .collect();
        kinds.push(KindReport::of("all", &tally.all(), tally.failed()));
        Self {
            name: name.to_owned(),
            connections,
            rate,
            seconds,
            per_second: tally.per_second(),
            unsent: tally.unsent,
            reopened: tally.reopened,
            failure: tally.failure.clone(),
            kinds,
            posts,
            server,
            generator_cores: generator.cpu_seconds / seconds.max(1e-9),
        }
    }

    /// The kind of this name, or `all`.
    pub fn kind(&self, name: &str) -> Option<&KindReport> {
        self.kinds.iter().find(|kind| kind.kind == name)
    }

    /// What it comes to.
    pub fn figures(&self) -> Vec<Figure> {
        let name = &self.name;
        let mut figures = vec![Figure::more(
            format!("{name}.per_second"),
            self.per_second,
            "/s",
        )];
        for kind in &self.kinds {
            // One kind alone is all.
            if self.kinds.len() == 2 && kind.kind != "all" {
                continue;
            }
            for (part, value) in [
                ("p50", kind.p50_ms),
                ("p99", kind.p99_ms),
                ("p99.9", kind.p999_ms),
            ] {
                let name = format!("{name}.{}.{part}", kind.kind);
                figures.push(Figure::less(name, value, "ms"));
            }
        }
        let done = self.kind("all").map_or(0, |all| all.done);
        if let Some(ServerUse { usage, written }) = &self.server {
            let each = 1e6 / done.max(1) as f64;
            let cpu = usage.cpu_seconds * each;
            figures.push(Figure::less(format!("{name}.cpu_each"), cpu, "us"));
            let posts = self.posts;
            if posts > 0 && written.commits > 0 {
                let per_commit = posts as f64 / written.commits as f64;
                let per_commit = Figure::more(format!("{name}.posts_per_commit"), per_commit, "");
                figures.push(per_commit);
                let bytes = usage.written_bytes as f64 / posts as f64;
                let bytes = Figure::less(format!("{name}.written_per_post"), bytes, "B");
                figures.push(bytes);
            }
        }
        figures
    }
}

/// The figures of fan-out lag; none where nothing was sampled.
pub fn lag_figures(lag: &Lag) -> Vec<Figure> {
    let samples = lag.took.count() + lag.lost;
    if samples == 0 {
        return Vec::new();
    }
    vec![
        Figure::less("lag.p50", lag.took.ms_at(0.5), "ms"),
        Figure::less("lag.p99", lag.took.ms_at(0.99), "ms"),
        Figure::less("lag.most", lag.took.ms_at(1.0), "ms"),
        Figure::more(
            "lag.seen_at_once",
            100.0 * lag.at_once as f64 / samples as f64,
            "%",
        ),
        Figure::less("lag.lost", lag.lost as f64, ""),
    ]
}

impl Report {
    /// Requests of all loads that weren't answered as they should be, and the first such answer.
    pub fn failures(&self) -> Option<(u64, &str)> {
        let failed = |load: &LoadReport| load.kind("all").map_or(0, |all| all.failed);
        let first = self.loads.iter().find_map(|load| load.failure.as_deref())?;
        Some((self.loads.iter().map(failed).sum(), first))
    }

    /// Reads one.
    ///
    /// # Errors
    /// When there is none, or one of another format.
    pub fn read(path: &Path) -> Result<Self, BenchError> {
        let failed = || BenchError::io(format!("{}: can't be read", path.display()));
        if fs::metadata(path).map_err(failed())?.len() > FILE_BYTES_MAX {
            let reason = format!("{}: too large for a report", path.display());
            return Err(BenchError::Unusable(reason));
        }
        let text = fs::read(path).map_err(failed())?;
        Self::parse(&text)
            .map_err(|reason| BenchError::Unusable(format!("{}: {reason}", path.display())))
    }

    fn parse(text: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let format: Format = serde_json::from_slice(text)
            .map_err(|_| "no report of `kinglet bench --json`".to_owned())?;
        if format.format != FORMAT {
            let found = format.format;
            return Err(format!(
                "a report of format {found}, this kinglet reads {FORMAT}"
            ));
        }
        serde_json::from_slice(text).map_err(|error| error.to_string())
    }

    /// Writes it.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write(&self, path: &Path) -> Result<(), BenchError> {
        let failed = || BenchError::io(format!("{}: can't be written", path.display()));
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|error| failed()(std::io::Error::other(error)))?;
        text.push(b'\n');
        fs::write(path, text).map_err(failed())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A report of made-up figures.
    pub fn sample() -> Report {
        let mut tally = Tally {
            nanos: 1_000_000_000,
            ..Tally::default()
        };
        for number in 1..=1000 {
            tally.record(Kind::Home, number * 10_000, Ok(()));
        }
        tally.record(Kind::Post, 3_000_000, Ok(()));
        let server = ServerUse {
            usage: Usage {
                cpu_seconds: 0.5,
                written_bytes: 4096,
                ..Usage::default()
            },
            written: Written {
                units: 1,
                commits: 1,
            },
        };
        let generator = Usage::default();
        let load = LoadReport::new("open", 4, Some(1001.0), &tally, 1, Some(server), &generator);
        Report {
            format: FORMAT,
            kinglet: Program::this(),
            at: "2026-01-01T00:00:00.000Z".to_owned(),
            server: Server {
                url: None,
                version: None,
                durability: Some("full".to_owned()),
                settings: Vec::new(),
            },
            machine: Machine {
                cpu: "a processor".to_owned(),
                cores: 2,
                memory_bytes: 1 << 30,
                kernel: "linux".to_owned(),
                file_system: "ext4".to_owned(),
                fdatasync_us: 250.0,
            },
            load: Load {
                graph: "made".to_owned(),
                people: 10,
                follows: 20,
                history: 0,
                seed: 1,
                mix: "home=9,post=1".to_owned(),
            },
            figures: load.figures(),
            loads: vec![load],
            notes: Vec::new(),
        }
    }

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("report.json");
        let report = sample();
        report.write(&path).expect("it is written");
        assert_eq!(Report::read(&path).expect("it is read"), report);
        for (text, said) in [
            ("{}", "no report"),
            ("{\"format\":99}", "format 99"),
            ("{\"format\":1}", "missing field"),
        ] {
            fs::write(&path, text).expect("it is written");
            let error = Report::read(&path).expect_err(text).to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn figures_are_what_was_counted() {
        let report = sample();
        let value = |name: &str| {
            let figure = report.figures.iter().find(|figure| figure.name == name);
            figure.expect(name).value
        };
        assert!((value("open.per_second") - 1001.0).abs() < 1e-6);
        assert!((value("open.home.p50") / 5.0 - 1.0).abs() < 0.01);
        assert!((value("open.home.p99") / 9.9 - 1.0).abs() < 0.01);
        assert!((value("open.posts_per_commit") - 1.0).abs() < 1e-9);
        assert!((value("open.cpu_each") - 0.5e6 / 1001.0).abs() < 1e-6);
        assert_eq!(report.failures(), None);
    }

    #[test]
    fn a_goal_is_reached_from_the_right_side() {
        let mut figure = Figure::more("a", 5.0, "/s");
        assert_eq!(figure.is_reached(), None);
        figure.goal = Some(5.0);
        assert_eq!(figure.is_reached(), Some(true));
        figure.better = Better::Less;
        figure.goal = Some(4.0);
        assert_eq!(figure.is_reached(), Some(false));
    }
}
