//! Mail: each job is asked for at the store whether it may leave and what it says, then it leaves.
//!
//! A mail has left when the mail server took it; when the process dies between that and the commit that says so, it
//! leaves again, with the same `Message-ID`.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::watch;

use super::lane::{Worker, chance};
use crate::Actors;
use crate::clock::Timestamp;
use crate::config::{Config, InstanceUrl};
use crate::domain::job::LeasedJob;
use crate::domain::mail::MailKind;
use crate::error::AskError;
use crate::ids::{AccountId, JobId, PostId};
use crate::letter_box::{KeptMail, LetterBox};
use crate::mail::letters::{self, Letter as _, Person};
use crate::mail::{Mail, MessageId, Outbox, SendError, Site};
use crate::randomness::Randomness;
use crate::secret::{Secret, TokenHash, random_token};
use crate::store::units::{
    AdmitMail, Bounced, BuryJob, Dispatch, FinishJob, Letter, Mentioned, RetryJob, Sender, Setback,
};
use crate::telemetry::Telemetry;
use crate::unsubscribe::UnsubscribeKey;

/// Random bytes of a link's code: 128 bits.
const LINK_BYTES: usize = 16;

/// The pauses between attempts to write down that a mail has left; together shorter than a lease.
const FINISH_PAUSES: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_secs(1),
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(120),
];

/// What a mailer needs to be told.
pub struct MailerSetup {
    /// The settings.
    pub config: Arc<Config>,
    /// The instance's public address.
    pub url: Arc<InstanceUrl>,
    /// What links to unsubscribe are signed with.
    pub unsubscribe_key: UnsubscribeKey,
    /// The store's random identity: a copy of an instance doesn't repeat the other's `Message-ID`s.
    pub identity: String,
    /// Where mail is kept instead of being sent.
    pub letter_box: Option<LetterBox>,
}

impl MailerSetup {
    /// For an instance that sends mail; `identity` is the store's. With a box the mail goes there.
    pub fn of(
        config: &Arc<Config>,
        url: &Arc<InstanceUrl>,
        unsubscribe_key: &UnsubscribeKey,
        identity: String,
        letter_box: Option<LetterBox>,
    ) -> Option<Self> {
        config.mail.url.is_on().then(|| Self {
            config: Arc::clone(config),
            url: Arc::clone(url),
            unsubscribe_key: unsubscribe_key.clone(),
            identity,
            letter_box,
        })
    }
}

pub(super) struct Mailer {
    actors: Actors,
    randomness: Randomness,
    setup: MailerSetup,
    telemetry: Arc<Telemetry>,
    /// The connections to the mail server, as long as there is mail.
    outbox: watch::Sender<Option<Arc<Outbox>>>,
}

impl Worker for Mailer {
    async fn work(&self, job: LeasedJob) -> Result<(), AskError> {
        let code = random_token::<LINK_BYTES>(&mut self.randomness.rng());
        let config = &self.setup.config;
        let admission = AdmitMail {
            job: job.id,
            link: TokenHash::of(code.expose()),
            zone: config.instance.time_zone.clone(),
            per_hour_max: config.mail.per_hour_max,
        };
        let Some(dispatch) = self.actors.perform(admission).await? else {
            return Ok(());
        };
        let recipient = Bounced {
            account: dispatch.account,
            email: dispatch.email.clone(),
        };
        let mail = self.write(job.id, dispatch, &code);
        if let Some(letter_box) = &self.setup.letter_box {
            letter_box.put(kept(mail));
            return self.finish(job.id).await;
        }
        match self.outbox().send(&mail).await {
            Ok(()) => {
                self.telemetry.mail.sent.count();
                self.finish(job.id).await
            }
            Err(error) => self.settle(&job, recipient, error).await,
        }
    }

    async fn rest(&self) {
        // Kept connections would be looked after now and then, and the server may want them back.
        self.outbox.send_replace(None);
    }
}

