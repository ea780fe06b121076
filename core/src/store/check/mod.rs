//! Whether what is stored is as it must be: everything that is derived held against what it is derived from.
//!
//! A check is done in steps, each in a snapshot of its own and in bounded memory, so that whoever waits sees it go on and nothing
//! is held for long. What a check finds is mended by [`super::repair`] where it is derived.

mod days;
mod homes;
mod jobs;
#[cfg(test)]
pub(super) mod schema_tests;
mod texts;
mod words;

use std::fmt;

pub use self::homes::{CheckHomes, HOMES_PER_STEP_MAX, Kept, check_kept_homes, next_home};
pub(super) use self::jobs::{Fault, fault_of};
pub(super) use self::texts::tags_of;
use super::error::StoreError;
use super::growth;
use super::invariants::{FINDINGS_PER_INVARIANT_MAX, Finding, violations};
use super::migrate;
use super::reader::{Query, View};
use super::tables::invariants::{FOREIGN_KEYS, INTEGRITY, INVARIANTS};
use super::tables::walks::{self, Index};
use crate::clock::Timestamp;

/// The most rows that one step looks at.
pub const ROWS_PER_STEP_MAX: usize = 10_000;

/// What the findings of the checks that are no statement are called.
pub mod name {
    /// SQLite finds its file sound.
    pub const INTEGRITY: &str = "integrity";
    /// What is referred to is there.
    pub const FOREIGN_KEYS: &str = "foreign_keys";
    /// What strangers can grow is bounded.
    pub const GROWTH: &str = "growth";
    /// Rows hold what kinglet writes.
    pub const READABLE: &str = "rows_can_be_read";
    /// A post has the hashtags that its text has.
    pub const TAGS: &str = "tags_are_those_of_the_text";
    /// A post is found by its words, and by no others.
    pub const POST_WORDS: &str = "posts_are_found_by_their_words";
    /// An account is found by its names, and by no others.
    pub const ACCOUNT_WORDS: &str = "accounts_are_found_by_their_names";
    /// A job leads where its kind leads.
    pub const JOBS: &str = "jobs_are_what_they_say";
    /// This kinglet knows what is to be done.
    pub const UNKNOWN_JOBS: &str = "jobs_are_understood";
    /// A job that is being done comes back when nobody does it.
    pub const LEASES: &str = "leases_end";
    /// A day has the figures that posts, marks and follows give.
    pub const DAYS: &str = "days_are_counted_right";
    /// A home that was kept is the home.
    pub const HOMES: &str = "kept_homes_are_true";
    /// An archive that can be fetched lies there as a file.
    pub const ARCHIVE_FILES: &str = "archives_have_their_file";
    /// A file in the directory of archives can be fetched, or is being written.
    pub const STRAY_FILES: &str = "archive_files_are_somebodys";
    /// The public address that is set is the one that is remembered.
    pub const ADDRESS: &str = "the_address_is_the_remembered_one";
    /// Nobody's home is kept but those of people who are there.
    pub const ORPHANED_HOMES: &str = "kept_homes_have_their_reader";
}

/// One check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Integrity,
    ForeignKeys,
    /// By its place among [`INVARIANTS`].
    Invariant(usize),
    Growth,
    Tags,
    PostWords,
    AccountWords,
    Jobs,
    Days,
}

impl Check {
    /// Every check, in the order in which they are done: what a broken file says tells nothing about the rest.
    pub fn all() -> Vec<Self> {
        let invariants = (0..INVARIANTS.len()).map(Kind::Invariant);
        let first = [Kind::Integrity, Kind::ForeignKeys];
        let last = [
            Kind::Growth,
            Kind::Tags,
            Kind::PostWords,
            Kind::AccountWords,
            Kind::Jobs,
            Kind::Days,
        ];
        let kinds = first.into_iter().chain(invariants).chain(last);
        kinds.map(Self).collect()
    }

    /// Whether what it finds makes everything else worthless.
    pub fn decides(self) -> bool {
        self.0 == Kind::Integrity
    }

    /// What it is called where it finds something.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Integrity => name::INTEGRITY,
            Kind::ForeignKeys => name::FOREIGN_KEYS,
            Kind::Invariant(place) => INVARIANTS[place].name,
            Kind::Growth => name::GROWTH,
            Kind::Tags => name::TAGS,
            Kind::PostWords => name::POST_WORDS,
            Kind::AccountWords => name::ACCOUNT_WORDS,
            Kind::Jobs => name::JOBS,
            Kind::Days => name::DAYS,
        }
    }

    /// About how many steps it takes, for a bar.
    pub fn steps(self, rows: &Rows) -> u64 {
        let steps = |rows: u64| 1 + rows / ROWS_PER_STEP_MAX as u64;
        match self.0 {
            Kind::Integrity | Kind::PostWords | Kind::Tags => steps(rows.posts),
            Kind::AccountWords => steps(rows.accounts),
            _ => 1,
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.name())
    }
}

