//! The machine's errors: what the store can't do, for the operator's log.

use std::path::PathBuf;

/// The store can't do what it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// SQLite refused.
    #[error("the database refused")]
    Sqlite(#[from] rusqlite::Error),
    /// A file or directory can't be used.
    #[error("{path}: {action}")]
    File {
        /// What was to be done.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Another process owns the data directory.
    #[error("{0}: another kinglet uses this data directory")]
    Locked(PathBuf),
    /// SQLite can't keep a write-ahead log there.
    #[error(
        "{path}: SQLite keeps a {journal} journal there instead of a write-ahead log; is it a network file system?"
    )]
    NoWriteAheadLog {
        /// The database.
        path: PathBuf,
        /// The journal mode that it has instead.
        journal: String,
    },
    /// The database was written by a newer kinglet.
    #[error(
        "the database has schema {found}, this kinglet knows up to {known}: run the newer kinglet that wrote it"
    )]
    NewerSchema {
        /// What the file says.
        found: i64,
        /// The newest known.
        known: i64,
    },
    /// The database has to be rewritten before this kinglet can use it.
    #[error(
        "the database has schema {found} and has to be rewritten to {known}, which no start does by itself: run kinglet upgrade, or go on with the kinglet \
         that served it"
    )]
    NeedsUpgrade {
        /// What the file says.
        found: i64,
        /// What this kinglet needs.
        known: i64,
    },
    /// What the store is told from every other by is gone.
    #[error(
        "the database has lost its identity, with which the names of deleted accounts are marked as taken: run kinglet restore with the newest set that \
         kinglet backup verify finds sound"
    )]
    NoIdentity,
    /// A unit or a query panicked: a fault of the program, which failed alone.
    #[error("panicked: {0}")]
    Panicked(String),
    /// A value that no version of kinglet writes.
    #[error("{table}.{column} holds {value}, which nothing writes")]
    Corrupt {
        /// Where it was found.
        table: &'static str,
        /// In which column.
        column: &'static str,
        /// What stands there.
        value: String,
    },
}

impl StoreError {
    /// Whether SQLite finds its file broken.
    pub fn is_damage(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        let code = match self {
            Self::Sqlite(error) => error.sqlite_error_code(),
            _ => None,
        };
        matches!(code, Some(DatabaseCorrupt | NotADatabase))
    }

    /// Whether a row holds what nothing writes, so that it can't be read.
    pub fn is_unreadable(&self) -> bool {
        use rusqlite::Error::{
            FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error,
        };
        matches!(
            self,
            Self::Corrupt { .. }
                | Self::Sqlite(
                    FromSqlConversionFailure(..)
                        | IntegralValueOutOfRange(..)
                        | InvalidColumnType(..)
                        | Utf8Error(..)
                )
        )
    }
}
