//! The home timeline, merged out of its sources.

use std::collections::BinaryHeap;
use std::sync::Arc;

use rusqlite::Connection;

use super::relations::relations_of;
use crate::domain::home::{collapse_horizon, is_candidate, is_shown};
use crate::domain::page::Page;
use crate::domain::post::PostFacts;
use crate::domain::relationship::Relations;
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;
use crate::store::reader::{Query, View};
use crate::store::snapshots::WindowSnapshot;
use crate::store::tables::{accounts, follows, meta, posts};

/// How many entries of one author are fetched at a time.
const ENTRIES_PER_FETCH: usize = 16;

/// Merges a part of a reader's home.
#[derive(Debug, Clone)]
pub struct MergeHome {
    /// Whose home.
    pub reader: AccountId,
    /// Which part; its limit counts entries that are shown.
    pub page: Page,
}

/// Merges a part of a reader's home out of sources that are known already.
#[derive(Debug, Clone)]
pub struct MergeKnown {
    /// Whose home.
    pub reader: AccountId,
    /// Which part; its limit counts entries that are shown.
    pub page: Page,
    /// What it is merged from.
    pub sources: Arc<KnownSources>,
}

/// What a home is made of, as it was at some commit.
#[derive(Debug, Clone)]
pub struct KnownSources {
    /// What stands between the reader and others.
    pub relations: Relations,
    /// Those of the sources that have entries, each with one that is no older than its newest up to that commit; in no
    /// order.
    pub newest: Vec<(AccountId, PostId)>,
    /// No entry is newer up to that commit; what is, is left out.
    pub top: PostId,
}

/// One candidate of a home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HomeEntry {
    /// The entry.
    pub id: PostId,
    /// The post it shows: itself, or the boosted one.
    pub shows: PostId,
    /// Whether the reader gets it; a candidate that isn't shown still collapses later boosts.
    pub is_shown: bool,
}

/// A part of a home.
#[derive(Debug, Clone)]
pub struct MergedHome {
    /// Its candidates, newest first.
    pub entries: Vec<HomeEntry>,
    /// Whether there is nothing beyond, in the direction of the page.
    pub is_complete: bool,
    /// What stands between the reader and others in the same snapshot.
    pub relations: Relations,
}

impl Query for MergeHome {
    type Answer = MergedHome;

    fn run(&self, view: &View<'_>) -> Result<MergedHome, StoreError> {
        let Self { reader, page } = *self;
        let relations = relations_of(view.connection, reader)?;
        let newest = sources_with_newest(view.connection, reader)?;
        merge(view.connection, reader, page, relations, newest)
    }
}

impl Query for MergeKnown {
    type Answer = MergedHome;

    fn run(&self, view: &View<'_>) -> Result<MergedHome, StoreError> {
        let KnownSources {
            relations,
            newest,
            top,
        } = &*self.sources;
        let page = Page {
            max_id: Some(self.page.below().min(top.0 + 1)),
            ..self.page
        };
        merge(
            view.connection,
            self.reader,
            page,
            relations.clone(),
            newest.clone(),
        )
    }
}

fn merge(
    connection: &Connection,
    reader: AccountId,
    page: Page,
    relations: Relations,
    newest: Vec<(AccountId, PostId)>,
) -> Result<MergedHome, StoreError> {
    let mut merge = Merge::new(connection, page, newest);
    let mut entries = Vec::new();
    let mut shown = 0;
    let mut is_complete = true;
    while let Some(id) = merge.next()? {
        if shown == page.limit {
            is_complete = false;
            break;
        }
        let Some(facts) = posts::facts(connection, id)? else {
            continue;
        };
        if !is_candidate(reader, &relations, &facts) {
            continue;
        }
        let Some(entry) = judge(connection, reader, &relations, &facts)? else {
            continue;
        };
        shown += usize::from(entry.is_shown);
        entries.push(entry);
    }
    if page.from_oldest() {
        entries.reverse();
    }
    Ok(MergedHome {
        entries,
        is_complete,
        relations,
    })
}

