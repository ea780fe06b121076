//! One running instance, as whoever serves requests sees it.

mod live;
pub mod probes;

use std::path::PathBuf;
use std::sync::Arc;

use self::probes::Probes;
use crate::Actors;
use crate::backups::Backups;
use crate::clock::{SharedClock, Timestamp};
use crate::config::{Config, InstanceUrl};
use crate::logging::LogControl;
use crate::randomness::Randomness;
use crate::tasks::WakeUps;
use crate::telemetry::Telemetry;
use crate::unsubscribe::UnsubscribeKey;

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
