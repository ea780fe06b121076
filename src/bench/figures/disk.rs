//! What a post of 160 characters takes on the disk, all indexes and search included.

use super::{Rounds, fan};
use crate::bench::BenchError;
use crate::bench::report::Figure;

/// Posts of which it is the mean; the first few fill pages that are there anyway.
const POSTS_MAX: usize = 100_000;
/// People who write them.
const AUTHORS: usize = 100;
/// The most that one may take, in bytes.
const GOAL_BYTES: f64 = 900.0;

pub(super) async fn measure(rounds: &Rounds<'_>) -> Result<Vec<Figure>, BenchError> {
    let posts = POSTS_MAX.min(rounds.plan.posts).max(1);
    let graph = fan(AUTHORS, 0);
    let without = rounds.directory(&graph, 0).await?.bytes_before;
    let with = rounds.directory(&graph, posts).await?.bytes_before;
    let each = with.saturating_sub(without) as f64 / posts as f64;
    // It doesn't depend on the moment, so one round is enough.
    let mut figure = Figure::less("disk.per_post", each, "B");
    figure.goal = Some(GOAL_BYTES);
    Ok(vec![figure])
}
