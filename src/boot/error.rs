//! Why an instance can't be started, or why it stopped by itself.

use std::io;
use std::path::PathBuf;

use crate::config::{self, ListenAddress};
#[cfg(feature = "tls")]
use crate::net::tls::TlsSetupError;
use crate::randomness::NoRandomness;
use crate::store::error::StoreError;

/// Why an instance can't be started, or why it stopped by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BootError {
    /// A setting that was made by a program is out of bounds.
    #[error(transparent)]
    Config(#[from] config::Faults),
    /// The data directory or what is in it can't be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address can't be listened on.
    #[error("can't listen on {address}")]
    Listen {
        /// Which address.
        address: ListenAddress,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Sockets of the service manager can't be taken over.
    #[error("can't listen on the sockets that were handed over")]
    Inherit(#[source] io::Error),
    /// Settings that are sound each contradict one another.
    #[error("{0}")]
    Settings(&'static str),
    /// HTTPS can't be served.
    #[cfg(feature = "tls")]
    #[error(transparent)]
    Tls(#[from] TlsSetupError),
    /// The control socket can't be made.
    #[error("{path}: can't make the control socket")]
    ControlSocket {
        /// Where.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The machine gives no threads.
    #[error("can't start a thread")]
    Threads(#[source] io::Error),
    /// The machine gives no throwaway directory.
    #[error("can't make a throwaway directory")]
    Throwaway(#[source] io::Error),
    /// The machine gives no random numbers.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// The configured public address is not the one that is remembered.
    #[error(
        "this instance is {remembered}, but instance.url says {configured}; to move it, run: kinglet instance set-url {configured}"
    )]
    UrlChanged {
        /// The one that is remembered.
        remembered: String,
        /// The one that is configured.
        configured: String,
    },
    /// What the instance is made of can't work.
    #[error("{0}")]
    Broken(String),
    /// An owner of state died: what it held can't be trusted to be served any more.
    #[error("{0} died; the log says why. What was answered is stored, so start again")]
    Died(&'static str),
}

impl BootError {
    /// The exit code of a process that ends with this.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::UrlChanged { .. } | Self::Settings(_) => config::EXIT_CONFIG,
            #[cfg(feature = "tls")]
            Self::Tls(_) => config::EXIT_CONFIG,
            _ => 1,
        }
    }
}
