//! One run: from an empty directory, or a server that is there, to a report.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tempfile::TempDir;

use super::graph::FollowerGraph;
use super::machine::{Machine, TMPFS};
use super::mix::{Kind, Mix};
use super::plan::{Aim, GraphSource, Rate};
use super::population::{Before, follow_over_http};
use super::process::Usage;
use super::report::{self, Figure, LoadReport, Program, Report, ServerUse, lag_figures};
use super::server::Written;
use super::tally::Tally;
use super::target::{ServerUrl, Target};
use super::text::Texts;
use super::throwaway::{Throwaway, directory_in};
use super::worker::Load;
use super::{BenchError, Plan, Progress, closed_loop, lag, open_loop};
use crate::clock::{Clock, SystemClock};

/// When the load itself keeps this much of a core busy for each of its threads, it may be what is measured.
const GENERATOR_CORES_MAX: f64 = 0.9;
/// The setting whose value is the durability, and its usual one.
const DURABILITY: (&str, &str) = ("storage.synchronous", "full");
/// How long a server that has just started is left alone before its memory is looked at.
const MEMORY_SETTLES: Duration = Duration::from_secs(2);

/// A throwaway instance and what was seen of it before the load.
struct Own {
    instance: Throwaway,
    started_ms: f64,
    idle: Usage,
}

/// Measures what the plan says.
///
/// # Errors
/// When nothing can be measured: no directory, no server, no answer.
pub async fn run(plan: &Plan, progress: &Progress) -> Result<Report, BenchError> {
    let at = SystemClock.now().to_string();
    let texts = Texts::new(plan.seed);
    let place = match &plan.aim {
        Aim::Throwaway { place, .. } => place.as_deref(),
        // Only for asking how fast the disk is.
        Aim::Server { .. } => None,
    };
    let directory = directory_in(place)?;
    let machine = Machine::look(directory.path())?;
    let mut notes = Vec::new();
    let members = match &plan.aim {
        Aim::Throwaway { .. } => None,
        Aim::Server { tokens, .. } => Some(tokens.len()),
    };
    let (graph, name) = graph_of(&plan.graph, members, plan.seed)?;
    let history;
    let settings;
    let (target, mut own, server) = match &plan.aim {
        Aim::Throwaway {
            settings: given,
            history: posts,
            ..
        } => {
            history = *posts;
            settings = given.clone();
            if machine.file_system == TMPFS {
                notes.push(
                    "the instance lies in memory (tmpfs), where a commit waits for no disk: name a directory on one with --dir"
                        .to_owned(),
                );
            }
            let before = Before {
                graph: &graph,
                posts: history,
                texts: &texts,
                seed: plan.seed,
            };
            let own = Own::start(directory, &settings, &before, progress).await?;
            (own.instance.target()?, Some(own), None)
        }
        Aim::Server { url, tokens } => {
            history = 0;
            settings = Vec::new();
            notes.push(
                "the server isn't this program's child: what it takes of its machine isn't known here"
                    .to_owned(),
            );
            progress.things("tokens", tokens.len());
            let target = ServerUrl::resolve(url)?.enter(tokens.clone()).await?;
            follow_over_http(&target, &graph, plan.connections, progress).await?;
            (target, None, Some(url.clone()))
        }
    };
    let load = Load::new(target, texts, plan.seed)?;
    let driver = Driver {
        load: &load,
        own: own.as_ref(),
        plan,
        progress,
    };
    let (loads, lag) = driver.drive(&graph).await?;
    let mut figures: Vec<Figure> = loads.iter().flat_map(LoadReport::figures).collect();
    figures.extend(lag_figures(&lag));
    if let Some(own) = &mut own {
        figures.extend(own.figures(&load, history).await?);
    }
    for load in &loads {
        if load.generator_cores > GENERATOR_CORES_MAX {
            notes.push(format!(
                "{}: the load itself kept {:.2} cores busy, so it may be what was measured",
                load.name, load.generator_cores
            ));
        }
        if load.unsent > 0 {
            notes.push(format!(
                "{}: {} requests were never sent, for the server was more than ten seconds behind",
                load.name, load.unsent
            ));
        }
    }
    if cfg!(debug_assertions) {
        notes.push("this is a debug build: its figures tell nothing".to_owned());
    }
    let durability = settings.iter().find(|(name, _)| name == DURABILITY.0);
    let durability = durability.map_or(DURABILITY.1, |(_, value)| value.as_str());
    Ok(Report {
        format: report::FORMAT,
        kinglet: Program::this(),
        at,
        server: report::Server {
            durability: server.is_none().then(|| durability.to_owned()),
            version: match &server {
                Some(_) => version_of(&load.target).await,
                None => None,
            },
            url: server,
            settings,
        },
        machine,
        load: report::Load {
            graph: name,
            people: graph.people,
            follows: graph.follows.len(),
            history,
            seed: plan.seed,
            mix: plan.mix.to_string(),
        },
        loads,
        figures,
        notes,
    })
}

