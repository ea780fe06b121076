//! The home timeline, merged out of its sources.

use std::collections::BinaryHeap;

use rusqlite::Connection;

use super::relations::relations_of;
use crate::domain::home::{BOOST_COLLAPSE_MILLIS, is_candidate, is_shown};
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
        let connection = view.connection;
        let relations = relations_of(connection, self.reader)?;
        let mut merge = Merge::new(connection, self.reader, &self.page)?;
        let mut entries = Vec::new();
        let mut shown = 0;
        let mut is_complete = true;
        while let Some(id) = merge.next()? {
            if shown == self.page.limit {
                is_complete = false;
                break;
            }
            let Some(facts) = posts::facts(connection, id)? else {
                continue;
            };
            if !is_candidate(self.reader, &relations, &facts) {
                continue;
            }
            let Some(entry) = self.judge(connection, &relations, &facts)? else {
                continue;
            };
            shown += usize::from(entry.is_shown);
            entries.push(entry);
        }
        if self.page.from_oldest() {
            entries.reverse();
        }
        Ok(MergedHome {
            entries,
            is_complete,
            relations,
        })
    }
}

/// Brings a snapshot of a window up to date, if it still can be.
#[derive(Debug, Clone)]
pub struct RefreshHome {
    /// The snapshot.
    pub snapshot: WindowSnapshot,
    /// The most entries that may have come since; with more, a merge is as good.
    pub new_entries_max: usize,
}

impl Query for RefreshHome {
    /// `None` when something happened that only a merge can tell.
    type Answer = Option<MergedHome>;

    fn run(&self, view: &View<'_>) -> Result<Option<MergedHome>, StoreError> {
        let connection = view.connection;
        let WindowSnapshot { reader, commit, .. } = self.snapshot;
        let Some(newest) = self.snapshot.entries.first() else {
            return Ok(None);
        };
        // A snapshot from the future is of a database that was since replaced by an older one.
        let is_true = commit <= view.commit()
            && accounts::sources_commit(connection, reader)? <= commit
            && meta::timelines_epoch(connection)? <= commit;
        if !is_true {
            return Ok(None);
        }
        let page = Page {
            since_id: Some(newest.id.0),
            ..Page::newest(self.new_entries_max)
        };
        let mut merged = MergeHome { reader, page }.run(view)?;
        if !merged.is_complete {
            return Ok(None);
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
        Ok(Some(merged))
    }
}

impl MergeHome {
    /// Whether a candidate is shown; `None` for the boost of a post that is gone.
    fn judge(
        &self,
        connection: &Connection,
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
            Some(post) => self.has_older_candidate(connection, relations, candidate.id, post)?,
        };
        let is_shown =
            !is_collapsed && is_shown(self.reader, relations, candidate, boosted.as_ref());
        Ok(Some(HomeEntry {
            id: candidate.id,
            shows: candidate.shown_post(),
            is_shown,
        }))
    }

    fn has_older_candidate(
        &self,
        connection: &Connection,
        relations: &Relations,
        boost: PostId,
        post: &PostFacts,
    ) -> Result<bool, StoreError> {
        // "Less than 24 hours back", in whole milliseconds.
        let horizon = boost.time().plus_millis(1 - BOOST_COLLAPSE_MILLIS);
        if post.id.time() >= horizon && is_candidate(self.reader, relations, post) {
            return Ok(true);
        }
        let above = PostId(PostId::floor_of(horizon).0 - 1);
        posts::is_boosted_among_sources(connection, self.reader, post.id, above, boost)
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
    fn new(connection: &'a Connection, reader: AccountId, page: &Page) -> Result<Self, StoreError> {
        let mut unopened = follows::followees_with_last_entry(connection, reader)?;
        unopened.push((reader, accounts::last_entry(connection, reader)?));
        unopened.retain(|(_, last)| last.0 > page.above());
        unopened.sort_unstable_by_key(|(_, last)| *last);
        Ok(Self {
            connection,
            page: *page,
            unopened,
            open: BinaryHeap::new(),
        })
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
