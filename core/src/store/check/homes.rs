//! Homes that were kept: held against what is told by the posts themselves.
//!
//! The way in which homes are read is clever (`queries/home.rs`), so this one is not: every entry of everybody who is followed,
//! in the stretch that was kept, each judged by the rules.

use std::path::Path;

use rusqlite::Connection;

use super::{finding, name};
use crate::domain::account::AccountState;
use crate::domain::home::{collapses, is_candidate, is_shown};
use crate::domain::page::Page;
use crate::domain::post::PostFacts;
use crate::domain::relationship::{Relations, Standing as _};
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;
use crate::store::invariants::Finding;
use crate::store::queries::home::{HomeEntry, MergeHome, RefreshHome, Refreshed};
use crate::store::queries::relations::relations_of;
use crate::store::reader::{Query, Reader, View};
use crate::store::snapshots::{DIRECTORY_NAME, Snapshots, WindowSnapshot};
use crate::store::tables::{accounts, jobs, meta, posts, walks};

/// The most kept homes that one step looks at.
pub const HOMES_PER_STEP_MAX: usize = 200;

/// The most entries that came since a home was kept, for it to be looked at: with more it is thrown away when it is asked for.
const NEW_ENTRIES_MAX: usize = 200;

/// What is kept in memory of kept homes, in bytes.
const CACHE_BYTES: usize = 1024 * 1024;

/// The most earlier boosts of a post that are looked at, the newest of them.
const BOOSTS_MAX: usize = 100_000;

/// What was found in the place where homes are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Whose home it is said to be.
    pub reader: AccountId,
    /// It; `None` when it can't be read, and is therefore never used.
    pub snapshot: Option<WindowSnapshot>,
}

/// Where to go on after a part of the homes that are kept.
pub fn next_home(kept: &[Kept]) -> Option<i64> {
    kept.last()
        .filter(|_| kept.len() == HOMES_PER_STEP_MAX)
        .map(|kept| kept.reader.0)
}

/// Holds all homes that are kept in a data directory which nobody else uses against what is stored there.
///
/// # Errors
/// When either can't be read.
pub fn check_kept_homes(reader: &mut Reader, data_dir: &Path) -> Result<Vec<Finding>, StoreError> {
    let directory = data_dir.join(DIRECTORY_NAME);
    // Looking for them mustn't make them.
    if !directory.exists() {
        return Ok(Vec::new());
    }
    let identity = reader.run(&FindIdentity)?.0;
    let snapshots = Snapshots::open(&directory, &identity, CACHE_BYTES)?;
    let mut broken = Vec::new();
    let mut after = Some(0);
    while let Some(last) = after {
        let kept = snapshots.page(AccountId(last), HOMES_PER_STEP_MAX)?;
        after = next_home(&kept);
        broken.extend(reader.run(&CheckHomes { kept })?.0);
    }
    Ok(broken)
}

struct FindIdentity;

impl Query for FindIdentity {
    type Answer = String;

    fn run(&self, view: &View<'_>) -> Result<String, StoreError> {
        meta::identity(view.connection)
    }
}

/// Holds kept homes against what is stored.
#[derive(Debug, Clone)]
pub struct CheckHomes {
    /// They, at most [`HOMES_PER_STEP_MAX`].
    pub kept: Vec<Kept>,
}

impl Query for CheckHomes {
    type Answer = Vec<Finding>;

    fn run(&self, view: &View<'_>) -> Result<Vec<Finding>, StoreError> {
        let mut broken = Vec::new();
        for kept in self.kept.iter().take(HOMES_PER_STEP_MAX) {
            let reader = kept.reader;
            match accounts::state(view.connection, reader)? {
                // It goes with everything else of that account.
                Some(AccountState::Deleted) if jobs::is_purging(view.connection, reader)? => {}
                None | Some(AccountState::Deleted) => broken.push(finding(
                    name::ORPHANED_HOMES,
                    format!("the home of account {reader} is kept, which isn't there any more"),
                )),
                Some(_) => match &kept.snapshot {
                    None => broken.push(finding(
                        name::HOMES,
                        format!("the home of account {reader} can't be read"),
                    )),
                    Some(snapshot) => broken.extend(falsehood(view, snapshot)?),
                },
            }
        }
        Ok(broken)
    }
}

