//! Runs `kinglet serve` in 64 MiB with a mixed load, and draws what it took:
//! `cargo build --release && cargo run --release --example small_memory`.
//!
//!   small_memory [--graph FILE] [--seconds 60] [--limit-mib 64] [--svg small_memory.svg]
//!
//! The server is the program `kinglet` beside this example, in a control group of its own with a limit (version 1 or 2 of
//! the kernel's, for which this has to run as root, or as a service that manages its own). Where there are none it runs
//! without, and what it takes is only looked at. `--graph FILE` names who follows whom, a pair of friends a line; without
//! it, one is made with as many members as a college had. Each member has a home, all are read in turn: six of ten
//! requests read a home, three an account's posts, one writes; and every five seconds a password is hashed, as for a
//! log-in. The group's memory holds files that the kernel keeps for the server, too; those it gives up when it has to.

mod cage;
mod load;
mod plot;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use kinglet::bench::graph::FollowerGraph;
use kinglet::bench::run::PEOPLE;

/// What may go wrong here.
type Failure = Box<dyn Error + Send + Sync>;

const MIB: u64 = 1024 * 1024;
/// Posts that are there before the server is caged.
const POSTS_BEFORE: usize = 5000;
/// Friends whom each finds in a graph that is made.
const FRIENDS: usize = 20;
/// Any number: it makes every run the same.
const GRAPH_SEED: u64 = 7;

struct Options {
    graph: Option<PathBuf>,
    seconds: u64,
    limit_mib: u64,
    svg: PathBuf,
}

fn options() -> Result<Options, Failure> {
    let mut options = Options {
        graph: None,
        seconds: 60,
        limit_mib: 64,
        svg: PathBuf::from("small_memory.svg"),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments
            .next()
            .ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--graph" => options.graph = Some(value.into()),
            "--seconds" => options.seconds = value.parse()?,
            "--limit-mib" => options.limit_mib = value.parse()?,
            "--svg" => options.svg = value.into(),
            _ => {
                return Err(format!("{name}: unknown; the first lines of main.rs say more").into());
            }
        }
    }
    Ok(options)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match measure().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("small_memory: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn measure() -> Result<(), Failure> {
    let options = options()?;
    let example = std::env::current_exe()?;
    let folder = example.parent().and_then(Path::parent);
    let folder = folder.ok_or("this program is in no directory")?;
    let program = folder.join("kinglet");
    if !program.exists() {
        return Err(format!("{}: build it first", program.display()).into());
    }
    let graph = match &options.graph {
        Some(path) => FollowerGraph::read(path)?,
        None => FollowerGraph::generate(PEOPLE, FRIENDS, GRAPH_SEED),
    };
    println!(
        "{} members, {} follows; {} s with {} MiB",
        graph.people,
        graph.follows.len(),
        options.seconds,
        options.limit_mib
    );
    // Beside the program, for a temporary directory may lie in memory.
    let place = tempfile::tempdir_in(folder)?;
    let data = place.path().join("data");
    let village = load::found(&data, &graph, POSTS_BEFORE).await?;
    let limit = options.limit_mib * MIB;
    let mut cage = cage::Cage::new(limit);
    let mut server = load::Caged::start(&program, &data, &mut cage)?;
    let watched = cage.watch(server.id());
    let time = Duration::from_secs(options.seconds);
    let served = village.visit(&mut server, time).await?;
    let watched = watched.end()?;
    println!("{}", cage.description());
    println!("{served}");
    println!("{watched}");
    std::fs::write(&options.svg, plot::draw(&watched, limit)?)?;
    println!("drawn: {}", options.svg.display());
    drop(server);
    let is_over = !cage.is_closed() && watched.anonymous_peak() > limit;
    if watched.kills > 0 || is_over {
        return Err("it needs more than that".into());
    }
    Ok(())
}
