//! Jobs: what has to be done after a commit, and must not be forgotten.
//!
//! A job is a row, written in the unit of the act that causes it. It is done at least once: whoever gets the result
//! knows a repetition by the job's number.

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, JobId, PostId, SessionId};

/// How long a worker may take for one job before another may have it, in milliseconds; longer than any time-out.
pub const LEASE_MILLIS: i64 = 10 * 60 * 1000;
/// How often a job is tried before it is dead.
pub const ATTEMPTS_MAX: i64 = 16;
/// How long a dead job is kept for somebody to look at, in milliseconds: 14 days.
pub const DEAD_MILLIS_MAX: i64 = 14 * 24 * 60 * 60 * 1000;
/// The most characters of a failure that are kept.
pub const REASON_CHARS_MAX: usize = 300;
/// The shape of payloads that this kinglet writes, and the newest that it reads.
pub const PAYLOAD_VERSION: i64 = 1;

const MINUTE_MILLIS: i64 = 60 * 1000;
const HOUR_MILLIS: i64 = 60 * MINUTE_MILLIS;
const DAY_MILLIS: i64 = 24 * HOUR_MILLIS;

/// The first pause after a failure, in milliseconds; each further one is twice as long.
const BACKOFF_MILLIS_MIN: i64 = MINUTE_MILLIS;
/// The longest pause between two attempts, in milliseconds.
const BACKOFF_MILLIS_MAX: i64 = 4 * HOUR_MILLIS;

/// Something to be done: ids, never texts, so that what is deleted meanwhile is gone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "payload", rename_all = "snake_case")]
pub enum Job {
    /// Remove what hangs on a deleted post.
    PurgePost {
        /// The post.
        post: PostId,
    },
    /// Remove everything of a deleted account.
    PurgeAccount {
        /// The account.
        account: AccountId,
    },
    /// Tell the followers who asked for it of a new post.
    TellFollowers {
        /// The post.
        post: PostId,
        /// The last follower who was told.
        after: AccountId,
    },
    /// Tell those who boosted a post that it was edited.
    TellBoosters {
        /// The post.
        post: PostId,
        /// The last boost whose author was told.
        after: PostId,
    },
    /// Put posts into the search index that were written while there was no search.
    IndexPosts {
        /// The last post that was looked at.
        after: PostId,
    },
    /// Write the archive that an account asked for.
    BuildArchive {
        /// Whose.
        account: AccountId,
    },
    /// Take in the archive that an account uploaded.
    TakeArchive {
        /// Whose.
        account: AccountId,
    },
    /// Mail to somebody who was named in a post.
    MentionMail {
        /// Who was named.
        account: AccountId,
        /// Where.
        post: PostId,
    },
    /// Mail to somebody whom another wants to follow.
    FollowRequestMail {
        /// Who is asked.
        account: AccountId,
        /// Who asks.
        follower: AccountId,
    },
    /// Mail to a moderator: somebody waits for approval.
    SignUpMail {
        /// The moderator.
        account: AccountId,
        /// Who waits.
        applicant: AccountId,
    },
    /// Mail to somebody who was let in.
    ApprovedMail {
        /// Who.
        account: AccountId,
    },
    /// Mail with the link that confirms an address.
    ConfirmationMail {
        /// Whose address.
        account: AccountId,
    },
    /// Mail with the link to a new password.
    ResetMail {
        /// Whose; nobody's when there is no such account, so that a stranger can't tell the difference.
        account: Option<AccountId>,
    },
    /// Warning of a log-in.
    LogInMail {
        /// Whose account.
        account: AccountId,
        /// The new session.
        session: SessionId,
    },
    /// What gathered for an account, in one mail.
    DigestMail {
        /// Whose.
        account: AccountId,
        /// The last item that belongs to this digest; fixed when it is first sent.
        until: Option<i64>,
    },
}

/// Who does a job: one lane never waits for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Work on the store itself.
    House,
    /// Mail.
    Mail,
}

impl Lane {
    /// Every lane.
    pub const ALL: [Self; 2] = [Self::House, Self::Mail];
}

/// What goes first among jobs that are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Somebody waits for it in front of a screen.
    Urgent,
    /// News.
    Normal,
    /// Whenever there is time.
    Low,
}

impl Priority {
    /// Every priority, the first first.
    pub const ALL: [Self; 3] = [Self::Urgent, Self::Normal, Self::Low];
}

/// Where a job is in its life; a finished one is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Waits until it is due.
    Waiting,
    /// Somebody works on it.
    Running,
    /// Given up.
    Dead,
}

