//! Mail servers that are away, that put off, that say no, and that say nothing.

use std::collections::HashSet;

use kinglet::domain::access::Authority;
use kinglet::domain::job::{Breaker, FAILURES_MAX, JobState};
use kinglet::store::units::{ReviveDeadJobs, RunJobNow};
use serde_json::json;

use super::support::server::START;
use super::support::smtp::MailServer;
use super::{HOUR, MINUTE, Office};

#[tokio::test]
async fn a_server_that_was_away_gets_each_mail_once() {
    let mut office = Office::open(&["ana", "ben"]).await;
    office.smtp.stop();
    office.say("ana", "@ben number 1").await;
    office.at_rest().await;
    let job = office.job(JobState::Waiting).await;
    let reason = job.last_error.clone().expect("a reason");
    assert!(reason.contains("refused"), "{reason}");
    // The server's fault is no attempt of the mail's.
    assert_eq!(job.attempts, 0);
    let pause = job.run_at.millis() - START.millis();
    assert!((MINUTE / 2..=MINUTE).contains(&pause), "{pause}");
    assert_eq!(office.queue().await.1.breaker.failures, 1);

    // Until then nothing is tried, however often somebody rings.
    office.pass(pause - 1).await;
    assert_eq!(office.queue().await.1.breaker.failures, 1);
    office.pass(1).await;
    assert_eq!(office.queue().await.1.breaker.failures, 2);
    office.pass(MINUTE).await;
    let (_, away) = office.queue().await;
    let now = office.rig.clock_now();
    assert_eq!(away.breaker.failures, FAILURES_MAX);
    assert!(away.breaker.open_until > now, "the breaker is open");

    // The others needn't be tried.
    for number in 2..=6 {
        office.say("ana", &format!("@ben number {number}")).await;
    }
    office.at_rest().await;
    assert_eq!(office.queue().await.0, 6);
    assert_eq!(office.queue().await.1.breaker, away.breaker);
    office.pass(MINUTE).await;
    let (waiting, away) = office.queue().await;
    assert_eq!((waiting, away.breaker.failures), (6, FAILURES_MAX + 1));

    office.smtp.start_again(&[]).await;
    office.pass(2 * MINUTE).await;
    let mails = office.smtp.several(6).await;
    let mut texts: Vec<&str> = mails
        .iter()
        .filter_map(|mail| mail.text().split("> @ben ").nth(1)?.lines().next())
        .collect();
    texts.sort_unstable();
    let wanted = [1, 2, 3, 4, 5, 6].map(|number| format!("number {number}"));
    assert_eq!(texts, wanted);
    office.nothing_is_left().await;
    assert_eq!(office.queue().await.1.breaker, Breaker::default());
}

#[tokio::test]
async fn what_could_not_leave_counts_once_for_the_hour() {
    let smtp = MailServer::start().await;
    let mut office = Office::open_with(smtp, &["ana", "ben"], |config| {
        config.mail.per_hour_max = 1;
    })
    .await;
    office.smtp.stop();
    office.say("ana", "@ben hello").await;
    office.at_rest().await;
    office.pass(MINUTE).await;
    office.pass(MINUTE).await;
    office.smtp.start_again(&[]).await;
    office.pass(5 * MINUTE).await;
    let mail = office.smtp.next().await;
    assert_eq!(mail.header("Subject"), "@ana mentioned you");
    office.nothing_is_left().await;
}

#[tokio::test]
async fn a_mail_that_is_put_off_comes_once() {
    let mut office = Office::open(&["ana", "greylisted"]).await;
    office.say("ana", "@greylisted hello").await;
    office.smtp.wait_for("turned_away", Some(451)).await;
    office.at_rest().await;
    let job = office.job(JobState::Waiting).await;
    assert_eq!(job.attempts, 1);
    let reason = job.last_error.expect("a reason");
    assert_eq!(reason, "451 4.7.1 Come back later");
    assert_eq!(office.leftover().await, [""; 0]);
    // That the server answers is no fault of it.
    assert_eq!(office.queue().await.1.breaker, Breaker::default());

    office.pass(MINUTE).await;
    let mail = office.smtp.next().await;
    // It is as old as what it tells of.
    assert_eq!(mail.header("Date"), "Mon, 21 Sep 2026 14:13:20 +0000");
    office.nothing_is_left().await;
}