/// Reads or makes a graph; where there are only so many members, what is left of it. Also where it comes from.
pub(super) fn graph_of(
    source: &GraphSource,
    members: Option<usize>,
    seed: u64,
) -> Result<(FollowerGraph, String), BenchError> {
    let (mut graph, name) = match source {
        GraphSource::File(path) => {
            let name = path.file_name().unwrap_or(path.as_os_str());
            let name = name.to_string_lossy().into_owned();
            (FollowerGraph::read(path)?, name)
        }
        GraphSource::Made { people, friends } => {
            let people = people.or(members).unwrap_or(PEOPLE);
            let people = people.min(members.unwrap_or(people));
            let graph = FollowerGraph::generate(people, *friends, seed);
            (graph, "made".to_owned())
        }
    };
    if let Some(members) = members {
        // Who has no token can't follow.
        let is_there = |person: u32| (person as usize) < members;
        graph.follows.retain(|(a, b)| is_there(*a) && is_there(*b));
        graph.people = graph.people.min(members);
    }
    if graph.people == 0 {
        return Err(BenchError::Unusable("the graph has no people".to_owned()));
    }
    Ok((graph, name))
}

/// People of a made graph, unless told otherwise: as many as the college has whose graph the field uses.
pub const PEOPLE: usize = 962;

impl Own {
    async fn start(
        directory: TempDir,
        settings: &[(String, String)],
        before: &Before<'_>,
        progress: &Progress,
    ) -> Result<Self, BenchError> {
        let mut instance = Throwaway::make(directory, settings, before, progress).await?;
        progress.things("start", 1);
        let started_ms = instance.start().await?;
        progress.time("rest", MEMORY_SETTLES);
        tokio::time::sleep(MEMORY_SETTLES).await;
        Ok(Self {
            idle: instance.server()?.usage()?,
            started_ms,
            instance,
        })
    }

    /// What is known of the instance alone; ends the server, so that the disk has all that was written.
    async fn figures(&mut self, load: &Load, history: usize) -> Result<Vec<Figure>, BenchError> {
        let mut figures = vec![
            Figure::less("start.first_home", self.started_ms, "ms"),
            Figure::less("memory.idle", self.idle.resident_bytes as f64 / 1e6, "MB"),
        ];
        let usage = self.instance.server()?.usage()?;
        for (name, bytes) in [
            ("memory.after", usage.resident_bytes),
            ("memory.most", usage.resident_bytes_max),
        ] {
            figures.push(Figure::less(name, bytes as f64 / 1e6, "MB"));
        }
        self.instance.stop().await?;
        let bytes = self.instance.place.database_bytes()?;
        let posts = load.written.load(Ordering::Relaxed);
        if posts > 0 {
            let each = bytes.saturating_sub(self.instance.bytes_before) as f64 / posts as f64;
            figures.push(Figure::less("disk.per_post", each, "B"));
        }
        figures.push(Figure::less("disk.database", bytes as f64 / 1e6, "MB"));
        let all = self.instance.place.bytes()?;
        figures.push(Figure::less("disk.all", all as f64 / 1e6, "MB"));
        let posts = posts as usize + history;
        figures.push(Figure::more("disk.posts", posts as f64, ""));
        Ok(figures)
    }
}

