//! Durable posts over HTTP, with search, a hashtag, an idempotency key and one follower, against the bare writer's thread
//! fed the same units, as many at a time.

use super::bare_writer::BareWriter;
use super::{Rounds, Series, fan};
use crate::bench::BenchError;
use crate::bench::closed_loop::{self, Extent};
use crate::bench::mix::{Kind, Mix};
use crate::bench::report::{Better, Figure};
use crate::bench::worker::Load;
use crate::ids::AccountId;

/// Connections, and posts a second that are to be reached on them on a machine whose `fdatasync` takes 270 us.
const CONNECTIONS: [(usize, f64); 2] = [(16, 8000.0), (64, 12_000.0)];
/// The share of the bare writer that is to be reached, in hundredths.
const SHARE_GOAL: f64 = 45.0;

pub(super) async fn measure(rounds: &Rounds<'_>) -> Result<Vec<Figure>, BenchError> {
    let mut figures = Vec::new();
    for (connections, goal) in CONNECTIONS {
        figures.extend(measure_at(rounds, connections, goal).await?);
    }
    Ok(figures)
}

async fn measure_at(
    rounds: &Rounds<'_>,
    connections: usize,
    goal: f64,
) -> Result<Vec<Figure>, BenchError> {
    let plan = rounds.plan;
    let graph = fan(connections, 0);
    let mut instance = rounds.instance(&graph, 0).await?;
    let bare = rounds.directory(&graph, 0).await?;
    let ids = bare.members[1..]
        .iter()
        .map(|author| author.id.parse::<AccountId>());
    let ids = ids
        .collect::<Result<_, _>>()
        .map_err(|_| BenchError::Unusable("an account has no number".to_owned()))?;
    let writer = BareWriter::open(&bare.place.data(), ids, &rounds.texts, plan.seed)?;
    let everybody = Load::new(instance.target()?, rounds.texts.clone(), plan.seed)?;
    let load = everybody.by(instance.members[1..].to_vec())?;
    let [
        mut posts,
        mut bare_posts,
        mut shares,
        mut p99,
        mut per_commit,
    ] = std::array::from_fn(|_| Series::default());
    for round in 0..plan.rounds {
        rounds.begin(&format!("posts, {connections} connections"), round);
        let before = instance.used()?.written;
        let extent = Extent::Time(plan.time);
        let stream = round as u64;
        let mix = Mix::only(Kind::Post);
        let tally =
            closed_loop::run(&load, mix, connections, extent, stream, rounds.progress).await?;
        if let Some(failure) = tally.failure {
            return Err(BenchError::Unusable(format!(
                "a post is refused: {failure}"
            )));
        }
        let commits = instance.used()?.written.commits - before.commits;
        rounds.begin(&format!("bare writer, {connections} at once"), round);
        let bare = writer.publish(connections, plan.time).await?;
        posts.push(tally.per_second());
        bare_posts.push(bare);
        shares.push(100.0 * tally.per_second() / bare);
        p99.push(tally.all().ms_at(0.99));
        per_commit.push(tally.done() as f64 / commits.max(1) as f64);
    }
    instance.stop().await?;
    let name = |part: &str| format!("posts_{connections}.{part}");
    Ok(vec![
        posts.figure(&name("per_second"), "/s", Better::More, Some(goal)),
        bare_posts.figure(&name("bare_writer"), "/s", Better::More, None),
        shares.figure(&name("share_of_bare"), "%", Better::More, Some(SHARE_GOAL)),
        p99.figure(&name("p99"), "ms", Better::Less, None),
        per_commit.figure(&name("per_commit"), "", Better::More, None),
    ])
}
