//! `kinglet bench`: measures a server, tells it, compares what was told and draws it.

use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Subcommand};
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use super::{CliError, print};
use crate::bench::figures::static_body::{self, BODY_BYTES_MAX};
use crate::bench::figures::{self, FiguresPlan, ROUNDS_MAX, Row};
use crate::bench::graph::PEOPLE_MAX;
use crate::bench::mix::Mix;
use crate::bench::pacer::RATE_MAX;
use crate::bench::plan::{GraphSource, Rate};
use crate::bench::target::read_tokens;
use crate::bench::{Aim, BenchError, Plan, Progress, Report, compare, plot, table};

/// The most connections of a load.
const CONNECTIONS_MAX: u32 = 10_000;
/// The longest that a loop lasts, in seconds.
const SECONDS_MAX: u32 = 24 * 60 * 60;
/// The most posts that are written in one step.
const POSTS_MAX: u64 = 100_000_000;
/// The most friends that each finds in a made graph.
const FRIENDS_MAX: u32 = 1000;
/// Friends whom each finds in a made graph, unless told otherwise: the real one has 19.6 pairs a person.
const FRIENDS: usize = 20;
/// The most followers of the author whose posts fan out.
const FOLLOWERS_MAX: u32 = 500_000;
/// The most threads that ask.
const THREADS_MAX: u32 = 256;
/// How often the bar is drawn.
const PACE: Duration = Duration::from_millis(200);
/// Failed requests of a thousand with which a run still counts.
const FAILED_PER_THOUSAND_MAX: u64 = 1;

/// What stands below the help.
pub const EXAMPLES: &str = "\
Examples:
  kinglet bench
  kinglet bench --graph socfb-Reed98.edges --seconds 30 --json today.json
  kinglet bench --url http://127.0.0.1:3000 --tokens tokens.txt --users 50
  kinglet bench --compare before.json today.json
  kinglet bench --plot today.json --svg today.svg

People who follow each other publish posts, then ask in a mix: first as fast as answers come, then
at a rate that doesn't wait for answers; there the time of a request counts from the moment at which
it was due. docs/bench.md says what each figure means.";

