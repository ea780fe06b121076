//! What somebody brings along from elsewhere: posts with their dates, and what they were called there.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::visibility::Visibility;
use crate::clock::Timestamp;
use crate::ids::PostId;

/// The oldest date that an entry may have: before that nobody wrote microblogs. 2000-01-01T00:00:00Z.
pub const DATE_MIN: Timestamp = Timestamp::from_millis(946_684_800_000);
/// Longest text and warning of an imported post together, in bytes: other servers allow more than this instance may.
pub const ARRIVED_BYTES_MAX: usize = super::text::count::POST_BYTES_MAX;
/// The longest address that something is known by, in bytes.
pub const URI_BYTES_MAX: usize = 2048;

/// Bytes that are kept of the hash.
const ORIGIN_BYTES: usize = 16;

/// The address that something had elsewhere: a hash, as addresses are as long as people like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin([u8; ORIGIN_BYTES]);

impl Origin {
    /// Of an address.
    pub fn of(uri: &str) -> Self {
        let hash = Sha256::digest(uri);
        let mut kept = [0; ORIGIN_BYTES];
        kept.copy_from_slice(&hash[..ORIGIN_BYTES]);
        Self(kept)
    }

    /// The bytes that are stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A post that is meant by the address that it has elsewhere or here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    /// The address.
    pub origin: Origin,
    /// The post of this instance that the address names, if it is one of this instance.
    pub here: Option<PostId>,
}

/// An entry as an archive tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivedEntry {
    /// The address that it has where it comes from.
    pub uri: String,
    /// When it was made, in milliseconds since 1970.
    pub published: i64,
    /// For whom it is meant.
    pub visibility: Visibility,
    /// What it is.
    pub what: Arrived,
}

/// What an entry of an archive is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrived {
    /// A post.
    Post(Box<ArrivedPost>),
    /// A boost of the post with this address.
    Boost(String),
}

/// A post as an archive tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivedPost {
    /// Its source text.
    pub text: String,
    /// Its content warning; empty for none.
    pub spoiler: String,
    /// Whether media (and, with a warning, the text) start hidden.
    pub sensitive: bool,
    /// ISO 639 code of its language.
    pub language: Option<String>,
    /// The address of the post that it answers.
    pub reply_to: Option<String>,
    /// When it was last edited, in milliseconds since 1970.
    pub edited: Option<i64>,
}

/// What became of one thing out of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is here now.
    Imported,
    /// It is here now, but what it answers isn't, so it stands by itself.
    ImportedAlone,
    /// It was here already, or was and was deleted.
    Known,
    /// What it is about isn't on this instance.
    Elsewhere,
    /// It names an account that isn't one of this instance's.
    Stranger,
    /// The other wants to be asked by whoever follows.
    WantsToBeAsked,
    /// A block stands between the two, or it is oneself.
    Forbidden,
    /// No more accounts may be followed.
    TooMany,
    /// It has nothing that could be kept, such as a post of pictures alone.
    Empty,
    /// Its text is longer than any text may be here.
    TooLong,
    /// Its date is later than now.
    Future,
    /// More than fit into one millisecond.
    Crowded,
    /// It is of a kind that isn't known here.
    Unknown,
}

impl Fate {
    /// Every fate.
    pub const ALL: [Self; 13] = [
        Self::Imported,
        Self::ImportedAlone,
        Self::Known,
        Self::Elsewhere,
        Self::Stranger,
        Self::WantsToBeAsked,
        Self::Forbidden,
        Self::TooMany,
        Self::Empty,
        Self::TooLong,
        Self::Future,
        Self::Crowded,
        Self::Unknown,
    ];

    /// Whether it is here because of this import.
    pub const fn is_new(self) -> bool {
        matches!(self, Self::Imported | Self::ImportedAlone)
    }

    /// For a person, after a number of things.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Imported => "imported",
            Self::ImportedAlone => "imported, though what they answer is not here",
            Self::Known => "were imported before",
            Self::Elsewhere => "skipped: what they are about is not on this instance",
            Self::Stranger => "skipped: the account is not one of this instance",
            Self::WantsToBeAsked => "skipped: the account wants to be asked by whoever follows it",
            Self::Forbidden => "skipped: a block stands in the way, or it is the account itself",
            Self::TooMany => "skipped: the account follows as many as it may",
            Self::Empty => "skipped: there is no text in them",
            Self::TooLong => "skipped: their text is too long",
            Self::Future => "skipped: their date is later than now",
            Self::Crowded => "skipped: too many of one millisecond",
            Self::Unknown => "skipped: of a kind that kinglet doesn't know",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_date_is_what_it_says() {
        assert_eq!(Timestamp::parse("2000-01-01T00:00:00Z"), Some(DATE_MIN));
    }

    #[test]
    fn every_fate_is_told_in_its_own_words() {
        let mut sentences: Vec<_> = Fate::ALL.iter().map(|fate| fate.sentence()).collect();
        sentences.sort_unstable();
        sentences.dedup();
        assert_eq!(sentences.len(), Fate::ALL.len());
    }
}