/// The reader and whom it follows, as far as they have entries, each with its newest.
fn sources_with_newest(
    connection: &Connection,
    reader: AccountId,
) -> Result<Vec<(AccountId, PostId)>, StoreError> {
    let mut newest = follows::followees_with_last_entry(connection, reader)?;
    newest.push((reader, accounts::last_entry(connection, reader)?));
    Ok(newest)
}

/// Brings a snapshot of a window up to date, if it still can be.
#[derive(Debug, Clone)]
pub struct RefreshHome {
    /// The snapshot.
    pub snapshot: WindowSnapshot,
    /// With more entries that have come since, nothing of the snapshot is needed.
    pub new_entries_max: usize,
    /// What the home is made of, as it was at the snapshot or since; `None` when only the store knows.
    pub sources: Option<Arc<KnownSources>>,
}

/// What became of a snapshot.
#[derive(Debug, Clone)]
pub enum Refreshed {
    /// Something happened that only a merge can tell.
    Outdated,
    /// So much is new that this is the newest part of the home, without the snapshot.
    Replaced(MergedHome),
    /// The snapshot with what came since.
    UpToDate(MergedHome),
}

impl Query for RefreshHome {
    type Answer = Refreshed;

    fn run(&self, view: &View<'_>) -> Result<Refreshed, StoreError> {
        let connection = view.connection;
        let WindowSnapshot { reader, commit, .. } = self.snapshot;
        let Some(newest) = self.snapshot.entries.first() else {
            return Ok(Refreshed::Outdated);
        };
        // A snapshot from the future is of a database that was since replaced by an older one.
        let is_true = commit <= view.commit()
            && accounts::sources_commit(connection, reader)? <= commit
            && meta::timelines_epoch(connection)? <= commit;
        if !is_true {
            return Ok(Refreshed::Outdated);
        }
        let page = Page {
            since_id: Some(newest.id.0),
            ..Page::newest(self.new_entries_max)
        };
        let mut merged = match &self.sources {
            None => MergeHome { reader, page }.run(view)?,
            Some(sources) => MergeKnown {
                reader,
                page,
                sources: Arc::clone(sources),
            }
            .run(view)?,
        };
        if !merged.is_complete {
            return Ok(Refreshed::Replaced(merged));
        }
        merged.entries.extend(&self.snapshot.entries);
        if meta::last_deletion(connection)? > commit {
            let mut remaining = Vec::with_capacity(merged.entries.len());
            for entry in merged.entries {
                if posts::key(connection, entry.shows)?.is_some() {
                    remaining.push(entry);
                }
            }
            merged.entries = remaining;
        }
        merged.is_complete = self.snapshot.is_complete;
        Ok(Refreshed::UpToDate(merged))
    }
}

/// Whether a candidate is shown; `None` for the boost of a post that is gone.
fn judge(
    connection: &Connection,
    reader: AccountId,
    relations: &Relations,
    candidate: &PostFacts,
) -> Result<Option<HomeEntry>, StoreError> {
    let boosted = match candidate.boost_of {
        None => None,
        Some(boosted) => match posts::facts(connection, boosted.post)? {
            None => return Ok(None),
            Some(facts) => Some(facts),
        },
    };
    let is_collapsed = match &boosted {
        None => false,
        Some(post) => has_older_candidate(connection, reader, relations, candidate.id, post)?,
    };
    let is_shown = !is_collapsed && is_shown(reader, relations, candidate, boosted.as_ref());
    Ok(Some(HomeEntry {
        id: candidate.id,
        shows: candidate.shown_post(),
        is_shown,
    }))
}

