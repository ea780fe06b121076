//! Timeline windows that outlive a restart.
//!
//! Everything in here can be thrown away: whether a snapshot is still true is decided against SQLite by
//! [`super::queries::home::RefreshHome`]. sled's own README advises SQLite where reliability comes first, so nothing else
//! lives here; and without the feature `sled` nothing does, and windows are merged anew.

#[cfg(feature = "sled")]
mod kept;
#[cfg(not(feature = "sled"))]
#[path = "kept_off.rs"]
mod kept;

pub use self::kept::Snapshots;
use super::queries::home::HomeEntry;
use crate::ids::AccountId;

/// Where they lie; the name within the data directory.
pub const DIRECTORY_NAME: &str = "timelines";
/// The most entries of a snapshot: the first page, with what isn't shown of it.
pub const SNAPSHOT_ENTRIES_MAX: usize = 48;

/// The newest part of a resident window as it was at some commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowSnapshot {
    /// Whose home.
    pub reader: AccountId,
    /// The commit up to which it was true.
    pub commit: i64,
    /// Whether the home had nothing below the oldest entry.
    pub is_complete: bool,
    /// Its candidates, newest first.
    pub entries: Vec<HomeEntry>,
}
