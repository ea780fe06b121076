//! What the instance is made of, as its documents and its front page say it: counted once, and kept true by events.
//!
//! To count is to look at every account. What a new post or follow changes is told by its event; after whatever else moves a
//! counter or an account, a deletion say, everything is counted anew when it is next asked for. How many accounts were active
//! can't be told by an event, so that is counted anew every now and then.

use std::sync::Arc;

use actix::{ActorFutureExt, Context, Handler, Message, ResponseActFuture, WrapFuture};

use super::Users;
use crate::clock::Timestamp;
use crate::domain::account::{Account, AccountCounts};
use crate::domain::event::Event;
use crate::error::AskError;
use crate::ids::{AccountId, PostId};
use crate::store::queries::instance::{DescribeInstance, InstanceFacts};

/// Up to so many accounts the active ones are counted whenever one more may be: it takes about a millisecond.
const ACCOUNTS_COUNTED_ANEW_MAX: i64 = 2000;
/// Otherwise so long after they were counted, in milliseconds: ten minutes.
const ACTIVE_KEPT_MILLIS: i64 = 10 * 60 * 1000;
/// So much news are remembered while somebody counts; a count that took longer isn't kept.
const NEWS_MAX: usize = 4096;

/// What an event changes.
#[derive(Debug, Clone, Copy)]
enum News {
    Posted {
        author: AccountId,
        entry: PostId,
    },
    Followed {
        follower: AccountId,
        followee: AccountId,
        by: i64,
    },
    /// Nobody can tell but the store.
    Unknown,
}

impl News {
    fn of(event: &Event) -> Option<Self> {
        match event {
            Event::PostPublished { entry, .. } => {
                entry.visibility.is_open().then_some(Self::Posted {
                    author: entry.author,
                    entry: entry.id,
                })
            }
            Event::FollowCounted {
                follower,
                followee,
                by,
            } => Some(Self::Followed {
                follower: *follower,
                followee: *followee,
                by: *by,
            }),
            Event::AccountChanged(_) | Event::AccountVisibilityChanged(_) => Some(Self::Unknown),
            Event::EntriesImported { .. }
            | Event::PostEdited { .. }
            | Event::PostDeleted(_)
            | Event::BoostRemoved(_)
            | Event::PostCounted { .. }
            | Event::PostChanged(_)
            | Event::PostMarked { .. }
            | Event::RelationsChanged { .. }
            | Event::TokenRevoked(_)
            | Event::TokenUsed(_)
            | Event::CredentialsChanged(_)
            | Event::ReaderChanged(_)
            | Event::JobAdded(_)
            | Event::SchedulesChanged => None,
        }
    }
}

/// What was counted.
#[derive(Debug)]
struct Counted {
    facts: Arc<InstanceFacts>,
    at: Timestamp,
    /// What happened up to this commit is in the facts.
    seen_at: i64,
    /// Whether there is an open post since.
    is_posted_since: bool,
}

impl Counted {
    fn stands_at(&self, now: Timestamp) -> bool {
        let age = now.millis() - self.at.millis();
        let is_large = self.facts.accounts > ACCOUNTS_COUNTED_ANEW_MAX;
        (is_large || !self.is_posted_since) && (0..ACTIVE_KEPT_MILLIS).contains(&age)
    }

    /// Takes in what `commit` did; false when only the store can tell.
    fn hear(&mut self, news: News, commit: i64) -> bool {
        if commit <= self.seen_at {
            return true;
        }
        match news {
            News::Posted { author, entry } => {
                Arc::make_mut(&mut self.facts).posts += 1;
                self.is_posted_since = true;
                self.recount(author, |counts| counts.add_open_entry(entry));
            }
            News::Followed {
                follower,
                followee,
                by,
            } => {
                self.recount(follower, |counts| counts.following += by);
                self.recount(followee, |counts| counts.followers += by);
            }
            News::Unknown => return false,
        }
        true
    }