impl Job {
    /// Who does it.
    pub const fn lane(&self) -> Lane {
        match self {
            Self::PurgePost { .. }
            | Self::PurgeAccount { .. }
            | Self::TellFollowers { .. }
            | Self::TellBoosters { .. }
            | Self::IndexPosts { .. }
            | Self::BuildArchive { .. }
            | Self::TakeArchive { .. } => Lane::House,
            Self::MentionMail { .. }
            | Self::FollowRequestMail { .. }
            | Self::SignUpMail { .. }
            | Self::ApprovedMail { .. }
            | Self::ConfirmationMail { .. }
            | Self::ResetMail { .. }
            | Self::LogInMail { .. }
            | Self::DigestMail { .. } => Lane::Mail,
        }
    }

    /// Where it leads to: when one job fails because nobody answers there, the others needn't be tried.
    pub const fn destination(&self) -> &'static str {
        match self.lane() {
            Lane::House => "house",
            Lane::Mail => "mail",
        }
    }

    /// What goes first.
    pub const fn priority(&self) -> Priority {
        match self {
            Self::ConfirmationMail { .. } | Self::ResetMail { .. } | Self::LogInMail { .. } => {
                Priority::Urgent
            }
            Self::DigestMail { .. }
            | Self::PurgePost { .. }
            | Self::PurgeAccount { .. }
            | Self::IndexPosts { .. }
            | Self::TakeArchive { .. } => Priority::Low,
            _ => Priority::Normal,
        }
    }

    /// As long as a job with this key waits or runs, another one isn't needed; `None` when each counts.
    pub fn dedup_key(&self) -> Option<String> {
        match self {
            Self::PurgePost { post } => Some(format!("purge_post:{post}")),
            Self::PurgeAccount { account } => Some(format!("purge_account:{account}")),
            Self::TellFollowers { post, .. } => Some(format!("tell_followers:{post}")),
            Self::TellBoosters { post, .. } => Some(format!("tell_boosters:{post}")),
            Self::IndexPosts { .. } => Some("index_posts".to_owned()),
            Self::BuildArchive { account } => Some(format!("archive:{account}")),
            // The one before may be about to find that it was cancelled.
            Self::TakeArchive { .. } => None,
            // The post first: keys of posts that follow each other are neighbours in the index, so that a long queue
            // costs a commit no more pages than a short one.
            Self::MentionMail { account, post } => Some(format!("mention:{post}:{account}")),
            Self::FollowRequestMail { account, follower } => {
                Some(format!("follow_request:{account}:{follower}"))
            }
            Self::SignUpMail { account, applicant } => {
                Some(format!("sign_up:{account}:{applicant}"))
            }
            Self::ApprovedMail { account } => Some(format!("approved:{account}")),
            Self::ConfirmationMail { account } => Some(format!("confirmation:{account}")),
            Self::ResetMail { account } => account.map(|account| format!("reset:{account}")),
            Self::LogInMail { session, .. } => Some(format!("log_in:{session}")),
            Self::DigestMail { account, .. } => Some(format!("digest:{account}")),
        }
    }

    /// The age at which it is no longer worth doing, in milliseconds; `None` for what must be done however late.
    pub const fn age_millis_max(&self) -> Option<i64> {
        match self {
            Self::ResetMail { .. } => Some(HOUR_MILLIS),
            Self::LogInMail { .. } | Self::ConfirmationMail { .. } => Some(DAY_MILLIS),
            _ => match self.lane() {
                Lane::House => None,
                Lane::Mail => Some(MAIL_AGE_MILLIS_MAX),
            },
        }
    }
}

/// The age at which any mail is too late, in milliseconds: five days, as mail servers keep it (RFC 5321, section
/// 4.5.4.1).
pub const MAIL_AGE_MILLIS_MAX: i64 = 5 * DAY_MILLIS;

/// The pause before the next attempt, in milliseconds: twice as long after each failure, and spread by `chance` (of
/// 0 to 65535) over its second half, so that what failed together isn't tried together again.
pub fn backoff_millis(attempts: i64, chance: u16) -> i64 {
    let doublings = u32::try_from(attempts.saturating_sub(1).clamp(0, 20)).unwrap_or(0);
    let whole = BACKOFF_MILLIS_MIN
        .saturating_mul(1 << doublings)
        .min(BACKOFF_MILLIS_MAX);
    spread(whole, chance)
}

fn spread(whole: i64, chance: u16) -> i64 {
    let half = whole / 2;
    half + half * i64::from(chance) / i64::from(u16::MAX)
}

