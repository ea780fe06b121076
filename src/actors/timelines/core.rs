//! The resident windows: how they come, what they are told, and who makes room.

use std::collections::VecDeque;
use std::sync::Arc;

use hashlink::LruCache;

use super::audience::{Audience, Concerned, PLACES_MAX, Place, Sources};
use super::late::{Late, LateEvent};
use super::window::{Below, Fate, Window};
use crate::budget::{Budget, Part, Share, Use};
use crate::cache::CacheFigures;
use crate::domain::event::Event;
use crate::domain::page::Page;
use crate::ids::{AccountId, PostId};
use crate::store::queries::home::MergedHome;
use crate::store::snapshots::WindowSnapshot;
use crate::store::writer::EventBatch;

/// How many events are remembered for windows that are being merged.
const EVENTS_REMEMBERED_MAX: usize = 8192;

/// How many readers and entries stay in memory.
#[derive(Debug, Clone, Copy)]
pub struct Residency {
    /// Entries that a window starts with, as far as it may hold so many.
    pub window_entries_min: usize,
    /// The most entries of one window, however far its reader scrolls.
    pub window_entries_max: usize,
    /// The most readers with a window.
    pub resident_readers_max: usize,
    /// Entries of an author with more resident readers than this come into their windows when these are read.
    pub readers_told_max: usize,
}

impl Residency {
    /// As the settings say. Telling a reader at once takes a tenth of a microsecond while the windows fit into the
    /// processor's caches and up to a whole one when they don't, so that nobody waits longer than two milliseconds for the
    /// readers of one author.
    pub fn new(window_entries_max: usize, resident_readers_max: usize) -> Self {
        Self {
            window_entries_min: 32,
            window_entries_max,
            resident_readers_max,
            readers_told_max: 2048,
        }
    }
}

/// A reader that came lately.
#[derive(Debug)]
struct Resident {
    window: Window,
    sources: Sources,
    /// What it took when it was weighed, in bytes.
    held: usize,
    used: Use,
}

/// The windows of the readers that came lately.
#[derive(Debug)]
pub(super) struct Residents {
    residency: Residency,
    share: Share,
    /// Where each reader's window is, the reader that came longest ago first.
    places: LruCache<AccountId, Place>,
    residents: Vec<Option<Resident>>,
    unused: Vec<Place>,
    audience: Audience,
    /// What windows take in when they are read.
    late: Late,
    /// Windows that were merged before this commit are no longer true.
    stale: i64,
    /// How many windows are being merged.
    merging: usize,
    /// The newest batches, for the windows that are being merged from older snapshots; empty while there are none.
    remembered: VecDeque<Arc<EventBatch>>,
    /// How many events they have.
    events_remembered: usize,
    /// Everything up to this commit is no longer remembered.
    forgotten: i64,
    /// The newest commit whose events were taken in.
    applied: i64,
    /// How many windows made room for others.
    evictions: u64,
}

impl Residents {
    /// No windows yet; `commit` is the store's newest at the start.
    pub(super) fn new(residency: Residency, budget: &Budget, commit: i64) -> Self {
        Self {
            residency,
            share: budget.share(Part::Windows),
            places: LruCache::new_unbounded(),
            residents: Vec::new(),
            unused: Vec::new(),
            audience: Audience::default(),
            late: Late::default(),
            stale: 0,
            merging: 0,
            remembered: VecDeque::new(),
            events_remembered: 0,
            forgotten: commit,
            applied: commit,
            evictions: 0,
        }
    }

    /// How many entries a window starts with.
    pub(super) fn entries_at_first(&self) -> usize {
        let Residency {
            window_entries_min,
            window_entries_max,
            ..
        } = self.residency;
        window_entries_min.min(window_entries_max)
    }

    /// What the windows hold.
    pub(super) fn figures(&self) -> Vec<CacheFigures> {
        vec![CacheFigures {
            name: self.share.part().name(),
            entries: self.places.len(),
            bytes: self.share.bytes(),
            bytes_max: self.share.bytes_max(),
        }]
    }

    /// A merge is asked for: what happens from now on is remembered for its window, until [`Self::end_merge`].
    pub(super) fn begin_merge(&mut self) {
        self.merging += 1;
    }

    /// A merge ended, well or not, and its window was admitted if it shall be.
    pub(super) fn end_merge(&mut self) {
        self.merging = self.merging.saturating_sub(1);
        self.forget_needless();
    }

