//! A mail is about to leave: whether it may, and what it says, decided together at the last moment.

use jiff::tz::TimeZone;

use super::digest::{ITEMS_PER_DIGEST_MAX, close_digest, fold, gather};
use super::enqueue::has_sound_address;
use super::mention::wants_silence;
use super::settle_job::postpone;
use crate::clock::Timestamp;
use crate::domain::access::{CONFIRMATION_MILLIS_MAX, RESET_MILLIS_MAX};
use crate::domain::account::{AccountState, Role};
use crate::domain::job::Job;
use crate::domain::mail::{MailKind, MailPreferences, MentionMail};
use crate::domain::post::Post;
use crate::ids::{AccountId, JobId, PostId, SessionId};
use crate::secret::TokenHash;
use crate::store::error::StoreError;
use crate::store::tables::links::LinkKind;
use crate::store::tables::{
    accounts, credentials, digest_items, follow_requests, jobs, links, mail_settings,
    mail_standing, posts, sessions,
};
use crate::store::writer::{Unit, UnitError, Write};

/// How far up a thread its beginning is looked for; mails about deeper answers make a thread of their own.
const THREAD_DEPTH_MAX: usize = 100;

/// Asks whether the mail of a job may leave now. When it may not, the job is settled: put off, folded into a digest, or
/// forgotten.
#[derive(Debug, Clone)]
pub struct AdmitMail {
    /// The job.
    pub job: JobId,
    /// The hash of the code of a link that the mail may need; each attempt has a new one.
    pub link: TokenHash,
    /// The instance's time zone.
    pub zone: TimeZone,
    /// How many mails one account gets in an hour, one by one.
    pub per_hour_max: u32,
}

/// A mail that may leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatch {
    /// Whose mail it is.
    pub account: AccountId,
    /// Where to.
    pub email: String,
    /// The recipient's name.
    pub name: String,
    /// When it was written: when its job was made, or the latest of what a digest tells was kept. Every attempt tells the
    /// same.
    pub written_at: Timestamp,
    /// The recipient's time zone, where it isn't the instance's.
    pub time_zone: Option<String>,
    /// What it says.
    pub letter: Letter,
}

/// Somebody a mail tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The name.
    pub name: String,
    /// The name that people read; may be empty.
    pub display_name: String,
}

/// A post that names the recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mentioned {
    /// Who wrote it.
    pub sender: Sender,
    /// The post.
    pub post: PostId,
    /// The beginning of its thread; in a digest the post itself.
    pub thread: PostId,
    /// Whether it answers the recipient.
    pub is_reply: bool,
    /// What it says; none when the mail must not say it: posts for few, and posts with a warning.
    pub text: Option<String>,
}

/// What a mail says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Letter {
    /// Somebody named the recipient.
    Mention(Mentioned),
    /// Somebody asks to follow.
    FollowRequest(Sender),
    /// Somebody waits for approval.
    SignUp {
        /// The name.
        name: String,
        /// What the person wrote.
        reason: Option<String>,
    },
    /// The recipient was let in.
    Approved,
    /// Confirm the address, by the link that was asked for.
    Confirm,
    /// Set a new password, by the link that was asked for.
    Reset,
    /// Somebody logged in.
    LogIn {
        /// When.
        at: Timestamp,
        /// What the browser calls itself.
        agent: String,
    },
    /// What gathered.
    Digest {
        /// When the latest of it was kept.
        kept_at: Timestamp,
        /// Posts that name the recipient.
        mentions: Vec<Mentioned>,
        /// Who asks to follow.
        follow_requests: Vec<Sender>,
        /// Who waits for approval.
        sign_ups: Vec<String>,
    },
}

/// What is to become of a mail.
enum Verdict {
    Send(String, Letter),
    Postpone(Timestamp),
    /// Settled in another way, or nobody wants it any more.
    Drop,
}

impl Unit for AdmitMail {
    type Answer = Option<Dispatch>;

