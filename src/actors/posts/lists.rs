//! The newest entries of the lists that many read: everybody's, an account's, a tag's. They are loaded once and kept true
//! by events.
//!
//! Who may see an entry is asked when it is shown, so an entry that is gone may stay here until somebody looks for it in
//! vain: the boosts of a deleted post, say.

use std::collections::VecDeque;

use crate::budget::{Budget, Part};
use crate::cache::{CacheFigures, EventedCache};
use crate::domain::event::Event;
use crate::domain::page::Page;
use crate::domain::post::{PostFacts, Wording};
use crate::domain::visibility::Visibility;
use crate::ids::PostId;
use crate::store::queries::lists::{AuthorChoice, ListedEntry, NewestEntries, NewestOf, PostList};

/// The most entries of each: a few pages.
const ENTRIES_MAX: usize = 128;
/// How many entries a list starts with.
pub(super) const ENTRIES_AT_FIRST: usize = 64;

/// The newest entries of one list.
#[derive(Debug)]
struct Newest {
    /// Newest first.
    entries: VecDeque<ListedEntry>,
    /// Whether the list has nothing below the oldest entry.
    is_complete: bool,
}

/// The lists.
#[derive(Debug)]
pub(super) struct Lists(EventedCache<NewestOf, Newest>);

/// The list whose newest entries hold all of another's; `None` for lists that are read too seldom.
pub(super) fn kept_as(list: &PostList) -> Option<NewestOf> {
    match list {
        PostList::Public => Some(NewestOf::Public),
        PostList::By(choice) if choice.tagged.is_none() => Some(NewestOf::Author(choice.author)),
        PostList::Tagged(choice) if choice.any.is_empty() && choice.is_plain() => {
            Some(NewestOf::Tag(choice.name.clone()))
        }
        PostList::By(_)
        | PostList::Tagged(_)
        | PostList::FavouritesOf(_)
        | PostList::BookmarksOf(_)
        | PostList::Matching { .. } => None,
    }
}

/// Whether an entry of an account is among those that are wanted of it.
fn is_wanted(list: &PostList, entry: &ListedEntry) -> bool {
    let leaves_out = |choice: &AuthorChoice| {
        choice.excludes_boosts && entry.is_boost()
            || choice.excludes_replies && entry.answers_others
    };
    !matches!(list, PostList::By(choice) if leaves_out(choice))
}

/// The candidates of a page out of the newest entries of a list, newest first, or `None` when it reaches below them.
pub(super) fn page_of<'a>(
    list: &PostList,
    newest: impl DoubleEndedIterator<Item = &'a ListedEntry> + Clone,
    is_complete: bool,
    page: &Page,
) -> Option<Vec<(i64, PostId)>> {
    let oldest = newest.clone().next_back().map(|entry| entry.id.0);
    let reaches = is_complete || oldest.is_some_and(|oldest| page.above() >= oldest - 1);
    let wanted = newest
        .filter(|entry| page.contains(entry.id.0) && is_wanted(list, entry))
        .map(|entry| (entry.id.0, entry.id));
    if page.from_oldest() {
        // Between the lower bound and the oldest of them there may be entries that belong on this page.
        let all: Vec<_> = reaches.then(|| wanted.collect())?;
        let skipped = all.len().saturating_sub(page.limit);
        return Some(all[skipped..].to_vec());
    }
    let candidates: Vec<_> = wanted.take(page.limit).collect();
    (reaches || candidates.len() == page.limit).then_some(candidates)
}

impl Lists {
    /// None yet.
    pub(super) fn new(budget: &Budget) -> Self {
        // As large as they may grow.
        Self(EventedCache::new(budget, Part::Lists, |_| {
            size_of::<Newest>() + ENTRIES_MAX * size_of::<ListedEntry>()
        }))
    }

    /// What they hold.
    pub(super) fn figures(&self) -> CacheFigures {
        self.0.figures()
    }

    /// Forgets everything: events up to `commit` were lost.
    pub(super) fn forget_all(&mut self, commit: i64) {
        self.0.clear(commit);
    }

    /// Whether a list is kept.
    pub(super) fn has(&mut self, of: &NewestOf) -> bool {
        self.0.get(of).is_some()
    }

