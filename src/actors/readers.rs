//! The pool of readers: threads with a read-only connection each.

use std::any::type_name;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use actix::{Actor, Handler, Message, SyncContext};

use super::door::{Carried, Door, Reply, opens_door};
use super::error::AskError;
use super::pool::{self, PoolEnd};
use crate::store::error::StoreError;
use crate::store::open::MemoryUse;
use crate::store::reader::{Query, Reader};
use crate::store::soundness::Soundness;
use crate::telemetry::Telemetry;
use crate::telemetry::mailbox::{ActorName, MessageKind, Watch, Work, kind_name};
use crate::telemetry::statements::Statements;

/// How many readers there are.
pub const READERS: usize = 2;

/// One reader of the pool.
pub struct ReaderActor {
    database: PathBuf,
    memory: MemoryUse,
    statements: Arc<Statements>,
    reader: Result<Reader, StoreError>,
    soundness: Arc<Soundness>,
    watch: Watch,
}

impl ReaderActor {
    /// Starts the pool.
    pub fn start_pool(
        database: &Path,
        memory: MemoryUse,
        soundness: &Arc<Soundness>,
        telemetry: &Arc<Telemetry>,
    ) -> (Door<Self>, PoolEnd) {
        let database = database.to_owned();
        let name = ActorName::Readers;
        let watched = Arc::clone(telemetry);
        let soundness = Arc::clone(soundness);
        let (pool, ended) = pool::start("kinglet-reader", READERS, move || {
            let statements = Arc::clone(&watched.statements);
            Self {
                database: database.clone(),
                memory,
                reader: open(&database, memory, &statements),
                statements,
                soundness: Arc::clone(&soundness),
                watch: watched.watch(name),
            }
        });
        (Door::new(pool, telemetry, name), ended)
    }
}

fn open(
    database: &Path,
    memory: MemoryUse,
    statements: &Arc<Statements>,
) -> Result<Reader, StoreError> {
    Ok(Reader::open_with(database, memory)?.watched_by(Arc::clone(statements)))
}

impl Actor for ReaderActor {
    type Context = SyncContext<Self>;
}

opens_door!(pool ReaderActor);

/// Asks a query; answers with the commit number of the snapshot it was asked of.
#[derive(Debug)]
pub struct Look<Q>(pub Q);

impl<Q: Query> Message for Look<Q> {
    type Result = Result<(Q::Answer, i64), AskError>;
}

impl<Q: Query> Handler<Look<Q>> for ReaderActor {
    type Result = Result<(Q::Answer, i64), AskError>;

    fn handle(&mut self, Look(query): Look<Q>, _: &mut SyncContext<Self>) -> Self::Result {
        self.run(&query)
    }
}

/// A question whose answer goes to whoever asked the owner.
pub(super) struct Lookup<Q: Query> {
    pub(super) query: Q,
    pub(super) reply: Reply<Result<Q::Answer, AskError>>,
}

impl<Q: Query> Carried<ReaderActor> for Lookup<Q> {
    fn kind(&self) -> MessageKind {
        MessageKind::of::<Q>()
    }

    fn is_wanted(&self) -> bool {
        self.reply.is_wanted()
    }

    fn run(
        self: Box<Self>,
        reader: &mut ReaderActor,
        _: &mut SyncContext<ReaderActor>,
        work: Option<Work>,
    ) {
        let Self { query, reply } = *self;
        let answer = reader.run(&query).map(|(answer, _)| answer);
        if let Some(work) = work {
            let ended = reader.watch.handled(work.begun());
            if let Some(done) = work.end(Some(ended)) {
                done.note();
            }
        }
        reply.give(answer, None);
    }

    fn turn_away(self: Box<Self>) {
        self.reply.give(Err(AskError::Busy), None);
    }
}

impl ReaderActor {
    fn run<Q: Query>(&mut self, query: &Q) -> Result<(Q::Answer, i64), AskError> {
        let answer = self.reader()?.run(query);
        match &answer {
            Err(StoreError::Panicked(_)) => self.watch.panicked(kind_name(type_name::<Q>())),
            Err(error) if self.soundness.note_reading(error).is_some() => {
                return Err(AskError::Unavailable);
            }
            _ => {}
        }
        Ok(answer?)
    }

    /// The connection, opened anew where that failed before.
    fn reader(&mut self) -> Result<&mut Reader, AskError> {
        if self.reader.is_err() {
            self.reader = open(&self.database, self.memory, &self.statements);
        }
        let soundness = &self.soundness;
        let reader = self.reader.as_mut();
        reader.map_err(|error| match soundness.note_reading(error) {
            Some(_) => AskError::Unavailable,
            None => AskError::Internal(format!("can't open the database: {error}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door::DoorError;
    use crate::store::queries::access::HasOwner;
    use crate::store::soundness::Soundness;
    use crate::store::testing::TestStore;

    /// What no sound program does.
    struct Fall;

    impl Message for Fall {
        type Result = Option<()>;
    }

    impl Handler<Fall> for ReaderActor {
        type Result = Option<()>;

        fn handle(&mut self, _: Fall, _: &mut SyncContext<Self>) -> Option<()> {
            panic!("a handler panics");
        }
    }

    /// Panics within its snapshot.
    struct Stumble;

    impl Query for Stumble {
        type Answer = ();

        fn run(&self, _: &crate::store::reader::View<'_>) -> Result<(), StoreError> {
            panic!("a query panics");
        }
    }

    #[test]
    fn a_reader_that_panics_fails_one_question_and_answers_the_next() {
        let store = TestStore::open();
        let soundness: Arc<Soundness> = store.soundness();
        actix::System::new().block_on(async {
            let (readers, _) = ReaderActor::start_pool(
                &store.database(),
                MemoryUse::READER,
                &soundness,
                &Telemetry::disabled(),
            );
            for _ in 0..2 * READERS {
                assert_eq!(readers.send(Fall).await, Err(DoorError::Closed));
                let stumbled = readers.send(Look(Stumble)).await.expect("it lives");
                assert!(matches!(stumbled, Err(AskError::Internal(_))));
            }
            for _ in 0..READERS {
                let found = readers.send(Look(HasOwner)).await.expect("it lives");
                assert!(!found.expect("an answer").0);
            }
        });
        assert_eq!(soundness.reading(), None);
    }
}
