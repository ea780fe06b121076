//! The two messages that most of the traffic consists of, and the door to the store that their owners share.

use std::future::Future;

use actix::{Actor, Message, ResponseFuture};

use super::Actors;
use super::door::Door;
use super::error::AskError;
use super::readers::{Look, ReaderActor};
use crate::store::reader::Query;
use crate::store::writer::{Unit, Writer};

/// Do this: one unit, applied by the writer on behalf of its owner.
#[derive(Debug)]
pub struct Perform<U>(pub U);

impl<U: Unit> Message for Perform<U> {
    type Result = Result<U::Answer, AskError>;
}

/// Look this up: one query, answered by a reader on behalf of its owner.
#[derive(Debug)]
pub struct Find<Q>(pub Q);

impl<Q: Query> Message for Find<Q> {
    type Result = Result<Q::Answer, AskError>;
}

/// A unit or a query that belongs to one of the owners; `owners.rs` is the table.
pub trait Owned {
    /// Who owns what it is about.
    type Owner: Owner;
}

/// An actor that owns a part of the state.
pub trait Owner: Actor {
    /// Its door.
    fn door(actors: &Actors) -> &Door<Self>;
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

/// Gives an owner the handlers for every unit and query that the table says it owns.
macro_rules! serves_owned {
    ($owner:ty) => {
        $crate::actors::door::opens_door!($owner);

        impl<U> actix::Handler<$crate::actors::messages::Perform<U>> for $owner
        where
            U: $crate::store::writer::Unit + $crate::actors::messages::Owned<Owner = $owner>,
        {
            type Result = actix::ResponseFuture<Result<U::Answer, $crate::actors::error::AskError>>;

            fn handle(
                &mut self,
                message: $crate::actors::messages::Perform<U>,
                _: &mut actix::Context<Self>,
            ) -> Self::Result {
                self.store.perform(message.0)
            }
        }

        impl<Q> actix::Handler<$crate::actors::messages::Find<Q>> for $owner
        where
            Q: $crate::store::reader::Query + $crate::actors::messages::Owned<Owner = $owner>,
        {
            type Result = actix::ResponseFuture<Result<Q::Answer, $crate::actors::error::AskError>>;

            fn handle(
                &mut self,
                message: $crate::actors::messages::Find<Q>,
                _: &mut actix::Context<Self>,
            ) -> Self::Result {
                self.store.find(message.0)
            }
        }
    };
}
pub(super) use serves_owned;
