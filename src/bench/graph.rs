//! Who follows whom: the graph of a real community out of a file, or one made like it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::BenchError;

/// The most people of a graph.
pub const PEOPLE_MAX: usize = 1_000_000;
/// The most pairs of friends of a graph.
pub const PAIRS_MAX: usize = 20_000_000;
/// The most that one person follows: what an instance allows unless told otherwise.
pub const FOLLOWS_PER_PERSON_MAX: usize = 7500;
/// The longest line of a file, in bytes.
const LINE_BYTES_MAX: usize = 256;

/// Who follows whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowerGraph {
    /// How many people there are; they are numbered from 0.
    pub people: usize,
    /// (follower, followee), sorted: each pair of friends is here twice, once each way.
    pub follows: Vec<(u32, u32)>,
}

impl FollowerGraph {
    fn of_friends(people: usize, friends: &BTreeSet<(u32, u32)>) -> Self {
        let mut follows: Vec<_> = friends
            .iter()
            .flat_map(|&(a, b)| [(a, b), (b, a)])
            .collect();
        follows.sort_unstable();
        follows.dedup();
        let mut follower = (0, 0);
        follows.retain(|&(who, _)| {
            follower = if follower.0 == who {
                (who, follower.1 + 1)
            } else {
                (who, 1)
            };
            follower.1 <= FOLLOWS_PER_PERSON_MAX
        });
        Self { people, follows }
    }

    /// Reads lines `a b`, each a pair of friends who follow each other, in whatever numbers; empty lines and those that
    /// begin with `#` or `%` are comments.
    ///
    /// # Errors
    /// When the file can't be read, a line is no such pair, or there are too many.
    pub fn read(path: &Path) -> Result<Self, BenchError> {
        let what = || format!("{}: can't be read", path.display());
        let file = File::open(path).map_err(BenchError::io(what()))?;
        Self::parse(BufReader::new(file)).map_err(|error| match error {
            BenchError::Unusable(reason) => {
                BenchError::Unusable(format!("{}: {reason}", path.display()))
            }
            BenchError::Io { source, .. } => BenchError::Io {
                what: what(),
                source,
            },
            other => other,
        })
    }

    /// As [`read`](Self::read), of what such a file holds.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse(text: impl BufRead) -> Result<Self, BenchError> {
        let mut pairs = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.map_err(BenchError::io("the graph can't be read"))?;
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', '%']) {
                continue;
            }
            let pair = pair_of(line).ok_or_else(|| {
                let line: String = line.chars().take(LINE_BYTES_MAX).collect();
                BenchError::Unusable(format!("line {number} is no pair of people: {line:?}"))
            })?;
            if pairs.len() == PAIRS_MAX {
                return Err(too_many("pairs", PAIRS_MAX));
            }
            pairs.push(pair);
        }
        // The numbers in the file may have gaps; people have none.
        let mut names: Vec<u64> = pairs.iter().flat_map(|&(a, b)| [a, b]).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() > PEOPLE_MAX {
            return Err(too_many("people", PEOPLE_MAX));
        }
        let place = |name: u64| {
            let place = names.binary_search(&name).ok()?;
            u32::try_from(place).ok()
        };
        let friends = pairs
            .into_iter()
            .filter_map(|(a, b)| Some((place(a)?, place(b)?)))
            .collect();
        Ok(Self::of_friends(names.len(), &friends))
    }

    /// Preferential attachment (Barabási and Albert, 1999): each new person befriends older ones, the more befriended
    /// the likelier, which gives the few very popular and many little known people of real communities.
    pub fn generate(people: usize, friends_each: usize, seed: u64) -> Self {
        let people = people.min(PEOPLE_MAX);
        let mut random = StdRng::seed_from_u64(seed);
        let mut friends: BTreeSet<(u32, u32)> = BTreeSet::new();
        // Each person stands here once for itself and once for each friend: a uniform pick is a weighted one.
        let mut tickets: Vec<u32> = Vec::new();
        for person in (0..u32::MAX).take(people) {
            let older = usize::try_from(person).unwrap_or(usize::MAX);
            let mut chosen = BTreeSet::new();
            while chosen.len() < friends_each.min(older) {
                chosen.insert(tickets[random.random_range(0..tickets.len())]);
            }
            tickets.push(person);
            for friend in chosen {
                friends.insert((friend, person));
                tickets.extend([friend, person]);
            }
        }
        Self::of_friends(people, &friends)
    }
}

fn pair_of(line: &str) -> Option<(u64, u64)> {
    let mut numbers = line.split_ascii_whitespace();
    let pair = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    (pair.0 != pair.1 && numbers.next().is_none()).then_some(pair)
}

fn too_many(what: &str, most: usize) -> BenchError {
    BenchError::Unusable(format!("more than {most} {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn friends_follow_each_other_and_numbers_have_no_gaps() {
        let graph = FollowerGraph::parse("# a comment\n7 100\n\n100 9\n9 100\n".as_bytes());
        let graph = graph.expect("it is a graph");
        assert_eq!(graph.people, 3);
        assert_eq!(graph.follows, [(0, 2), (1, 2), (2, 0), (2, 1)]);
    }

    #[test]
    fn what_is_no_pair_is_told_with_its_line() {
        for line in ["1", "1 1", "1 2 3", "a b", "-1 2"] {
            let text = format!("1 2\n{line}\n");
            let error = FollowerGraph::parse(text.as_bytes()).expect_err(line);
            assert!(error.to_string().contains("line 2"), "{error}");
        }
    }

    #[test]
    fn a_made_graph_is_the_same_for_the_same_seed_and_has_popular_people() {
        let graph = FollowerGraph::generate(500, 10, 7);
        assert_eq!(graph, FollowerGraph::generate(500, 10, 7));
        assert_ne!(graph, FollowerGraph::generate(500, 10, 8));
        // The first ten find less than ten older ones.
        assert_eq!(graph.follows.len(), 2 * (490 * 10 + 45));
        let mut followers = vec![0; 500];
        for (_, followee) in &graph.follows {
            followers[*followee as usize] += 1;
        }
        followers.sort_unstable();
        assert!(followers[499] > 5 * followers[250], "{followers:?}");
    }

    #[test]
    fn nobody_follows_more_than_an_instance_allows() {
        let star: String = (1..=FOLLOWS_PER_PERSON_MAX + 5)
            .map(|leaf| format!("0 {leaf}\n"))
            .collect();
        let graph = FollowerGraph::parse(star.as_bytes()).expect("a graph");
        let by_the_centre = graph.follows.iter().filter(|(who, _)| *who == 0).count();
        assert_eq!(by_the_centre, FOLLOWS_PER_PERSON_MAX);
        let of_the_centre = graph.follows.iter().filter(|(_, whom)| *whom == 0).count();
        assert_eq!(of_the_centre, FOLLOWS_PER_PERSON_MAX + 5);
    }
}
