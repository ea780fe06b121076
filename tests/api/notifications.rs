//! Notifications, markers.

use serde_json::json;

use crate::support::server::Rig;
use crate::{act, each, id_of, say, walk};

#[tokio::test]
async fn what_happens_is_told_and_can_be_narrowed() {
    let rig = Rig::start(&["ada", "bob", "cid"]).await;
    let (ada, bob) = (rig.client("ada"), rig.client("bob"));
    let post = say(ada, "hello", "public").await;
    for mark in ["favourite", "reblog"] {
        let path = format!("/api/v1/statuses/{post}/{mark}");
        bob.post_empty(&path).await.ok();
    }
    act(&rig, "bob", "follow", "ada").await;
    say(rig.client("cid"), "@ada hi", "direct").await;
    let told = async |query: &str| {
        let answer = ada.get(&format!("/api/v1/notifications{query}")).await;
        each(&answer.ok(), "type")
    };
    assert_eq!(told("").await, ["mention", "follow", "reblog", "favourite"]);
    assert_eq!(
        told("?types[]=mention&types[]=follow").await,
        ["mention", "follow"]
    );
    assert_eq!(told("?exclude_types[]=mention").await.len(), 3);
    assert_eq!(told("?types[]=poll").await.len(), 0);
    let of_cid = format!("?account_id={}", rig.person("cid").id);
    assert_eq!(told(&of_cid).await, ["mention"]);
    assert_eq!(walk(ada, "/api/v1/notifications?limit=1").await.len(), 4);
    let list = ada.get("/api/v1/notifications").await.ok();
    assert_eq!(list[0]["status"]["visibility"], "direct");
    assert_eq!(list[1].get("status"), None, "a follow is about no post");
    act(&rig, "ada", "mute", "cid").await;
    assert_eq!(told("").await.len(), 3);
    ada.delete(&format!("/api/v1/statuses/{post}")).await.ok();
    assert_eq!(
        told("").await,
        ["follow"],
        "what is about a post goes with it"
    );
    assert!(rig.anonymous().get("/api/v1/notifications").await.status == 401);
}

#[tokio::test]
async fn notifications_are_counted_dismissed_and_cleared() {
    let rig = Rig::start(&["ada", "bob", "cid"]).await;
    let ada = rig.client("ada");
    act(&rig, "bob", "follow", "ada").await;
    act(&rig, "cid", "follow", "ada").await;
    let list = ada.get("/api/v1/notifications").await.ok();
    let (newest, oldest) = (id_of(&list[0]), id_of(&list[1]));
    let unread = async || ada.get("/api/v1/notifications/unread_count").await.ok()["count"].clone();
    assert_eq!(unread().await, 2);
    let markers = json!({"notifications": {"last_read_id": oldest}});
    let set = ada.post("/api/v1/markers", markers).await.ok();
    assert_eq!(set["notifications"]["last_read_id"], oldest);
    assert_eq!(set["notifications"]["version"], 1);
    assert_eq!(
        set["notifications"]["updated_at"],
        "2026-09-21T14:13:20.000Z"
    );
    assert_eq!(unread().await, 1);
    let single = format!("/api/v1/notifications/{newest}");
    assert_eq!(ada.get(&single).await.ok()["account"]["acct"], "cid");
    rig.client("bob").get(&single).await.refused(404);
    ada.post_empty(&format!("{single}/dismiss")).await.ok();
    ada.get(&single).await.refused(404);
    assert_eq!(unread().await, 0);
    assert_eq!(
        ada.post_empty("/api/v1/notifications/clear").await.ok(),
        json!({})
    );
    assert_eq!(ada.get("/api/v1/notifications").await.ok(), json!([]));
    let policy = ada.get("/api/v2/notifications/policy").await.ok();
    assert_eq!(policy["for_not_following"], "accept");
}

#[tokio::test]
async fn markers_are_kept_per_timeline() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    assert_eq!(
        ada.get("/api/v1/markers?timeline[]=home").await.ok(),
        json!({})
    );
    let form = [("home[last_read_id]", "123")];
    ada.post_form("/api/v1/markers", &form).await.ok();
    let both = ada
        .get("/api/v1/markers?timeline[]=home&timeline[]=notifications")
        .await;
    assert_eq!(both.ok()["home"]["last_read_id"], "123");
    assert_eq!(both.ok().get("notifications"), None);
    let bad = json!({"home": {"last_read_id": "newest"}});
    ada.post("/api/v1/markers", bad).await.refused(422);
}
