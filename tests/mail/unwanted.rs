//! Mail that nobody wants, or wants no more.

use serde_json::json;

use super::{MINUTE, Office};

impl Office {
    /// Does something between a post that names Ben and the moment at which its mail could leave.
    pub(super) async fn meanwhile(&mut self, post: &str, act: impl AsyncFnOnce(&Self)) {
        act(self).await;
        self.smtp.start_again(&[]).await;
        self.pass(5 * MINUTE).await;
        assert_eq!(self.leftover().await, [""; 0], "{post}");
        assert_eq!(self.queue().await.0, 0, "{post}");
    }

    /// Publishes while the mail server is down, and waits until that has been noticed.
    pub(super) async fn say_in_vain(&mut self, author: &str, text: &str) -> String {
        // A mail that was taken but not answered yet would come again.
        self.at_rest().await;
        self.smtp.stop();
        let post = self.say(author, text).await;
        self.at_rest().await;
        assert_eq!(self.queue().await.0, 1);
        post
    }

    pub(super) async fn relate(&self, name: &str, act: &str, other: &str) {
        let path = format!("/api/v1/accounts/{}/{act}", self.rig.person(other).id);
        self.client(name).post_empty(&path).await.ok();
    }
}

#[tokio::test]
async fn nobody_gets_mail_from_whom_it_blocked_or_muted() {
    let mut office = Office::open(&["ana", "ben"]).await;
    for (name, act, other, undo) in [
        ("ben", "block", "ana", "unblock"),
        ("ben", "mute", "ana", "unmute"),
        ("ana", "block", "ben", "unblock"),
    ] {
        office.relate(name, act, other).await;
        office.say("ana", "@ben hello").await;
        office.nothing_is_left().await;
        office.relate(name, undo, other).await;
        office.say("ana", "@ben hello again").await;
        assert!(office.smtp.next().await.text().contains("hello again"));
    }
    office.say("ben", "@ben a note to myself").await;
    office.nothing_is_left().await;
}

#[tokio::test]
async fn what_changed_before_the_mail_left_counts() {
    let mut office = Office::open(&["ana", "ben"]).await;
    let post = office.say_in_vain("ana", "@ben deleted").await;
    let path = format!("/api/v1/statuses/{post}");
    let delete = async |office: &Office| drop(office.client("ana").delete(&path).await.ok());
    office.meanwhile("deleted", delete).await;

    let post = office.say_in_vain("ana", "@ben edited away").await;
    let path = format!("/api/v1/statuses/{post}");
    let edit = async |office: &Office| {
        let text = json!({"status": "nobody in particular"});
        office.client("ana").put(&path, text).await.ok();
    };
    office.meanwhile("edited away", edit).await;

    office.say_in_vain("ana", "@ben muted").await;
    let mute = async |office: &Office| office.relate("ben", "mute", "ana").await;
    office.meanwhile("muted", mute).await;
    office.relate("ben", "unmute", "ana").await;

    office.say_in_vain("ana", "@ben blocked").await;
    let block = async |office: &Office| office.relate("ben", "block", "ana").await;
    office.meanwhile("blocked", block).await;
    office.relate("ben", "unblock", "ana").await;

    // What was only changed leaves as it is now.
    let post = office.say_in_vain("ana", "@ben a blackbird").await;
    let text = json!({"status": "@ben a robin"});
    let path = format!("/api/v1/statuses/{post}");
    office.client("ana").put(&path, text).await.ok();
    office.smtp.start_again(&[]).await;
    office.pass(5 * MINUTE).await;
    let mail = office.smtp.next().await;
    assert!(mail.text().contains("robin") && !mail.raw.contains("blackbird"));

    office.say_in_vain("ana", "@ben suspended").await;
    let ana = office.rig.person("ana").id;
    let suspend = async |office: &Office| office.rig.set_suspended(ana, true).await;
    office.meanwhile("suspended", suspend).await;
    office.nothing_is_left().await;
}