/// Options of `bench`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Bench {
    /// What to do instead of one run.
    #[command(subcommand)]
    pub command: Option<BenchCommand>,

    /// Measure this server, http://HOST[:PORT], instead of a throwaway instance; its people follow each other then, and write
    #[arg(long, value_name = "URL", requires = "tokens")]
    pub url: Option<String>,

    /// File with access tokens of that server, one a line, which may read, write and follow
    #[arg(long, value_name = "FILE", requires = "url")]
    pub tokens: Option<PathBuf>,

    /// Edge list of who follows whom, both ways: two numbers a line
    #[arg(long, value_name = "FILE", conflicts_with = "users")]
    pub graph: Option<PathBuf>,

    /// People of a power-law graph that is made [default: 962, or one for each token]
    #[arg(long, value_name = "N",
          value_parser = clap::value_parser!(u32).range(2..=PEOPLE_MAX as i64))]
    pub users: Option<u32>,

    /// Older people whom each in a graph that is made befriends
    #[arg(long, value_name = "N", default_value_t = FRIENDS as u32,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(FRIENDS_MAX)))]
    pub friends: u32,

    /// Makes the same graph, texts and requests again
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// Posts that are there before the throwaway instance is started
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "url",
          value_parser = clap::value_parser!(u64).range(..=POSTS_MAX))]
    pub history: u64,

    /// Posts that are published first, as fast as they are answered
    #[arg(long, value_name = "N", default_value_t = 10_000,
          value_parser = clap::value_parser!(u64).range(..=POSTS_MAX))]
    pub posts: u64,

    /// What is asked and how often each: home, account, public, post
    #[arg(long, value_name = "KIND=WEIGHT,...", default_value_t = Mix::default())]
    pub mix: Mix,

    /// Connections that ask at the same time
    #[arg(long, value_name = "N", default_value_t = 64,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(CONNECTIONS_MAX)))]
    pub connections: u32,

    /// How long each of the two loops lasts: as fast as answers come, then at a rate
    #[arg(long, value_name = "S", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(SECONDS_MAX)))]
    pub seconds: u32,

    /// How long the mix is driven before, uncounted
    #[arg(long, value_name = "S", default_value_t = 2,
          value_parser = clap::value_parser!(u32).range(0..=i64::from(SECONDS_MAX)))]
    pub warm_up: u32,

    /// Rate of the second loop, in requests a second
    #[arg(long, value_name = "R", conflicts_with = "load",
          value_parser = clap::value_parser!(u32).range(1..=RATE_MAX as i64))]
    pub rate: Option<u32>,

    /// Rate of the second loop, as a share of what the first one reached, 0.01 to 2
    #[arg(long, value_name = "SHARE", default_value = "0.7")]
    pub load: Share,

    /// Threads that ask; the server has the other cores
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(THREADS_MAX)))]
    pub threads: u32,

    /// Setting of the throwaway instance, such as storage.synchronous=normal
    #[arg(long = "set", value_name = "SETTING=VALUE", value_parser = setting, conflicts_with = "url")]
    pub settings: Vec<(String, String)>,

    /// Where the throwaway instance lies, best on a disk [default: the system's place for temporary files]
    #[arg(long, value_name = "DIR", conflicts_with = "url")]
    pub dir: Option<PathBuf>,

    /// Write all that was measured to this file
    #[arg(long, value_name = "FILE.json")]
    pub json: Option<PathBuf>,

    /// Measure nothing, but print by which factor two such files differ
    #[arg(long, num_args = 2, value_names = ["FILE.json", "FILE.json"], conflicts_with_all = ["url", "json", "plot"])]
    pub compare: Option<Vec<PathBuf>>,

    /// Measure nothing, but draw how long the requests of such a file took
    #[arg(long, value_name = "FILE.json", requires = "svg", conflicts_with_all = ["url", "json"])]
    pub plot: Option<PathBuf>,

    /// Where to put the picture
    #[arg(long, value_name = "FILE.svg", requires = "plot")]
    pub svg: Option<PathBuf>,
}

/// `bench ...`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum BenchCommand {
    /// Measure what kinglet promises, side by side: medians of several rounds, with what is to be reached
    #[command(after_help = "\
Examples:
  kinglet bench figures --graph socfb-Reed98.edges --dir . --json figures.json
  kinglet bench figures --only home,posts --rounds 3

Everything takes half an hour, most of it the million posts of cold; all the others are done in ten
minutes.")]
    Figures(Figures),

    /// Answer everything with one body of so many bytes, until standard input ends
    #[command(
        hide = true,
        after_help = "\
Examples:
  kinglet bench static-body 24000"
    )]
    StaticBody {
        /// Length of the body
        #[arg(value_parser = clap::value_parser!(u32).range(..=i64::from(BODY_BYTES_MAX)))]
        bytes: u32,
    },
}

/// Options of `bench figures`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Rows: home, posts, mix, fanout, memory, start, disk, idle, cold [default: all]
    #[arg(long, value_name = "ROW,...", value_delimiter = ',')]
    pub only: Vec<Row>,

    /// Rounds, of which the median counts
    #[arg(long, value_name = "N", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(ROUNDS_MAX)))]
    pub rounds: u32,

    /// How long each load of a round lasts
    #[arg(long, value_name = "S", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(SECONDS_MAX)))]
    pub seconds: u32,

    /// Edge list for the mix: who follows whom, both ways [default: a graph that is made]
    #[arg(long, value_name = "FILE")]
    pub graph: Option<PathBuf>,

    /// Makes the same texts and requests again
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// Posts of the large instance (cold); a tenth as many people
    #[arg(long, value_name = "N", default_value_t = 1_000_000,
          value_parser = clap::value_parser!(u64).range(1..=POSTS_MAX))]
    pub posts: u64,

    /// Followers of the author whose posts fan out
    #[arg(long, value_name = "N", default_value_t = 10_000,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(FOLLOWERS_MAX)))]
    pub followers: u32,

    /// Threads that ask; the server has the other cores
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(THREADS_MAX)))]
    pub threads: u32,

    /// Setting of all instances, such as timelines.window_entries_max=100
    #[arg(long = "set", value_name = "SETTING=VALUE", value_parser = setting)]
    pub settings: Vec<(String, String)>,

    /// Where the instances lie, best on a disk [default: the system's place for temporary files]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,

    /// Write all that was measured to this file
    #[arg(long, value_name = "FILE.json")]
    pub json: Option<PathBuf>,
}