    fn apply(&self, write: &mut Write<'_>) -> Result<Option<Dispatch>, UnitError> {
        let Some(row) = jobs::find(write.connection, self.job)? else {
            return Ok(None);
        };
        let Ok(job) = row.job else {
            // Whoever leased it understood it, so another one is at work meanwhile.
            return Ok(None);
        };
        let recipient = match &job {
            Job::ResetMail { account: None } => None,
            Job::MentionMail { account, .. }
            | Job::FollowRequestMail { account, .. }
            | Job::SignUpMail { account, .. }
            | Job::ApprovedMail { account }
            | Job::ConfirmationMail { account }
            | Job::ResetMail {
                account: Some(account),
            }
            | Job::LogInMail { account, .. }
            | Job::DigestMail { account, .. } => Some(*account),
            _ => None,
        };
        let Some(account) = recipient else {
            jobs::delete(write.connection, self.job)?;
            return Ok(None);
        };
        let preferences = mail_settings::find(write.connection, account)?;
        let admission = Admission {
            asked: self,
            account,
            preferences: &preferences,
            asked_at: row.made_at,
            // An attempt that reached nobody isn't counted as one, but left its reason.
            is_first: row.attempts <= 1 && row.last_error.is_none(),
        };
        match admission.judge(write, &job)? {
            Verdict::Send(email, letter) => {
                let name = credentials::find(write.connection, account)?
                    .map(|member| member.name)
                    .unwrap_or_default();
                Ok(Some(Dispatch {
                    account,
                    email,
                    name,
                    written_at: match &letter {
                        Letter::Digest { kept_at, .. } => row.made_at.max(*kept_at),
                        _ => row.made_at,
                    },
                    time_zone: preferences.time_zone,
                    letter,
                }))
            }
            Verdict::Postpone(until) => {
                postpone(write, self.job, until)?;
                Ok(None)
            }
            Verdict::Drop => {
                jobs::delete(write.connection, self.job)?;
                Ok(None)
            }
        }
    }
}

struct Admission<'a> {
    asked: &'a AdmitMail,
    account: AccountId,
    preferences: &'a MailPreferences,
    /// When the job was made.
    asked_at: Timestamp,
    /// Whether this is the job's first attempt: only that one counts.
    is_first: bool,
}