    /// Tells whom visitors may turn to what became of its own counters.
    fn recount(&mut self, account: AccountId, recount: impl FnOnce(&mut AccountCounts)) {
        let is_contact = |contact: &Account| contact.id == account;
        if self.facts.contact.as_ref().is_some_and(is_contact)
            && let Some(contact) = &mut Arc::make_mut(&mut self.facts).contact
        {
            recount(&mut contact.counts);
        }
    }
}

/// The instance's facts, when they are known.
#[derive(Debug, Default)]
pub(super) struct InstanceMemory {
    counted: Option<Counted>,
    /// How many count at the moment, and what happened since the first of them began.
    counting: usize,
    news: Vec<(i64, News)>,
}

impl InstanceMemory {
    /// Forgets everything: events up to `commit` were lost.
    pub(super) fn forget_all(&mut self, commit: i64) {
        self.counted = None;
        self.note(News::Unknown, commit);
    }

    /// Takes in a committed event.
    pub(super) fn take_in(&mut self, event: &Event, commit: i64) {
        let Some(news) = News::of(event) else {
            return;
        };
        if let Some(counted) = &mut self.counted
            && !counted.hear(news, commit)
        {
            self.counted = None;
        }
        self.note(news, commit);
    }

    fn note(&mut self, news: News, commit: i64) {
        if self.counting == 0 {
            return;
        }
        if self.news.len() == NEWS_MAX {
            // Whatever was counted before this can't be brought up to date any more.
            self.news.clear();
            self.news.push((commit, News::Unknown));
        }
        self.news.push((commit, news));
    }

    /// The facts, if nobody has to count; else the asker counts from here on.
    fn read_or_count(&mut self, now: Timestamp) -> Option<Arc<InstanceFacts>> {
        let counted = self.counted.as_ref();
        if let Some(counted) = counted.filter(|counted| counted.stands_at(now)) {
            return Some(Arc::clone(&counted.facts));
        }
        self.counting += 1;
        None
    }

    /// The facts of this moment, as far as events tell them, of what was counted at `at` in the snapshot of `commit`.
    fn counted(&mut self, facts: InstanceFacts, at: Timestamp, commit: i64) -> Arc<InstanceFacts> {
        let mut counted = Counted {
            facts: Arc::new(facts),
            at,
            seen_at: commit,
            is_posted_since: false,
        };
        // What comes after something that only the store can tell of is left out: it would make figures that were never true.
        let mut news = self.news.iter();
        let is_true = news.all(|(commit, news)| counted.hear(*news, *commit));
        let facts = Arc::clone(&counted.facts);
        if is_true {
            // What is heard from now on is later than all of this.
            let last = self.news.last().map(|(last, _)| *last);
            counted.seen_at = last.map_or(commit, |last| commit.max(last));
            self.counted = Some(counted);
        }
        facts
    }

    /// One count less is under way.
    fn end_count(&mut self) {
        self.counting -= 1;
        if self.counting == 0 {
            self.news = Vec::new();
        }
    }
}

/// What the instance is made of at this moment; only how many accounts were active may be up to ten minutes old.
#[derive(Debug, Clone, Copy)]
pub struct ReadInstance;

impl Message for ReadInstance {
    type Result = Result<Arc<InstanceFacts>, AskError>;
}

impl Handler<ReadInstance> for Users {
    type Result = ResponseActFuture<Self, Result<Arc<InstanceFacts>, AskError>>;

