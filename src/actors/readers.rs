//! The pool of readers: threads with a read-only connection each.

use std::any::type_name;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use actix::{Actor, Handler, Message, SyncContext};

use super::door::{Door, opens_door};
use super::error::AskError;
use super::pool::{self, PoolEnd};
use crate::store::error::StoreError;
use crate::store::open::MemoryUse;
use crate::store::reader::{Query, Reader};
use crate::telemetry::Telemetry;
use crate::telemetry::mailbox::{ActorName, Watch, kind_name};
use crate::telemetry::statements::Statements;

/// How many readers there are.
pub const READERS: usize = 2;

/// One reader of the pool.
pub struct ReaderActor {
    database: PathBuf,
    memory: MemoryUse,
    statements: Arc<Statements>,
    reader: Result<Reader, StoreError>,
    watch: Watch,
}

impl ReaderActor {
    /// Starts the pool.
    pub fn start_pool(
        database: &Path,
        memory: MemoryUse,
        telemetry: &Arc<Telemetry>,
    ) -> (Door<Self>, PoolEnd) {
        let database = database.to_owned();
        let name = ActorName::Readers;
        let watched = Arc::clone(telemetry);
        let (pool, ended) = pool::start("kinglet-reader", READERS, move || {
            let statements = Arc::clone(&watched.statements);
            Self {
                database: database.clone(),
                memory,
                reader: open(&database, memory, &statements),
                statements,
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

opens_door!(ReaderActor);

/// Asks a query; answers with the commit number of the snapshot it was asked of.
#[derive(Debug)]
pub struct Look<Q>(pub Q);

impl<Q: Query> Message for Look<Q> {
    type Result = Result<(Q::Answer, i64), AskError>;
}

impl<Q: Query> Handler<Look<Q>> for ReaderActor {
    type Result = Result<(Q::Answer, i64), AskError>;

    fn handle(&mut self, Look(query): Look<Q>, _: &mut SyncContext<Self>) -> Self::Result {
        if self.reader.is_err() {
            self.reader = open(&self.database, self.memory, &self.statements);
        }
        match &mut self.reader {
            Ok(reader) => {
                let answer = reader.run(&query);
                if let Err(StoreError::Panicked(_)) = &answer {
                    self.watch.panicked(kind_name(type_name::<Q>()));
                }
                Ok(answer?)
            }
            Err(error) => Err(AskError::Internal(format!(
                "can't open the database: {error}"
            ))),
        }
    }
}
