//! How much mail, and when: by the hour, by the day, and not at night.

use kinglet::domain::mail::{MailPreferences, MentionMail, QuietHours};
use kinglet::store::queries::jobs::ListSchedules;
use tokio::time::{sleep, timeout};

use super::support::smtp::MailServer;
use super::{HOUR, LOOK_INTERVAL, MINUTE, Office, PATIENCE};

impl Office {
    /// Waits until the digests are planned: what is planned later than the clock is moved is due another day.
    async fn until_planned(&self) {
        let actors = &self.rig.server.instance().actors;
        let planned = async {
            loop {
                let schedules = actors.find(ListSchedules).await;
                let schedules = schedules.expect("the store answers");
                if schedules.iter().any(|row| row.task == "digests") {
                    return;
                }
                sleep(LOOK_INTERVAL).await;
            }
        };
        let planned = timeout(PATIENCE, planned).await;
        planned.expect("the schedule is made");
    }
}

#[tokio::test]
async fn what_is_too_much_for_an_hour_comes_in_one_digest() {
    let smtp = MailServer::start().await;
    let mut office = Office::open_with(smtp, &["ana", "ben", "cleo"], |config| {
        config.mail.per_hour_max = 2;
    })
    .await;
    let mut posts = Vec::new();
    for number in 1..=5 {
        posts.push(office.say("ana", &format!("@ben number {number}")).await);
        office.at_rest().await;
    }
    for mail in office.smtp.several(2).await {
        assert_eq!(mail.header("Subject"), "@ana mentioned you");
    }
    // It is Ben's hour that is full.
    office.say("ana", "@cleo hello").await;
    assert_eq!(office.smtp.next().await.to, "cleo@example.org");
    // Deleted before the digest: not in it.
    let path = format!("/api/v1/statuses/{}", posts[3]);
    office.client("ana").delete(&path).await.ok();
    assert_eq!(office.leftover().await, [""; 0]);

    // It is 14:13:20.
    office.pass(46 * MINUTE).await;
    assert_eq!(office.leftover().await, [""; 0]);
    office.pass(MINUTE).await;
    let digest = office.smtp.next().await;
    assert_eq!(digest.to, "ben@example.org");
    assert!(digest.header("Subject").starts_with("2 things happened"));
    assert_eq!(digest.header("Auto-Submitted"), "auto-generated");
    // The latest that it tells is as old as this.
    assert_eq!(digest.header("Date"), "Mon, 21 Sep 2026 14:13:20 +0000");
    assert!(digest.headers_of("References").is_empty());
    let base = office.rig.server.url();
    let unsubscribe = digest.unsubscribe_path(base);
    assert!(digest.text().contains(&unsubscribe));
    for (number, is_told) in [(1, false), (2, false), (3, true), (4, false), (5, true)] {
        let text = format!("> @ben number {number}");
        assert_eq!(digest.text().contains(&text), is_told, "{}", digest.text());
        let link = format!("/@ana/{}", posts[number - 1]);
        assert_eq!(digest.text().contains(&link), is_told);
    }
    office.nothing_is_left().await;

    // The next hour begins anew.
    office.say("ana", "@ben number 6").await;
    let mail = office.smtp.next().await;
    assert_eq!(mail.header("Subject"), "@ana mentioned you");
    office.pass(2 * HOUR).await;
    office.nothing_is_left().await;
}

#[tokio::test]
async fn who_wants_one_mail_a_day_gets_it_in_the_morning() {
    let mut office = Office::open(&["ana", "ben", "cleo"]).await;
    let daily = |preferences: &mut MailPreferences| preferences.mentions = MentionMail::Daily;
    office.prefer("ben", daily).await;
    office.say("ana", "@ben @cleo number 1").await;
    let deleted = office.say("ana", "@ben number 2").await;
    let direct = serde_json::json!({"status": "@ben number 3", "visibility": "direct"});
    office.publish("ana", direct).await;
    assert_eq!(office.smtp.next().await.to, "cleo@example.org");
    office.nothing_is_left().await;
    let path = format!("/api/v1/statuses/{deleted}");
    office.client("ana").delete(&path).await.ok();

    // It is 14:13:20; digests leave at 8, or a few seconds later.
    office.until_planned().await;
    office.pass(17 * HOUR).await;
    assert_eq!(office.leftover().await, [""; 0]);
    office.pass(48 * MINUTE).await;
    let digest = office.smtp.next().await;
    assert_eq!(digest.to, "ben@example.org");
    assert!(digest.header("Subject").starts_with("2 things happened"));
    let date = digest.header("Date");
    assert!(date.starts_with("Tue, 22 Sep 2026 08:0"), "{date}");
    assert!(digest.text().contains("> @ben @cleo number 1"));
    for secret in ["number 2", "number 3"] {
        assert!(!digest.raw.contains(secret), "{}", digest.raw);
    }
    office.nothing_is_left().await;
}

#[tokio::test]
async fn nobody_is_woken_by_mail() {
    let mut office = Office::open(&["ana", "ben", "cleo"]).await;
    office
        .prefer("ben", |preferences| {
            preferences.time_zone = Some("Europe/Berlin".to_owned());
            preferences.quiet = Some(QuietHours {
                from_minute: 22 * 60,
                until_minute: 7 * 60,
            });
        })
        .await;
    // 21:53:20 in Berlin.
    office.pass(5 * HOUR + 40 * MINUTE).await;
    office.say("ana", "@ben good evening").await;
    assert!(office.smtp.next().await.text().contains("good evening"));
    office.pass(7 * MINUTE).await;
    for text in ["@ben @cleo good night", "@ben are you asleep?"] {
        office.say("ana", text).await;
    }
    assert_eq!(office.smtp.next().await.to, "cleo@example.org");
    assert_eq!(office.leftover().await, [""; 0]);
    // 6:59:20, and 7:00:20.
    office.pass(8 * HOUR + 59 * MINUTE).await;
    assert_eq!(office.leftover().await, [""; 0]);
    assert_eq!(office.queue().await.0, 2);
    office.pass(MINUTE).await;
    for mail in office.smtp.several(2).await {
        assert_eq!(mail.to, "ben@example.org");
        // Written at night.
        assert_eq!(mail.header("Date"), "Mon, 21 Sep 2026 20:00:20 +0000");
    }
    office.nothing_is_left().await;
}
