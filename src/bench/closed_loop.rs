//! A load that waits for each answer before it asks again: it finds out how much a server can do at most.
//!
//! Its latencies say little about a server under a load of a certain height: a server that stalls is asked nothing
//! meanwhile, so that one stall counts once on each connection, however long it is (coordinated omission). For those see
//! [`open_loop`](super::open_loop).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::mix::Mix;
use super::progress::Progress;
use super::tally::Tally;
use super::worker::{Load, Worker};
use super::{BenchError, open_loop};
use crate::clock::Moment;

/// When it is over.
#[derive(Debug, Clone, Copy)]
pub enum Extent {
    /// After this time.
    Time(Duration),
    /// After so many requests.
    Requests(u64),
}

/// Asks on so many connections; `stream` makes it ask other things than another load of the same run.
///
/// # Errors
/// When the server can't be reached or breaks off.
pub async fn run(
    load: &Arc<Load>,
    mix: Mix,
    connections: usize,
    extent: Extent,
    stream: u64,
    progress: &Progress,
) -> Result<Tally, BenchError> {
    let taken = Arc::new(AtomicU64::new(0));
    let mut workers = Vec::with_capacity(connections);
    for number in 0..connections as u64 {
        let worker = Worker::open(load, mix, (stream << 32) | number).await;
        workers.push(worker.map_err(open_loop::broken(load))?);
    }
    let begun = Moment::now();
    let mut tasks = JoinSet::new();
    for mut worker in workers {
        let (taken, progress) = (Arc::clone(&taken), progress.clone());
        tasks.spawn(async move {
            let mut tally = Tally::default();
            loop {
                let goes_on = match extent {
                    Extent::Time(time) => u128::from(begun.elapsed_nanos()) < time.as_nanos(),
                    Extent::Requests(count) => taken.fetch_add(1, Ordering::Relaxed) < count,
                };
                if !goes_on {
                    break;
                }
                let (kind, request) = worker.choose();
                let asked = Moment::now();
                let outcome = worker.ask(&request).await?;
                tally.record(kind, asked.elapsed_nanos(), outcome);
                if let Extent::Requests(_) = extent {
                    progress.advance(1);
                }
            }
            tally.nanos = begun.elapsed_nanos();
            tally.reopened = worker.reopened();
            Ok(tally)
        });
    }
    open_loop::gather(load, tasks).await
}
