//! What is asked, and how often each.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How many kinds there are.
pub const KINDS: usize = Kind::ALL.len();
/// The largest weight of a kind.
const WEIGHT_MAX: u32 = 1_000_000;

/// One thing that is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The newest page of one's own home.
    Home,
    /// The newest page of somebody's posts.
    Account,
    /// The newest page of everybody's posts.
    Public,
    /// Publishing a post.
    Post,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Home, Self::Account, Self::Public, Self::Post];

    /// What it is called in a mix.
    pub fn name(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Account => "account",
            Self::Public => "public",
            Self::Post => "post",
        }
    }

    /// Its place in [`ALL`](Self::ALL).
    pub fn place(self) -> usize {
        self as usize
    }
}

/// How often each kind is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mix([u32; KINDS]);

impl Default for Mix {
    /// That of the social network of DeathStarBench (Gan and others, ASPLOS 2019): 60 % homes, 30 % accounts, 10 % posts.
    fn default() -> Self {
        Self::NOTHING
            .with(Kind::Home, 60)
            .with(Kind::Account, 30)
            .with(Kind::Post, 10)
    }
}

impl Mix {
    const NOTHING: Self = Self([0; KINDS]);

    /// One kind alone.
    pub fn only(kind: Kind) -> Self {
        Self::NOTHING.with(kind, 1)
    }

    fn with(mut self, kind: Kind, weight: u32) -> Self {
        self.0[kind.place()] = weight;
        self
    }

    /// The sum of all weights.
    pub fn total(&self) -> u32 {
        self.0.iter().sum()
    }

    /// The kind at a place below [`total`](Self::total).
    pub fn at(&self, place: u32) -> Kind {
        let mut end = 0;
        for kind in Kind::ALL {
            end += self.0[kind.place()];
            if place < end {
                return kind;
            }
        }
        Kind::Home
    }

    /// The weight of a kind.
    pub fn weight(&self, kind: Kind) -> u32 {
        self.0[kind.place()]
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used = Kind::ALL.into_iter().filter(|kind| self.weight(*kind) > 0);
        for (number, kind) in used.enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(f, "{comma}{}={}", kind.name(), self.weight(kind))?;
        }
        Ok(())
    }
}

/// Why a text is no mix.
#[derive(Debug, thiserror::Error)]
pub enum MixError {
    /// A part of it is something else.
    #[error(
        "{0:?} is no KIND=WEIGHT with a kind out of home, account, public, post and a weight up to 1000000"
    )]
    Part(String),
    /// A kind has two weights.
    #[error("{0} is there twice")]
    Twice(&'static str),
    /// Nothing would be asked.
    #[error("every weight is 0")]
    Nothing,
}

impl FromStr for Mix {
    type Err = MixError;

    fn from_str(text: &str) -> Result<Self, MixError> {
        let mut mix = Self::NOTHING;
        let mut seen = [false; KINDS];
        for part in text.split(',') {
            let wrong = || MixError::Part(part.to_owned());
            let (name, weight) = part.trim().split_once('=').ok_or_else(wrong)?;
            let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
            let kind = kind.ok_or_else(wrong)?;
            let weight = weight.parse().map_err(|_| wrong())?;
            if weight > WEIGHT_MAX {
                return Err(wrong());
            }
            if std::mem::replace(&mut seen[kind.place()], true) {
                return Err(MixError::Twice(kind.name()));
            }
            mix = mix.with(kind, weight);
        }
        if mix.total() == 0 {
            return Err(MixError::Nothing);
        }
        Ok(mix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_is_what_was_written() {
        let mix: Mix = "home=60,account=30,post=10".parse().expect("a mix");
        assert_eq!(mix, Mix::default());
        assert_eq!(mix.to_string(), "home=60,account=30,post=10");
        let mut seen = [0; KINDS];
        for place in 0..mix.total() {
            seen[mix.at(place).place()] += 1;
        }
        assert_eq!(seen, [60, 30, 0, 10]);
    }

    #[test]
    fn what_is_no_mix_is_told() {
        for (text, said) in [
            ("", "no KIND=WEIGHT"),
            ("home", "\"home\""),
            ("homes=1", "\"homes=1\""),
            ("home=-1", "\"home=-1\""),
            ("home=1000001", "1000000"),
            ("home=1,home=2", "twice"),
            ("home=0", "every weight"),
        ] {
            let error = text.parse::<Mix>().expect_err(text).to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