#[tokio::test]
async fn an_address_that_is_no_good_gets_no_more_mail() {
    let mut office = Office::open(&["ana", "ben", "gone"]).await;
    office.say("ana", "@gone hello").await;
    office.smtp.wait_for("turned_away", Some(550)).await;
    office.at_rest().await;
    let job = office.job(JobState::Dead).await;
    assert_eq!(
        job.last_error.as_deref(),
        Some("550 5.1.1 No such user here")
    );
    assert_eq!(office.queue().await.1.breaker, Breaker::default());

    office.say("ana", "@gone @ben hello again").await;
    assert_eq!(office.smtp.next().await.to, "ben@example.org");
    office.nothing_is_left().await;
    assert_eq!(office.jobs(JobState::Dead).await.len(), 1);

    // Not even when somebody wants it: the address is still no good.
    let actors = &office.rig.server.instance().actors;
    let run = RunJobNow {
        by: Authority::Operator,
        job: job.id,
    };
    actors
        .perform(run)
        .await
        .expect("a dead job can be revived");
    office.nothing_is_left().await;
    assert_eq!(office.jobs(JobState::Dead).await.len(), 0);
}

#[tokio::test]
async fn a_mail_that_is_not_wanted_says_nothing_of_the_address() {
    let mut office = Office::open(&["ana", "spam"]).await;
    for count in 1..=2 {
        office.say("ana", "@spam buy these seeds").await;
        // The second shows that the address is still written to.
        office.smtp.wait_for("turned_away", Some(554)).await;
        office.at_rest().await;
        let dead = office.jobs(JobState::Dead).await;
        assert_eq!(dead.len(), count);
        let reason = dead[0].last_error.as_deref();
        assert_eq!(reason, Some("554 5.7.1 This is not wanted here"));
    }
    let actors = &office.rig.server.instance().actors;
    let revive = ReviveDeadJobs {
        by: Authority::Operator,
    };
    let revived = actors.perform(revive).await;
    assert_eq!(revived.expect("the store answers"), 2);
    office.smtp.wait_for("turned_away", Some(554)).await;
    office.smtp.wait_for("turned_away", Some(554)).await;
    office.at_rest().await;
    assert_eq!(office.jobs(JobState::Dead).await.len(), 2);
    office.nothing_is_left().await;
}

#[tokio::test]
async fn a_refusal_after_an_outage_shows_that_the_server_is_back() {
    let mut office = Office::open(&["ana", "ben", "gone", "greylisted"]).await;
    for name in ["gone", "greylisted"] {
        office.smtp.stop();
        office.say("ana", &format!("@{name} hello")).await;
        office.at_rest().await;
        office.pass(MINUTE).await;
        office.pass(MINUTE).await;
        assert_eq!(office.queue().await.1.breaker.failures, FAILURES_MAX);
        office.smtp.start_again(&[]).await;
        office.pass(2 * MINUTE).await;
        office.smtp.wait_for("turned_away", None).await;
        assert_eq!(office.queue().await.1.breaker, Breaker::default(), "{name}");
    }
    office.pass(2 * MINUTE).await;
    assert_eq!(office.smtp.next().await.to, "greylisted@example.org");
    office.nothing_is_left().await;
}

