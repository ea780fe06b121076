//! Why an archive can't be made or taken in.

use std::io;

use super::bounds::{ENTRIES_MAX, ENTRY_BYTES_MAX};
use crate::store::error::StoreError;
use crate::store::portable::PortableError;

/// Why an archive can't be made or taken in.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It is not what an archive has to be, or is out to do harm.
    #[error("the archive is refused: {0}")]
    Refused(String),
    /// It can't be read or written.
    #[error("the archive can't be read or written")]
    File(#[from] io::Error),
    /// The store can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is no instance that can be taken in, or no copy can be made.
    #[error(transparent)]
    Instance(#[from] PortableError),
    /// Whoever takes the things in doesn't.
    #[error("{0}")]
    Taker(String),
    /// Whoever takes the things in has had enough for now.
    #[error("it is taken in later")]
    Later,
    /// Whoever takes the things in can't be reached.
    #[error("{0}")]
    Gone(String),
}

impl ArchiveError {
    /// With a sentence's end.
    pub fn refused(why: impl Into<String>) -> Self {
        Self::Refused(why.into())
    }

    pub(super) fn too_many_entries() -> Self {
        Self::refused(format!("it has more than {ENTRIES_MAX} files"))
    }

    pub(super) fn too_large() -> Self {
        Self::refused(format!(
            "what is in it is too large: a file has at most {} MiB",
            ENTRY_BYTES_MAX >> 20
        ))
    }

    pub(super) fn twice(name: &str) -> Self {
        Self::refused(format!("{name} is in it twice"))
    }

    pub(super) fn link(name: &str) -> Self {
        Self::refused(format!("{name:?} is a link"))
    }

    pub(super) fn special(name: &str) -> Self {
        Self::refused(format!("{name:?} is neither a file nor a directory"))
    }
}