fn has_older_candidate(
    connection: &Connection,
    reader: AccountId,
    relations: &Relations,
    boost: PostId,
    post: &PostFacts,
) -> Result<bool, StoreError> {
    let above = collapse_horizon(boost);
    if post.id > above && is_candidate(reader, relations, post) {
        return Ok(true);
    }
    posts::is_boosted_among_sources(connection, reader, post.id, above, boost)
}

/// The newest entry of each account that has one and wasn't deleted: about 16 bytes an account.
#[derive(Debug, Clone, Copy)]
pub struct ListNewest {
    /// The most accounts; there are none in the answer when there are more.
    pub accounts_max: usize,
}

impl Query for ListNewest {
    /// `None` when there are too many.
    type Answer = Option<Vec<(AccountId, PostId)>>;

    fn run(&self, view: &View<'_>) -> Result<Self::Answer, StoreError> {
        let newest = accounts::with_last_entry(view.connection, self.accounts_max + 1)?;
        Ok((newest.len() <= self.accounts_max).then_some(newest))
    }
}

/// Walks the entries of several authors as one list.
struct Merge<'a> {
    connection: &'a Connection,
    page: Page,
    /// Authors that haven't been asked yet, the one with the newest entry last.
    unopened: Vec<(AccountId, PostId)>,
    open: BinaryHeap<Source>,
}

/// One author's next entries; ordered by the one that comes first in the walk.
struct Source {
    /// The next entry's id, negated when the walk goes upwards.
    rank: i64,
    author: AccountId,
    /// What was fetched, the next entry last.
    fetched: Vec<PostId>,
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}
impl Eq for Source {}
impl PartialOrd for Source {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Source {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank)
    }
}

impl<'a> Merge<'a> {
    /// Of authors that have entries, each with one that is no older than its newest.
    fn new(connection: &'a Connection, page: Page, mut newest: Vec<(AccountId, PostId)>) -> Self {
        newest.retain(|(_, last)| last.0 > page.above());
        newest.sort_unstable_by_key(|(_, last)| *last);
        Self {
            connection,
            page,
            unopened: newest,
            open: BinaryHeap::new(),
        }
    }

    fn next(&mut self) -> Result<Option<PostId>, StoreError> {
        // An author whose newest entry is older than the next one can wait; upwards, nothing is known of the oldest.
        while let Some((author, last)) = self.unopened.last().copied() {
            let can_wait = !self.page.from_oldest()
                && self.open.peek().is_some_and(|first| first.rank >= last.0);
            if can_wait {
                break;
            }
            self.unopened.pop();
            let (above, below) = (self.page.above(), self.page.below());
            self.fetch(author, above, below)?;
        }
        let Some(mut source) = self.open.pop() else {
            return Ok(None);
        };
        let next = source.fetched.pop();
        if let Some(id) = next {
            match source.fetched.last() {
                Some(following) => {
                    source.rank = self.rank(*following);
                    self.open.push(source);
                }
                None if self.page.from_oldest() => {
                    self.fetch(source.author, id.0, self.page.below())?;
                }
                None => self.fetch(source.author, self.page.above(), id.0)?,
            }
        }
        Ok(next)
    }

    fn rank(&self, id: PostId) -> i64 {
        if self.page.from_oldest() { -id.0 } else { id.0 }
    }

    fn fetch(&mut self, author: AccountId, above: i64, below: i64) -> Result<(), StoreError> {
        let page = Page {
            max_id: Some(below),
            since_id: None,
            min_id: None,
            limit: ENTRIES_PER_FETCH,
        };
        let page = if self.page.from_oldest() {
            Page {
                min_id: Some(above),
                ..page
            }
        } else {
            Page {
                since_id: Some(above),
                ..page
            }
        };
        let mut fetched = posts::by_author(self.connection, author, &page)?;
        fetched.reverse();
        if let Some(first) = fetched.last() {
            let rank = self.rank(*first);
            self.open.push(Source {
                rank,
                author,
                fetched,
            });
        }
        Ok(())
    }
}
