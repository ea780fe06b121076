//! Which posts answer which, where somebody read a thread: kept true by events.

use super::core::Absent;
use crate::budget::{Budget, Part};
use crate::cache::{CacheFigures, EventedCache};
use crate::domain::event::Event;
use crate::domain::thread::{Answers, DESCENDANTS_MAX, Thread};
use crate::ids::PostId;
use crate::store::queries::threads::Walked;

/// The links of threads, both ways.
#[derive(Debug)]
pub(super) struct Threads {
    /// What a post answers; nothing for those at which a thread begins. What was answered may be gone by now: nothing is ever kept
    /// of what is above a post that is gone, so whoever walks up doesn't get past it, and asks the store.
    above: EventedCache<PostId, Option<PostId>>,
    /// What answers a post, the oldest first.
    below: EventedCache<PostId, Vec<PostId>>,
}

impl Threads {
    /// None yet.
    pub(super) fn new(budget: &Budget) -> Self {
        Self {
            above: EventedCache::new(budget, Part::Threads, |_| size_of::<Option<PostId>>()),
            below: EventedCache::new(budget, Part::Threads, |answers: &Vec<PostId>| {
                size_of::<Vec<PostId>>() + answers.capacity() * size_of::<PostId>()
            }),
        }
    }

    /// What they hold.
    pub(super) fn figures(&self) -> CacheFigures {
        self.above.figures().and(self.below.figures())
    }

    /// Forgets everything: events up to `commit` were lost, or may have linked any posts.
    pub(super) fn forget_all(&mut self, commit: i64) {
        self.above.clear(commit);
        self.below.clear(commit);
    }

    /// The thread of a post, where all of it is known.
    pub(super) fn read(&mut self, post: PostId) -> Option<Thread> {
        Thread::around(post, self).ok()
    }

    /// Keeps what was learnt in the snapshot of `commit`, as far as no event overtook it.
    pub(super) fn fill(&mut self, walked: Walked, commit: i64) -> Thread {
        for (post, above) in walked.above {
            self.above.fill(post, above, commit);
        }
        for (post, answers) in walked.below {
            self.below.fill(post, answers, commit);
        }
        walked.thread
    }

