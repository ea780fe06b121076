//! Mail that is kept to be looked at instead of being sent.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use crate::clock::Timestamp;

/// The most mails that a box holds; one more pushes out the oldest.
pub const MAILS_KEPT_MAX: usize = 200;

/// A mail as somebody gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptMail {
    /// Its `Message-ID` without angle brackets: letters, digits, `.`, `-` and one `@`.
    pub id: String,
    /// When it was written.
    pub at: Timestamp,
    /// The sender's address.
    pub from: String,
    /// The recipient's address.
    pub to: String,
    /// What it is about.
    pub subject: String,
    /// What it says, as text.
    pub text: String,
    /// What it says, as HTML.
    pub html: String,
}

/// Holds mail, the newest [`MAILS_KEPT_MAX`] of it. Clones are the same box.
#[derive(Debug, Clone, Default)]
pub struct LetterBox(Arc<Inside>);

#[derive(Debug, Default)]
struct Inside {
    mails: Mutex<VecDeque<KeptMail>>,
    /// Rung whenever a mail is put in.
    bell: Notify,
}

impl LetterBox {
    /// What is in it, in the order in which it was asked for. A mail that came twice is there once.
    #[must_use]
    pub fn mails(&self) -> Vec<KeptMail> {
        self.held().iter().cloned().collect()
    }

    /// Takes everything out.
    pub fn clear(&self) {
        self.held().clear();
    }

    /// Takes the oldest mail out, for which it waits at most so long; `None` when none came. It needs tokio's timer, as in
    /// `#[tokio::test]` or [`Server::block_on`](crate::Server::block_on).
    pub async fn next(&self, wait_max: Duration) -> Option<KeptMail> {
        self.take_where(wait_max, |_| true).await
    }

    /// As [`next`](Self::next), of the mails to one address; the others stay.
    pub async fn next_to(&self, address: &str, wait_max: Duration) -> Option<KeptMail> {
        self.take_where(wait_max, |mail| mail.to == address).await
    }

    async fn take_where(
        &self,
        wait_max: Duration,
        wanted: impl Fn(&KeptMail) -> bool,
    ) -> Option<KeptMail> {
        let take = || {
            let mut held = self.held();
            let place = held.iter().position(&wanted)?;
            held.remove(place)
        };
        let taken = timeout(wait_max, async {
            loop {
                // Listens before it looks, so that it misses no mail in between.
                let mut rung = pin!(self.0.bell.notified());
                rung.as_mut().enable();
                if let Some(mail) = take() {
                    return mail;
                }
                rung.await;
            }
        });
        taken.await.ok()
    }

    /// Puts one in. Several mails leave at the same time, so where one belongs is told by when it was written and by its
    /// id, not by when it arrives.
    pub fn put(&self, mail: KeptMail) {
        let mut held = self.held();
        held.retain(|known| known.id != mail.id);
        let place = held.partition_point(|known| rank(known) <= rank(&mail));
        held.insert(place, mail);
        if held.len() > MAILS_KEPT_MAX {
            held.pop_front();
        }
        drop(held);
        self.0.bell.notify_waiters();
    }

    fn held(&self) -> MutexGuard<'_, VecDeque<KeptMail>> {
        // A list of whole mails is sound after a panic as well.
        self.0.mails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ids hold the numbers of jobs, which grow: of those of one moment the shorter is the smaller one.
fn rank(mail: &KeptMail) -> (i64, usize, &str) {
    (mail.at.millis(), mail.id.len(), &mail.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(id: &str, at: i64) -> KeptMail {
        KeptMail {
            id: id.to_owned(),
            at: Timestamp::from_millis(at),
            from: String::new(),
            to: String::new(),
            subject: String::new(),
            text: String::new(),
            html: String::new(),
        }
    }

    #[test]
    fn mail_lies_in_the_order_in_which_it_was_asked_for() {
        let letter_box = LetterBox::default();
        for (id, at) in [
            ("job-10", 5),
            ("job-9", 5),
            ("job-1", 9),
            ("job-2", 1),
            ("job-9", 5),
        ] {
            letter_box.put(mail(id, at));
        }
        let ids: Vec<_> = letter_box.mails().into_iter().map(|mail| mail.id).collect();
        assert_eq!(ids, ["job-2", "job-9", "job-10", "job-1"]);
        letter_box.clear();
        assert!(letter_box.mails().is_empty());
    }

    #[tokio::test]
    async fn a_mail_is_waited_for_and_taken_once() {
        let letter_box = LetterBox::default();
        let (long, short) = (Duration::from_secs(10), Duration::from_millis(1));
        let to = |address: &str, id: &str| KeptMail {
            to: address.to_owned(),
            ..mail(id, 1)
        };
        assert_eq!(letter_box.next(short).await, None);
        let (first, second, ()) = tokio::join!(
            letter_box.next_to("bob", long),
            letter_box.next_to("ann", long),
            async {
                tokio::task::yield_now().await;
                letter_box.put(to("ann", "job-1"));
                letter_box.put(to("bob", "job-2"));
                letter_box.put(to("bob", "job-3"));
            }
        );
        let ids = [first, second].map(|mail| mail.expect("it came").id);
        assert_eq!(ids, ["job-2", "job-1"]);
        assert_eq!(letter_box.next_to("ann", short).await, None);
        let last = letter_box.next(short).await.map(|mail| mail.id);
        assert_eq!(last.as_deref(), Some("job-3"));
    }

    #[test]
    fn the_oldest_makes_room() {
        let letter_box = LetterBox::default();
        for at in 0..=MAILS_KEPT_MAX {
            letter_box.put(mail(
                &format!("job-{at}"),
                i64::try_from(at).expect("small"),
            ));
        }
        let mails = letter_box.mails();
        assert_eq!((mails.len(), mails[0].at.millis()), (MAILS_KEPT_MAX, 1));
    }
}
