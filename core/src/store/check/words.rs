//! The search indexes: every word of every post and account, and no other.
//!
//! The indexes have no texts, and list what they know by words. So both sides are added up in shares, each row in one of
//! them: what is added is a hash of a word and its place, in whatever order they come.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use rusqlite::Connection;

use super::{ROWS_PER_STEP_MAX, finding, name};
use crate::domain::text::search_terms::{index_terms, post_terms};
use crate::features;
use crate::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::invariants::{FINDINGS_PER_INVARIANT_MAX, Finding};
use crate::store::tables::meta;
use crate::store::tables::walks::{self, Index};

/// Into so many shares rows are divided: half a mebibyte.
const SHARES: usize = 1 << 16;

fn share_of(row: i64) -> usize {
    let mut hasher = DefaultHasher::new();
    row.hash(&mut hasher);
    usize::try_from(hasher.finish() % SHARES as u64).expect("it is smaller")
}

fn hash(row: i64, term: &str, place: i64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (row, term, place).hash(&mut hasher);
    hasher.finish()
}

/// What the words of a row add up to.
fn sum_of(row: i64, line: &str) -> u64 {
    let terms = line.split_ascii_whitespace();
    (0..).zip(terms).fold(0, |sum: u64, (place, term)| {
        sum.wrapping_add(hash(row, term, place))
    })
}

/// The words of everything that the index should know and does, a row at a time. What it doesn't know at all, or shouldn't, is
/// found by others.
fn lines(
    connection: &Connection,
    index: Index,
    visit: &mut dyn FnMut(i64, &str),
) -> Result<(), StoreError> {
    let mut after = i64::MIN;
    loop {
        let lines: Vec<(i64, String)> = match index {
            Index::Posts => walks::texts(connection, after, ROWS_PER_STEP_MAX)?
                .into_iter()
                .map(|post| (post.key, post_terms(&post.spoiler, &post.text)))
                .collect(),
            Index::Accounts => walks::named(connection, AccountId(after), ROWS_PER_STEP_MAX)?
                .into_iter()
                .map(|account| {
                    let names = format!("{} {}", account.name, account.display_name);
                    (account.id.0, index_terms(&names))
                })
                .collect(),
        };
        for (row, line) in &lines {
            if index.knows(connection, *row)? {
                visit(*row, line);
            }
        }
        match lines.last() {
            Some((last, _)) if lines.len() == ROWS_PER_STEP_MAX => after = *last,
            _ => return Ok(()),
        }
    }
}

pub(super) fn check(connection: &Connection, index: Index) -> Result<Vec<Finding>, StoreError> {
    let is_unfinished =
        index == Index::Posts && (!features::SEARCH || meta::is_search_index_partial(connection)?);
    if is_unfinished {
        return Ok(Vec::new());
    }
    let mut sums = vec![0_u64; SHARES];
    index.walk(connection, &mut |row, term, place| {
        let share = &mut sums[share_of(row)];
        *share = share.wrapping_add(hash(row, term, place));
        true
    })?;
    lines(connection, index, &mut |row, line| {
        let share = &mut sums[share_of(row)];
        *share = share.wrapping_sub(sum_of(row, line));
    })?;
    let mut wrong: Vec<usize> = (0..SHARES).filter(|share| sums[*share] != 0).collect();
    // A share has some rows of a large instance: enough to tell.
    wrong.truncate(FINDINGS_PER_INVARIANT_MAX + 1);
    if wrong.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows: BTreeMap<i64, u64> = BTreeMap::new();
    index.walk(connection, &mut |row, term, place| {
        if wrong.contains(&share_of(row)) {
            let sum = rows.entry(row).or_default();
            *sum = sum.wrapping_add(hash(row, term, place));
        }
        true
    })?;
    lines(connection, index, &mut |row, line| {
        if wrong.contains(&share_of(row)) {
            let sum = rows.entry(row).or_default();
            *sum = sum.wrapping_sub(sum_of(row, line));
        }
    })?;
    rows.retain(|_, sum| *sum != 0);
    let tell = |row: i64| {
        Ok(match index {
            Index::Accounts => finding(
                name::ACCOUNT_WORDS,
                format!("account {row} is not found by its names alone"),
            ),
            Index::Posts => {
                let what = match walks::id_of(connection, row)? {
                    Some(id) => format!("post {id}"),
                    None => format!("key {row}, which no post has,"),
                };
                finding(
                    name::POST_WORDS,
                    format!("{what} is not found by its words alone"),
                )
            }
        })
    };
    rows.into_keys().map(tell).collect()
}