/// How much there is to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Rows {
    /// Accounts that aren't deleted.
    pub accounts: u64,
    /// Posts and boosts.
    pub posts: u64,
    /// Follows.
    pub follows: u64,
}

/// Counts what there is to look at.
#[derive(Debug, Clone, Copy)]
pub struct CountRows;

impl Query for CountRows {
    type Answer = Rows;

    fn run(&self, view: &View<'_>) -> Result<Rows, StoreError> {
        let [accounts, posts, follows] = walks::census(view.connection)?.map(i64::unsigned_abs);
        Ok(Rows {
            accounts,
            posts,
            follows,
        })
    }
}

/// One step of a check.
#[derive(Debug, Clone, Copy)]
pub struct StepCheck {
    /// Which check.
    pub check: Check,
    /// Where the last step ended; `None` to begin.
    pub after: Option<i64>,
    /// The present moment.
    pub now: Timestamp,
}

/// What a step found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Step {
    /// What isn't as it must be.
    pub broken: Vec<Finding>,
    /// Where to go on; `None` when all was looked at.
    pub next: Option<i64>,
}

impl Query for StepCheck {
    type Answer = Step;

    fn run(&self, view: &View<'_>) -> Result<Step, StoreError> {
        match self.step(view) {
            // It is so broken that it can't be gone through.
            Err(error @ StoreError::Sqlite(_)) if error.is_damage() => Ok(Step {
                broken: vec![finding(
                    name::INTEGRITY,
                    format!("{error}: {}", causes(&error)),
                )],
                next: None,
            }),
            // One row that can't be read mustn't hide all else that is wrong.
            Err(error) if error.is_unreadable() => Ok(Step {
                broken: vec![finding(
                    name::READABLE,
                    format!("{} can't be told: {error:?}", self.check),
                )],
                next: None,
            }),
            outcome => outcome,
        }
    }
}

impl StepCheck {
    fn step(&self, view: &View<'_>) -> Result<Step, StoreError> {
        let connection = view.connection;
        let after = self.after.unwrap_or(i64::MIN);
        let name = self.check.name();
        let whole = |broken| Step { broken, next: None };
        let is_known = || Ok::<_, StoreError>(migrate::schema(connection)? <= migrate::known());
        Ok(match self.check.0 {
            Kind::Integrity => whole(violations(view, name, INTEGRITY)?),
            Kind::ForeignKeys => whole(violations(view, name, FOREIGN_KEYS)?),
            Kind::Invariant(place) => whole(violations(view, name, INVARIANTS[place].violations)?),
            // A newer kinglet knows what bounds the tables that it added, and what its jobs are.
            Kind::Growth if is_known()? => whole(growth::findings(view)?),
            Kind::Jobs if is_known()? => jobs::check(connection, after, self.now)?,
            Kind::Growth | Kind::Jobs => Step::default(),
            Kind::Tags => texts::check(connection, after)?,
            Kind::PostWords => whole(words::check(connection, Index::Posts)?),
            Kind::AccountWords => whole(words::check(connection, Index::Accounts)?),
            Kind::Days => days::check(view, after, self.now)?,
        })
    }
}

/// Findings of one check that were told in several steps, no more of them than a person reads.
#[derive(Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Adds what a step found.
    pub fn add(&mut self, broken: Vec<Finding>) {
        for finding in broken {
            let same = |told: &&Finding| told.invariant == finding.invariant;
            match self.0.iter().filter(same).count() {
                told if told < FINDINGS_PER_INVARIANT_MAX => self.0.push(finding),
                FINDINGS_PER_INVARIANT_MAX => self.0.push(Finding {
                    detail: MORE.to_owned(),
                    ..finding
                }),
                _ => {}
            }
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub fn into_vec(self) -> Vec<Finding> {
        self.0
    }
}

/// What stands in place of what isn't told any more.
pub(super) const MORE: &str = "and more";

fn causes(error: &dyn std::error::Error) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}

/// A finding of a check that is no statement.
pub fn finding(name: &str, detail: String) -> Finding {
    Finding {
        invariant: name.to_owned(),
        detail,
    }
}
