//! An archive that a member uploaded, on its way in.

use crate::clock::Timestamp;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// How long it is told what became of an archive, in milliseconds: thirty days.
pub const TOLD_MILLIS_MAX: i64 = 30 * DAY_MILLIS;
/// The most characters of what was wrong with an archive that are kept.
pub const REASON_CHARS_MAX: usize = 300;

/// The archive that an account uploaded last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arriving {
    /// When it was uploaded.
    pub asked_at: Timestamp,
    /// The name of the file in the directory of uploads, as long as it is needed.
    pub file: Option<String>,
    /// What it was called where it comes from.
    pub name: String,
    /// Its size, in bytes.
    pub bytes: i64,
    /// How many things are in it, once it was looked through.
    pub things: Option<i64>,
    /// How many of them are done.
    pub done: i64,
    /// What became of those, as whoever takes them in writes it.
    pub report: String,
    /// How it ended; `None` while it goes on.
    pub ended: Option<Ended>,
}

/// How taking in an archive ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// How.
    pub outcome: Outcome,
    /// What was wrong, for the member.
    pub reason: Option<String>,
}

/// How taking in an archive can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All of it is in.
    Done,
    /// It can't be taken in, or no further.
    Refused,
    /// The member gave it up; what was in stays.
    Cancelled,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Done, Self::Refused, Self::Cancelled];

    /// The word that is stored.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
        }
    }

    /// By its word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }
}