    /// Whether a reader has a window.
    pub(super) fn has(&self, reader: AccountId) -> bool {
        self.places.contains_key(&reader)
    }

    /// A page out of the reader's window; `None` when there is none or it doesn't reach.
    pub(super) fn read(&mut self, reader: AccountId, page: &Page) -> Option<Vec<PostId>> {
        let place = *self.places.get(&reader)?;
        let found = self.catch_up(place)?.read(page);
        self.weigh(place);
        found
    }

    /// The window at a place was used, and may have grown.
    fn weigh(&mut self, place: Place) {
        let Some(resident) = &mut self.residents[place as usize] else {
            return;
        };
        let bytes = resident.bytes();
        if bytes == resident.held {
            resident.used = self.share.now();
            return;
        }
        self.share.give(resident.held);
        resident.used = self.share.take(bytes);
        resident.held = bytes;
    }

    /// Whose turn it is to make room, if anybody has to.
    fn superfluous(&self) -> Option<Place> {
        let oldest = self.places.iter().next().map(|(_, place)| *place);
        let used = |place: Place| Some(self.residents.get(place as usize)?.as_ref()?.used);
        let has_to_give = self.share.has_to_give(oldest.and_then(used));
        let is_too_many = self.places.len() > self.residency.resident_readers_max;
        oldest.filter(|_| has_to_give || is_too_many)
    }

    /// What is to be merged so that the reader's window reaches as far as the page, if windows may.
    pub(super) fn below(&self, reader: AccountId, page: &Page) -> Option<Below> {
        let place = *self.places.peek(&reader)?;
        let resident = self.residents.get(place as usize)?.as_ref()?;
        let entries_max = self.residency.window_entries_max;
        resident.window.below(page, entries_max)
    }

    /// Takes in a committed batch.
    pub(super) fn take_in(&mut self, batch: Arc<EventBatch>) {
        for event in &batch.events {
            self.tell(event, batch.commit);
        }
        while self.share.is_short()
            && let Some(idle) = self.superfluous()
        {
            // It is merged anew when its reader comes back: what is to be persisted waits for those who come, not for events.
            self.evictions += 1;
            self.vacate(idle);
        }
        self.applied = batch.commit;
        self.events_remembered += batch.events.len();
        self.remembered.push_back(batch);
        self.forget_needless();
    }

    /// A snapshot that isn't taken yet can't miss what has been taken in.
    fn forget_needless(&mut self) {
        let events_max = if self.merging == 0 {
            0
        } else {
            EVENTS_REMEMBERED_MAX
        };
        while self.events_remembered > events_max
            && let Some(oldest) = self.remembered.pop_front()
        {
            self.events_remembered -= oldest.events.len();
            self.forgotten = self.forgotten.max(oldest.commit);
        }
    }

    /// Drops everything: events up to `commit` were lost.
    pub(super) fn drop_all(&mut self, commit: i64) {
        self.places.clear();
        self.residents.clear();
        self.share.give(self.share.bytes());
        self.unused.clear();
        self.audience = Audience::default();
        self.remembered.clear();
        self.events_remembered = 0;
        self.forgotten = self.forgotten.max(commit);
        self.applied = self.applied.max(commit);
    }

    /// Keeps a window that was merged out of the snapshot of `commit`, with what happened since. Answers what is to be
    /// persisted of whoever had to make room.
    pub(super) fn admit(
        &mut self,
        reader: AccountId,
        mut merged: MergedHome,
        commit: i64,
    ) -> Vec<WindowSnapshot> {
        if commit < self.forgotten || commit < self.stale {
            return Vec::new();
        }
        let entries_max = self.residency.window_entries_max;
        if merged.entries.len() > entries_max {
            merged.entries.truncate(entries_max);
            merged.is_complete = false;
        }
        self.evict(reader);
        let Some(place) = self.place() else {
            return Vec::new();
        };
        let MergedHome {
            entries,
            is_complete,
            relations,
        } = merged;
        let entries_max = entries.len().max(self.entries_at_first());
        let mut resident = Resident {
            window: Window::new(reader, &entries, is_complete, commit, entries_max),
            sources: self.audience.enter(place, &relations),
            held: 0,
            used: self.share.now(),
        };
        resident.window.seen = self.late.end();
        let batches = self.remembered.iter();
        let mut missed = batches
            .filter(|batch| batch.commit > commit)
            .flat_map(|batch| batch.events.iter().map(|event| (event, batch.commit)));
        let is_true = missed.all(|(event, commit)| {
            resident.take_in(event, commit, place, &self.audience) == Fate::Kept
        });
        self.residents[place as usize] = Some(resident);
        self.places.insert(reader, place);
        if !is_true {
            self.evict(reader);
        }
        self.weigh(place);
        let mut unsaved = Vec::new();
        while let Some(idle) = self.superfluous() {
            self.evictions += 1;
            let applied = self.applied;
            let window = self.catch_up(idle);
            unsaved.extend(window.and_then(|window| window.take_unsaved(applied)));
            self.vacate(idle);
        }
        unsaved
    }

