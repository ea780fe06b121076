//! A follower graph of a real community, or a generated one of the same size and kind.

use std::env;
use std::path::PathBuf;

use kinglet::bench::BenchError;
use kinglet::bench::graph::FollowerGraph;

/// Names the file with the real graph.
const PATH_VARIABLE: &str = "KINGLET_GRAPH";
/// How many members the real graph has, and so the generated one.
pub const GENERATED_MEMBERS: usize = 962;
/// How many friends each new member of the generated graph finds: the real one has 19.6 pairs a member.
pub const FRIENDS_OF_A_NEW_MEMBER: usize = 20;
/// Any number: it makes every run the same.
const GENERATED_SEED: u64 = 0x6b69_6e67_6c65_7421;

/// The graph that `KINGLET_GRAPH` names, else a generated one; says which on stdout.
///
/// # Errors
/// When the file that it names can't be read.
pub fn load() -> Result<FollowerGraph, BenchError> {
    let (graph, source) = match env::var_os(PATH_VARIABLE).map(PathBuf::from) {
        Some(path) => (FollowerGraph::read(&path)?, path.display().to_string()),
        None => {
            let source =
                format!("generated from seed {GENERATED_SEED:#x}, as {PATH_VARIABLE} names none");
            (generate(GENERATED_MEMBERS, GENERATED_SEED), source)
        }
    };
    let (people, follows) = (graph.people, graph.follows.len());
    println!("follower graph: {source} ({people} members, {follows} follows)");
    Ok(graph)
}

/// One that is made like the real one.
pub fn generate(members: usize, seed: u64) -> FollowerGraph {
    FollowerGraph::generate(members, FRIENDS_OF_A_NEW_MEMBER, seed)
}
