//! A load that comes at its own pace, however long the answers take: it finds out how long people wait.
//!
//! The time of an answer counts from the moment at which its request was due, not from the moment at which it was sent.
//! So when a server stalls, what should have been asked meanwhile counts with the time that it waited; a load that waits
//! for answers leaves just that out (coordinated omission, the name by Gil Tene, who showed it with wrk2 and
//! HdrHistogram). A request that is due takes the first connection that is free, as visitors would. When all connections
//! are busy it waits, and that counts as well.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::BenchError;
use super::mix::Mix;
use super::pacer::{Beat, Pacer};
use super::tally::Tally;
use super::worker::{Load, Worker};

/// How far a server may be behind at the end; what it hasn't been asked by then is given up, and told.
const OVERTIME_MAX: Duration = Duration::from_secs(10);

/// Asks so often a second on so many connections; `stream` makes it ask other things than another load of the same run.
///
/// # Errors
/// When the server can't be reached or breaks off.
pub async fn run(
    load: &Arc<Load>,
    mix: Mix,
    connections: usize,
    per_second: f64,
    time: Duration,
    stream: u64,
) -> Result<Tally, BenchError> {
    let mut workers = Vec::with_capacity(connections);
    for number in 0..connections as u64 {
        let worker = Worker::open(load, mix, (stream << 32) | number).await;
        workers.push(worker.map_err(broken(load))?);
    }
    let permits = Arc::new(Semaphore::new(0));
    let taken = Arc::new(AtomicU64::new(0));
    let beat = Beat::new(per_second, time);
    let _pacer = Pacer::start(beat, Arc::clone(&permits), connections)?;
    let over = (time + OVERTIME_MAX).as_nanos();
    let mut tasks = JoinSet::new();
    for mut worker in workers {
        let (permits, taken) = (Arc::clone(&permits), Arc::clone(&taken));
        tasks.spawn(async move {
            let mut tally = Tally::default();
            loop {
                let permit = permits.acquire().await.map_err(io::Error::other)?;
                permit.forget();
                let number = taken.fetch_add(1, Ordering::Relaxed);
                if number >= beat.count {
                    break;
                }
                let (kind, request) = worker.choose();
                if u128::from(beat.begun.elapsed_nanos()) > over {
                    tally.unsent += 1;
                    continue;
                }
                let outcome = worker.ask(&request).await?;
                let waited = beat.begun.elapsed_nanos().saturating_sub(beat.due(number));
                tally.record(kind, waited, outcome);
            }
            tally.nanos = beat.begun.elapsed_nanos();
            tally.reopened = worker.reopened();
            Ok(tally)
        });
    }
    gather(load, tasks).await
}

/// Waits for all connections of a load.
pub(super) async fn gather(
    load: &Load,
    mut tasks: JoinSet<io::Result<Tally>>,
) -> Result<Tally, BenchError> {
    let mut all = Tally::default();
    while let Some(ended) = tasks.join_next().await {
        let tally = ended.map_err(io::Error::other).and_then(|tally| tally);
        all.add(tally.map_err(broken(load))?);
    }
    Ok(all)
}

pub(super) fn broken(load: &Load) -> impl FnOnce(io::Error) -> BenchError + use<> {
    BenchError::io(format!("http://{}: the load broke off", load.target.host))
}
