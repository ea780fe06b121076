//! How much mail, and when: by the hour, by the day, and not at night.

use super::support::smtp::MailServer;
use super::{HOUR, MINUTE, Office};

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
