//! What a check found is mended where it is derived from something else: made anew out of it.
//!
//! Everything is done by units, each whole or not at all, on a directory that nobody else uses: broken off, it can be given again.
//! What isn't derived is left as it is, for only a backup has it.

mod days;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand::CryptoRng;

use super::bulk::BulkStore;
use super::check::{Check, CountRows, Findings, MORE, Rows, StepCheck, name};
use super::error::StoreError;
use super::invariants::Finding;
use super::open::{DiskUse, Synchronous, database_in};
use super::reader::{Query, Reader};
use super::tables::mends::MENDINGS;
use super::units::{Mend, MendPart, MendedPart};
use super::writer::{Unit, WriteError};
use crate::clock::SharedClock;
use crate::ids::AccountId;
use crate::telemetry::Telemetry;

/// So often what was mended is checked and mended once more: one thing can hide another.
pub const ROUNDS_MAX: usize = 3;

/// Why a repair ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepairError {
    /// The store can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store can't be written.
    #[error("the repair broke off ({0}): it can be given again")]
    Write(#[from] WriteError),
}

/// What is to be done about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cure {
    /// `kinglet repair`: it is derived.
    Repair,
    /// `kinglet restore`: it isn't, and only a backup has it.
    Restore,
    /// `kinglet upgrade`, or the kinglet that wrote it: this one doesn't know it.
    OtherVersion,
    /// A setting, or `kinglet instance set-url`: both may be right.
    Settings,
}

impl Cure {
    /// What a finding asks for.
    pub fn of(finding: &Finding) -> Self {
        match finding.invariant.as_str() {
            // What stands for more of the same doesn't tell what that is: it is told once this is mended.
            name::INTEGRITY if finding.detail == MORE => Self::Repair,
            name::INTEGRITY if index_of(&finding.detail).is_none() => Self::Restore,
            // It was drawn by chance, and the marks of deleted names are made with it.
            "the_store_knows_itself" if finding.detail == "meta has no identity" => Self::Restore,
            name::INTEGRITY => Self::Repair,
            // Which table, is told by the detail alone.
            name::FOREIGN_KEYS if !is_in_derived_table(&finding.detail) => Self::Restore,
            name::GROWTH | name::UNKNOWN_JOBS => Self::OtherVersion,
            name::ADDRESS => Self::Settings,
            name::HOMES | name::ORPHANED_HOMES | name::ARCHIVE_FILES | name::STRAY_FILES => {
                Self::Repair
            }
            invariant if mends_of(invariant).is_empty() && !days::mend(invariant) => Self::Restore,
            _ => Self::Repair,
        }
    }

    /// That, as a sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Repair => "it is derived: stop the server and run kinglet repair",
            Self::Restore => {
                "it isn't derived from anything, so only a backup has it as it was: stop the server, move the data aside and run \
                 kinglet restore with the newest set that kinglet backup verify finds sound"
            }
            Self::Settings => {
                "set instance.url to the address that is remembered, or have another one remembered with kinglet instance set-url"
            }
            Self::OtherVersion => {
                "this kinglet doesn't know it: use the one that wrote it, or a newer one"
            }
        }
    }
}

/// What was made anew.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Mended {
    /// What was broken.
    pub invariant: String,
    /// How many rows, or parts, were made anew.
    pub changed: usize,
}

/// A store that is being repaired: nobody else uses its directory.
pub struct Repair {
    store: BulkStore,
    database: PathBuf,
    clock: SharedClock,
}

