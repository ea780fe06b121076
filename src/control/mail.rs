//! A mail to try out the settings with, sent at once and past the jobs, so that its failure is told to whoever waits.

use super::protocol::{Answer, Failure};
use crate::config::MailAddress;
use crate::instance::Instance;
use crate::mail::letters::{Letter as _, Test};
use crate::mail::{Mail, MessageId, Outbox, Site};

/// What stands for the store's identity in the `Message-ID` of a test, which no job sends.
const IDENTITY: &str = "test";

pub(super) async fn send_test(instance: &Instance, address: &str) -> Result<Answer, Failure> {
    let to: MailAddress = address
        .parse()
        .map_err(|error| Failure::new(format!("{address:?} {error}")))?;
    let settings = &instance.config.mail;
    if !settings.url.is_on() {
        return Err(Failure::new(
            "this instance sends no mail: mail.url is not set",
        ));
    }
    let host = instance.url.host();
    let site = Site::of(&instance.config, &instance.url);
    let now = instance.clock.now();
    let mail = Mail {
        id: MessageId::of_job(0, now, IDENTITY, host),
        thread: None,
        to: to.to_string(),
        to_name: String::new(),
        from: settings.sender(&instance.url),
        site_title: site.title.clone(),
        date: now,
        content: Test.content(&site),
        unsubscribe: None,
    };
    let outbox = Outbox::of(settings, &instance.url);
    outbox
        .send(&mail)
        .await
        .map(|()| Answer::Done)
        .map_err(|error| Failure::new(format!("the mail didn't leave: {error}")))
}