/// A fuse in front of a destination: when it failed several times in a row, nothing is tried for a while, then one
/// job, and all the others only when that one came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Breaker {
    /// Failures since the last success.
    pub failures: i64,
    /// Nothing is tried before then, in milliseconds since 1970.
    pub open_until: i64,
}

/// The failures in a row that open a breaker.
pub const FAILURES_MAX: i64 = 3;
/// The longest time that a breaker stays open, in milliseconds.
const OPEN_MILLIS_MAX: i64 = 30 * MINUTE_MILLIS;

impl Breaker {
    /// How many jobs may be tried at `now`, of at most `wanted`; `is_busy` when one is being tried already. A breaker that
    /// would stay open longer than any does was opened before the clock was set back.
    pub fn lets_through(self, now: i64, wanted: usize, is_busy: bool) -> usize {
        if now < self.open_until && self.open_until - now <= OPEN_MILLIS_MAX {
            0
        } else if self.failures >= FAILURES_MAX {
            if is_busy { 0 } else { wanted.min(1) }
        } else {
            wanted
        }
    }

    /// The breaker after one more failure.
    #[must_use]
    pub fn failed(self, now: i64, chance: u16) -> Self {
        let failures = self.failures.saturating_add(1);
        if failures < FAILURES_MAX || now < self.open_until {
            // Jobs that were at work when it opened say nothing new.
            return Self {
                failures: failures.min(FAILURES_MAX.max(self.failures)),
                ..self
            };
        }
        let doublings = u32::try_from((failures - FAILURES_MAX).clamp(0, 10)).unwrap_or(0);
        let whole = (MINUTE_MILLIS << doublings).min(OPEN_MILLIS_MAX);
        Self {
            failures,
            open_until: now.saturating_add(spread(whole, chance)),
        }
    }
}

/// A job that a worker has been given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeasedJob {
    /// Its number.
    pub id: JobId,
    /// What is to be done.
    pub job: Job,
    /// Which attempt this is, from 1.
    pub attempt: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_spread_but_bounded() {
        assert_eq!(backoff_millis(1, 0), 30_000);
        assert_eq!(backoff_millis(1, u16::MAX), 60_000);
        assert_eq!(backoff_millis(3, u16::MAX), 240_000);
        assert_eq!(backoff_millis(i64::MAX, u16::MAX), BACKOFF_MILLIS_MAX);
        for attempt in 1..ATTEMPTS_MAX {
            assert!(backoff_millis(attempt + 1, 0) >= backoff_millis(attempt, 0));
        }
    }

    #[test]
    fn a_breaker_opens_probes_with_one_and_closes() {
        let mut breaker = Breaker::default();
        for _ in 1..FAILURES_MAX {
            breaker = breaker.failed(1000, 0);
            assert_eq!(breaker.lets_through(1000, 4, true), 4);
        }
        breaker = breaker.failed(1000, 0);
        assert_eq!(breaker.open_until, 31_000);
        assert_eq!(breaker.lets_through(30_999, 4, false), 0);
        assert_eq!(breaker.lets_through(31_000, 4, false), 1);
        assert_eq!(breaker.lets_through(31_000, 4, true), 0);
        // Whatever was at work when it opened doesn't make it stay open longer.
        assert_eq!(breaker.failed(2000, 0), breaker);
        let again = breaker.failed(31_000, 0);
        assert_eq!(again.open_until, 31_000 + 60_000);
        let mut long = again;
        for _ in 0..50 {
            long = long.failed(long.open_until, u16::MAX);
        }
        let last = long.open_until;
        assert_eq!(
            long.failed(last, u16::MAX).open_until - last,
            OPEN_MILLIS_MAX
        );
    }

    #[test]
    fn the_keys_of_new_mentions_are_the_last_in_the_index() {
        let key = |post: i64, account: i64| {
            let (account, post) = (AccountId(account), PostId(post));
            let job = Job::MentionMail { account, post };
            job.dedup_key().expect("each mention is mailed once")
        };
        // Ids have as many digits for centuries.
        let (older, newer) = (117_000_000_000_000_000, 117_000_000_000_065_536);
        for (one, other) in [(1, 2), (2, 1), (400, 3)] {
            assert!(key(older, one) < key(newer, other));
        }
    }

    #[test]
    fn a_job_is_written_as_kind_and_payload() {
        let job = Job::MentionMail {
            account: AccountId(7),
            post: PostId(8),
        };
        let json = serde_json::to_string(&job).expect("plain values");
        assert_eq!(
            json,
            r#"{"kind":"mention_mail","payload":{"account":"7","post":"8"}}"#
        );
        assert_eq!(
            serde_json::from_str::<Job>(&json).expect("what was written"),
            job
        );
    }
}
