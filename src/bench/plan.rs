//! What is to be measured.

use std::path::PathBuf;
use std::time::Duration;

use super::mix::Mix;
use crate::secret::Secret;

/// Whom it is about.
#[derive(Debug, Clone)]
pub enum Aim {
    /// A throwaway instance of this program.
    Throwaway {
        /// Where its directory is made; none for the system's place for such.
        place: Option<PathBuf>,
        /// Settings that differ from the usual, such as `storage.synchronous` and `normal`.
        settings: Vec<(String, String)>,
        /// Posts that are there before it is started.
        history: usize,
    },
    /// A server that is there.
    Server {
        /// `http://HOST[:PORT]`.
        url: String,
        /// Who asks.
        tokens: Vec<Secret<String>>,
    },
}

/// Where the graph comes from.
#[derive(Debug, Clone)]
pub enum GraphSource {
    /// This file.
    File(PathBuf),
    /// It is made.
    Made {
        /// How many people there are; none for as many as there are tokens.
        people: Option<usize>,
        /// How many friends each finds.
        friends: usize,
    },
}

/// How high the open loop's load is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// So many requests a second.
    PerSecond(f64),
    /// This share of what the closed loop reached.
    Share(f64),
}

/// What is to be measured.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Whom it is about.
    pub aim: Aim,
    /// Who follows whom.
    pub graph: GraphSource,
    /// Makes runs alike.
    pub seed: u64,
    /// Posts that are written, over HTTP, before the mix.
    pub posts: u64,
    /// What is asked.
    pub mix: Mix,
    /// Connections that ask at the same time.
    pub connections: usize,
    /// How long each of the two loops lasts.
    pub time: Duration,
    /// How long the mix is driven before, uncounted.
    pub warm_up: Duration,
    /// How high the open loop's load is.
    pub rate: Rate,
}