    /// Adds to the reader's window what was merged below it, out of the snapshot of `commit`, if the window is still the
    /// one that it was merged for.
    pub(super) fn extend(
        &mut self,
        reader: AccountId,
        below: &Below,
        mut merged: MergedHome,
        commit: i64,
    ) {
        let entries_max = self.residency.window_entries_max;
        if commit < self.forgotten || commit < self.stale {
            return;
        }
        let since = self.remembered.iter().filter(|batch| batch.commit > commit);
        for event in since.flat_map(|batch| &batch.events) {
            match event {
                Event::PostDeleted(post) => merged.entries.retain(|entry| entry.shows != post.id),
                // What it lacks nobody can tell; the reader's window is gone as well if it is concerned.
                Event::EntriesImported { .. } => return,
                _ => {}
            }
        }
        let Some(place) = self.places.peek(&reader) else {
            return;
        };
        if let Some(resident) = &mut self.residents[*place as usize]
            && resident.window.is_above(below)
        {
            resident
                .window
                .extend(&merged.entries, merged.is_complete, entries_max);
        }
    }

    /// The newest commit whose events were taken in.
    pub(super) fn applied(&self) -> i64 {
        self.applied
    }

    /// How many windows made room for others so far.
    pub(super) fn evictions(&self) -> u64 {
        self.evictions
    }

    /// Drops a reader's window.
    pub(super) fn evict(&mut self, reader: AccountId) {
        if let Some(place) = self.places.peek(&reader) {
            self.vacate(*place);
        }
    }

    /// What is to be persisted of all windows that changed since the last time.
    pub(super) fn take_unsaved(&mut self) -> Vec<WindowSnapshot> {
        let commit = self.applied;
        let places: Vec<Place> = self.places.iter().map(|(_, place)| *place).collect();
        places
            .into_iter()
            .filter_map(|place| self.catch_up(place)?.take_unsaved(commit))
            .collect()
    }

    /// A reader's window, as it is when it is read.
    #[cfg(test)]
    pub(super) fn window(&mut self, reader: AccountId) -> Option<&Window> {
        let place = *self.places.peek(&reader)?;
        self.catch_up(place).map(|window| &*window)
    }

    /// A place for a new window.
    fn place(&mut self) -> Option<Place> {
        if let Some(place) = self.unused.pop() {
            return Some(place);
        }
        let place = self.residents.len();
        if place == PLACES_MAX {
            return None;
        }
        self.residents.push(None);
        Place::try_from(place).ok()
    }

    fn vacate(&mut self, place: Place) {
        if let Some(resident) = self.residents[place as usize].take() {
            self.share.give(resident.held);
            self.audience.leave(place, &resident.sources);
            self.places.remove(&resident.window.reader);
            self.unused.push(place);
        }
    }

    /// The window at a place after it took in what it hadn't yet; `None` when it is no longer true, and gone.
    fn catch_up(&mut self, place: Place) -> Option<&mut Window> {
        let resident = self.residents.get_mut(place as usize)?.as_mut()?;
        let window = &resident.window;
        let mut is_true = window.merged_at >= self.stale && self.late.reaches(window.seen);
        if is_true && window.seen != self.late.end() {
            let mut missed = self.late.since(window.seen);
            is_true = missed.all(|LateEvent { event, commit }| {
                resident.take_in(event, *commit, place, &self.audience) == Fate::Kept
            });
            resident.window.seen = self.late.end();
        }
        if !is_true {
            self.vacate(place);
        }
        let resident = self.residents.get_mut(place as usize)?.as_mut()?;
        Some(&mut resident.window)
    }

