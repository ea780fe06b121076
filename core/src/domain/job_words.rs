//! Jobs and the queues they wait in, in words for whoever looks after them.

use super::job::{Breaker, FAILURES_MAX, Job};
use crate::clock::Timestamp;
use crate::ids::AccountId;

/// What a job is about, as far as it names anybody; `name_of` knows the names of accounts that are still there.
pub fn in_words(job: &Job, name_of: impl Fn(AccountId) -> Option<String>) -> String {
    let who = |account: &AccountId| match name_of(*account) {
        Some(name) => format!("@{name}"),
        None => "somebody who is gone".to_owned(),
    };
    match job {
        Job::PurgePost { .. } => "Remove what hangs on a deleted post".to_owned(),
        Job::PurgeAccount { .. } => "Remove everything of a deleted account".to_owned(),
        Job::TellFollowers { .. } => "Tell followers of a new post".to_owned(),
        Job::TellBoosters { .. } => "Tell boosters that a post was edited".to_owned(),
        Job::IndexPosts { .. } => {
            "Make posts searchable that were written without search".to_owned()
        }
        Job::BuildArchive { account } => format!("Write the archive of {}", who(account)),
        Job::TakeArchive { account } => format!("Take in the archive of {}", who(account)),
        Job::MentionMail { account, .. } => {
            format!("Mention mail to {} about a post", who(account))
        }
        Job::FollowRequestMail { account, follower } => {
            format!("Mail to {}: {} asks to follow", who(account), who(follower))
        }
        Job::SignUpMail { account, applicant } => format!(
            "Mail to {}: {} waits for approval",
            who(account),
            who(applicant)
        ),
        Job::ApprovedMail { account } => format!("Welcome mail to {}", who(account)),
        Job::ConfirmationMail { account } => {
            format!(
                "Mail to {} with the link that confirms the address",
                who(account)
            )
        }
        Job::ResetMail {
            account: Some(account),
        } => format!("Mail to {} with the link to a new password", who(account)),
        // Without an address there is nothing to send, and nothing to tell.
        Job::ResetMail { account: None } => "Answer to a request for a new password".to_owned(),
        Job::LogInMail { account, .. } => format!("Mail to {} about a new log-in", who(account)),
        Job::DigestMail { account, .. } => format!("Digest for {}", who(account)),
    }
}

/// Whose names the words about a job need: at most two.
pub fn named_in(job: &Job) -> impl Iterator<Item = AccountId> {
    let named = match job {
        Job::PurgePost { .. }
        | Job::PurgeAccount { .. }
        | Job::TellFollowers { .. }
        | Job::TellBoosters { .. }
        | Job::IndexPosts { .. }
        | Job::ResetMail { account: None } => [None, None],
        Job::BuildArchive { account }
        | Job::TakeArchive { account }
        | Job::MentionMail { account, .. }
        | Job::ApprovedMail { account }
        | Job::ConfirmationMail { account }
        | Job::ResetMail {
            account: Some(account),
        }
        | Job::LogInMail { account, .. }
        | Job::DigestMail { account, .. } => [Some(*account), None],
        Job::FollowRequestMail {
            account,
            follower: other,
        }
        | Job::SignUpMail {
            account,
            applicant: other,
        } => [Some(*account), Some(*other)],
    };
    named.into_iter().flatten()
}

/// What a destination is called.
pub fn destination_in_words(name: &str) -> &str {
    match name {
        "house" => "Work in the house",
        "mail" => "Mail",
        other => other,
    }
}

/// Whether anything is tried at a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueState {
    /// What is due is done.
    Works,
    /// Somebody stopped it.
    Paused,
    /// It failed too often in a row: nothing is tried before then.
    Rests(Timestamp),
    /// It failed too often in a row: one job finds out whether it answers again.
    Probes,
}

impl QueueState {
    /// How a destination stands at `now`.
    pub fn of(breaker: Breaker, paused: bool, now: Timestamp) -> Self {
        if paused {
            Self::Paused
        } else if now.millis() < breaker.open_until {
            Self::Rests(Timestamp::from_millis(breaker.open_until))
        } else if breaker.failures >= FAILURES_MAX {
            Self::Probes
        } else {
            Self::Works
        }
    }

    /// One word for it, the same wherever it is shown.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Paused => "paused",
            Self::Rests(_) => "rests",
            Self::Probes => "probes",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::PostId;

    fn name_of(account: AccountId) -> Option<String> {
        match account.0 {
            1 => Some("bob".to_owned()),
            2 => Some("wren".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn jobs_are_told_by_the_names_of_people() {
        let mail = |account| Job::MentionMail {
            account: AccountId(account),
            post: PostId(77),
        };
        assert_eq!(
            in_words(&mail(1), name_of),
            "Mention mail to @bob about a post"
        );
        assert_eq!(
            in_words(&mail(9), name_of),
            "Mention mail to somebody who is gone about a post"
        );
        let request = Job::FollowRequestMail {
            account: AccountId(1),
            follower: AccountId(2),
        };
        assert_eq!(
            in_words(&request, name_of),
            "Mail to @bob: @wren asks to follow"
        );
        assert_eq!(
            named_in(&request).collect::<Vec<_>>(),
            [AccountId(1), AccountId(2)]
        );
        assert_eq!(named_in(&Job::ResetMail { account: None }).count(), 0);
    }

    #[test]
    fn a_queue_says_whether_anything_is_tried() {
        let now = Timestamp::from_millis(1000);
        let broken = Breaker {
            failures: FAILURES_MAX,
            open_until: 1001,
        };
        let state = |breaker, paused| QueueState::of(breaker, paused, now);
        assert_eq!(state(Breaker::default(), false), QueueState::Works);
        assert_eq!(state(broken, true), QueueState::Paused);
        let until = Timestamp::from_millis(1001);
        assert_eq!(state(broken, false), QueueState::Rests(until));
        let over = Breaker {
            open_until: 1000,
            ..broken
        };
        assert_eq!(state(over, false), QueueState::Probes);
        let shaky = Breaker {
            failures: FAILURES_MAX - 1,
            open_until: 0,
        };
        assert_eq!(state(shaky, false), QueueState::Works);
    }
}
