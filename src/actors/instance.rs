//! One running instance, as whoever serves requests sees it.

mod book;
mod guest_book;
mod live;
pub mod probes;
mod reader_book;

pub use guest_book::GuestBook;
pub use reader_book::{
    ReaderBook, ReaderFacts, ReaderNews, ReaderNewsSink, ask_reader, read_reader,
};

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use self::probes::Probes;
use crate::Actors;
use crate::backups::Backups;
use crate::clock::{SharedClock, Timestamp};
use crate::config::{Config, InstanceUrl};
use crate::logging::LogControl;
use crate::randomness::Randomness;
use crate::store::soundness::{Soundness, Trouble};
use crate::tasks::WakeUps;
use crate::telemetry::Telemetry;
use crate::unsubscribe::UnsubscribeKey;

/// How long the disk may take to tell its free space.
const LOOK_TIME_MAX: Duration = Duration::from_secs(2);

/// What requests are answered with, over HTTP and over the control socket. Clones are the same instance.
#[derive(Clone)]
pub struct Instance {
    /// The owners of the state.
    pub actors: Actors,
    /// The settings in force.
    pub config: Arc<Config>,
    /// The public address: links, cookies and redirects follow it.
    pub url: Arc<InstanceUrl>,
    /// The time.
    pub clock: SharedClock,
    /// When it was started.
    pub started_at: Timestamp,
    /// Fresh random numbers.
    pub randomness: Randomness,
    /// What links to unsubscribe are signed with.
    pub unsubscribe_key: UnsubscribeKey,
    /// The bells of the task manager. Commits ring them; whoever moves the clock by hand has to ring them as well, since the
    /// task manager sleeps by the machine's.
    pub wakes: WakeUps,
    /// Whether its store can be written and read.
    pub soundness: Arc<Soundness>,
    /// What changes the log's levels; none where another program decides what is logged.
    pub log: Option<LogControl>,
    /// What backups are made with.
    pub backups: Backups,
    /// Everything that is stored.
    pub data_dir: Arc<PathBuf>,
    /// What it says about itself.
    pub telemetry: Arc<Telemetry>,
    /// Requests that the operator's doctor sends to itself.
    pub probes: Arc<Probes>,
}

/// What doesn't work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ailment {
    /// Nothing can be written.
    Writing(Trouble),
    /// Not everything can be read.
    Reading(Trouble),
}

/// What is to be done stands there as well.
impl fmt::Display for Ailment {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Writing(trouble) => write!(to, "Nothing can be written: {}.", trouble.sentence()),
            Self::Reading(trouble) => {
                write!(to, "Not everything can be read: {}.", trouble.sentence())
            }
        }
    }
}

impl Instance {
    /// What doesn't work, after a look at the disk, for which no request waits long.
    pub async fn ailment(&self) -> Option<Ailment> {
        let mut hangs = None;
        if self.soundness.is_look_due() {
            let soundness = Arc::clone(&self.soundness);
            let looking = tokio::task::spawn_blocking(move || soundness.look());
            let looked = timeout(LOOK_TIME_MAX, looking).await;
            // A disk that doesn't even tell its free space takes nothing either.
            hangs = looked.is_err().then_some(Trouble::Broken);
        }
        let writing = self.soundness.writing().or(hangs);
        writing
            .map(Ailment::Writing)
            .or_else(|| self.soundness.reading().map(Ailment::Reading))
    }
}
