//! Why nothing could be measured.

use std::io;

use crate::actors::error::AskError;
use crate::boot::BootError;

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A file, a process or a connection can't be used.
    #[error("{what}")]
    Io {
        /// Which, and what for.
        what: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// What was asked for, or what a server answered, makes no sense.
    #[error("{0}")]
    Unusable(String),
    /// The instance that is to be measured can't be filled.
    #[error("the throwaway instance can't be made")]
    Boot(#[from] BootError),
    /// The instance that is to be measured refused something.
    #[error("the throwaway instance can't be filled")]
    Ask(#[from] AskError),
}

impl BenchError {
    /// As [`Io`](Self::Io), to be given to `map_err`.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
