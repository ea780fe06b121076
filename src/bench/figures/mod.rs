//! `kinglet bench figures`: the figures that kinglet promises, side by side in one run.
//!
//! Each row is measured in several rounds, of which the median counts and the least and the most are told. What is a share of
//! something else is measured beside it in each round, so that whatever else the machine does hits both alike.

mod bare_writer;
mod cold;
mod disk;
mod fanout;
mod home;
mod mixed;
mod posts;
mod quiet;
pub mod static_body;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::graph::FollowerGraph;
use super::machine::{Machine, TMPFS};
use super::plan::GraphSource;
use super::population::Before;
use super::report::{self, Better, Figure, Program, Report};
use super::text::Texts;
use super::throwaway::{Throwaway, directory_in};
use super::{BenchError, Progress};
use crate::clock::{Clock, SystemClock};

/// The most rounds.
pub const ROUNDS_MAX: u32 = 101;

/// What can be measured alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// A warm home page against a static body.
    Home,
    /// Durable posts against the bare writer.
    Posts,
    /// The mix on the graph.
    Mix,
    /// An author with many resident followers.
    Fanout,
    /// Homes that nobody has read since the start, with many posts; memory and start with those.
    Cold,
    /// Resident memory, idle and after log-ins.
    Memory,
    /// From the start to the first home page.
    Start,
    /// Bytes of a post on the disk.
    Disk,
    /// Processor and wake-ups when nobody asks.
    Idle,
}

impl Row {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Home,
        Self::Posts,
        Self::Mix,
        Self::Fanout,
        Self::Memory,
        Self::Start,
        Self::Disk,
        Self::Idle,
        Self::Cold,
    ];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Posts => "posts",
            Self::Mix => "mix",
            Self::Fanout => "fanout",
            Self::Cold => "cold",
            Self::Memory => "memory",
            Self::Start => "start",
            Self::Disk => "disk",
            Self::Idle => "idle",
        }
    }
}

impl FromStr for Row {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|row| row.name() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("there are {names}")
        })
    }
}

/// Which figures, and how.
#[derive(Debug, Clone)]
pub struct FiguresPlan {
    /// Which.
    pub rows: Vec<Row>,
    /// How often each, of which the median counts.
    pub rounds: usize,
    /// How long each load lasts.
    pub time: Duration,
    /// Of the mix.
    pub graph: GraphSource,
    /// Makes runs alike.
    pub seed: u64,
    /// Where throwaway directories are made.
    pub place: Option<PathBuf>,
    /// Settings of all instances.
    pub settings: Vec<(String, String)>,
    /// Posts of the large instance: a million are meant.
    pub posts: usize,
    /// Followers of the author whose posts fan out: ten thousand are meant.
    pub followers: usize,
    /// Threads that ask.
    pub threads: usize,
}

/// What the rows share.
struct Rounds<'r> {
    plan: &'r FiguresPlan,
    texts: Texts,
    progress: &'r Progress,
}