impl Repair {
    /// Opens the store in a data directory for it.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when a server runs on it, else what the disk and SQLite say.
    pub fn open(
        data_dir: &Path,
        clock: SharedClock,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, StoreError> {
        let disk_use = DiskUse::prompt(Synchronous::Full);
        let telemetry = Arc::new(Telemetry::disabled());
        Ok(Self {
            store: BulkStore::open(data_dir, disk_use, Arc::clone(&clock), rng, &telemetry)?,
            database: database_in(data_dir),
            clock,
        })
    }

    /// Mends what of these findings is derived, and answers what was made anew. What is left is found by checking once more.
    ///
    /// # Errors
    /// Why it broke off. What was mended until then is.
    pub fn mend(&self, findings: &[Finding]) -> Result<Vec<Mended>, RepairError> {
        // Writing on in a file that is damaged otherwise could make it worse.
        let is_lost = |finding: &Finding| {
            finding.invariant == name::INTEGRITY && Cure::of(finding) != Cure::Repair
        };
        if findings.iter().any(is_lost) {
            return Ok(Vec::new());
        }
        let mut mended: Vec<Mended> = Vec::new();
        let mut note = |invariant: &str, changed: usize| {
            if changed > 0 {
                mended.push(Mended {
                    invariant: invariant.to_owned(),
                    changed,
                });
            }
        };
        let mut indexes: Vec<Mend> = Vec::new();
        for finding in findings
            .iter()
            .filter(|found| found.invariant == name::INTEGRITY)
        {
            match index_of(&finding.detail) {
                Some(mend) if !indexes.contains(&mend) => indexes.push(mend),
                _ => {}
            }
        }
        for mend in indexes {
            note(name::INTEGRITY, self.all_of(&mend)?);
        }
        // What everything else is counted by comes first, and what is made of everything else last.
        let mut done: Vec<Mend> = Vec::new();
        for invariant in order() {
            if !findings.iter().any(|found| found.invariant == invariant) {
                continue;
            }
            let mut changed = 0;
            for mend in mends_of(invariant) {
                if !done.contains(&mend) {
                    changed += self.all_of(&mend)?;
                    done.push(mend);
                }
            }
            note(invariant, changed);
        }
        if findings.iter().any(|found| days::mend(&found.invariant)) {
            match days::count_anew(self) {
                // What it is counted from is damaged.
                Err(RepairError::Store(error)) if error.is_unreadable() => {}
                counted => note(name::DAYS, counted?),
            }
        }
        Ok(mended)
    }

    /// Has the archive of an account written once more, whose file isn't what its row says; whether it was there.
    ///
    /// # Errors
    /// As [`Self::mend`].
    pub fn unmake_archive(&self, account: AccountId) -> Result<bool, RepairError> {
        Ok(self.all_of(&Mend::Archive(account))? > 0)
    }

    /// Waits for the last commit, and has the log in the database.
    ///
    /// # Errors
    /// When the writer panicked.
    pub fn close(self) -> Result<(), StoreError> {
        self.store.close()
    }

    fn all_of(&self, mend: &Mend) -> Result<usize, RepairError> {
        let (mut after, mut changed) = (None, 0);
        loop {
            let part = MendPart {
                mend: mend.clone(),
                after,
            };
            let MendedPart {
                changed: more,
                next,
            } = match self.apply(part) {
                // What it is made of is damaged: it is found again, and so is that.
                Err(RepairError::Write(WriteError::Internal)) => return Ok(changed),
                part => part?,
            };
            changed += more;
            match next {
                None => return Ok(changed),
                next => after = next,
            }
        }
    }

    fn apply<U: Unit>(&self, unit: U) -> Result<U::Answer, RepairError> {
        let answer = self.store.writer().submit(unit)?.blocking_recv();
        Ok(answer.unwrap_or(Err(WriteError::Unavailable))?)
    }

    fn find<Q: Query>(&self, query: &Q) -> Result<Q::Answer, StoreError> {
        Ok(Reader::open(&self.database)?.run(query)?.0)
    }

    fn now(&self) -> crate::clock::Timestamp {
        self.clock.now()
    }
}

/// Checks a whole store, a step at a time; `show` is told how many of how many steps are done, and what is looked at.
///
/// # Errors
/// When it can't be read.
pub fn check_all(
    reader: &mut Reader,
    now: crate::clock::Timestamp,
    show: &mut dyn FnMut(u64, u64, &str),
) -> Result<(Vec<Finding>, Rows), StoreError> {
    let mut findings = Findings::default();
    // Counting rows of a broken file may fail.
    let rows = reader.run(&CountRows).map(|(rows, _)| rows);
    let known = rows.as_ref().copied().unwrap_or_default();
    let checks = Check::all();
    let whole: u64 = checks.iter().map(|check| check.steps(&known)).sum();
    let mut done = 0;
    for check in checks {
        let (mut after, mut steps) = (None, 0);
        loop {
            show(done + steps.min(check.steps(&known)), whole, check.name());
            let (step, _) = reader.run(&StepCheck { check, after, now })?;
            findings.add(step.broken);
            steps += 1;
            after = step.next;
            if after.is_none() {
                break;
            }
        }
        done += check.steps(&known);
        if check.decides() && !findings.is_empty() {
            return Ok((findings.into_vec(), known));
        }
    }
    show(whole, whole, "");
    Ok((findings.into_vec(), rows?))
}

/// The invariants that have a cure, in the order in which they are mended.
fn order() -> impl Iterator<Item = &'static str> {
    let first = [
        "the_store_knows_itself",
        "ids_are_below_the_last",
        "commits_are_below_the_last",
        "keys_grow_with_ids",
    ];
    let middle = MENDINGS.iter().map(|mending| mending.invariant);
    let last = [
        name::TAGS,
        name::JOBS,
        name::LEASES,
        "purges_are_complete",
        "archives_are_whole",
        "accounts_are_indexed",
        "indexed_accounts_are_there",
        name::ACCOUNT_WORDS,
        "posts_are_indexed",
        "indexed_posts_are_there",
        name::POST_WORDS,
    ];
    let mut told = Vec::new();
    let all = first.into_iter().chain(middle).chain(last);
    all.filter(move |invariant| {
        let is_new = !told.contains(invariant);
        told.push(*invariant);
        is_new
    })
}

