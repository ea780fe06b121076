//! An author with many followers, all of whose homes are in memory, publishes while others do, too: how long until a
//! follower sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinSet;

use super::{Rounds, Series};
use crate::bench::client::Connection;
use crate::bench::graph::FollowerGraph;
use crate::bench::mix::{Kind, Mix};
use crate::bench::report::{Better, Figure};
use crate::bench::worker::Load;
use crate::bench::{BenchError, lag, open_loop};

/// Others who publish, each followed by every hundredth reader.
const OTHERS: u32 = 100;
/// How often they do together in a second.
const OTHER_POSTS_PER_SECOND: f64 = 1000.0;
const CONNECTIONS: usize = 16;
/// The longest that all but one of a hundred posts may take to be seen, in milliseconds.
const LAG_GOAL_MS: f64 = 20.0;

/// Person 0 is the author, then come the others, then the followers.
fn graph(followers: usize) -> FollowerGraph {
    let followers = u32::try_from(followers).unwrap_or(u32::MAX);
    let follows = (0..followers).flat_map(|number| {
        let follower = 1 + OTHERS + number;
        [(follower, 0), (follower, 1 + number % OTHERS)]
    });
    FollowerGraph {
        people: (1 + OTHERS + followers) as usize,
        follows: follows.collect(),
    }
}

pub(super) async fn measure(rounds: &Rounds<'_>) -> Result<Vec<Figure>, BenchError> {
    let plan = rounds.plan;
    let graph = graph(plan.followers);
    let of_the_author: Vec<_> = graph
        .follows
        .iter()
        .copied()
        .filter(|(_, followee)| *followee == 0)
        .collect();
    let mut instance = rounds.instance(&graph, 0).await?;
    let load = Load::new(instance.target()?, rounds.texts.clone(), plan.seed)?;
    let others = load.by(instance.members[1..=OTHERS as usize].to_vec())?;
    rounds.progress.things("homes into memory", plan.followers);
    read_all(rounds, &load, 1 + OTHERS as usize).await?;
    let [mut p50, mut p99, mut at_once, mut posts] = std::array::from_fn(|_| Series::default());
    for round in 0..plan.rounds {
        rounds.begin("fan-out", round);
        let mix = Mix::only(Kind::Post);
        let (rate, stream) = (OTHER_POSTS_PER_SECOND, round as u64);
        let beside = open_loop::run(&others, mix, CONNECTIONS, rate, plan.time, stream);
        let sampling = lag::sample(&load, &of_the_author, plan.time);
        let (beside, seen) = tokio::try_join!(beside, sampling)?;
        if seen.lost > 0 || seen.took.count() == 0 {
            let reason = format!("{} posts were never seen by a follower", seen.lost);
            return Err(BenchError::Unusable(reason));
        }
        p50.push(seen.took.ms_at(0.5));
        p99.push(seen.took.ms_at(0.99));
        at_once.push(100.0 * seen.at_once as f64 / seen.took.count() as f64);
        posts.push(beside.per_second());
    }
    instance.stop().await?;
    Ok(vec![
        p50.figure("fanout.lag.p50", "ms", Better::Less, None),
        p99.figure("fanout.lag.p99", "ms", Better::Less, Some(LAG_GOAL_MS)),
        at_once.figure("fanout.seen_at_once", "%", Better::More, None),
        posts.figure("fanout.other_posts", "/s", Better::More, None),
    ])
}

/// Reads the home of everybody from a place on.
pub(super) async fn read_all(
    rounds: &Rounds<'_>,
    load: &Arc<Load>,
    from: usize,
) -> Result<(), BenchError> {
    let failed = || BenchError::io("a home can't be read");
    let next = Arc::new(AtomicUsize::new(from));
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (load, next) = (Arc::clone(load), Arc::clone(&next));
        let progress = rounds.progress.clone();
        tasks.spawn(async move {
            let opened = Connection::open(load.target.address).await;
            let mut connection = opened.map_err(failed())?;
            while let Some(reader) = load
                .target
                .members
                .get(next.fetch_add(1, Ordering::Relaxed))
            {
                let answer = connection.ask(&load.target.home(reader)).await;
                let answer = answer.map_err(failed())?;
                if !answer.is_ok() {
                    return Err(BenchError::Unusable(answer.told()));
                }
                progress.advance(1);
            }
            Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(|error| BenchError::Unusable(error.to_string()))??;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_follower_follows_the_author_and_one_other() {
        let graph = graph(250);
        assert_eq!(graph.people, 351);
        let of_the_author = graph.follows.iter().filter(|(_, whom)| *whom == 0);
        assert_eq!(of_the_author.count(), 250);
        assert!(graph.follows.contains(&(350, 50)));
    }
}