/// Measures them.
///
/// # Errors
/// When nothing can be measured, or an answer isn't what it should be.
pub async fn measure(plan: &FiguresPlan, progress: &Progress) -> Result<Report, BenchError> {
    let at = SystemClock.now().to_string();
    let machine = Machine::look(directory_in(plan.place.as_deref())?.path())?;
    let rounds = Rounds {
        plan,
        texts: Texts::new(plan.seed),
        progress,
    };
    let (graph, name) = super::run::graph_of(&plan.graph, None, plan.seed)?;
    let mut figures = Vec::new();
    for row in Row::ALL {
        if plan.rows.contains(&row) {
            figures.extend(match row {
                Row::Home => home::measure(&rounds).await?,
                Row::Posts => posts::measure(&rounds).await?,
                Row::Mix => mixed::measure(&rounds, &graph).await?,
                Row::Fanout => fanout::measure(&rounds).await?,
                Row::Cold => cold::measure(&rounds).await?,
                Row::Memory => quiet::memory(&rounds).await?,
                Row::Start => quiet::start(&rounds).await?,
                Row::Disk => disk::measure(&rounds).await?,
                Row::Idle => quiet::idle(&rounds).await?,
            });
        }
    }
    let mut notes = Vec::new();
    if machine.file_system == TMPFS {
        notes.push("the instances lie in memory (tmpfs): name a directory with --dir".to_owned());
    }
    if cfg!(debug_assertions) {
        notes.push("this is a debug build: its figures tell nothing".to_owned());
    }
    Ok(Report {
        format: report::FORMAT,
        kinglet: Program::this(),
        at,
        server: report::Server {
            url: None,
            version: None,
            durability: Some("full".to_owned()),
            settings: plan.settings.clone(),
        },
        machine,
        load: report::Load {
            graph: name,
            people: graph.people,
            follows: graph.follows.len(),
            history: plan.posts,
            seed: plan.seed,
            mix: super::mix::Mix::default().to_string(),
        },
        loads: Vec::new(),
        figures,
        notes,
    })
}

impl Rounds<'_> {
    /// An instance with people who follow each other and write so much; its server runs.
    async fn instance(&self, graph: &FollowerGraph, posts: usize) -> Result<Throwaway, BenchError> {
        let mut instance = self.directory(graph, posts).await?;
        instance.start().await?;
        Ok(instance)
    }

    /// As [`instance`](Self::instance), whose server doesn't run yet.
    async fn directory(
        &self,
        graph: &FollowerGraph,
        posts: usize,
    ) -> Result<Throwaway, BenchError> {
        let plan = self.plan;
        let before = Before {
            graph,
            posts,
            texts: &self.texts,
            seed: plan.seed,
        };
        let directory = directory_in(plan.place.as_deref())?;
        Throwaway::make(directory, &plan.settings, &before, self.progress).await
    }

    /// Tells that a round is measured.
    fn begin(&self, name: &str, round: usize) {
        let rounds = self.plan.rounds;
        self.progress.time(
            format!("{name}, round {} of {rounds}", round + 1),
            self.plan.time,
        );
    }
}

/// One who follows so many: person 0 those from 1 on.
fn fan(followees: usize, others: usize) -> FollowerGraph {
    let followees = u32::try_from(followees).unwrap_or(u32::MAX);
    FollowerGraph {
        people: 1 + followees as usize + others,
        follows: (1..=followees).map(|followee| (0, followee)).collect(),
    }
}

/// What a figure was in each round.
#[derive(Debug, Default)]
struct Series(Vec<f64>);

impl Series {
    fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The median, with its spread and its goal.
    fn figure(mut self, name: &str, unit: &str, better: Better, goal: Option<f64>) -> Figure {
        self.0.sort_by(f64::total_cmp);
        let (least, most) = (self.0.first(), self.0.last());
        Figure {
            spread: least.copied().zip(most.copied()),
            goal,
            ..match better {
                Better::More => Figure::more(name, self.median(), unit),
                Better::Less => Figure::less(name, self.median(), unit),
            }
        }
    }

    fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_counts_and_the_spread_is_told() {
        let figure = Series(vec![5.0, 1.0, 3.0]).figure("a", "ms", Better::Less, Some(4.0));
        assert_eq!((figure.value, figure.spread), (3.0, Some((1.0, 5.0))));
        assert_eq!(figure.is_reached(), Some(true));
    }

    #[test]
    fn rows_are_known_by_their_names() {
        for row in Row::ALL {
            assert_eq!(row.name().parse(), Ok(row));
        }
        assert!(
            "homes"
                .parse::<Row>()
                .expect_err("no row")
                .contains("fanout")
        );
    }

    #[test]
    fn a_fan_follows_everybody_else() {
        let graph = fan(3, 2);
        assert_eq!(graph.people, 6);
        assert_eq!(graph.follows, [(0, 1), (0, 2), (0, 3)]);
    }
}
