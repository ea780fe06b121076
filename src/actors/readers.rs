//! The pool of readers: threads with a read-only connection each.

use std::path::{Path, PathBuf};

use actix::{Actor, Addr, Handler, Message, SyncContext};

use super::error::AskError;
use super::pool::{self, PoolEnd};
use crate::store::error::StoreError;
use crate::store::reader::{Query, Reader};

/// How many readers there are.
const READERS: usize = 2;

/// One reader of the pool.
pub struct ReaderActor {
    database: PathBuf,
    reader: Result<Reader, StoreError>,
}

impl ReaderActor {
    /// Starts the pool.
    pub fn start_pool(database: &Path) -> (Addr<Self>, PoolEnd) {
        let database = database.to_owned();
        pool::start(READERS, move || Self {
            database: database.clone(),
            reader: Reader::open(&database),
        })
    }
}

impl Actor for ReaderActor {
    type Context = SyncContext<Self>;
}

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
            self.reader = Reader::open(&self.database);
        }
        match &mut self.reader {
            Ok(reader) => Ok(reader.run(&query)?),
            Err(error) => Err(AskError::Internal(format!(
                "can't open the database: {error}"
            ))),
        }
    }
}
