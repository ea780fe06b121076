//! Callers who were let in lately: who comes again shortly is known without a message.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use hashlink::LruCache;

use crate::actors::users::{Stamp, Standings, Told};
use crate::clock::{SharedClock, Timestamp};
use crate::domain::access::{Caller, Credential};

/// Parts that are locked apart from each other.
const SHARDS: usize = 16;
/// Callers that are remembered.
const GUESTS_MAX: usize = 4096;

type Shard = LruCache<Credential, (Arc<Caller>, Stamp)>;

/// The book. Whether what stands in it is still true is asked of the [`Standings`] at every look.
pub struct GuestBook {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
    standings: Arc<Standings>,
    clock: SharedClock,
}

impl GuestBook {
    /// An empty book.
    pub fn new(standings: Arc<Standings>, clock: SharedClock) -> Self {
        let shard = || Mutex::new(LruCache::new(GUESTS_MAX / SHARDS));
        Self {
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            hasher: RandomState::new(),
            standings,
            clock,
        }
    }

    /// The caller, if asking for it would give the same.
    pub fn find(&self, credential: Credential) -> Option<Arc<Caller>> {
        self.find_at(credential, self.clock.now())
    }

    fn find_at(&self, credential: Credential, now: Timestamp) -> Option<Arc<Caller>> {
        let mut shard = self
            .shard(&credential)
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (caller, stamp) = shard.get(&credential)?;
        let is_true = self.standings.holds(stamp)
            && caller.access.stands_at(now)
            // Now and then Users has a use written down.
            && !caller.access.is_use_news(now);
        if is_true {
            return Some(Arc::clone(caller));
        }
        shard.remove(&credential);
        None
    }

    /// Remembers whom Users told of.
    pub fn note(&self, credential: Credential, told: &Told) {
        if let Some(stamp) = told.stamp {
            let guest = (Arc::clone(&told.caller), stamp);
            let mut shard = self
                .shard(&credential)
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            shard.insert(credential, guest);
        }
    }

    fn shard(&self, credential: &Credential) -> &Mutex<Shard> {
        &self.shards[self.hasher.hash_one(credential) as usize % SHARDS]
    }
}