impl Mailer {
    pub(super) fn new(
        actors: Actors,
        randomness: Randomness,
        setup: MailerSetup,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        Self {
            actors,
            randomness,
            setup,
            telemetry,
            outbox: watch::channel(None).0,
        }
    }

    fn outbox(&self) -> Arc<Outbox> {
        if let Some(open) = &*self.outbox.borrow() {
            return Arc::clone(open);
        }
        let opened = Arc::new(Outbox::of(&self.setup.config.mail, &self.setup.url));
        self.outbox.send_replace(Some(Arc::clone(&opened)));
        opened
    }

    /// Writes down that a mail has left. That is tried again and again, for the mail would leave once more otherwise.
    async fn finish(&self, job: JobId) -> Result<(), AskError> {
        for pause in FINISH_PAUSES {
            match self.actors.perform(FinishJob { job }).await {
                Err(AskError::Busy | AskError::Unavailable) => {
                    tokio::time::sleep(pause).await;
                }
                settled => return settled,
            }
        }
        self.actors.perform(FinishJob { job }).await
    }

    async fn settle(
        &self,
        job: &LeasedJob,
        recipient: Bounced,
        error: SendError,
    ) -> Result<(), AskError> {
        let reason = error.to_string();
        let figures = &self.telemetry.mail;
        match error {
            SendError::Refused { .. } => figures.refused.count(),
            SendError::Unreachable(_) | SendError::Later(_) => figures.later.count(),
        }
        let setback = match error {
            SendError::Unreachable(_) => Setback::Unreachable,
            SendError::Later(_) => Setback::Deferred,
            SendError::Refused { bounced, .. } => {
                tracing::warn!(target: "kinglet::actors::tasks::mailer", job = %job.id, %reason, bounced, "a mail was refused");
                let bury = BuryJob {
                    job: job.id,
                    reason,
                    bounced: bounced.then_some(recipient),
                };
                return self.actors.perform(bury).await;
            }
        };
        tracing::info!(target: "kinglet::actors::tasks::mailer", job = %job.id, attempt = job.attempt, %reason, "a mail waits");
        let retry = RetryJob {
            job: job.id,
            setback,
            reason,
            chance: chance(&self.randomness),
        };
        self.actors.perform(retry).await
    }

    fn write(&self, job: JobId, dispatch: Dispatch, code: &Secret<String>) -> Mail {
        let MailerSetup {
            config,
            url,
            identity,
            ..
        } = &self.setup;
        let host = url.host();
        let site = Site::of(config, url);
        let thread = match &dispatch.letter {
            Letter::Mention(mention) => {
                Some(MessageId::of_thread(mention.thread.0, identity, host))
            }
            _ => None,
        };
        let unsubscribe =
            subscription(&dispatch.letter).map(|kind| self.unsubscribe_url(dispatch.account, kind));
        Mail {
            id: MessageId::of_job(job.0, dispatch.written_at, identity, host),
            thread,
            to: dispatch.email.clone(),
            to_name: dispatch.name.clone(),
            from: config.mail.sender(url),
            site_title: site.title.clone(),
            date: dispatch.written_at,
            content: self.content(&dispatch, code, &site, unsubscribe.as_deref()),
            unsubscribe,
        }
    }