    fn tell(&mut self, event: &Event, commit: i64) {
        match event {
            Event::PostPublished {
                entry, boosting, ..
            } => {
                // What the event doesn't tell the window must, and it can only when everything older came in.
                let is_told_apart = boosting
                    .as_ref()
                    .is_none_or(|boosting| boosting.are_all_told);
                self.tell_readers(entry.author, event, commit, is_told_apart);
            }
            Event::PostEdited { post, .. } | Event::BoostRemoved(post) => {
                self.tell_readers(post.author, event, commit, true);
            }
            Event::EntriesImported { author, .. } => {
                self.tell_readers(*author, event, commit, true);
            }
            Event::RelationsChanged { from, to } => {
                self.evict(*from);
                self.evict(*to);
            }
            // Anybody's boosts of it: everybody is asked.
            Event::PostDeleted(_) => self.late.add(event, commit),
            Event::AccountVisibilityChanged(_) => self.stale = commit,
            Event::PostCounted { .. }
            | Event::PostChanged(_)
            | Event::PostMarked { .. }
            | Event::FollowCounted { .. }
            | Event::AccountChanged(_)
            | Event::TokenRevoked(_)
            | Event::TokenUsed(_)
            | Event::CredentialsChanged(_)
            | Event::ReaderChanged(_)
            | Event::JobAdded(_)
            | Event::SchedulesChanged => {}
        }
    }

    fn tell_readers(&mut self, author: AccountId, event: &Event, commit: i64, at_once: bool) {
        let readers = self.audience.readers_of(author);
        if !at_once || readers.len() > self.residency.readers_told_max {
            self.late.add(event, commit);
            return;
        }
        let own = self.places.peek(&author).copied();
        if readers.is_empty() && own.is_none() {
            return;
        }
        let concerned = Concerned::new(&self.audience, concerned(event));
        let mut dropped: Vec<Place> = Vec::new();
        let readers = readers.iter().map(|follow| (follow.place(), Some(*follow)));
        // An event is no reason to count the reader as present.
        for (place, follow) in readers.chain(own.map(|place| (place, None))) {
            let Some(Resident {
                window, sources, ..
            }) = &mut self.residents[place as usize]
            else {
                continue;
            };
            let seen = concerned.seen_from(place, sources, follow);
            let fate = window.take_in(event, commit, &seen);
            if fate == Fate::Dropped || window.merged_at < self.stale {
                dropped.push(place);
            }
        }
        for place in dropped {
            self.vacate(place);
        }
    }
}

impl Resident {
    /// About how much memory it takes, in bytes, with its place among the others.
    fn bytes(&self) -> usize {
        size_of::<Option<Self>>() + self.window.bytes() + self.sources.bytes()
    }

    /// Lets the window take in an event that this reader wasn't told of.
    fn take_in(&mut self, event: &Event, commit: i64, place: Place, audience: &Audience) -> Fate {
        if let Some(author) = author_of(event)
            && author != self.window.reader
            && !audience.is_reader(author, place)
        {
            return Fate::Kept;
        }
        let concerned = Concerned::new(audience, concerned(event));
        let seen = concerned.seen_from(place, &self.sources, None);
        self.window.take_in(event, commit, &seen)
    }
}

/// Whose readers alone an event concerns.
fn author_of(event: &Event) -> Option<AccountId> {
    match event {
        Event::PostPublished { entry: post, .. }
        | Event::PostEdited { post, .. }
        | Event::BoostRemoved(post) => Some(post.author),
        Event::EntriesImported { author, .. } => Some(*author),
        _ => None,
    }
}

