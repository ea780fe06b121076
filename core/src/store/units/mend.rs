//! What is derived is made anew, a bounded part at a time; each part leaves a store that can be mended further.

use super::enqueue::enqueue;
use crate::domain::job::Job;
use crate::domain::text::search_terms::{index_terms, post_terms};
use crate::features;
use crate::ids::{AccountId, JobId, PostId};
use crate::store::check::{Fault, fault_of, tags_of};
use crate::store::error::StoreError;
use crate::store::tables::mends::{self, MENDINGS, Part};
use crate::store::tables::terms::{self, IndexChange};
use crate::store::tables::walks::{self, Index};
use crate::store::tables::{archives, arrivals, jobs, meta, posts, tags};
use crate::store::writer::{Unit, UnitError, Write};

/// The most rows that one unit makes anew.
pub const ROWS_PER_MEND_MAX: usize = 1000;

/// What is made anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mend {
    /// An index of SQLite's, by its name.
    DatabaseIndex(String),
    /// The last id and the last commit, and what claims to be of a later one.
    Numbers,
    /// What the statements for an invariant mend, by the invariant's name and which of them.
    Rows(&'static str, usize),
    /// The dense keys of posts.
    Keys,
    /// The hashtags of posts, by their texts.
    Tags,
    /// The index that accounts are found by.
    AccountWords,
    /// The index that posts are found by.
    PostWords,
    /// Where jobs lead, and leases that don't end.
    Jobs,
    /// The jobs that remove what deleted accounts left.
    Purges,
    /// Archives that are half written down: they are written once more.
    HalfArchives,
    /// The archive of an account: it is written once more.
    Archive(AccountId),
    /// Every archive, because their files are elsewhere: they are written once more, and uploads end.
    EveryArchive,
    /// What is kept of a day, counted since 1970: it is forgotten, to be counted anew.
    Day(i32),
    /// Days outside of those from the first to the last, counted since 1970, on which nothing can have happened.
    DaysOutside(i32, i32),
}

/// Makes the next part of something anew.
#[derive(Debug, Clone)]
pub struct MendPart {
    /// Of what.
    pub mend: Mend,
    /// Where the last part ended; `None` to begin.
    pub after: Option<i64>,
}

/// What was made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MendedPart {
    /// How many rows were wrong, or were made anew with the rest.
    pub changed: usize,
    /// Where to go on; `None` when all is done.
    pub next: Option<i64>,
}

impl From<Part> for MendedPart {
    fn from(Part { changed, next }: Part) -> Self {
        Self { changed, next }
    }
}

impl Unit for MendPart {
    type Answer = MendedPart;

    fn apply(&self, write: &mut Write<'_>) -> Result<MendedPart, UnitError> {
        let connection = write.connection;
        let after = self.after;
        let part = match &self.mend {
            Mend::DatabaseIndex(name) => whole(usize::from(mends::make_index(connection, name)?)),
            // The last id is written down with every commit.
            Mend::Numbers => whole(1 + mends::lower_commits(connection, write.commit)?),
            Mend::Rows(invariant, number) => {
                let mut mendings = MENDINGS.iter().filter(|mend| mend.invariant == *invariant);
                match mendings.nth(*number) {
                    Some(mending) => mending.step(connection, after, ROWS_PER_MEND_MAX)?.into(),
                    None => whole(0),
                }
            }
            Mend::Keys => keys(write, after)?,
            Mend::Tags => texts(write, after)?,
            Mend::AccountWords => account_words(write, after)?,
            Mend::PostWords => post_words(write, after)?,
            Mend::Jobs => routes(write, after)?,
            Mend::Purges => purges(write)?,
            Mend::HalfArchives => {
                let accounts = mends::half_kept_archives(connection)?;
                for account in &accounts {
                    archive(write, *account)?;
                }
                whole(accounts.len())
            }
            Mend::EveryArchive => {
                let kept = archives::made(connection)?;
                for archive in &kept {
                    self::archive(write, archive.account)?;
                }
                whole(kept.len() + arrivals::cancel_all(connection, write.now)?)
            }
            Mend::Archive(account) => whole(archive(write, *account)?),
            Mend::Day(day) => whole(mends::forget_day(connection, *day)?),
            Mend::DaysOutside(first, last) => {
                whole(mends::forget_days_outside(connection, *first, *last)?)
            }
        };
        if part.changed > 0 {
            // Homes that were kept may be made of what was wrong.
            meta::touch_timelines(connection, write.commit)?;
        }
        Ok(part)
    }
}

fn whole(changed: usize) -> MendedPart {
    MendedPart {
        changed,
        next: None,
    }
}

/// Where there is more of what comes first.
const AGAIN: i64 = i64::MIN;

