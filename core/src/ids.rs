//! Identifiers: typed 64-bit numbers, ordered by time, and the generator that hands them out.
//!
//! Public ids have Mastodon's shape (milliseconds since 1970 shifted left by 16, the low bits a sequence), so
//! clients may sort them as numbers or, as they all have 18 digits, as strings.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::Timestamp;

/// How far the milliseconds are shifted to leave room for the sequence.
const SEQUENCE_BITS: u32 = 16;

/// The smallest id ever handed out: keeps every id at 18 digits even when the machine's clock stands in 1970.
pub const FIRST_ID: i64 = 100_000_000_000_000_000;

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_id(text).map($name)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id_type!(
    /// An account of this instance.
    AccountId
);
id_type!(
    /// A post or a boost: both are entries of timelines and share one sequence.
    PostId
);
id_type!(
    /// One notification of one account.
    NotificationId
);
id_type!(
    /// A registered client application.
    AppId
);
id_type!(
    /// An access token's row (never the token itself).
    TokenId
);
id_type!(
    /// A website session's row (never the cookie's value).
    SessionId
);
id_type!(
    /// A job's row; never used twice.
    JobId
);

/// A text that is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id")]
pub struct InvalidId;

/// Only plain ASCII digits: `+1`, ` 1` and `-1` are not ids.
fn parse_id(text: &str) -> Result<i64, InvalidId> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(InvalidId);
    }
    text.parse().map_err(|_| InvalidId)
}

impl PostId {
    /// When the post was made: the time is part of the id, so that order and date can't disagree.
    pub fn time(self) -> Timestamp {
        time_of(self.0)
    }

    /// The smallest id that a post of this moment can have.
    pub fn floor_of(time: Timestamp) -> PostId {
        PostId(time.millis() << SEQUENCE_BITS)
    }

    /// The first id that a post of this moment can have which was made elsewhere, and the first of the next moment. The
    /// upper half of a millisecond is theirs: posts made here fill it from below, and no id means two things.
    pub fn range_of_imported(time: Timestamp) -> (PostId, PostId) {
        let floor = Self::floor_of(time).0;
        let half = 1 << (SEQUENCE_BITS - 1);
        (PostId(floor + half), PostId(floor + 2 * half))
    }
}

impl AccountId {
    /// The smallest id that an account of this moment can have.
    pub fn floor_of(time: Timestamp) -> Self {
        Self(time.millis() << SEQUENCE_BITS)
    }

    /// When the account was made.
    pub fn time(self) -> Timestamp {
        time_of(self.0)
    }
}

impl NotificationId {
    /// When the notification was made.
    pub fn time(self) -> Timestamp {
        time_of(self.0)
    }
}

fn time_of(id: i64) -> Timestamp {
    Timestamp::from_millis(id >> SEQUENCE_BITS)
}

/// Hands out ids that only grow, whatever the clock says.
#[derive(Debug)]
pub struct IdGenerator {
    last: i64,
}

impl IdGenerator {
    /// Starts above `largest`, the largest id that the store holds (0 for an empty one).
    pub fn above(largest: i64) -> Self {
        Self {
            last: largest.max(FIRST_ID),
        }
    }

    /// The last id that was handed out, or what it began above.
    pub fn last(&self) -> i64 {
        self.last
    }

    /// No id up to this one is handed out any more.
    pub fn raise(&mut self, id: i64) {
        self.last = self.last.max(id);
    }

    /// The next id: of the moment `now`, or one more than the last when the clock went back or many are asked for
    /// within a millisecond.
    pub fn next(&mut self, now: Timestamp) -> i64 {
        self.last = (now.millis() << SEQUENCE_BITS).max(self.last + 1);
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_when_the_clock_goes_back_or_stands_in_1970() {
        let noon = Timestamp::from_millis(1_790_000_000_000);
        let mut ids = IdGenerator::above(0);
        let first = ids.next(noon);
        let second = ids.next(Timestamp::from_millis(noon.millis() - 3_600_000));
        let third = ids.next(Timestamp::from_millis(0));
        assert!(first < second && second < third);
        assert_eq!(PostId(first).time(), noon);
    }

    #[test]
    fn every_id_has_eighteen_digits() {
        let mut ids = IdGenerator::above(0);
        assert_eq!(ids.next(Timestamp::from_millis(0)).to_string().len(), 18);
        assert_eq!(
            ids.next(Timestamp::from_millis(4_102_444_800_000))
                .to_string()
                .len(),
            18
        );
    }

    #[test]
    fn only_digits_are_ids() {
        for bad in [
            "",
            "+1",
            "-1",
            " 1",
            "1 ",
            "1.0",
            "99999999999999999999",
            "１",
        ] {
            assert_eq!(bad.parse::<PostId>(), Err(InvalidId), "{bad:?}");
        }
        assert_eq!("17".parse::<PostId>(), Ok(PostId(17)));
    }
}