impl Admission<'_> {
    fn judge(&self, write: &mut Write<'_>, job: &Job) -> Result<Verdict, UnitError> {
        match job {
            Job::ConfirmationMail { .. } => Ok(self.confirmation(write)?),
            Job::ResetMail { .. } => Ok(self.reset(write)?),
            _ => {
                let state = credentials::find(write.connection, self.account)?;
                if state.is_none_or(|member| member.state != AccountState::Active)
                    || !has_sound_address(write.connection, self.account)?
                {
                    return Ok(Verdict::Drop);
                }
                let email = credentials::email(write.connection, self.account)?;
                Ok(self.news(write, job, email.unwrap_or_default())?)
            }
        }
    }

    /// Mail that nobody asked for just now.
    fn news(&self, write: &mut Write<'_>, job: &Job, email: String) -> Result<Verdict, StoreError> {
        if let Job::LogInMail { session, .. } = job {
            return self.log_in(write, *session, email);
        }
        if let Some(quiet) = self.preferences.quiet {
            let zone = self.zone();
            if let Some(until) = quiet.quiet_until(write.now, &zone) {
                return Ok(Verdict::Postpone(until));
            }
        }
        if let Job::DigestMail { until, .. } = job {
            return self.digest(write, *until, email);
        }
        if matches!(job, Job::ApprovedMail { .. }) {
            return Ok(Verdict::Send(email, Letter::Approved));
        }
        let (kind, subject) = match job {
            Job::MentionMail { post, .. } => (MailKind::Mention, post.0),
            Job::FollowRequestMail { follower, .. } => (MailKind::FollowRequest, follower.0),
            Job::SignUpMail { applicant, .. } => (MailKind::SignUp, applicant.0),
            _ => return Ok(Verdict::Drop),
        };
        if !self.preferences.wants(kind) {
            return Ok(Verdict::Drop);
        }
        let Some(letter) = self.item(write, kind, subject)? else {
            return Ok(Verdict::Drop);
        };
        if kind == MailKind::Mention && self.preferences.mentions == MentionMail::Daily {
            gather(write, self.account, kind, subject)?;
            return Ok(Verdict::Drop);
        }
        let hour = write.now.hours();
        let most = i64::from(self.asked.per_hour_max);
        if self.is_first && !mail_standing::count(write.connection, self.account, hour, most)? {
            fold(write, self.account, kind, subject)?;
            return Ok(Verdict::Drop);
        }
        let letter = match letter {
            Letter::Mention(mentioned) => Letter::Mention(Mentioned {
                thread: thread_of(write, mentioned.post)?,
                ..mentioned
            }),
            other => other,
        };
        Ok(Verdict::Send(email, letter))
    }

    fn zone(&self) -> TimeZone {
        let own = self.preferences.time_zone.as_deref();
        // A name that the zone database no longer knows counts as none.
        own.and_then(|name| TimeZone::get(name).ok())
            .unwrap_or_else(|| self.asked.zone.clone())
    }

    /// What one piece of news says; `None` when it is news no more.
    fn item(
        &self,
        write: &Write<'_>,
        kind: MailKind,
        subject: i64,
    ) -> Result<Option<Letter>, StoreError> {
        match kind {
            MailKind::Mention => {
                let mention = self.mention(write, PostId(subject))?;
                Ok(mention.map(Letter::Mention))
            }
            MailKind::FollowRequest => {
                let follower = AccountId(subject);
                let waits =
                    follow_requests::find(write.connection, follower, self.account)?.is_some();
                if !waits || wants_silence(write, self.account, follower)? {
                    return Ok(None);
                }
                Ok(sender(write, follower)?.map(Letter::FollowRequest))
            }
            MailKind::SignUp => {
                let reader = credentials::find(write.connection, self.account)?;
                if reader.is_none_or(|reader| reader.role < Role::Moderator) {
                    return Ok(None);
                }
                let found = credentials::find(write.connection, AccountId(subject))?;
                let Some(applicant) = found.filter(|member| member.state == AccountState::Pending)
                else {
                    return Ok(None);
                };
                Ok(Some(Letter::SignUp {
                    reason: credentials::signup_reason(write.connection, applicant.id)?,
                    name: applicant.name,
                }))
            }
            MailKind::LogIn => Ok(None),
        }
    }

    fn mention(&self, write: &Write<'_>, post: PostId) -> Result<Option<Mentioned>, StoreError> {
        let connection = write.connection;
        let Some(facts) = posts::facts(connection, post)? else {
            return Ok(None);
        };
        if facts.author_hidden
            || !facts.mentions.contains(&self.account)
            || wants_silence(write, self.account, facts.author)?
        {
            return Ok(None);
        }
        let (Some(sender), Some(stored)) =
            (sender(write, facts.author)?, posts::find(connection, post)?)
        else {
            return Ok(None);
        };
        Ok(Some(Mentioned {
            sender,
            post,
            thread: post,
            is_reply: facts
                .reply_to
                .is_some_and(|parent| parent.author == self.account),
            text: text_for_mail(stored),
        }))
    }

    fn digest(
        &self,
        write: &mut Write<'_>,
        until: Option<i64>,
        email: String,
    ) -> Result<Verdict, StoreError> {
        let items = digest_items::page(
            write.connection,
            self.account,
            until.unwrap_or(i64::MAX),
            ITEMS_PER_DIGEST_MAX,
        )?;
        let last = items.last().map_or(0, |item| item.id);
        let kept_at = items.last().map_or(write.now, |item| item.made_at);
        if until.is_none() {
            // A repetition says the same: it ends where the first one did.
            let job = Job::DigestMail {
                account: self.account,
                until: Some(last),
            };
            jobs::set_job(write.connection, self.asked.job, &job)?;
        }
        let (mut mentions, mut follow_requests, mut sign_ups) = (vec![], vec![], vec![]);
        for item in items {
            if !self.preferences.wants(item.kind) {
                continue;
            }
            match self.item(write, item.kind, item.subject)? {
                Some(Letter::Mention(mention)) => mentions.push(mention),
                Some(Letter::FollowRequest(sender)) => follow_requests.push(sender),
                Some(Letter::SignUp { name, .. }) => sign_ups.push(name),
                _ => {}
            }
        }
        if mentions.is_empty() && follow_requests.is_empty() && sign_ups.is_empty() {
            // The key is free before what gathered meanwhile asks for the next digest.
            jobs::delete(write.connection, self.asked.job)?;
            close_digest(write, self.account, last)?;
            return Ok(Verdict::Drop);
        }
        let letter = Letter::Digest {
            kept_at,
            mentions,
            follow_requests,
            sign_ups,
        };
        Ok(Verdict::Send(email, letter))
    }

    fn confirmation(&self, write: &mut Write<'_>) -> Result<Verdict, StoreError> {
        let Some(address) = mail_standing::address(write.connection, self.account)? else {
            return Ok(Verdict::Drop);
        };
        let email = match address.new_email {
            Some(new) => new,
            None if !address.is_confirmed => address.email,
            None => return Ok(Verdict::Drop),
        };
        let expires_at = write.now.plus_millis(CONFIRMATION_MILLIS_MAX);
        self.link(write, LinkKind::Confirm, expires_at)?;
        Ok(Verdict::Send(email, Letter::Confirm))
    }

    fn reset(&self, write: &mut Write<'_>) -> Result<Verdict, StoreError> {
        let member = credentials::find(write.connection, self.account)?;
        let may = member.is_some_and(|member| {
            matches!(member.state, AccountState::Active | AccountState::Pending)
        });
        let Some(email) = credentials::email(write.connection, self.account)? else {
            return Ok(Verdict::Drop);
        };
        if !may || !has_sound_address(write.connection, self.account)? {
            return Ok(Verdict::Drop);
        }
        let expires_at = write.now.plus_millis(RESET_MILLIS_MAX);
        self.link(write, LinkKind::Reset, expires_at)?;
        Ok(Verdict::Send(email, Letter::Reset))
    }

    fn link(
        &self,
        write: &Write<'_>,
        kind: LinkKind,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let account = Some(self.account);
        links::insert(
            write.connection,
            self.asked.link,
            kind,
            account,
            1,
            expires_at,
        )
    }

    fn log_in(
        &self,
        write: &Write<'_>,
        session: SessionId,
        email: String,
    ) -> Result<Verdict, StoreError> {
        if !self.preferences.wants(MailKind::LogIn) {
            return Ok(Verdict::Drop);
        }
        // A session that ended meanwhile is worth a warning all the more: whoever wants to hide logs out at once.
        let origin = sessions::origin(write.connection, self.account, session)?;
        let (at, agent) = origin.unwrap_or_else(|| {
            let agent = "a browser that has logged out since".to_owned();
            (self.asked_at, agent)
        });
        Ok(Verdict::Send(email, Letter::LogIn { at, agent }))
    }
}

fn sender(write: &Write<'_>, account: AccountId) -> Result<Option<Sender>, StoreError> {
    let found = accounts::find(write.connection, account)?;
    Ok(found
        .filter(|account| !account.state.is_hidden())
        .map(|account| Sender {
            name: account.name,
            display_name: account.display_name,
        }))
}

/// What a mail may say of a post: mail goes through many hands, so only what everybody may read anyway, and nothing
/// that its author put behind a warning.
fn text_for_mail(post: Post) -> Option<String> {
    let is_open = post.facts.visibility.is_open();
    (is_open && post.spoiler.is_empty() && !post.sensitive).then_some(post.text)
}

/// The beginning of a post's thread, as far as it can be followed.
fn thread_of(write: &Write<'_>, post: PostId) -> Result<PostId, StoreError> {
    let mut root = post;
    for _ in 0..THREAD_DEPTH_MAX {
        match posts::facts(write.connection, root)?.and_then(|facts| facts.reply_to) {
            Some(parent) => root = parent.post,
            None => break,
        }
    }
    Ok(root)
}