/// What is wrong with a kept home that would be used.
fn falsehood(view: &View<'_>, snapshot: &WindowSnapshot) -> Result<Option<Finding>, StoreError> {
    let refresh = RefreshHome {
        snapshot: snapshot.clone(),
        new_entries_max: NEW_ENTRIES_MAX,
        sources: None,
    };
    // What can't be brought up to date is never used.
    let Refreshed::UpToDate(home) = refresh.run(view)? else {
        return Ok(None);
    };
    let Some(oldest) = snapshot.entries.last() else {
        return Ok(None);
    };
    let right = naive(view.connection, snapshot.reader, PostId(oldest.id.0 - 1))?;
    let at = right
        .iter()
        .zip(&home.entries)
        .position(|(right, kept)| right != kept)
        .unwrap_or_else(|| right.len().min(home.entries.len()));
    let (right, kept) = (right.get(at), home.entries.get(at));
    if right.is_none() && kept.is_none() {
        let below = Page {
            max_id: Some(oldest.id.0),
            ..Page::newest(1)
        };
        let rest = MergeHome {
            reader: snapshot.reader,
            page: below,
        };
        let is_more = home.is_complete && !rest.run(view)?.entries.is_empty();
        return Ok(is_more.then(|| {
            finding(
                name::HOMES,
                format!(
                    "the home of account {} is kept as if it ended with {}",
                    snapshot.reader, oldest.id
                ),
            )
        }));
    }
    Ok(Some(finding(
        name::HOMES,
        format!(
            "the home of account {} is kept with {}, where {} belongs",
            snapshot.reader,
            told(kept),
            told(right)
        ),
    )))
}

fn told(entry: Option<&HomeEntry>) -> String {
    match entry {
        None => "nothing".to_owned(),
        Some(entry) if entry.is_shown => format!("entry {}", entry.id),
        Some(entry) => format!("entry {}, which isn't shown,", entry.id),
    }
}

/// The entries of a home above an id, newest first.
fn naive(
    connection: &Connection,
    reader: AccountId,
    above: PostId,
) -> Result<Vec<HomeEntry>, StoreError> {
    let relations = relations_of(connection, reader)?;
    let mut ids = Vec::new();
    for author in relations.follows.keys().copied().chain([reader]) {
        if accounts::state(connection, author)? != Some(AccountState::Deleted) {
            ids.extend(walks::entries_above(connection, author, above)?);
        }
    }
    ids.sort_unstable();
    let mut entries = Vec::new();
    for id in ids.into_iter().rev() {
        let Some(entry) = posts::facts(connection, id)? else {
            continue;
        };
        if !is_candidate(reader, &relations, &entry) {
            continue;
        }
        let boosted = match entry.boost_of {
            None => None,
            Some(boosted) => match posts::facts(connection, boosted.post)? {
                None => continue,
                found => found,
            },
        };
        let is_told_before = match &boosted {
            None => false,
            Some(post) => is_told_before(connection, reader, &relations, id, post)?,
        };
        entries.push(HomeEntry {
            id,
            shows: entry.shown_post(),
            is_shown: !is_told_before && is_shown(reader, &relations, &entry, boosted.as_ref()),
        });
    }
    Ok(entries)
}

/// Whether an older candidate for the same post stands shortly before a boost.
fn is_told_before(
    connection: &Connection,
    reader: AccountId,
    relations: &Relations,
    boost: PostId,
    post: &PostFacts,
) -> Result<bool, StoreError> {
    if collapses(post.id, boost) && is_candidate(reader, relations, post) {
        return Ok(true);
    }
    let nothing = PostId(0);
    let before = posts::boosts_between(connection, post.id, nothing, boost, BOOSTS_MAX)?;
    Ok(before.into_iter().any(|(other, by)| {
        collapses(other, boost) && (by == reader || relations.follows_boosts_of(by))
    }))
}