impl Figures {
    fn plan(&self) -> FiguresPlan {
        FiguresPlan {
            rows: if self.only.is_empty() {
                Row::ALL.to_vec()
            } else {
                self.only.clone()
            },
            threads: self.threads as usize,
            rounds: self.rounds as usize,
            time: Duration::from_secs(self.seconds.into()),
            graph: match &self.graph {
                Some(path) => GraphSource::File(path.clone()),
                None => GraphSource::Made {
                    people: None,
                    friends: FRIENDS,
                },
            },
            seed: self.seed,
            place: self.dir.clone(),
            settings: self.settings.clone(),
            posts: usize::try_from(self.posts).unwrap_or(usize::MAX),
            followers: self.followers as usize,
        }
    }
}

/// A share in thousandths: `0.7` are 700.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(u32);

impl Share {
    const MAX: f64 = 2.0;

    fn value(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let share = text.parse().ok();
        let share = share.filter(|share| (0.001..=Self::MAX).contains(share));
        let share: f64 = share.ok_or_else(|| format!("no number from 0.001 to {}", Self::MAX))?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it lies between 1 and 2000"
        )]
        let thousandths = (share * 1000.0).round() as u32;
        Ok(Self(thousandths))
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("no SETTING=VALUE")?;
    if name
        .split_once('.')
        .is_none_or(|(section, key)| section.is_empty() || key.is_empty())
    {
        return Err(format!("{name:?} is no SECTION.KEY"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

impl Bench {
    fn plan(&self) -> Result<Plan, BenchError> {
        let aim = match (&self.url, &self.tokens) {
            (Some(url), Some(tokens)) => Aim::Server {
                url: url.clone(),
                tokens: read_tokens(tokens)?,
            },
            _ => Aim::Throwaway {
                place: self.dir.clone(),
                settings: self.settings.clone(),
                history: usize::try_from(self.history).unwrap_or(usize::MAX),
            },
        };
        let graph = match &self.graph {
            Some(path) => GraphSource::File(path.clone()),
            None => GraphSource::Made {
                people: self.users.map(|users| users as usize),
                friends: self.friends as usize,
            },
        };
        Ok(Plan {
            aim,
            graph,
            seed: self.seed,
            posts: self.posts,
            mix: self.mix,
            connections: self.connections as usize,
            time: Duration::from_secs(self.seconds.into()),
            warm_up: Duration::from_secs(self.warm_up.into()),
            rate: match self.rate {
                Some(rate) => Rate::PerSecond(rate.into()),
                None => Rate::Share(self.load.value()),
            },
        })
    }
}

impl From<BenchError> for CliError {
    fn from(error: BenchError) -> Self {
        match error {
            BenchError::Io { what, source } => Self::Io { what, source },
            BenchError::Unusable(reason) => Self::Unusable(reason),
            BenchError::Boot(error) => Self::Boot(error),
            BenchError::Ask(error) => {
                Self::Unusable(format!("the throwaway instance can't be filled: {error}"))
            }
        }
    }
}

pub(super) fn run(options: &Bench) -> Result<(), CliError> {
    match &options.command {
        Some(BenchCommand::StaticBody { bytes }) => {
            let mut told = Ok(());
            static_body::serve(*bytes, |address| told = print(address))?;
            return told;
        }
        Some(BenchCommand::Figures(options)) => {
            let plan = options.plan();
            let report = measure(options.threads, |progress| async move {
                figures::measure(&plan, &progress).await
            })?;
            return tell(&report, options.json.as_deref());
        }
        None => {}
    }
    if let Some([before, after]) = options.compare.as_deref() {
        let (before, after) = (Report::read(before)?, Report::read(after)?);
        let (compared, differences) = compare::compare(&before, &after);
        return print(&table::comparison(&compared, &differences));
    }
    if let (Some(path), Some(svg)) = (&options.plot, &options.svg) {
        return draw(path, svg);
    }
    let plan = options.plan()?;
    let report = measure(options.threads, |progress| async move {
        crate::bench::run(&plan, &progress).await
    })?;
    tell(&report, options.json.as_deref())?;
    judge(&report)
}

fn tell(report: &Report, json: Option<&Path>) -> Result<(), CliError> {
    // The file first: a terminal that is gone shall not cost what was measured.
    if let Some(path) = json {
        report.write(path)?;
    }
    print(&table::report(report))
}

fn draw(path: &Path, svg: &Path) -> Result<(), CliError> {
    let picture = plot::latencies(&Report::read(path)?)?;
    std::fs::write(svg, picture).map_err(|source| CliError::Io {
        what: format!("{}: can't be written", svg.display()),
        source,
    })
}

/// A run whose answers weren't what they should be has measured something else.
fn judge(report: &Report) -> Result<(), CliError> {
    let Some((failed, first)) = report.failures() else {
        return Ok(());
    };
    let done = report.loads.iter().filter_map(|load| load.kind("all"));
    let done: u64 = done.map(|all| all.done).sum();
    if failed * 1000 > (done + failed) * FAILED_PER_THOUSAND_MAX {
        let reason = format!("{failed} requests were answered otherwise, the first with {first}");
        return Err(CliError::Unusable(reason));
    }
    Ok(())
}

/// Does the work while it draws how far that is; what the work spawns has threads of its own. A signal ends it: what it made
/// is removed.
pub(super) fn measure<T, F>(threads: u32, work: impl FnOnce(Progress) -> F) -> Result<T, CliError>
where
    F: Future<Output = Result<T, BenchError>>,
{
    let failed = |source| CliError::Io {
        what: "can't start".to_owned(),
        source,
    };
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(threads as usize)
        .enable_all()
        .build()
        .map_err(failed)?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let mut hang_up = signal(SignalKind::hangup()).map_err(failed)?;
        let progress = Progress::default();
        let mut bar = Bar::default();
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Whatever ends this drops the work, and with it the process that it started and the directory.
        let mut work = pin!(work(progress.clone()));
        let done = loop {
            tokio::select! {
                done = &mut work => break done.map_err(CliError::from),
                _ = pace.tick() => { bar.draw(&progress); continue; }
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hang_up.recv() => {}
            }
            break Err(CliError::Unusable("ended before it was done".to_owned()));
        };
        bar.clear();
        done
    })
}

/// The line with the bar, where standard error is a terminal.
#[derive(Default)]
struct Bar {
    width: usize,
}

impl Bar {
    fn draw(&mut self, progress: &Progress) {
        if io::stderr().is_terminal()
            && let Some(line) = progress.line()
        {
            self.put(&line);
            self.width = line.chars().count();
        }
    }

    fn clear(&mut self) {
        if self.width > 0 {
            self.put("");
            drop(write!(io::stderr(), "\r"));
        }
    }

    fn put(&self, line: &str) {
        // Without a bar it measures all the same.
        drop(write!(io::stderr(), "\r{line:<width$}", width = self.width));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_a_section() {
        let parsed = setting("storage.synchronous=normal").expect("a setting");
        assert_eq!(
            parsed,
            ("storage.synchronous".to_owned(), "normal".to_owned())
        );
        for text in ["storage=1", "synchronous", ".a=1", "a.=1"] {
            assert!(setting(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_have_bounds() {
        assert_eq!("0.7".parse(), Ok(Share(700)));
        for text in ["0", "3", "NaN", "x"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }
}
