//! What the instance is made of, as its documents and its front page say it: counted once, and kept true by events.
//!
//! To count is to look at every account. How many posts there are is told on by every event. How many accounts were active can't
//! be told by an event, so large instances count that anew every now and then only.

use std::sync::Arc;

use actix::{ActorFutureExt, Context, Handler, Message, ResponseActFuture, WrapFuture};

use super::Users;
use crate::budget::{Budget, Part};
use crate::cache::{CacheFigures, EventedCache};
use crate::clock::Timestamp;
use crate::domain::account::{Account, AccountCounts};
use crate::domain::event::Event;
use crate::error::AskError;
use crate::ids::AccountId;
use crate::store::queries::instance::{DescribeInstance, InstanceFacts};

/// Up to so many accounts the active ones are counted whenever one more may be: it takes about a millisecond.
const ACCOUNTS_COUNTED_ANEW_MAX: i64 = 2000;
/// Beyond that so long after they were counted, in milliseconds: ten minutes.
const ACTIVE_KEPT_MILLIS: i64 = 10 * 60 * 1000;

/// What was counted.
#[derive(Debug)]
struct Counted {
    facts: Arc<InstanceFacts>,
    at: Timestamp,
    /// Whether there is an open post since.
    is_posted_since: bool,
}

impl Counted {
    fn stands_at(&self, now: Timestamp) -> bool {
        let age = now.millis() - self.at.millis();
        let is_large = self.facts.accounts > ACCOUNTS_COUNTED_ANEW_MAX;
        (is_large || !self.is_posted_since) && (0..ACTIVE_KEPT_MILLIS).contains(&age)
    }

    /// Tells whom visitors may turn to what became of its own counters.
    fn recount(&mut self, account: AccountId, recount: impl FnOnce(&mut AccountCounts)) {
        let is_contact = |contact: &&mut Account| contact.id == account;
        let facts = Arc::make_mut(&mut self.facts);
        if let Some(contact) = facts.contact.as_mut().filter(is_contact) {
            recount(&mut contact.counts);
        }
    }
}

/// The instance's facts, when they are known.
#[derive(Debug)]
pub(super) struct InstanceMemory(EventedCache<(), Counted>);

impl InstanceMemory {
    /// Nothing was counted yet.
    pub(super) fn new(budget: &Budget) -> Self {
        Self(EventedCache::new(budget, Part::Instance, |_| {
            size_of::<Counted>() + size_of::<InstanceFacts>()
        }))
    }

    /// What it holds.
    pub(super) fn figures(&self) -> CacheFigures {
        self.0.figures()
    }

    /// Forgets everything: events up to `commit` were lost.
    pub(super) fn forget_all(&mut self, commit: i64) {
        self.0.clear(commit);
    }

    /// The facts, if nobody has to count.
    fn read(&mut self, now: Timestamp) -> Option<Arc<InstanceFacts>> {
        let counted = self.0.get(&())?;
        counted.stands_at(now).then(|| Arc::clone(&counted.facts))
    }

    /// Keeps what was counted in the snapshot of `commit`, unless an event overtook it.
    fn fill(&mut self, facts: &Arc<InstanceFacts>, at: Timestamp, commit: i64) {
        let counted = Counted {
            facts: Arc::clone(facts),
            at,
            is_posted_since: false,
        };
        self.0.fill((), counted, commit);
    }

    /// Takes in a committed event.
    pub(super) fn take_in(&mut self, event: &Event, commit: i64) {
        match event {
            Event::PostPublished { entry, .. } if entry.visibility.is_open() => {
                self.0.amend((), commit, |counted| {
                    Arc::make_mut(&mut counted.facts).posts += 1;
                    counted.is_posted_since = true;
                    counted.recount(entry.author, |counts| counts.add_open_entry(entry.id));
                });
            }
            Event::FollowCounted {
                follower,
                followee,
                by,
            } => self.0.amend((), commit, |counted| {
                counted.recount(*follower, |counts| counts.following += by);
                counted.recount(*followee, |counts| counts.followers += by);
            }),
            Event::AccountChanged(_) | Event::AccountVisibilityChanged(_) => {
                self.0.change((), commit);
            }
            Event::PostPublished { .. }
            | Event::EntriesImported { .. }
            | Event::PostEdited { .. }
            | Event::PostDeleted(_)
            | Event::BoostRemoved(_)
            | Event::PostCounted { .. }
            | Event::PostChanged(_)
            | Event::PostMarked { .. }
            | Event::RelationsChanged { .. }
            | Event::TokenRevoked(_)
            | Event::TokenUsed(_)
            | Event::CredentialsChanged(_)
            | Event::ReaderChanged(_)
            | Event::JobAdded(_)
            | Event::SchedulesChanged => {}
        }
    }
}

/// What the instance is made of at this moment. With many accounts, how many of them were active is up to ten minutes old.
#[derive(Debug, Clone, Copy)]
pub struct ReadInstance;

impl Message for ReadInstance {
    type Result = Result<Arc<InstanceFacts>, AskError>;
}

impl Handler<ReadInstance> for Users {
    type Result = ResponseActFuture<Self, Result<Arc<InstanceFacts>, AskError>>;

    fn handle(&mut self, _: ReadInstance, _: &mut Context<Self>) -> Self::Result {
        self.catch_up();
        let now = self.clock.now();
        if let Some(facts) = self.memory.instance.read(now) {
            return Box::pin(std::future::ready(Ok(facts)).into_actor(self));
        }
        let counting = self.store.look(DescribeInstance { now });
        Box::pin(counting.into_actor(self).map(move |counted, actor, _| {
            let (facts, commit) = counted?;
            let facts = Arc::new(facts);
            actor.catch_up();
            actor.memory.instance.fill(&facts, now, commit);
            Ok(facts)
        }))
    }
}