    fn content(
        &self,
        dispatch: &Dispatch,
        code: &Secret<String>,
        site: &Site,
        unsubscribe: Option<&str>,
    ) -> crate::mail::Content {
        let recipient = || dispatch.name.clone();
        let unsubscribe = || unsubscribe.unwrap_or_default().to_owned();
        let link = |path: &str| format!("{}{path}", site.url);
        let mention = |mention: &Mentioned| letters::Mention {
            recipient: recipient(),
            link: link(&post_path(&mention.sender, mention.post)),
            sender: person(&mention.sender),
            is_reply: mention.is_reply,
            excerpt: mention.text.clone(),
            unsubscribe: unsubscribe(),
        };
        let follow_request = |sender: &Sender| letters::FollowRequest {
            recipient: recipient(),
            sender: person(sender),
            link: link("/notifications"),
            unsubscribe: unsubscribe(),
        };
        let sign_up = |name: &str, reason: Option<&str>| letters::SignUp {
            recipient: recipient(),
            person: Person {
                name: name.to_owned(),
                display_name: String::new(),
            },
            reason: reason.unwrap_or_default().to_owned(),
            link: link("/admin/sign-ups"),
            unsubscribe: unsubscribe(),
        };
        match &dispatch.letter {
            Letter::Mention(mentioned) => mention(mentioned).content(site),
            Letter::FollowRequest(sender) => follow_request(sender).content(site),
            Letter::SignUp { name, reason } => sign_up(name, reason.as_deref()).content(site),
            Letter::Approved => letters::Approved {
                recipient: recipient(),
                link: link("/login"),
            }
            .content(site),
            Letter::Confirm => letters::Confirm {
                recipient: recipient(),
                link: link(&format!("/confirm/{}", code.expose())),
            }
            .content(site),
            Letter::Reset => letters::Reset {
                recipient: recipient(),
                link: link(&format!("/reset/{}", code.expose())),
            }
            .content(site),
            Letter::LogIn { at, agent } => letters::LogIn {
                recipient: recipient(),
                when: self.long_date(*at, dispatch.time_zone.as_deref()),
                browser: agent.clone(),
                link: link("/settings/sessions"),
                unsubscribe: unsubscribe(),
            }
            .content(site),
            Letter::Digest {
                mentions,
                follow_requests,
                sign_ups,
                ..
            } => letters::Digest {
                recipient: recipient(),
                mentions: mentions.iter().map(mention).collect(),
                follow_requests: follow_requests.iter().map(follow_request).collect(),
                sign_ups: sign_ups.iter().map(|name| sign_up(name, None)).collect(),
                more: 0,
                kind: subscription(&dispatch.letter).unwrap_or(MailKind::Mention),
                link: link("/notifications"),
                unsubscribe: unsubscribe(),
            }
            .content(site),
        }
    }

    fn unsubscribe_url(&self, account: AccountId, kind: MailKind) -> String {
        let token = self.setup.unsubscribe_key.sign(account, kind);
        format!("{}/unsubscribe/{token}", self.setup.url)
    }

    fn long_date(&self, at: Timestamp, zone: Option<&str>) -> String {
        let zone = zone.and_then(|name| TimeZone::get(name).ok());
        let zone = zone.unwrap_or_else(|| self.setup.config.instance.time_zone.clone());
        at.in_zone(zone).strftime("%-d %B %Y, %H:%M %Z").to_string()
    }
}

/// The kind that a letter's link unsubscribes from.
fn subscription(letter: &Letter) -> Option<MailKind> {
    match letter {
        Letter::Mention(_) => Some(MailKind::Mention),
        Letter::FollowRequest(_) => Some(MailKind::FollowRequest),
        Letter::SignUp { .. } => Some(MailKind::SignUp),
        Letter::LogIn { .. } => Some(MailKind::LogIn),
        Letter::Digest {
            mentions,
            follow_requests,
            ..
        } => Some(if !mentions.is_empty() {
            MailKind::Mention
        } else if !follow_requests.is_empty() {
            MailKind::FollowRequest
        } else {
            MailKind::SignUp
        }),
        Letter::Approved | Letter::Confirm | Letter::Reset => None,
    }
}

fn kept(mail: Mail) -> KeptMail {
    KeptMail {
        id: mail.id.as_str().to_owned(),
        at: mail.date,
        from: mail.from,
        to: mail.to,
        subject: mail.content.subject,
        text: mail.content.text,
        html: mail.content.html,
    }
}

fn person(sender: &Sender) -> Person {
    Person {
        name: sender.name.clone(),
        display_name: sender.display_name.clone(),
    }
}

fn post_path(sender: &Sender, post: PostId) -> String {
    format!("/@{}/{post}", sender.name)
}
