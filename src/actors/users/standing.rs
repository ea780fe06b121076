//! Whether what Users said of a caller still holds, for those who remember it: without asking.
//!
//! Every change of a credential, an account's right to act or its relations counts in one of a fixed number of slots. Who
//! was told of a caller remembers with it how far the caller's two slots had counted; as long as they stand there, asking
//! again would give the same answer. Two that share a slot only make each other ask once more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::access::Credential;
use crate::domain::event::Event;
use crate::ids::AccountId;
use crate::secret::TokenHash;
use crate::store::writer::{EventBatch, EventSink};

/// How many slots there are; a power of two.
const SLOTS: usize = 4096;

/// Counters, each of which is for many things.
#[derive(Debug)]
pub(crate) struct Slots(Box<[AtomicU64]>);

/// How far a slot had counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    slot: usize,
    count: u64,
}

impl Default for Slots {
    fn default() -> Self {
        Self((0..SLOTS).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Slots {
    pub(crate) fn read(&self, slot: usize) -> Reading {
        let count = self.0[slot].load(Ordering::Acquire);
        Reading { slot, count }
    }

    /// Whether nothing was counted since.
    pub(crate) fn holds(&self, reading: Reading) -> bool {
        self.read(reading.slot) == reading
    }

    pub(crate) fn count(&self, slot: usize) {
        self.0[slot].fetch_add(1, Ordering::Release);
    }
}

/// The slots. It is a sink of its own, which has to come after that of Users: then whatever a slot counted waits in
/// the queue of Users already, which is drained before anybody is told anything.
#[derive(Debug, Default)]
pub struct Standings(Slots);

/// How far the slots of a caller had counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    credential: Reading,
    account: Option<Reading>,
}

impl Standings {
    /// How far the slots of a caller have counted now.
    pub(super) fn stamp(&self, credential: Credential, account: Option<AccountId>) -> Stamp {
        let (Credential::Token(hash) | Credential::Session(hash)) = credential;
        Stamp {
            credential: self.0.read(slot_of(&hash)),
            account: account.map(|account| self.0.read(slot_of_account(account))),
        }
    }

    /// Whether nothing happened to the caller since.
    pub fn holds(&self, stamp: &Stamp) -> bool {
        let stands = |reading| self.0.holds(reading);
        stands(stamp.credential) && stamp.account.is_none_or(stands)
    }
}

fn slot_of(hash: &TokenHash) -> usize {
    let [first, second, ..] = *hash.as_bytes();
    usize::from(u16::from_le_bytes([first, second])) % SLOTS
}

/// The slot of an account.
pub(crate) fn slot_of_account(account: AccountId) -> usize {
    // Fibonacci hashing (Knuth, volume 3, section 6.4): ids of one moment differ in their lowest bits only.
    let spread = account
        .0
        .cast_unsigned()
        .wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (spread >> 48) as usize % SLOTS
}

/// The writer's end.
#[derive(Debug)]
pub struct StandingsSink(pub Arc<Standings>);

impl EventSink for StandingsSink {
    fn deliver(&self, batch: &Arc<EventBatch>) {
        for event in &batch.events {
            match event {
                Event::RelationsChanged { from, to } => {
                    self.0.0.count(slot_of_account(*from));
                    self.0.0.count(slot_of_account(*to));
                }
                Event::TokenRevoked(hash) | Event::TokenUsed(hash) => self.0.0.count(slot_of(hash)),
                Event::CredentialsChanged(account) | Event::AccountVisibilityChanged(account) => {
                    self.0.0.count(slot_of_account(*account));
                }
                Event::PostPublished { .. }
                | Event::EntriesImported { .. }
                | Event::PostEdited { .. }
                | Event::PostDeleted(_)
                | Event::BoostRemoved(_)
                | Event::PostCounted { .. }
                | Event::PostChanged(_)
                | Event::PostMarked { .. }
                | Event::FollowCounted { .. }
                | Event::AccountChanged(_)
                | Event::ReaderChanged(_)
                | Event::JobAdded(_)
                | Event::SchedulesChanged => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: AccountId = AccountId(1);
    const BOB: AccountId = AccountId(2);

    #[test]
    fn a_stamp_holds_until_something_happens_to_its_caller() {
        let standings = Arc::new(Standings::default());
        let sink = StandingsSink(Arc::clone(&standings));
        let tell = |event| {
            let events = vec![event];
            sink.deliver(&Arc::new(EventBatch { commit: 1, events }));
        };
        let hash = TokenHash::of("ada");
        let of_ada = || standings.stamp(Credential::Token(hash), Some(ADA));
        let of_bob = standings.stamp(Credential::Token(TokenHash::of("bob")), Some(BOB));
        let of_app = standings.stamp(Credential::Token(TokenHash::of("app")), None);
        for event in [
            Event::TokenRevoked(hash),
            Event::TokenUsed(hash),
            Event::CredentialsChanged(ADA),
            Event::AccountVisibilityChanged(ADA),
            Event::RelationsChanged {
                from: ADA,
                to: AccountId(77),
            },
            Event::RelationsChanged {
                from: AccountId(77),
                to: ADA,
            },
        ] {
            let stamp = of_ada();
            assert!(standings.holds(&stamp));
            tell(event.clone());
            assert!(!standings.holds(&stamp), "{event:?}");
        }
        assert!(standings.holds(&of_bob) && standings.holds(&of_app));
    }
}
