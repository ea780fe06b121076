//! Leaving and arriving: what an account takes along, in the form of Mastodon's archives, and taking in such an archive.
//!
//! An archive may come from anybody. It is looked through as a whole before anything of it is taken in ([`bounds`]), nothing
//! of it is ever unpacked to the disk, and of what can be long only a part is in memory.

mod activity;
mod bounds;
mod collection;
mod container;
mod csv;
mod error;
pub mod export;
pub mod import;
pub mod instance;
pub mod kept;
mod order;
pub mod taking;
mod tar;
mod zip;

pub use self::error::ArchiveError;

use serde::{Deserialize, Serialize};

use crate::domain::arrival::ArrivedEntry;

/// The most entries of a batch.
pub const ENTRIES_PER_BATCH_MAX: usize = crate::store::units::ENTRIES_PER_IMPORT_MAX;
/// The most relations or marks of a batch.
pub const RELATIONS_PER_BATCH_MAX: usize = crate::store::units::RELATIONS_PER_IMPORT_MAX;
/// The most bytes of the texts and addresses of a batch, but for the last of its things.
pub const BATCH_BYTES_MAX: usize = 64 * 1024;

/// A part of an archive on its way into the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Batch {
    /// What the account says of itself.
    Profile(ArrivedProfile),
    /// Posts and boosts, the oldest first.
    Entries(Vec<ArrivedEntry>),
    /// What stood between the account and others.
    Relations(Vec<ArrivedRelation>),
    /// What it favoured, by address.
    Favourites(Vec<String>),
    /// What it kept, by address.
    Bookmarks(Vec<String>),
}

/// What an account said of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivedProfile {
    /// The name that people read.
    pub display_name: String,
    /// The bio's source text.
    pub note: String,
    /// The profile's table.
    pub fields: Vec<(String, String)>,
}

/// What stood between an account and another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivedRelation {
    /// The other: `name@host`.
    pub address: String,
    /// What it was.
    pub kind: RelationKind,
}

/// What can stand between two accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelationKind {
    /// The account follows.
    Follow {
        /// Whether boosts show.
        shows_boosts: bool,
        /// Whether each new post makes a notification.
        notifies: bool,
    },
    /// It blocks.
    Block,
    /// It mutes.
    Mute {
        /// Whether notifications are hidden too.
        hides_notifications: bool,
    },
}
