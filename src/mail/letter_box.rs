//! Mail that is kept to be looked at instead of being sent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Mail;

/// The most mails that a box holds; one more pushes out the oldest.
pub const MAILS_KEPT_MAX: usize = 200;

/// Holds mail, the newest [`MAILS_KEPT_MAX`] of it. Clones are the same box.
#[derive(Debug, Clone, Default)]
pub struct LetterBox(Arc<Mutex<VecDeque<Mail>>>);

impl LetterBox {
    /// What is in it, in the order in which it was asked for. A mail that came twice is there once.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        self.held().iter().cloned().collect()
    }

    /// Takes everything out.
    pub fn clear(&self) {
        self.held().clear();
    }

    /// Several mails leave at the same time, so where one belongs is told by when it was written and by its id, not by
    /// when it arrives.
    pub(super) fn put(&self, mail: Mail) {
        let mut held = self.held();
        held.retain(|known| known.id != mail.id);
        let place = held.partition_point(|known| rank(known) <= rank(&mail));
        held.insert(place, mail);
        if held.len() > MAILS_KEPT_MAX {
            held.pop_front();
        }
    }

    fn held(&self) -> MutexGuard<'_, VecDeque<Mail>> {
        // A list of whole mails is sound after a panic as well.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ids of jobs grow; of those of one moment the shorter number is the smaller one.
fn rank(mail: &Mail) -> (i64, usize, &str) {
    let id = mail.id.as_str();
    (mail.date.millis(), id.len(), id)
}