/// Gives the posts from the first on whose key is out of order new ones above all others, in the order of their ids. Broken off, it
/// begins with the first once more.
fn keys(write: &mut Write<'_>, after: Option<i64>) -> Result<MendedPart, StoreError> {
    let connection = write.connection;
    let (after, mut changed) = match after.filter(|after| *after != AGAIN) {
        Some(after) => (after, 0),
        None => {
            let misplaced = mends::misplaced(connection, ROWS_PER_MEND_MAX)?;
            for (id, key) in &misplaced {
                move_key(write, *id, *key, false)?;
            }
            if misplaced.len() == ROWS_PER_MEND_MAX {
                // Those first.
                return Ok(MendedPart {
                    changed: misplaced.len(),
                    next: Some(AGAIN),
                });
            }
            match mends::first_in_disorder(connection)? {
                None => return Ok(whole(misplaced.len())),
                Some(first) => (first - 1, misplaced.len()),
            }
        }
    };
    let posts = mends::dense(connection, after, ROWS_PER_MEND_MAX)?;
    for (id, key) in &posts {
        move_key(write, *id, *key, true)?;
    }
    changed += posts.len();
    let next = posts.last().filter(|_| posts.len() == ROWS_PER_MEND_MAX);
    Ok(MendedPart {
        changed,
        next: next.map(|(id, _)| *id),
    })
}

fn move_key(write: &mut Write<'_>, id: i64, key: i64, is_dense: bool) -> Result<(), StoreError> {
    let connection = write.connection;
    let moved = mends::move_key(connection, id, is_dense)?;
    if let Some(post) = posts::find(connection, PostId(id))?
        && post.facts.boost_of.is_none()
        && !meta::is_search_index_partial(connection)?
    {
        let terms = post_terms(&post.spoiler, &post.text);
        write.index(IndexChange::Remove {
            key,
            before: terms.clone(),
        });
        write.index(IndexChange::Replace {
            key: moved,
            before: terms.clone(),
            terms,
        });
    }
    Ok(())
}

fn texts(write: &mut Write<'_>, after: Option<i64>) -> Result<MendedPart, StoreError> {
    let connection = write.connection;
    let posts = walks::texts(connection, after.unwrap_or(i64::MIN), ROWS_PER_MEND_MAX)?;
    let mut changed = 0;
    for post in &posts {
        let right = tags_of(&post.text);
        let mut found = tags::of_post(connection, post.id)?;
        found.sort_unstable();
        if found != right {
            tags::delete_of_post(connection, post.id)?;
            for tag in &right {
                tags::insert(connection, post.id, tag)?;
            }
            changed += 1;
        }
    }
    Ok(MendedPart {
        changed,
        next: posts.last().map(|post| post.key),
    })
}

fn account_words(write: &mut Write<'_>, after: Option<i64>) -> Result<MendedPart, StoreError> {
    let connection = write.connection;
    if after.is_none() {
        mends::empty_index(connection, Index::Accounts)?;
    }
    let after = AccountId(after.unwrap_or(0));
    let accounts = walks::named(connection, after, ROWS_PER_MEND_MAX)?;
    for account in &accounts {
        let names = format!("{} {}", account.name, account.display_name);
        terms::add_account(connection, account.id, &index_terms(&names))?;
    }
    Ok(MendedPart {
        changed: accounts.len(),
        next: accounts.last().map(|account| account.id.0),
    })
}

/// Broken off, it is gone on with by whoever opens the store next, which knows that posts are missing.
fn post_words(write: &mut Write<'_>, after: Option<i64>) -> Result<MendedPart, StoreError> {
    let connection = write.connection;
    if after.is_none() {
        meta::set_search_index_partial(connection)?;
        mends::empty_index(connection, Index::Posts)?;
    }
    if !features::SEARCH {
        return Ok(whole(1));
    }
    let posts = walks::texts(connection, after.unwrap_or(i64::MIN), ROWS_PER_MEND_MAX)?;
    for post in &posts {
        write.index(IndexChange::Fill {
            key: post.key,
            terms: post_terms(&post.spoiler, &post.text),
        });
    }
    if posts.is_empty() {
        meta::set_search_index_whole(connection)?;
    }
    Ok(MendedPart {
        changed: posts.len(),
        next: posts.last().map(|post| post.key),
    })
}

fn routes(write: &mut Write<'_>, after: Option<i64>) -> Result<MendedPart, StoreError> {
    let (connection, now) = (write.connection, write.now);
    let found = jobs::routed(connection, JobId(after.unwrap_or(0)), ROWS_PER_MEND_MAX)?;
    let mut changed = 0;
    for job in &found {
        match fault_of(job, now) {
            None | Some(Fault::Unknown(_)) => continue,
            Some(Fault::Astray(work)) => jobs::set_route(connection, job.id, &work)?,
            Some(Fault::Held) => jobs::end_lease(connection, job.id, now)?,
        }
        changed += 1;
    }
    Ok(MendedPart {
        changed,
        next: found.last().map(|job| job.id.0),
    })
}

fn purges(write: &mut Write<'_>) -> Result<MendedPart, StoreError> {
    let accounts = mends::unpurged(write.connection, ROWS_PER_MEND_MAX)?;
    for account in &accounts {
        enqueue(write, &Job::PurgeAccount { account: *account })?;
    }
    Ok(MendedPart {
        changed: accounts.len(),
        next: (accounts.len() == ROWS_PER_MEND_MAX).then_some(0),
    })
}

fn archive(write: &mut Write<'_>, account: AccountId) -> Result<usize, StoreError> {
    let unmade = mends::unmake_archive(write.connection, account)?;
    if unmade > 0 {
        enqueue(write, &Job::BuildArchive { account })?;
    }
    Ok(unmade)
}
