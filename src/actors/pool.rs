//! Pools of threads for work that blocks, and how to know when such a pool has ended.

use actix::{Actor, Addr, SyncArbiter, SyncContext};
use tokio::sync::mpsc;

use crate::threads::{ThreadLog, name_this};

/// Tells when every thread of a pool has ended, which is when nobody has its address any more.
#[derive(Debug)]
pub struct PoolEnd(mpsc::Receiver<()>);

impl PoolEnd {
    /// Of a pool that was never started.
    pub(super) fn of_none() -> Self {
        Self(mpsc::channel(1).1)
    }

    /// Waits for the end.
    pub async fn wait(mut self) {
        while self.0.recv().await.is_some() {}
    }
}

/// Starts `threads` threads of this name, each with an actor that `make` makes.
pub(super) fn start<A>(
    name: &'static str,
    threads: usize,
    make: impl Fn() -> A + Send + Sync + 'static,
) -> (Addr<A>, PoolEnd)
where
    A: Actor<Context = SyncContext<A>>,
{
    let (alive, ended) = mpsc::channel(1);
    let log = ThreadLog::of_this_thread();
    let pool = SyncArbiter::start(threads, move || {
        // Every thread of the pool holds this closure, and with it the sender, until it ends.
        let _held: &mpsc::Sender<()> = &alive;
        log.adopt();
        name_this(name);
        make()
    });
    (pool, PoolEnd(ended))
}
