//! An instance with many people and posts: homes that nobody has read since the start, its memory, and its start, also
//! after it was killed with a log that isn't empty.

use super::{Rounds, Series};
use crate::bench::BenchError;
use crate::bench::client::Connection;
use crate::bench::closed_loop::{self, Extent};
use crate::bench::graph::FollowerGraph;
use crate::bench::histogram::Histogram;
use crate::bench::mix::{Kind, Mix};
use crate::bench::report::{Better, Figure};
use crate::bench::throwaway::Throwaway;
use crate::bench::worker::Load;
use crate::clock::Moment;

/// People for each post: a hundred thousand for a million.
const POSTS_PER_PERSON: usize = 10;
/// The most people, and the fewest, of whom some read.
const PEOPLE_MAX: usize = 100_000;
const PEOPLE_MIN: usize = 20;
/// Friends whom each finds: two million follows among a hundred thousand.
const FRIENDS: usize = 10;
/// Readers of whom each follows so many more.
const READERS: usize = 400;
const FOLLOWEES: usize = 1000;
const CONNECTIONS: usize = 16;
/// Goals, in milliseconds: a cold home; the start with all that, and after it was killed.
const HOME_GOAL_MS: f64 = 10.0;
const START_GOAL_MS: f64 = 300.0;
const KILLED_GOAL_MS: f64 = 1000.0;

/// Readers first, each following the next [`FOLLOWEES`] people that it doesn't know, beside a made graph.
fn graph(posts: usize, seed: u64) -> (FollowerGraph, usize) {
    let people = (posts / POSTS_PER_PERSON).clamp(PEOPLE_MIN, PEOPLE_MAX);
    let mut graph = FollowerGraph::generate(people, FRIENDS, seed);
    let readers = READERS.min(people / 2);
    let followees = FOLLOWEES.min(people - 1);
    // A step that shares no factor with most numbers spreads the followees over everybody.
    let step = people / followees.max(1);
    for reader in 0..readers {
        let others = (1..=followees).map(|number| (reader + number * step.max(1)) % people);
        let follows = others.filter(|other| *other != reader).filter_map(|other| {
            let pair = (u32::try_from(reader), u32::try_from(other));
            pair.0.ok().zip(pair.1.ok())
        });
        graph.follows.extend(follows);
    }
    graph.follows.sort_unstable();
    graph.follows.dedup();
    (graph, readers)
}

pub(super) async fn measure(rounds: &Rounds<'_>) -> Result<Vec<Figure>, BenchError> {
    let plan = rounds.plan;
    let (graph, readers) = graph(plan.posts, plan.seed);
    let begun = Moment::now();
    let mut instance = rounds.directory(&graph, plan.posts).await?;
    let loaded = begun.elapsed_nanos() as f64 / 1e9;
    let [mut p50, mut p99, mut started, mut killed, mut resident] =
        std::array::from_fn(|_| Series::default());
    for round in 0..plan.rounds {
        // What was saved of homes would warm them.
        instance.place.forget_snapshots()?;
        started.push(instance.start().await?);
        rounds.begin("cold homes", round);
        let took = read_cold(&instance, readers).await?;
        p50.push(took.ms_at(0.5));
        p99.push(took.ms_at(0.99));
        let load = Load::new(instance.target()?, rounds.texts.clone(), plan.seed)?;
        let (mix, extent) = (Mix::default(), Extent::Time(plan.time));
        closed_loop::run(&load, mix, CONNECTIONS, extent, 1, rounds.progress).await?;
        resident.push(instance.server()?.usage()?.resident_bytes as f64 / 1e6);
        let mix = Mix::only(Kind::Post);
        closed_loop::run(&load, mix, CONNECTIONS, extent, 2, rounds.progress).await?;
        instance.kill().await?;
        killed.push(instance.start().await?);
        instance.stop().await?;
    }
    let bytes = instance.place.database_bytes()? as f64 / 1e6;
    Ok(vec![
        p50.figure("cold.home.p50", "ms", Better::Less, None),
        p99.figure("cold.home.p99", "ms", Better::Less, Some(HOME_GOAL_MS)),
        started.figure("start.large", "ms", Better::Less, Some(START_GOAL_MS)),
        killed.figure("start.killed", "ms", Better::Less, Some(KILLED_GOAL_MS)),
        resident.figure("memory.large", "MB", Better::Less, None),
        Figure::less("disk.large", bytes, "MB"),
        Figure::less("cold.bulk_load", loaded, "s"),
    ])
}

/// Reads the home of each reader once, one after the other: nobody waits but for its own page.
async fn read_cold(instance: &Throwaway, readers: usize) -> Result<Histogram, BenchError> {
    let failed = || BenchError::io("a cold home can't be read");
    let target = instance.target()?;
    let opened = Connection::open(target.address).await;
    let mut connection = opened.map_err(failed())?;
    let mut took = Histogram::default();
    // The first home was read at the start.
    for reader in target.members.iter().take(readers).skip(1) {
        let request = target.home(reader);
        let asked = Moment::now();
        let answer = connection.ask(&request).await.map_err(failed())?;
        took.record(asked.elapsed_nanos());
        if !answer.is_ok() {
            return Err(BenchError::Unusable(answer.told()));
        }
    }
    Ok(took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_follow_as_many_as_there_are_up_to_a_thousand() {
        let (graph, readers) = graph(50_000, 1);
        assert_eq!((graph.people, readers), (5000, 400));
        for reader in [0, 399] {
            let follows = graph.follows.iter().filter(|(who, _)| *who == reader);
            let count = follows.count();
            assert!(
                (FOLLOWEES - 5..FOLLOWEES + 600).contains(&count),
                "{reader}: {count}"
            );
        }
        assert!(graph.follows.iter().all(|(a, b)| a != b));
    }
}
