//! The mix on the graph: how much at most, and how long people wait at 70 % of that.

use super::{Rounds, Series};
use crate::bench::closed_loop::{self, Extent};
use crate::bench::graph::FollowerGraph;
use crate::bench::mix::Mix;
use crate::bench::report::{Better, Figure};
use crate::bench::worker::Load;
use crate::bench::{BenchError, open_loop};

const CONNECTIONS: usize = 64;
/// The share of the most at which is measured how long people wait.
const SHARE: f64 = 0.7;
/// Posts that are there before.
const POSTS_BEFORE: usize = 100_000;
/// The longest that all but one of a hundred may wait, in milliseconds.
const P99_GOAL_MS: f64 = 5.0;

pub(super) async fn measure(
    rounds: &Rounds<'_>,
    graph: &FollowerGraph,
) -> Result<Vec<Figure>, BenchError> {
    let plan = rounds.plan;
    let before = POSTS_BEFORE.min(plan.posts);
    let mut instance = rounds.instance(graph, before).await?;
    let load = Load::new(instance.target()?, rounds.texts.clone(), plan.seed)?;
    let mix = Mix::default();
    let extent = Extent::Time(plan.time);
    // Everybody's home is in memory then, or as many as may be.
    closed_loop::run(&load, mix, CONNECTIONS, extent, 0, rounds.progress).await?;
    let [mut most, mut p50, mut p99, mut p999] = std::array::from_fn(|_| Series::default());
    for round in 0..plan.rounds {
        let stream = 2 * round as u64 + 1;
        rounds.begin("mix, closed loop", round);
        let closed =
            closed_loop::run(&load, mix, CONNECTIONS, extent, stream, rounds.progress).await?;
        rounds.begin("mix, open loop", round);
        let rate = closed.per_second() * SHARE;
        let open = open_loop::run(&load, mix, CONNECTIONS, rate, plan.time, stream + 1).await?;
        if let Some(failure) = closed.failure.or(open.failure.clone()) {
            return Err(BenchError::Unusable(format!(
                "the mix is refused: {failure}"
            )));
        }
        most.push(rate / SHARE);
        let all = open.all();
        p50.push(all.ms_at(0.5));
        p99.push(all.ms_at(0.99));
        p999.push(all.ms_at(0.999));
    }
    let resident = instance.used()?.usage.resident_bytes as f64 / 1e6;
    instance.stop().await?;
    Ok(vec![
        most.figure("mix.per_second", "/s", Better::More, None),
        p50.figure("mix.p50", "ms", Better::Less, None),
        p99.figure("mix.p99", "ms", Better::Less, Some(P99_GOAL_MS)),
        p999.figure("mix.p99.9", "ms", Better::Less, None),
        Figure::less("mix.memory_after", resident, "MB"),
    ])
}