/// Drives the loads one after the other.
struct Driver<'d> {
    load: &'d Arc<Load>,
    own: Option<&'d Own>,
    plan: &'d Plan,
    progress: &'d Progress,
}

impl Driver<'_> {
    async fn drive(
        &self,
        graph: &FollowerGraph,
    ) -> Result<(Vec<LoadReport>, lag::Lag), BenchError> {
        let Self {
            load,
            plan,
            progress,
            ..
        } = self;
        let connections = plan.connections;
        let mut loads = Vec::new();
        if plan.posts > 0 {
            progress.things("posts", usize::try_from(plan.posts).unwrap_or(usize::MAX));
            let extent = closed_loop::Extent::Requests(plan.posts);
            let mix = Mix::only(Kind::Post);
            let posts = closed_loop::run(load, mix, connections, extent, 1, progress);
            loads.push(self.watch("posts", None, posts).await?);
        }
        progress.time("warm-up", plan.warm_up);
        let extent = closed_loop::Extent::Time(plan.warm_up);
        closed_loop::run(load, plan.mix, connections, extent, 2, progress).await?;
        progress.time("mix, closed loop", plan.time);
        let extent = closed_loop::Extent::Time(plan.time);
        let closed = closed_loop::run(load, plan.mix, connections, extent, 3, progress);
        let closed = self.watch("closed", None, closed).await?;
        let rate = match plan.rate {
            Rate::PerSecond(rate) => rate,
            Rate::Share(share) => closed.per_second * share,
        };
        loads.push(closed);
        progress.time(format!("mix, open loop, {rate:.0}/s"), plan.time);
        let mut sampled = lag::Lag::default();
        let both = async {
            let open = open_loop::run(load, plan.mix, connections, rate, plan.time, 4);
            let lag = lag::sample(load, &graph.follows, plan.time);
            let (open, lag) = tokio::try_join!(open, lag)?;
            sampled = lag;
            Ok(open)
        };
        let open = self.watch("open", Some(rate), both).await?;
        loads.push(open);
        Ok((loads, sampled))
    }

    /// Looks at what the server and this process take meanwhile.
    async fn watch(
        &self,
        name: &str,
        rate: Option<f64>,
        tally: impl Future<Output = Result<Tally, BenchError>>,
    ) -> Result<LoadReport, BenchError> {
        let used = || self.own.map(|own| own.instance.used()).transpose();
        let before = used()?;
        let posts = self.load.written.load(Ordering::Relaxed);
        let generator = Usage::of(std::process::id())?;
        let tally = tally.await?;
        let generator = Usage::of(std::process::id())?.since(&generator);
        let after = used()?;
        let server = after.zip(before).map(|(after, before)| ServerUse {
            usage: after.usage.since(&before.usage),
            written: Written {
                units: after.written.units.saturating_sub(before.written.units),
                commits: after.written.commits.saturating_sub(before.written.commits),
            },
        });
        let connections = self.plan.connections;
        Ok(LoadReport::new(
            name,
            connections,
            rate,
            &tally,
            self.load.written.load(Ordering::Relaxed) - posts,
            server,
            &generator,
        ))
    }
}

/// What a server says that it is.
async fn version_of(target: &Target) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Instance {
        version: String,
    }
    let member = target.members.first()?;
    let mut connection = super::client::Connection::open(target.address).await.ok()?;
    let answer = connection
        .ask(&target.get("/api/v1/instance", member))
        .await
        .ok()?;
    let told: Instance = serde_json::from_slice(answer.body).ok()?;
    Some(told.version)
}