/// What makes anew what an invariant complains of; nothing where it isn't derived.
fn mends_of(invariant: &str) -> Vec<Mend> {
    match invariant {
        "the_store_knows_itself" | "ids_are_below_the_last" | "commits_are_below_the_last" => {
            vec![Mend::Numbers]
        }
        "keys_grow_with_ids" => vec![Mend::Keys],
        name::TAGS => vec![Mend::Tags],
        name::JOBS | name::LEASES => vec![Mend::Jobs],
        "purges_are_complete" => vec![Mend::Purges],
        "archives_are_whole" => vec![Mend::HalfArchives],
        "accounts_are_indexed" | "indexed_accounts_are_there" | name::ACCOUNT_WORDS => {
            vec![Mend::AccountWords]
        }
        "posts_are_indexed" | "indexed_posts_are_there" | name::POST_WORDS => {
            vec![Mend::PostWords]
        }
        _ => MENDINGS
            .iter()
            .filter(|mending| mending.invariant == invariant)
            .enumerate()
            .map(|(number, mending)| Mend::Rows(mending.invariant, number))
            .collect(),
    }
}

/// Whether a reference that leads nowhere is in a table that is derived.
fn is_in_derived_table(detail: &str) -> bool {
    let derived = ["account_days", "post_tags", "stale_accounts"];
    derived
        .iter()
        .any(|table| detail.starts_with(&format!("{table} row")))
}

/// The index that SQLite says is wrong, as opposed to what it is made of.
fn index_of(detail: &str) -> Option<Mend> {
    let after = |mark: &str| {
        detail
            .split_once(mark)
            .map(|(_, name)| name.trim().to_owned())
    };
    if detail.contains("FTS5 table") || detail.starts_with("fts5: ") {
        return if detail.contains("post_terms") {
            Some(Mend::PostWords)
        } else if detail.contains("account_terms") {
            Some(Mend::AccountWords)
        } else {
            None
        };
    }
    if detail.starts_with("row ") {
        return after(" missing from index ").map(Mend::DatabaseIndex);
    }
    if detail.starts_with("wrong # of entries in index ") {
        return after("wrong # of entries in index ").map(Mend::DatabaseIndex);
    }
    None
}
