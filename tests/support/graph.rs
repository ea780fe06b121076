//! A follower graph of a real community, or a generated one of the same size and kind.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Names the file with the real graph.
const PATH_VARIABLE: &str = "KINGLET_GRAPH";
/// Where the file lies otherwise, seen from the package.
const USUAL_PATH: &str = "../shared/data/socfb-Reed98.edges";
/// How many members the real graph has, and so the generated one.
pub const GENERATED_MEMBERS: usize = 962;
/// How many friends each new member of the generated graph finds: the real one has 19.6 pairs a member.
const FRIENDS_OF_A_NEW_MEMBER: usize = 20;
/// Any number: it makes every run the same.
const GENERATED_SEED: u64 = 0x6b69_6e67_6c65_7421;

/// Where a graph comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Read from this file.
    File(PathBuf),
    /// Made from this seed.
    Generated(u64),
}

/// Who follows whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowerGraph {
    /// Where it comes from.
    pub source: Source,
    /// How many members it has; they are numbered from 0.
    pub members: usize,
    /// (follower, followee), sorted: each pair of friends is here twice, once each way.
    pub follows: Vec<(usize, usize)>,
}

impl FollowerGraph {
    fn of_friends(source: Source, members: usize, friends: &BTreeSet<(usize, usize)>) -> Self {
        let both_ways = friends.iter().flat_map(|&(a, b)| [(a, b), (b, a)]);
        let follows: BTreeSet<(usize, usize)> = both_ways.collect();
        Self {
            source,
            members,
            follows: follows.into_iter().collect(),
        }
    }
}

/// The graph that `KINGLET_GRAPH` names, else the one at its usual place, else a generated one; says which on stdout.
///
/// # Errors
/// When the file is there but can't be read, or when `KINGLET_GRAPH` names none: then it was asked for.
pub fn load() -> io::Result<FollowerGraph> {
    let graph = match env::var_os(PATH_VARIABLE) {
        Some(path) => read(Path::new(&path))?,
        None => {
            let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join(USUAL_PATH);
            if usual.try_exists()? {
                read(&usual)?
            } else {
                generate(GENERATED_MEMBERS, GENERATED_SEED)
            }
        }
    };
    let size = format!("{} members, {} follows", graph.members, graph.follows.len());
    match &graph.source {
        Source::File(path) => println!("follower graph: {} ({size})", path.display()),
        Source::Generated(seed) => println!(
            "follower graph: generated from seed {seed:#x}, as neither {PATH_VARIABLE} nor {USUAL_PATH} is there \
             ({size})"
        ),
    }
    Ok(graph)
}

/// Reads lines `a b`, each a pair of friends; what else stands in a line is an error.
///
/// # Errors
/// When the file can't be read or a line is no such pair.
pub fn read(path: &Path) -> io::Result<FollowerGraph> {
    let text = fs::read_to_string(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    parse(&text, Source::File(path.to_owned()))
}

/// As [`read`], of a text.
///
/// # Errors
/// When a line is no pair of two different numbers.
pub fn parse(text: &str, source: Source) -> io::Result<FollowerGraph> {
    let mut pairs = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let pair = pair_of(line).ok_or_else(|| {
            let message = format!("line {number} is no pair of members: {line:?}");
            io::Error::new(io::ErrorKind::InvalidData, message)
        })?;
        pairs.push(pair);
    }
    // The numbers in the file may have gaps; members have none.
    let names: BTreeSet<u64> = pairs.iter().flat_map(|&(a, b)| [a, b]).collect();
    let names: Vec<u64> = names.into_iter().collect();
    let friends = pairs
        .iter()
        .filter_map(|(a, b)| Some((names.binary_search(a).ok()?, names.binary_search(b).ok()?)))
        .collect();
    Ok(FollowerGraph::of_friends(source, names.len(), &friends))
}

fn pair_of(line: &str) -> Option<(u64, u64)> {
    let (a, b) = line.trim_end().split_once(' ')?;
    let pair = (a.parse().ok()?, b.parse().ok()?);
    (pair.0 != pair.1).then_some(pair)
}

/// Preferential attachment: each new member befriends older ones, the more befriended the likelier, which gives the
/// few very popular and many little known members of real communities.
pub fn generate(members: usize, seed: u64) -> FollowerGraph {
    let mut random = StdRng::seed_from_u64(seed);
    let mut friends: BTreeSet<(usize, usize)> = BTreeSet::new();
    // Each member stands here once for itself and once for each friend: a uniform pick is a weighted one.
    let mut tickets: Vec<usize> = Vec::new();
    for member in 0..members {
        let mut chosen = BTreeSet::new();
        while chosen.len() < FRIENDS_OF_A_NEW_MEMBER.min(member) {
            chosen.insert(tickets[random.random_range(0..tickets.len())]);
        }
        tickets.push(member);
        for friend in chosen {
            friends.insert((friend, member));
            tickets.extend([friend, member]);
        }
    }
    FollowerGraph::of_friends(Source::Generated(seed), members, &friends)
}