#[tokio::test]
async fn a_busy_server_is_tried_again() {
    let smtp = MailServer::start_with(&["--manner", "busy"]).await;
    let mut office = Office::open_with(smtp, &["ana", "ben"], |_| {}).await;
    office.say("ana", "@ben hello").await;
    office.smtp.wait_for("turned_away", Some(421)).await;
    office.at_rest().await;
    let job = office.job(JobState::Waiting).await;
    assert_eq!(job.attempts, 0);
    let reason = job.last_error.expect("a reason");
    assert!(reason.contains("421"), "{reason}");
    assert_eq!(office.queue().await.1.breaker.failures, 1);
    office.smtp.start_again(&[]).await;
    office.pass(MINUTE).await;
    assert_eq!(office.smtp.next().await.to, "ben@example.org");
    office.nothing_is_left().await;
}

#[tokio::test]
async fn a_server_that_never_speaks_is_given_up_and_tried_again() {
    let smtp = MailServer::start_with(&["--manner", "silent"]).await;
    let mut office = Office::open_with(smtp, &["ana", "ben"], |config| {
        config.mail.timeout_secs = 1;
    })
    .await;
    office.say("ana", "@ben hello").await;
    office.smtp.wait_for("connected", None).await;
    office.at_rest().await;
    let job = office.job(JobState::Waiting).await;
    let reason = job.last_error.expect("a reason");
    assert!(reason.contains("took longer than 1 second"), "{reason}");
    assert_eq!(job.attempts, 0);
    assert_eq!(office.queue().await.1.breaker.failures, 1);
    office.smtp.start_again(&[]).await;
    office.pass(MINUTE).await;
    assert_eq!(office.smtp.next().await.to, "ben@example.org");
    office.nothing_is_left().await;
}

#[tokio::test]
async fn a_slow_server_gets_a_mail_once_and_holds_up_no_other() {
    let smtp = MailServer::start_with(&["--slow-secs", "0.7"]).await;
    let mut office = Office::open_with(smtp, &["ana", "ben", "slow"], |_| {}).await;
    office.say("ana", "@slow @ben hello").await;
    assert_eq!(office.smtp.next().await.to, "ben@example.org");
    assert_eq!(office.smtp.next().await.to, "slow@example.org");
    office.nothing_is_left().await;
}

#[tokio::test]
async fn a_server_too_slow_to_be_waited_for_sees_that_it_is_the_same_mail() {
    let smtp = MailServer::start_with(&["--slow-secs", "1.5"]).await;
    let mut office = Office::open_with(smtp, &["ana", "slow"], |config| {
        config.mail.timeout_secs = 1;
    })
    .await;
    office.say("ana", "@slow hello").await;
    // The mail server took it although nobody listened any more.
    let first = office.smtp.next().await;
    office.at_rest().await;
    assert_eq!(office.queue().await.0, 1);
    office.smtp.start_again(&["--slow-secs", "0.1"]).await;
    office.pass(MINUTE).await;
    let second = office.smtp.next().await;
    assert_eq!(first.raw, second.raw);
    office.nothing_is_left().await;
}

#[tokio::test]
async fn what_is_too_late_holds_up_nothing_new() {
    let mut office = Office::open(&["ana", "ben"]).await;
    office.smtp.stop();
    for number in 0..20 {
        office.say("ana", &format!("@ben number {number}")).await;
    }
    office.at_rest().await;
    office.smtp.start_again(&[]).await;
    // Longer than anybody wants to hear of it. The schedule isn't rung: its hour may be far.
    office.rig.clock.advance_millis(6 * 24 * HOUR);
    let newest = json!({"status": "@ben news"});
    office.publish("ana", newest).await;
    let mail = office.smtp.next().await;
    assert!(mail.text().contains("news"), "{}", mail.text());
    office.nothing_is_left().await;
    let dead = office.jobs(JobState::Dead).await;
    assert_eq!(dead.len(), 20);
    let reasons: HashSet<&str> = dead
        .iter()
        .filter_map(|job| job.last_error.as_deref()?.split(':').next())
        .collect();
    assert_eq!(reasons, HashSet::from(["too late"]));
}
