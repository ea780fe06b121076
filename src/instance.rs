//! One running instance, as whoever serves requests sees it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::actors::Actors;
use crate::actors::tasks::WakeUps;
use crate::clock::SharedClock;
use crate::config::{Config, InstanceUrl};
use crate::randomness::Randomness;
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
    /// Fresh random numbers.
    pub randomness: Randomness,
    /// What links to unsubscribe are signed with.
    pub unsubscribe_key: UnsubscribeKey,
    /// The bells of the task manager. Commits ring them; whoever moves the clock by hand has to ring them as well, since the
    /// task manager sleeps by the machine's.
    pub wakes: WakeUps,
    /// Everything that is stored.
    pub data_dir: Arc<PathBuf>,
}
