//! What stands on every page that a member reads beside its posts, remembered until something happens that may change it.
//!
//! Notifications go out with the posts and people that they are about, so an event of any of these counts for all readers: such
//! events are rare beside readings. What is told to one reader counts for that one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::book::Book;
use crate::Actors;
use crate::budget::{Budget, Part};
use crate::cache::CacheFigures;
use crate::domain::account::Preferences;
use crate::domain::event::Event;
use crate::domain::marker::MarkedTimeline;
use crate::domain::page::Page;
use crate::domain::visibility::Onlooker;
use crate::error::AskError;
use crate::ids::AccountId;
use crate::posts::fill::{NotificationChoice, read_notifications};
use crate::store::queries::accounts::FindOwnAccount;
use crate::store::queries::notifications::FindMarkers;
use crate::store::writer::{EventBatch, EventSink};
use crate::users::{ReadRelations, Reading, Slots, slot_of_account};

/// Unread notifications are counted up to here; beyond it pages say `99+`.
const UNREAD_COUNTED_MAX: usize = 100;

/// Whoever reads a page, as the page's head and its forms show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReaderFacts {
    /// Its name.
    pub name: String,
    /// What it wants to be called; may be empty.
    pub display_name: String,
    /// How its posts are written unless it says otherwise.
    pub preferences: Preferences,
    /// How many ask to follow it.
    pub follow_requests: i64,
    /// Notifications that it has not seen, up to a hundred.
    pub unread: usize,
    /// The newest notification that it has seen, on whatever client; 0 for none.
    pub last_read: i64,
}

/// How far what concerns a reader had counted.
#[derive(Debug, Clone, Copy)]
struct Stamp {
    own: Reading,
    all: u64,
}

/// Counts what happens. As a sink it has to come after those of all owners: then whoever finds nothing counted and asks them is
/// told what happened before.
#[derive(Debug, Default)]
pub struct ReaderNews {
    readers: Slots,
    all: AtomicU64,
}

impl ReaderNews {
    fn stamp(&self, account: AccountId) -> Stamp {
        Stamp {
            own: self.readers.read(slot_of_account(account)),
            all: self.all.load(Ordering::Acquire),
        }
    }

    fn holds(&self, stamp: &Stamp) -> bool {
        self.readers.holds(stamp.own) && self.all.load(Ordering::Acquire) == stamp.all
    }
}

/// The writer's end.
#[derive(Debug)]
pub struct ReaderNewsSink(pub Arc<ReaderNews>);

impl EventSink for ReaderNewsSink {
    fn deliver(&self, batch: &Arc<EventBatch>) {
        let news = &self.0;
        let told = |account: &AccountId| news.readers.count(slot_of_account(*account));
        for event in &batch.events {
            match event {
                Event::ReaderChanged(account) => told(account),
                Event::RelationsChanged { from, to } => {
                    told(from);
                    told(to);
                }
                Event::PostEdited { .. }
                | Event::PostDeleted(_)
                | Event::PostChanged(_)
                | Event::BoostRemoved(_)
                | Event::EntriesImported { .. }
                | Event::AccountChanged(_)
                | Event::AccountVisibilityChanged(_) => {
                    news.all.fetch_add(1, Ordering::Release);
                }
                Event::PostPublished { .. }
                | Event::PostCounted { .. }
                | Event::PostMarked { .. }
                | Event::FollowCounted { .. }
                | Event::CredentialsChanged(_)
                | Event::TokenRevoked(_)
                | Event::TokenUsed(_)
                | Event::JobAdded(_)
                | Event::SchedulesChanged => {}
            }
        }
    }
}

/// The book.
#[derive(Debug)]
pub struct ReaderBook {
    readers: Book<AccountId, (Arc<ReaderFacts>, Stamp)>,
    news: Arc<ReaderNews>,
}

impl ReaderBook {
    /// An empty book.
    pub fn new(news: Arc<ReaderNews>, budget: &Budget) -> Self {
        Self {
            readers: Book::new(budget, Part::Readers),
            news,
        }
    }

    /// What it holds.
    pub(crate) fn figures(&self) -> CacheFigures {
        self.readers.figures()
    }

    fn find(&self, account: AccountId) -> Option<Arc<ReaderFacts>> {
        let (facts, stamp) = self.readers.find(&account)?;
        self.news.holds(&stamp).then_some(facts)
    }

    fn note(&self, account: AccountId, facts: &Arc<ReaderFacts>, stamp: Stamp) {
        let bytes = size_of::<ReaderFacts>() + facts.name.len() + facts.display_name.len();
        self.readers
            .note(account, (Arc::clone(facts), stamp), bytes);
    }
}

/// Whoever reads; `None` when there is no such account for others.
///
/// # Errors
/// When an actor can't be asked.
pub async fn read_reader(
    actors: &Actors,
    account: AccountId,
) -> Result<Option<Arc<ReaderFacts>>, AskError> {
    if let Some(facts) = actors.readers.find(account) {
        return Ok(Some(facts));
    }
    // What happens from here on may be missing in the facts, what happened before may not.
    let stamp = actors.readers.news.stamp(account);
    let Some(facts) = ask_reader(actors, account).await?.map(Arc::new) else {
        return Ok(None);
    };
    actors.readers.note(account, &facts, stamp);
    Ok(Some(facts))
}

/// The same without remembering anything.
///
/// # Errors
/// When an actor can't be asked.
pub async fn ask_reader(
    actors: &Actors,
    account: AccountId,
) -> Result<Option<ReaderFacts>, AskError> {
    // Those that came along when the reader was let in may be older than the first question here.
    let reader = Onlooker {
        account: Some(account),
        relations: actors.users.send(ReadRelations { account }).await??,
    };
    let Some(own) = actors.find(FindOwnAccount { account }).await? else {
        return Ok(None);
    };
    let timelines = vec![MarkedTimeline::Notifications];
    let markers = actors.find(FindMarkers { account, timelines }).await?;
    let last_read = markers.first().map_or(0, |marker| marker.last_read);
    let page = Page {
        since_id: Some(last_read),
        ..Page::newest(UNREAD_COUNTED_MAX)
    };
    let unread = read_notifications(actors, &reader, &NotificationChoice::default(), page).await?;
    Ok(Some(ReaderFacts {
        name: own.account.name,
        display_name: own.account.display_name,
        preferences: own.preferences,
        follow_requests: own.follow_requests_count,
        unread: unread.entries.len(),
        last_read,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: AccountId = AccountId(1);
    const BOB: AccountId = AccountId(2);

    #[test]
    fn what_is_remembered_holds_until_something_may_have_changed_it() {
        let news = Arc::new(ReaderNews::default());
        let sink = ReaderNewsSink(Arc::clone(&news));
        let tell = |event| {
            let events = vec![event];
            sink.deliver(&Arc::new(EventBatch { commit: 1, events }));
        };
        let of_bob = news.stamp(BOB);
        for event in [
            Event::ReaderChanged(ADA),
            Event::RelationsChanged {
                from: ADA,
                to: AccountId(77),
            },
            Event::RelationsChanged {
                from: AccountId(77),
                to: ADA,
            },
        ] {
            let stamp = news.stamp(ADA);
            assert!(news.holds(&stamp));
            tell(event.clone());
            assert!(!news.holds(&stamp), "{event:?}");
        }
        assert!(news.holds(&of_bob));
        tell(Event::AccountVisibilityChanged(AccountId(77)));
        assert!(!news.holds(&of_bob));
    }
}
