//! How committed events reach an actor: a bounded queue from the writer's thread.
//!
//! The writer puts a batch in the queue before it answers the waiters of that batch. The actor drains the queue at the
//! start of every message that reads its memory, so whoever was answered finds the actor up to date. When the queue is
//! full nothing blocks and nothing is skipped in silence: the feed says that events were lost, and the actor forgets
//! everything it holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use actix::Recipient;
use tokio::sync::mpsc;

use crate::store::writer::{EventBatch, EventSink};

/// The most batches that wait for one actor.
const BATCHES_WAITING_MAX: usize = 1024;

/// Tells an actor that events wait, so that it takes them even when nobody asks it anything.
#[derive(Debug, Clone, Copy)]
pub struct EventsWaiting;

impl actix::Message for EventsWaiting {
    type Result = ();
}

/// The actor's end.
#[derive(Debug)]
pub struct EventFeed {
    batches: mpsc::Receiver<Arc<EventBatch>>,
    lost_at: Arc<AtomicI64>,
}

/// What the feed has for the actor.
#[derive(Debug)]
pub enum Fed {
    /// A batch, the next in commit order.
    Batch(Arc<EventBatch>),
    /// Events up to this commit were lost: nothing that is held may be trusted.
    Lost(i64),
}

impl EventFeed {
    /// The next thing to take in, or `None` when the actor is up to date.
    pub fn next(&mut self) -> Option<Fed> {
        match self.lost_at.swap(0, Ordering::AcqRel) {
            0 => self.batches.try_recv().ok().map(Fed::Batch),
            commit => Some(Fed::Lost(commit)),
        }
    }
}

/// The writer's end.
#[derive(Debug)]
pub struct FeedSink {
    batches: mpsc::Sender<Arc<EventBatch>>,
    lost_at: Arc<AtomicI64>,
    actor: Recipient<EventsWaiting>,
}

/// A queue whose actor's end exists before the actor does.
pub fn feed() -> (EventFeed, impl FnOnce(Recipient<EventsWaiting>) -> FeedSink) {
    let (sender, batches) = mpsc::channel(BATCHES_WAITING_MAX);
    let lost_at = Arc::new(AtomicI64::new(0));
    let feed = EventFeed {
        batches,
        lost_at: Arc::clone(&lost_at),
    };
    (feed, move |actor| FeedSink {
        batches: sender,
        lost_at,
        actor,
    })
}

impl FeedSink {
    /// Ready when the actor is gone, which happens without a word when a handler panics.
    pub fn actor_gone(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let batches = self.batches.clone();
        async move { batches.closed().await }
    }
}

impl EventSink for FeedSink {
    fn deliver(&self, batch: &Arc<EventBatch>) {
        // One nudge is enough for all that waits: the actor drains the queue.
        let was_empty = self.batches.capacity() == BATCHES_WAITING_MAX;
        if self.batches.try_send(Arc::clone(batch)).is_err() {
            self.lost_at.store(batch.commit, Ordering::Release);
        }
        if was_empty {
            self.actor.do_send(EventsWaiting);
        }
    }
}