    /// Takes in a committed event.
    pub(super) fn take_in(&mut self, event: &Event, commit: i64) {
        match event {
            Event::PostPublished { entry, .. } => {
                if let Some(parent) = entry.reply_to {
                    self.link(parent.post, entry.id, commit);
                }
            }
            Event::PostDeleted(post) => {
                for answer in self.below.peek(&post.id).cloned().unwrap_or_default() {
                    self.above.change(answer, commit);
                }
                self.above.change(post.id, commit);
                self.below.change(post.id, commit);
                if let Some(parent) = post.reply_to {
                    let gone = |answers: &mut Vec<PostId>| answers.retain(|id| *id != post.id);
                    // Where there were too many, one that was left out has its place now.
                    let is_full = |answers: &Vec<PostId>| answers.len() >= DESCENDANTS_MAX;
                    if self.below.peek(&parent.post).is_some_and(is_full) {
                        self.below.change(parent.post, commit);
                    } else {
                        self.below.amend(parent.post, commit, gone);
                    }
                }
            }
            // They lie anywhere among the others, and so does what they answer.
            Event::EntriesImported { .. } => self.forget_all(commit),
            Event::PostEdited { .. }
            | Event::BoostRemoved(_)
            | Event::PostCounted { .. }
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

    /// An answer is new. Where nobody read the thread, nothing is kept of it.
    fn link(&mut self, parent: PostId, answer: PostId, commit: i64) {
        let is_read = self.below.peek(&parent).is_some();
        self.below.extend(parent, commit, |answers| {
            if answers.len() < DESCENDANTS_MAX {
                answers.push(answer);
            }
        });
        if is_read {
            self.above.begin(answer, Some(parent), commit);
            self.below.begin(answer, Vec::new(), commit);
        }
    }
}

impl Answers for Threads {
    type Error = Absent;

    fn above(&mut self, post: PostId) -> Result<Option<PostId>, Absent> {
        self.above.get(&post).copied().ok_or(Absent)
    }

    fn below(&mut self, post: PostId) -> Result<&[PostId], Absent> {
        self.below.get(&post).map(Vec::as_slice).ok_or(Absent)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::convert::Infallible;
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::post::{PostFacts, RepliedTo};
    use crate::domain::visibility::Visibility;
    use crate::ids::AccountId;

    const ADA: AccountId = AccountId(1);

    fn facts(id: PostId, parent: Option<PostId>) -> PostFacts {
        PostFacts {
            id,
            author: ADA,
            author_hidden: false,
            visibility: Visibility::Public,
            boost_of: None,
            reply_to: parent.map(|post| RepliedTo { post, author: ADA }),
            mentions: Vec::new(),
        }
    }

    /// All posts that are there, with what they answer.
    #[derive(Debug, Clone, Default)]
    struct Naive(BTreeMap<PostId, Option<PostId>>);

    /// Asks all posts each time.
    struct Asking<'n> {
        naive: &'n Naive,
        walked: Walked,
    }

    impl Answers for Asking<'_> {
        type Error = Infallible;

        fn above(&mut self, post: PostId) -> Result<Option<PostId>, Infallible> {
            let posts = &self.naive.0;
            let above = posts[&post].filter(|parent| posts.contains_key(parent));
            self.walked.above.push((post, above));
            Ok(above)
        }

        fn below(&mut self, post: PostId) -> Result<&[PostId], Infallible> {
            let posts = self.naive.0.iter();
            let answers = posts.filter(|(_, parent)| **parent == Some(post));
            let answers: Vec<PostId> = answers.map(|(id, _)| *id).collect();
            let above = answers.iter().map(|answer| (*answer, Some(post)));
            self.walked.above.extend(above);
            self.walked.below.push((post, answers));
            Ok(&self.walked.below[self.walked.below.len() - 1].1)
        }
    }

    impl Naive {
        fn walk(&self, post: PostId) -> Walked {
            let walked = Walked::default();
            let naive = self;
            let mut asking = Asking { naive, walked };
            let thread = Thread::around(post, &mut asking).unwrap_or_default();
            Walked {
                thread,
                ..asking.walked
            }
        }
    }

    proptest! {
        #[test]
        fn a_thread_out_of_memory_is_that_of_all_posts(
            happened in prop::collection::vec((0_u8..8, 0_usize..100, 0_usize..4), 1..80),
            bytes in prop::sample::select(vec![2_000_usize, 1 << 20]),
        ) {
            let mut threads = Threads::new(&Budget::new(bytes));
            // What was true after each commit; the newest is the last.
            let mut past = vec![Naive::default()];
            let mut next = 1;
            for (kind, which, lateness) in happened {
                let mut now = past[past.len() - 1].clone();
                let commit = past.len() as i64;
                let chosen = now.0.keys().nth(which % now.0.len().max(1)).copied();
                let mut events = Vec::new();
                let mut publish = |now: &mut Naive, id: i64, parent| {
                    now.0.insert(PostId(id), parent);
                    let entry = Arc::new(facts(PostId(id), parent));
                    events.push(Event::PostPublished {
                        entry,
                        wording: None,
                        boosting: None,
                    });
                };
                match (kind, chosen) {
                    // Somebody reads, out of a snapshot that may be of before.
                    (0 | 1, Some(post)) => {
                        let of = past.len() - 1 - lateness.min(past.len() - 1);
                        if past[of].0.contains_key(&post) {
                            let walked = past[of].walk(post);
                            threads.fill(walked, of as i64);
                        }
                        continue;
                    }
                    (2, Some(post)) => {
                        let parent = now.0.remove(&post).flatten();
                        events.push(Event::PostDeleted(Arc::new(facts(post, parent))));
                    }
                    // With a date of its own, as an answer that others may have been given before.
                    (3, Some(parent)) => {
                        now.0.insert(PostId(-next), Some(parent));
                        next += 1;
                        events.push(Event::EntriesImported {
                            author: ADA,
                            newest: PostId(-next),
                            tags: Vec::new(),
                        });
                    }
                    // An answer and its answer, in one commit.
                    (4, Some(parent)) => {
                        publish(&mut now, next, Some(parent));
                        publish(&mut now, next + 1, Some(PostId(next)));
                        next += 2;
                    }
                    (_, parent) => {
                        publish(&mut now, next, parent.filter(|_| kind != 5));
                        next += 1;
                    }
                }
                for event in &events {
                    threads.take_in(event, commit);
                }
                past.push(now.clone());
                for post in now.0.keys() {
                    if let Some(read) = threads.read(*post) {
                        prop_assert_eq!(read, now.walk(*post).thread);
                    }
                }
            }
            // What was just read is known, where there is room.
            let now = past[past.len() - 1].clone();
            for post in now.0.keys() {
                threads.fill(now.walk(*post), past.len() as i64 - 1);
                prop_assert!(bytes < 1 << 20 || threads.read(*post).is_some());
            }
        }
    }

    #[test]
    fn of_very_many_answers_the_oldest_are_kept_and_a_gap_is_filled_by_the_store() {
        let mut threads = Threads::new(&Budget::new(1 << 24));
        let root = PostId(1);
        let walked = Walked {
            above: vec![(root, None)],
            below: vec![(root, Vec::new())],
            ..Walked::default()
        };
        threads.fill(walked, 1);
        let count = DESCENDANTS_MAX as i64 + 5;
        for (commit, id) in (2..).zip(2..2 + count) {
            threads.link(root, PostId(id), commit);
        }
        let thread = threads.read(root).expect("it is known");
        assert_eq!(thread.descendants.len(), DESCENDANTS_MAX);
        assert_eq!(thread.descendants[0], PostId(2));
        let gone = Event::PostDeleted(Arc::new(facts(PostId(2), Some(root))));
        threads.take_in(&gone, count + 2);
        assert_eq!(threads.read(root), None);
    }
}
