//! What happened while one was away, and how far one has read.

use serde_json::{Value as Json, json};

use crate::shape::{ACCOUNT, STATUS, assert_has, assert_ids_and_times, id, ids, post};
use crate::support::server::{Client, Rig};

async fn kinds(client: &Client, query: &str) -> Vec<String> {
    let list = client
        .get(&format!("/api/v1/notifications{query}"))
        .await
        .ok();
    let kind = |entry: &Json| entry["type"].as_str().expect("a type").to_owned();
    list.as_array().expect("a list").iter().map(kind).collect()
}

/// ada's post is favoured, boosted and answered by bob, who follows her.
async fn busy_day() -> (Rig, String) {
    let rig = Rig::start(&["ada", "bob", "cid"]).await;
    let bob = rig.client("bob");
    let wren = id(&post(rig.client("ada"), "a wren").await);
    let ada = rig.person("ada").id;
    bob.post_empty(&format!("/api/v1/accounts/{ada}/follow"))
        .await
        .ok();
    for mark in ["favourite", "reblog"] {
        bob.post_empty(&format!("/api/v1/statuses/{wren}/{mark}"))
            .await
            .ok();
    }
    post(bob, "@ada nice").await;
    (rig, wren)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_has_its_shape() {
    let (rig, wren) = busy_day().await;
    let list = rig.client("ada").get("/api/v1/notifications").await.ok();
    let list = list.as_array().expect("a list");
    let kinds: Vec<_> = list.iter().map(|entry| entry["type"].as_str()).collect();
    assert_eq!(
        kinds,
        [
            Some("mention"),
            Some("reblog"),
            Some("favourite"),
            Some("follow")
        ]
    );
    for entry in list {
        assert_has(entry, &["id", "type", "created_at", "account"]);
        assert_has(&entry["account"], ACCOUNT);
        assert_ids_and_times(&entry["account"]);
        assert_eq!(entry["account"]["acct"], "bob");
        match entry["type"].as_str() {
            Some("follow") => assert_eq!(entry.get("status"), None),
            Some("mention") => assert_has(&entry["status"], STATUS),
            _ => {
                assert_has(&entry["status"], STATUS);
                assert_eq!(entry["status"]["id"], wren);
            }
        }
        let one = rig
            .client("ada")
            .get(&format!("/api/v1/notifications/{}", id(entry)))
            .await
            .ok();
        assert_eq!(&one, entry);
        rig.client("bob")
            .get(&format!("/api/v1/notifications/{}", id(entry)))
            .await
            .refused(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_01_types_are_chosen_with_repeated_brackets() {
    let (rig, _) = busy_day().await;
    let ada = rig.client("ada");
    for (query, wanted) in [
        ("?types[]=mention&types[]=follow", vec!["mention", "follow"]),
        ("?types%5B%5D=mention", vec!["mention"]),
        (
            "?exclude_types[]=mention&exclude_types[]=reblog",
            vec!["favourite", "follow"],
        ),
        ("?types[]=mention&exclude_types[]=mention", vec![]),
        ("?types[]=poll", vec![]),
        ("?types[]=no_such_type", vec![]),
        ("?limit=2", vec!["mention", "reblog"]),
        (&format!("?account_id={}", rig.person("cid").id), vec![]),
    ] {
        assert_eq!(kinds(ada, query).await, wanted, "{query}");
    }
    ada.get("/api/v1/notifications?account_id=x")
        .await
        .refused(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_19_an_entry_whose_post_is_gone_is_gone() {
    let (rig, wren) = busy_day().await;
    let ada = rig.client("ada");
    ada.delete(&format!("/api/v1/statuses/{wren}")).await.ok();
    assert_eq!(kinds(ada, "").await, ["mention", "follow"]);
    let bob = rig.client("bob");
    let answer = id(&ada.get("/api/v1/notifications?types[]=mention").await.ok()[0]["status"]);
    bob.delete(&format!("/api/v1/statuses/{answer}")).await.ok();
    assert_eq!(kinds(ada, "").await, ["follow"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_back_is_no_news() {
    let (rig, wren) = busy_day().await;
    let bob = rig.client("bob");
    for mark in ["unfavourite", "unreblog"] {
        bob.post_empty(&format!("/api/v1/statuses/{wren}/{mark}"))
            .await
            .ok();
    }
    let ada = rig.person("ada").id;
    bob.post_empty(&format!("/api/v1/accounts/{ada}/unfollow"))
        .await
        .ok();
    assert_eq!(
        kinds(rig.client("ada"), "?exclude_types[]=follow").await,
        ["mention"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn notifications_are_dismissed_one_by_one_or_all() {
    let (rig, _) = busy_day().await;
    let (ada, bob) = (rig.client("ada"), rig.client("bob"));
    let all = ids(&ada.get("/api/v1/notifications").await);
    let dismiss = |id: &str| format!("/api/v1/notifications/{id}/dismiss");
    let others = bob.post_empty(&dismiss(&all[0])).await;
    assert!(matches!(others.status, 200 | 404), "{}", others.text);
    assert_eq!(
        ids(&ada.get("/api/v1/notifications").await),
        all,
        "bob's dismissal is bob's"
    );
    assert_eq!(ada.post_empty(&dismiss(&all[0])).await.ok(), json!({}));
    assert_eq!(ids(&ada.get("/api/v1/notifications").await), all[1..]);
    let body = json!({"id": all[1]});
    ada.post("/api/v1/notifications/dismiss", body).await.ok();
    assert_eq!(ids(&ada.get("/api/v1/notifications").await), all[2..]);
    assert_eq!(
        ada.post_empty("/api/v1/notifications/clear").await.ok(),
        json!({})
    );
    assert_eq!(ids(&ada.get("/api/v1/notifications").await), [""; 0]);
    ada.post_empty("/api/v1/notifications/dismiss")
        .await
        .refused(422);
    let reader = rig.client_of(rig.person("ada").id, "read").await;
    reader
        .post_empty("/api/v1/notifications/clear")
        .await
        .refused(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn markers_remember_and_count_what_is_unread() {
    let (rig, wren) = busy_day().await;
    let ada = rig.client("ada");
    assert_eq!(
        ada.get("/api/v1/markers?timeline[]=home").await.ok(),
        json!({})
    );
    let all = ids(&ada.get("/api/v1/notifications").await);
    let unread = async || ada.get("/api/v1/notifications/unread_count").await.ok()["count"].clone();
    assert_eq!(unread().await, 4);
    let body = json!({"home": {"last_read_id": wren}, "notifications": {"last_read_id": all[1]}});
    let marked = ada.post("/api/v1/markers", body).await.ok();
    assert_eq!(marked["home"]["last_read_id"], wren);
    assert_eq!(marked["home"]["version"], 1);
    crate::shape::assert_time(&marked["home"]["updated_at"]);
    assert_eq!(unread().await, 1);
    let form = [("home[last_read_id]", all[0].as_str())];
    let marked = ada.post_form("/api/v1/markers", &form).await.ok();
    assert_eq!(marked["home"]["version"], 2);
    let both = ada
        .get("/api/v1/markers?timeline[]=home&timeline[]=notifications")
        .await
        .ok();
    assert_eq!(both["home"]["last_read_id"], all[0]);
    assert_eq!(both["notifications"]["last_read_id"], all[1]);
    assert_eq!(
        rig.client("bob")
            .get("/api/v1/markers?timeline=home")
            .await
            .ok(),
        json!({})
    );
    ada.post("/api/v1/markers", json!({"home": {"last_read_id": "x"}}))
        .await
        .refused(422);
    ada.post("/api/v1/markers", json!({"home": "1"}))
        .await
        .refused(400);
}