    fn handle(&mut self, _: ReadInstance, _: &mut Context<Self>) -> Self::Result {
        self.catch_up();
        let now = self.clock.now();
        if let Some(facts) = self.memory.instance.read_or_count(now) {
            return Box::pin(std::future::ready(Ok(facts)).into_actor(self));
        }
        let counting = self.store.look(DescribeInstance { now });
        Box::pin(counting.into_actor(self).map(move |looked, actor, _| {
            actor.catch_up();
            let instance = &mut actor.memory.instance;
            let counted = looked.map(|(facts, commit)| instance.counted(facts, now, commit));
            instance.end_count();
            counted
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::post::PostFacts;
    use crate::domain::visibility::Visibility;

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
    const LATER: Timestamp = Timestamp::from_millis(1_790_000_000_000 + ACTIVE_KEPT_MILLIS);

    fn facts(accounts: i64, posts: i64) -> InstanceFacts {
        InstanceFacts {
            accounts,
            active_accounts: 0,
            posts,
            contact: None,
        }
    }

    fn posted(id: i64) -> Event {
        let entry = PostFacts {
            id: PostId(id),
            author: AccountId(1),
            author_hidden: false,
            visibility: Visibility::Public,
            boost_of: None,
            reply_to: None,
            mentions: Vec::new(),
        };
        Event::PostPublished {
            entry: Arc::new(entry),
            wording: None,
            boosting: None,
        }
    }

    fn posts_of(memory: &mut InstanceMemory, now: Timestamp) -> Option<i64> {
        let read = memory.read_or_count(now);
        if read.is_none() {
            memory.end_count();
        }
        read.map(|facts| facts.posts)
    }

    #[test]
    fn a_count_is_kept_though_posts_overtake_it() {
        let mut memory = InstanceMemory::default();
        assert!(memory.read_or_count(NOW).is_none());
        memory.take_in(&posted(7), 7);
        memory.take_in(&posted(8), 8);
        memory.take_in(&posted(9), 9);
        // The snapshot knows of commit 7.
        let told = memory.counted(facts(100_000, 1000), NOW, 7);
        memory.end_count();
        assert_eq!(told.posts, 1002);
        assert_eq!(posts_of(&mut memory, NOW), Some(1002));
        memory.take_in(&posted(10), 10);
        assert_eq!(posts_of(&mut memory, NOW), Some(1003));
        assert_eq!(posts_of(&mut memory, LATER), None, "who was active is news");
        memory.take_in(&Event::AccountChanged(AccountId(1)), 11);
        assert_eq!(posts_of(&mut memory, NOW), None);
    }

    #[test]
    fn a_snapshot_ahead_of_the_events_is_not_told_of_them() {
        let mut memory = InstanceMemory::default();
        assert!(memory.read_or_count(NOW).is_none());
        memory.counted(facts(100_000, 1000), NOW, 8);
        memory.end_count();
        for commit in 7..=9 {
            memory.take_in(&posted(commit), commit);
        }
        assert_eq!(posts_of(&mut memory, NOW), Some(1001));
    }

    #[test]
    fn a_count_that_something_unknown_overtook_is_not_kept() {
        for lost in [false, true] {
            let mut memory = InstanceMemory::default();
            assert!(memory.read_or_count(NOW).is_none());
            assert!(memory.read_or_count(NOW).is_none());
            match lost {
                true => memory.forget_all(8),
                false => memory.take_in(&Event::AccountVisibilityChanged(AccountId(1)), 8),
            }
            memory.counted(facts(100_000, 1000), NOW, 7);
            memory.end_count();
            assert_eq!(posts_of(&mut memory, NOW), None);
            // The other one counted later.
            memory.counted(facts(100_000, 999), NOW, 8);
            memory.end_count();
            assert_eq!(posts_of(&mut memory, NOW), Some(999));
        }
    }

    #[test]
    fn a_count_that_too_much_overtook_is_not_kept() {
        let mut memory = InstanceMemory::default();
        assert!(memory.read_or_count(NOW).is_none());
        for commit in 1..=NEWS_MAX as i64 + 1 {
            memory.take_in(&posted(commit), commit);
        }
        memory.counted(facts(100_000, 0), NOW, 0);
        assert_eq!(posts_of(&mut memory, NOW), None);
    }

    #[test]
    fn a_small_instance_counts_the_active_after_each_post() {
        let mut memory = InstanceMemory::default();
        assert!(memory.read_or_count(NOW).is_none());
        memory.counted(facts(2, 0), NOW, 1);
        memory.end_count();
        assert_eq!(posts_of(&mut memory, NOW), Some(0));
        memory.take_in(&posted(2), 2);
        assert_eq!(posts_of(&mut memory, NOW), None);
    }
}
