//! The two errands that most of the traffic consists of, and the door to the store that their owners share.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use actix::{Actor, ResponseFuture};

use super::Actors;
use super::door::{Asked, Carried, Door, Reply, Waiter, Watched};
use super::error::AskError;
use super::readers::{Look, Lookup, ReaderActor};
use crate::store::reader::Query;
use crate::store::writer::{Unit, Writer};
use crate::telemetry::mailbox::{MessageKind, Work};

/// Do this: one unit, applied by the writer on behalf of its owner. The writer answers whoever waits.
pub(super) struct Perform<U: Unit> {
    pub(super) unit: U,
    pub(super) waiter: Waiter<Result<U::Answer, AskError>>,
}

impl<A: Owner, U: Unit> Carried<A> for Perform<U> {
    fn kind(&self) -> MessageKind {
        MessageKind::of::<U>()
    }

    fn is_wanted(&self) -> bool {
        !self.waiter.is_closed()
    }

    fn run(self: Box<Self>, owner: &mut A, _: &mut A::Context, work: Option<Work>) {
        let Self { unit, waiter } = *self;
        let writer = owner.store().writer.clone();
        // The unit takes its place in the lane here, in the handler: the order of messages is the order of commits.
        Reply::new(waiter, work).hand_on(owner.watch(), |reply| {
            let answer = |outcome: Result<_, _>| reply.give(outcome.map_err(AskError::from), None);
            writer.submit_to(unit, answer);
        });
    }
}

/// Look this up: one query, answered by a reader on behalf of its owner. The reader answers whoever waits.
pub(super) struct Find<Q: Query> {
    pub(super) query: Q,
    pub(super) waiter: Waiter<Result<Q::Answer, AskError>>,
}

impl<A: Owner, Q: Query> Carried<A> for Find<Q> {
    fn kind(&self) -> MessageKind {
        MessageKind::of::<Q>()
    }

    fn is_wanted(&self) -> bool {
        !self.waiter.is_closed()
    }

    fn run(self: Box<Self>, owner: &mut A, _: &mut A::Context, work: Option<Work>) {
        let Self { query, waiter } = *self;
        let readers = owner.store().readers.clone();
        Reply::new(waiter, work).hand_on(owner.watch(), |reply| {
            if let Err(lookup) = readers.post(Box::new(Lookup { query, reply })) {
                lookup.turn_away();
            }
        });
    }
}

/// What becomes of an action or a question.
#[must_use = "who doesn't wait gives it up"]
pub struct Outcome<T>(Asked<Result<T, AskError>>);

impl<T> Outcome<T> {
    /// Of what went through a door.
    pub(super) fn of(asked: Asked<Result<T, AskError>>) -> Self {
        Self(asked)
    }
}

impl<T> Future for Outcome<T> {
    type Output = Result<T, AskError>;

    fn poll(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let answered = Pin::new(&mut self.0).poll(task);
        answered.map(|answer| answer.unwrap_or_else(|closed| Err(closed.into())))
    }
}

/// A unit or a query that belongs to one of the owners; `owners.rs` is the table.
pub trait Owned {
    /// Who owns what it is about.
    type Owner: Owner;
}

/// An actor that owns a part of the state.
pub trait Owner: Watched + Actor<Context = actix::Context<Self>> {
    /// Its door.
    fn door(actors: &Actors) -> &Door<Self>;

    /// Its way to the store.
    fn store(&self) -> &StoreDoor;
}

/// An owner's way to the store.
#[derive(Clone)]
pub struct StoreDoor {
    /// The writer's lane.
    pub writer: Writer,
    /// The pool of readers.
    pub readers: Door<ReaderActor>,
}

impl StoreDoor {
    /// Puts a unit in the writer's lane now, and answers when it is durable.
    pub fn perform<U: Unit>(&self, unit: U) -> ResponseFuture<Result<U::Answer, AskError>> {
        // The unit takes its place in the lane here, in the handler: the order of messages is the order of commits.
        let waiting = self.writer.submit(unit);
        Box::pin(async move {
            waiting?
                .await
                .map_err(|_| AskError::Unavailable)?
                .map_err(AskError::from)
        })
    }

    /// Asks a reader.
    pub fn look<Q: Query>(
        &self,
        query: Q,
    ) -> impl Future<Output = Result<(Q::Answer, i64), AskError>> + use<Q> {
        let asked = self.readers.send(Look(query));
        async move { asked.await? }
    }

    /// Asks a reader and doesn't mind of which snapshot.
    pub fn find<Q: Query>(&self, query: Q) -> ResponseFuture<Result<Q::Answer, AskError>> {
        let asked = self.look(query);
        Box::pin(async move { Ok(asked.await?.0) })
    }
}