/// The accounts that the rules may ask about, the author first.
fn concerned(event: &Event) -> impl Iterator<Item = AccountId> + '_ {
    let boosting = match event {
        Event::PostPublished { boosting, .. } => boosting.as_deref(),
        _ => None,
    };
    let parent = match event {
        Event::PostPublished { entry, .. } => entry.reply_to,
        _ => None,
    };
    let boosted = boosting.into_iter().flat_map(|boosting| {
        let parent = boosting.post.reply_to.map(|parent| parent.author);
        let boosters = boosting.lately.iter().map(|(_, by)| *by);
        [boosting.post.author]
            .into_iter()
            .chain(parent)
            .chain(boosters)
    });
    let parent = parent.map(|parent| parent.author);
    author_of(event).into_iter().chain(parent).chain(boosted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::post::PostFacts;
    use crate::domain::relationship::Relations;
    use crate::domain::visibility::Visibility;

    const READER: AccountId = AccountId(1);

    fn published(id: i64, commit: i64) -> Arc<EventBatch> {
        let entry = Arc::new(PostFacts {
            id: PostId(id),
            author: READER,
            author_hidden: false,
            visibility: Visibility::Public,
            boost_of: None,
            reply_to: None,
            mentions: Vec::new(),
        });
        Arc::new(EventBatch {
            commit,
            events: vec![Event::PostPublished {
                entry,
                wording: None,
                boosting: None,
            }],
        })
    }

    fn merged(ids: &[i64]) -> MergedHome {
        let entry = |id: &i64| crate::store::queries::home::HomeEntry {
            id: PostId(*id),
            shows: PostId(*id),
            is_shown: true,
        };
        MergedHome {
            entries: ids.iter().map(entry).collect(),
            is_complete: true,
            relations: Relations::default(),
        }
    }

    fn residents() -> Residents {
        Residents::new(Residency::new(10, 2), &Budget::new(1 << 20), 0)
    }

    fn read(residents: &mut Residents) -> Option<Vec<i64>> {
        let ids = residents.read(READER, &Page::newest(20))?;
        Some(ids.into_iter().map(|id| id.0).collect())
    }

    #[test]
    fn what_happened_during_a_merge_is_in_the_window_once() {
        let mut residents = residents();
        residents.begin_merge();
        residents.take_in(published(10, 1));
        residents.take_in(published(20, 2));
        // The snapshot already has commits 1 and 3; the events of 3 come late.
        residents.admit(READER, merged(&[10]), 1);
        residents.end_merge();
        assert_eq!(read(&mut residents), Some(vec![20, 10]));
        residents.evict(READER);
        residents.begin_merge();
        residents.admit(READER, merged(&[30, 20, 10]), 3);
        residents.end_merge();
        residents.take_in(published(30, 3));
        residents.take_in(published(40, 4));
        assert_eq!(read(&mut residents), Some(vec![40, 30, 20, 10]));
    }

    #[test]
    fn a_window_whose_events_are_forgotten_is_not_admitted() {
        let mut residents = residents();
        residents.begin_merge();
        for commit in 1..=(EVENTS_REMEMBERED_MAX as i64 + 1) {
            residents.take_in(published(commit, commit));
        }
        residents.admit(READER, merged(&[]), 0);
        assert_eq!(read(&mut residents), None);
        residents.drop_all(9000);
        residents.take_in(published(9001, 9001));
        residents.admit(READER, merged(&[]), 8999);
        assert_eq!(read(&mut residents), None, "the events of 9000 were lost");
        residents.admit(READER, merged(&[9000]), 9000);
        assert_eq!(read(&mut residents), Some(vec![9001, 9000]));
    }

    #[test]
    fn nothing_is_remembered_while_no_window_is_merged() {
        let mut residents = residents();
        residents.take_in(published(10, 1));
        assert!(residents.remembered.is_empty());
        residents.begin_merge();
        residents.take_in(published(20, 2));
        assert_eq!(residents.remembered.len(), 1);
        residents.end_merge();
        assert!(residents.remembered.is_empty());
    }

    #[test]
    fn the_reader_that_came_longest_ago_makes_room_and_is_no_longer_told() {
        let mut residents = residents();
        for reader in 1..=3 {
            residents.admit(AccountId(reader), merged(&[]), 0);
        }
        assert_eq!(residents.places.len(), 2);
        assert_eq!(read(&mut residents), None);
        assert!(residents.audience.readers_of(READER).is_empty());
    }

    #[test]
    fn windows_make_room_when_the_budget_is_used_up() {
        let budget = Budget::new(1 << 16);
        let mut residents = Residents::new(Residency::new(10, 1000), &budget, 0);
        for reader in 1..=3 {
            residents.admit(AccountId(reader), merged(&[10]), 0);
        }
        let each = residents.share.bytes() / 3;
        assert!(each > 0);
        // Somebody else takes what is left; the first window was used since.
        let mut other = budget.share(Part::Posts);
        assert!(read(&mut residents).is_some());
        other.take((1 << 16) - 3 * each);
        residents.admit(AccountId(4), merged(&[10]), 0);
        assert!(!residents.has(AccountId(2)), "it went unused for longest");
        assert!(residents.share.bytes() + other.bytes() <= 1 << 16);
        let evictions = residents.evictions();
        assert!(evictions >= 1);
        other.take(4 * each);
        residents.take_in(published(20, 1));
        assert_eq!(residents.places.len(), 0, "nothing is left for them");
        assert_eq!(residents.share.bytes(), 0);
    }
}
