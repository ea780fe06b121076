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
    /// The actor was told to forget everything up to this commit: what still waits from before says nothing new.
    forgotten: i64,
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
    pub fn take(&mut self) -> Option<Fed> {
        // At most BATCHES_WAITING_MAX rounds: each takes a batch out of the queue.
        loop {
            let lost_at = self.lost_at.swap(0, Ordering::AcqRel);
            if lost_at != 0 {
                self.forgotten = lost_at;
                return Some(Fed::Lost(lost_at));
            }
            let batch = self.batches.try_recv().ok()?;
            if batch.commit > self.forgotten {
                return Some(Fed::Batch(batch));
            }
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
        forgotten: 0,
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
        if self.batches.try_send(Arc::clone(batch)).is_err() {
            self.lost_at.store(batch.commit, Ordering::Release);
        }
        // One nudge is enough for all that waits: the actor drains the queue. It is looked at after the batch was put
        // in, for an actor that drains meanwhile would leave the batch in a queue that had seemed to be nudged already.
        if self.batches.capacity() == BATCHES_WAITING_MAX - 1 {
            self.actor.do_send(EventsWaiting);
        }
    }
}

#[cfg(test)]
mod tests {
    use actix::{Actor, Context, Handler};

    use super::*;

    /// Never looks into the queue by itself.
    struct Idle;

    impl Actor for Idle {
        type Context = Context<Self>;
    }

    impl Handler<EventsWaiting> for Idle {
        type Result = ();
        fn handle(&mut self, _: EventsWaiting, _: &mut Context<Self>) {}
    }

    fn batch(commit: i64) -> Arc<EventBatch> {
        Arc::new(EventBatch {
            commit,
            events: Vec::new(),
        })
    }

    fn drain(feed: &mut EventFeed) -> Vec<String> {
        std::iter::from_fn(|| feed.take())
            .map(|fed| match fed {
                Fed::Batch(batch) => batch.commit.to_string(),
                Fed::Lost(commit) => format!("lost up to {commit}"),
            })
            .collect()
    }

    #[test]
    fn batches_come_in_order_once() {
        actix::System::new().block_on(async {
            let (mut events, sink) = feed();
            let sink = sink(Idle.start().recipient());
            sink.deliver(&batch(1));
            sink.deliver(&batch(2));
            assert_eq!(drain(&mut events), ["1", "2"]);
            sink.deliver(&batch(3));
            assert_eq!(drain(&mut events), ["3"]);
        });
    }

    #[test]
    fn after_a_loss_nothing_older_is_told_and_everything_newer_is() {
        actix::System::new().block_on(async {
            let (mut events, sink) = feed();
            let sink = sink(Idle.start().recipient());
            let last = BATCHES_WAITING_MAX as i64 + 2;
            for commit in 1..=last {
                sink.deliver(&batch(commit));
            }
            let lost = format!("lost up to {last}");
            assert_eq!(drain(&mut events), [lost]);
            sink.deliver(&batch(last + 1));
            assert_eq!(drain(&mut events), [(last + 1).to_string()]);
        });
    }
}