    /// The candidates of a page; `None` when only the store knows.
    pub(super) fn read(
        &mut self,
        of: &NewestOf,
        list: &PostList,
        page: &Page,
    ) -> Option<Vec<(i64, PostId)>> {
        let newest = self.0.get(of)?;
        page_of(list, newest.entries.iter(), newest.is_complete, page)
    }

    /// Keeps what was loaded out of the snapshot of `commit`, unless an event overtook it.
    pub(super) fn fill(&mut self, of: NewestOf, loaded: NewestEntries, commit: i64) {
        let newest = Newest {
            entries: loaded.entries.into(),
            is_complete: loaded.is_complete,
        };
        self.0.fill(of, newest, commit);
    }

    /// Takes out the entries that show posts which aren't there any more.
    pub(super) fn prune(&mut self, of: &NewestOf, gone: &[PostId]) {
        self.0.revise(of, |newest| {
            newest
                .entries
                .retain(|entry| !gone.contains(&entry.id) && !gone.contains(&entry.shows));
        });
    }

    /// Takes in a committed event.
    pub(super) fn take_in(&mut self, event: &Event, commit: i64) {
        match event {
            Event::PostPublished { entry, wording, .. } => {
                self.publish(entry, wording.as_deref(), commit);
            }
            Event::EntriesImported { author, tags, .. } => {
                self.0.change(NewestOf::Author(*author), commit);
                self.0.change(NewestOf::Public, commit);
                for tag in tags {
                    self.0.change(NewestOf::Tag(tag.clone()), commit);
                }
            }
            Event::PostEdited {
                tags_before, tags, ..
            } => {
                for tag in tags_before.iter().chain(tags) {
                    self.0.change(NewestOf::Tag(tag.clone()), commit);
                }
            }
            Event::PostDeleted(entry) | Event::BoostRemoved(entry) => {
                self.remove(NewestOf::Author(entry.author), entry.id, commit);
                if is_public_post(entry) {
                    self.remove(NewestOf::Public, entry.id, commit);
                }
            }
            Event::PostCounted { .. }
            | Event::PostChanged(_)
            | Event::PostMarked { .. }
            | Event::FollowCounted { .. }
            | Event::RelationsChanged { .. }
            | Event::AccountChanged(_)
            | Event::AccountVisibilityChanged(_)
            | Event::TokenRevoked(_)
            | Event::TokenUsed(_)
            | Event::CredentialsChanged(_)
            | Event::ReaderChanged(_)
            | Event::JobAdded(_)
            | Event::SchedulesChanged => {}
        }
    }

    fn publish(&mut self, entry: &PostFacts, wording: Option<&Wording>, commit: i64) {
        let listed = ListedEntry::of(entry);
        self.push(NewestOf::Author(entry.author), listed, commit);
        if !is_public_post(entry) {
            return;
        }
        self.push(NewestOf::Public, listed, commit);
        for tag in wording.into_iter().flat_map(|wording| &wording.tags) {
            self.push(NewestOf::Tag(tag.clone()), listed, commit);
        }
    }

    fn push(&mut self, of: NewestOf, entry: ListedEntry, commit: i64) {
        self.0.amend(of, commit, |newest| {
            newest.entries.push_front(entry);
            if newest.entries.len() > ENTRIES_MAX {
                newest.entries.truncate(ENTRIES_MAX);
                newest.is_complete = false;
            }
        });
    }

    fn remove(&mut self, of: NewestOf, id: PostId, commit: i64) {
        self.0.amend(of, commit, |newest| {
            newest.entries.retain(|entry| entry.id != id)
        });
    }
}

