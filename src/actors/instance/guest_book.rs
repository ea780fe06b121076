//! Callers who were let in lately: who comes again shortly is known without a message.

use std::sync::Arc;

use super::book::Book;

use crate::budget::{Budget, Part};
use crate::cache::CacheFigures;
use crate::clock::Timestamp;
use crate::domain::access::{Access, Caller, Credential, Member};
use crate::users::{Stamp, Standings, Told, relations_bytes};

/// The book. Whether what stands in it is still true is asked of the [`Standings`] at every look.
#[derive(Debug)]
pub struct GuestBook {
    callers: Book<Credential, (Arc<Caller>, Stamp)>,
    standings: Arc<Standings>,
}

impl GuestBook {
    /// An empty book.
    pub fn new(standings: Arc<Standings>, budget: &Budget) -> Self {
        Self {
            callers: Book::new(budget, Part::Guests),
            standings,
        }
    }

    /// The caller, if asking for it at this moment would give the same.
    pub fn find(&self, credential: Credential, now: Timestamp) -> Option<Arc<Caller>> {
        let (caller, stamp) = self.callers.find(&credential)?;
        let is_true = self.standings.holds(&stamp)
            && caller.access.stands_at(now)
            // Now and then Users has a use written down.
            && !caller.access.is_use_news(now);
        if !is_true {
            self.callers.forget(&credential);
        }
        is_true.then_some(caller)
    }

    /// Remembers whom Users told of.
    pub fn note(&self, credential: Credential, told: &Told) {
        if let Some(stamp) = told.stamp {
            // The relations are Users' as well, and counted there: but Users isn't asked for whom the book knows, and lets go of
            // them first when room is short.
            let facts = size_of::<Caller>() + size_of::<Access>() + size_of::<Member>();
            let bytes = facts + relations_bytes(&told.caller.onlooker.relations);
            let guest = (Arc::clone(&told.caller), stamp);
            self.callers.note(credential, guest, bytes);
        }
    }

    /// What it holds.
    pub(crate) fn figures(&self) -> CacheFigures {
        self.callers.figures()
    }
}
