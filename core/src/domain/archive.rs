//! An archive that a member asked for.

use crate::clock::Timestamp;

const HOUR_MILLIS: i64 = 60 * 60 * 1000;
/// How long an archive can be fetched, in milliseconds: seven days.
pub const ARCHIVE_MILLIS_MAX: i64 = 7 * 24 * HOUR_MILLIS;
/// How soon another one may be asked for, in milliseconds: a day later.
pub const ARCHIVE_PAUSE_MILLIS: i64 = 24 * HOUR_MILLIS;

/// The archive that an account asked for last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptArchive {
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// Set as soon as it is written.
    pub made: Option<MadeArchive>,
}

/// An archive that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeArchive {
    /// When.
    pub at: Timestamp,
    /// The name of the file in the directory of archives.
    pub file: String,
    /// Its size, in bytes.
    pub bytes: i64,
}

impl MadeArchive {
    /// Until when it can be fetched.
    pub fn until(&self) -> Timestamp {
        self.at.plus_millis(ARCHIVE_MILLIS_MAX)
    }
}

impl KeptArchive {
    /// From when on another one may be asked for.
    pub fn again_from(&self) -> Timestamp {
        self.asked_at.plus_millis(ARCHIVE_PAUSE_MILLIS)
    }

    /// What can be fetched at `now`.
    pub fn fetchable(&self, now: Timestamp) -> Option<&MadeArchive> {
        self.made.as_ref().filter(|made| now < made.until())
    }
}