fn is_public_post(entry: &PostFacts) -> bool {
    entry.visibility == Visibility::Public && entry.boost_of.is_none()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::post::{Boosted, RepliedTo};
    use crate::ids::AccountId;

    const ADA: AccountId = AccountId(1);
    const BOB: AccountId = AccountId(2);

    fn entry(id: i64, kind: u8) -> PostFacts {
        PostFacts {
            id: PostId(id),
            author: ADA,
            author_hidden: false,
            visibility: Visibility::Public,
            boost_of: (kind == 1).then_some(Boosted {
                post: PostId(1),
                author: BOB,
            }),
            reply_to: (kind > 1).then_some(RepliedTo {
                post: PostId(1),
                author: if kind == 2 { BOB } else { ADA },
            }),
            mentions: Vec::new(),
        }
    }

    fn by_ada(excludes_replies: bool, excludes_boosts: bool) -> PostList {
        PostList::By(AuthorChoice {
            author: ADA,
            excludes_replies,
            excludes_boosts,
            tagged: None,
        })
    }

    proptest! {
        #[test]
        fn a_page_out_of_memory_is_that_of_the_whole_list(
            old in 0_usize..100,
            happened in prop::collection::vec((0_u8..4, 0_u8..5), 0..120),
            bounds in prop::array::uniform3(prop::option::of(0_i64..240)),
            limit in 1_usize..30,
            excludes in any::<[bool; 2]>(),
        ) {
            let mut whole: Vec<PostFacts> = (0..old as i64).map(|id| entry(10 + id, 0)).collect();
            whole.reverse();
            let mut lists = Lists::new(&Budget::new(1 << 24));
            let first = whole.iter().take(ENTRIES_AT_FIRST).map(ListedEntry::of);
            let loaded = NewestEntries {
                entries: first.collect(),
                is_complete: old < ENTRIES_AT_FIRST,
            };
            lists.fill(NewestOf::Author(ADA), loaded, 1);
            let mut next = 10 + old as i64;
            for (commit, (kind, what)) in (2..).zip(happened) {
                if what == 0 && !whole.is_empty() {
                    let gone = whole.remove(usize::from(kind) % whole.len());
                    lists.take_in(&Event::PostDeleted(Arc::new(gone)), commit);
                } else {
                    let facts = entry(next, kind);
                    next += 1;
                    whole.insert(0, facts.clone());
                    let published = Event::PostPublished {
                        entry: Arc::new(facts),
                        wording: None,
                        boosting: None,
                    };
                    lists.take_in(&published, commit);
                }
            }
            let [max_id, since_id, min_id] = bounds;
            let page = Page { max_id, since_id, min_id, limit };
            let list = by_ada(excludes[0], excludes[1]);
            let read = lists.read(&NewestOf::Author(ADA), &list, &page);
            let mut expected: Vec<_> = whole
                .iter()
                .filter(|facts| page.contains(facts.id.0) && is_wanted(&list, &ListedEntry::of(facts)))
                .map(|facts| (facts.id.0, facts.id))
                .collect();
            if page.from_oldest() {
                expected.drain(..expected.len().saturating_sub(limit));
            }
            expected.truncate(limit);
            prop_assert!(read.is_none() || read.as_ref() == Some(&expected), "{read:?} {expected:?}");
            if page.max_id.is_none() && !page.from_oldest() && excludes == [false, false] && limit <= whole.len().min(ENTRIES_AT_FIRST / 4) {
                let gone = whole.len() < ENTRIES_AT_FIRST / 2;
                prop_assert!(gone || read.is_some(), "the first page is the one that is read");
            }
        }
    }

    #[test]
    fn a_tags_list_follows_new_posts_and_edits() {
        let mut lists = Lists::new(&Budget::new(1 << 24));
        let birds = || NewestOf::Tag("birds".to_owned());
        let empty = || NewestEntries {
            entries: Vec::new(),
            is_complete: true,
        };
        lists.fill(birds(), empty(), 1);
        let tagged = Event::PostPublished {
            entry: Arc::new(entry(10, 0)),
            wording: Some(Arc::new(Wording {
                tags: vec!["birds".to_owned()],
                ..Wording::default()
            })),
            boosting: None,
        };
        lists.take_in(&tagged, 2);
        let page = Page::newest(5);
        let read = lists.read(&birds(), &PostList::Public, &page);
        assert_eq!(read, Some(vec![(10, PostId(10))]));
        let edited = Event::PostEdited {
            post: Arc::new(entry(10, 0)),
            mentions_changed: false,
            tags_before: vec!["birds".to_owned()],
            tags: Vec::new(),
        };
        lists.take_in(&edited, 3);
        assert!(!lists.has(&birds()));
        lists.fill(birds(), empty(), 2);
        assert!(!lists.has(&birds()), "the snapshot of commit 2 is stale");
    }
}
