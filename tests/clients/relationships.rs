//! Follow, ask, block, mute.

use serde_json::{Value as Json, json};

use crate::shape::{ACCOUNT, RELATIONSHIP, assert_has, assert_ids_and_times, ids, post};
use crate::support::server::Rig;

async fn act(rig: &Rig, who: &str, what: &str, whom: &str) -> Json {
    let other = rig.person(whom).id;
    let path = format!("/api/v1/accounts/{other}/{what}");
    let relationship = rig.client(who).post_empty(&path).await.ok();
    assert_has(&relationship, RELATIONSHIP);
    assert_ids_and_times(&relationship);
    relationship
}

/// What is true in a relationship.
fn standing(relationship: &Json) -> Vec<&str> {
    let members = relationship.as_object().expect("an object");
    let is_true = |(name, value): (&'static str, &Json)| (*value == true).then_some(name);
    RELATIONSHIP
        .iter()
        .filter_map(|name| is_true((name, members.get(*name)?)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn following_and_its_end() {
    let rig = Rig::start(&["ada", "bob"]).await;
    let follows = ["following", "showing_reblogs"];
    assert_eq!(standing(&act(&rig, "bob", "follow", "ada").await), follows);
    assert_eq!(standing(&act(&rig, "bob", "follow", "ada").await), follows);
    let path = format!("/api/v1/accounts/{}/follow", rig.person("ada").id);
    let bob = rig.client("bob");
    let body = json!({"reblogs": false, "notify": true});
    let changed = bob.post(&path, body).await.ok();
    assert_eq!(standing(&changed), ["following", "notifying"]);
    // What isn't named stays.
    assert_eq!(
        standing(&act(&rig, "bob", "follow", "ada").await),
        ["following", "notifying"]
    );
    let query = format!(
        "/api/v1/accounts/relationships?id[]={}",
        rig.person("bob").id
    );
    let seen = rig.client("ada").get(&query).await.ok();
    assert_eq!(standing(&seen[0]), ["followed_by"]);
    assert_eq!(
        standing(&act(&rig, "bob", "unfollow", "ada").await),
        [""; 0]
    );
    assert_eq!(
        standing(&act(&rig, "bob", "unfollow", "ada").await),
        [""; 0]
    );
    bob.post_empty("/api/v1/accounts/1/follow")
        .await
        .refused(404);
    let own = format!("/api/v1/accounts/{}/follow", rig.person("bob").id);
    bob.post_empty(&own).await.refused(403);
    bob.post(&path, json!({"reblogs": "perhaps"}))
        .await
        .refused(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_account_is_asked_first() {
    let rig = Rig::start(&["ada", "bob", "cid"]).await;
    let ada = rig.client("ada");
    ada.patch(
        "/api/v1/accounts/update_credentials",
        json!({"locked": true}),
    )
    .await
    .ok();
    assert!(standing(&act(&rig, "bob", "follow", "ada").await).contains(&"requested"));
    act(&rig, "cid", "follow", "ada").await;
    let bob = rig.person("bob").id.to_string();
    let cid = rig.person("cid").id.to_string();
    let asking = ada.get("/api/v1/follow_requests").await;
    assert_eq!(ids(&asking), [cid.as_str(), &bob]);
    assert_has(&asking.json()[0], ACCOUNT);
    let own = ada.get("/api/v1/accounts/verify_credentials").await.ok();
    assert_eq!(own["source"]["follow_requests_count"], 2);
    let answer = ada
        .post_empty(&format!("/api/v1/follow_requests/{bob}/authorize"))
        .await
        .ok();
    assert_eq!(standing(&answer), ["followed_by"]);
    let answer = ada
        .post_empty(&format!("/api/v1/follow_requests/{cid}/reject"))
        .await
        .ok();
    assert_eq!(standing(&answer), [""; 0]);
    assert_eq!(ids(&ada.get("/api/v1/follow_requests").await), [""; 0]);
    ada.post_empty(&format!("/api/v1/follow_requests/{cid}/authorize"))
        .await
        .refused(404);
    let body = json!({"status": "for followers", "visibility": "private"});
    ada.post("/api/v1/statuses", body).await.ok();
    assert_eq!(
        ids(&rig.client("bob").get("/api/v1/timelines/home").await).len(),
        1
    );
    assert_eq!(
        ids(&rig.client("cid").get("/api/v1/timelines/home").await).len(),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_ends_follows_both_ways_and_keeps_them_out() {
    let rig = Rig::start(&["ada", "bob"]).await;
    act(&rig, "ada", "follow", "bob").await;
    act(&rig, "bob", "follow", "ada").await;
    assert_eq!(
        standing(&act(&rig, "ada", "block", "bob").await),
        ["blocking"]
    );
    let query = format!("/api/v1/accounts/relationships?id={}", rig.person("ada").id);
    let seen = rig.client("bob").get(&query).await.ok();
    assert_eq!(standing(&seen[0]), ["blocked_by"]);
    let path = format!("/api/v1/accounts/{}/follow", rig.person("ada").id);
    let answer = rig.client("bob").post_empty(&path).await;
    assert!(matches!(answer.status, 403 | 404), "{}", answer.text);
    let blocks = rig.client("ada").get("/api/v1/blocks").await;
    assert_eq!(ids(&blocks), [rig.person("bob").id.to_string()]);
    assert_has(&blocks.json()[0], ACCOUNT);
    assert_eq!(standing(&act(&rig, "ada", "unblock", "bob").await), [""; 0]);
    act(&rig, "bob", "follow", "ada").await;
    let own = format!("/api/v1/accounts/{}/block", rig.person("ada").id);
    rig.client("ada").post_empty(&own).await.refused(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mute_keeps_the_follow_and_may_spare_notifications() {
    let rig = Rig::start(&["ada", "bob"]).await;
    act(&rig, "ada", "follow", "bob").await;
    let muted = act(&rig, "ada", "mute", "bob").await;
    assert_eq!(
        standing(&muted),
        [
            "following",
            "showing_reblogs",
            "muting",
            "muting_notifications"
        ]
    );
    post(rig.client("bob"), "hey @ada").await;
    let ada = rig.client("ada");
    assert_eq!(ids(&ada.get("/api/v1/notifications").await), [""; 0]);
    let mutes = ada.get("/api/v1/mutes").await;
    assert_eq!(ids(&mutes), [rig.person("bob").id.to_string()]);
    assert_eq!(mutes.json()[0]["mute_expires_at"], json!(null));
    let path = format!("/api/v1/accounts/{}/mute", rig.person("bob").id);
    let spared = ada
        .post_form(&path, &[("notifications", "false")])
        .await
        .ok();
    assert!(!standing(&spared).contains(&"muting_notifications"));
    ada.post_form(&path, &[("duration", "3600")])
        .await
        .refused(422);
    assert_eq!(
        standing(&act(&rig, "ada", "unmute", "bob").await),
        ["following", "showing_reblogs"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn relationships_come_in_the_order_asked_and_leave_out_nobody_there() {
    let rig = Rig::start(&["ada", "bob", "cid"]).await;
    let (bob, cid) = (
        rig.person("bob").id.to_string(),
        rig.person("cid").id.to_string(),
    );
    let ada = rig.client("ada");
    let ask = async |query: &str| {
        ada.get(&format!("/api/v1/accounts/relationships{query}"))
            .await
    };
    assert_eq!(
        ids(&ask(&format!("?id[]={cid}&id[]=1&id[]={bob}")).await),
        [cid.as_str(), &bob]
    );
    assert_eq!(ask("").await.ok(), json!([]));
    ask("?id[]=x").await.refused(422);
    rig.anonymous()
        .get(&format!("/api/v1/accounts/relationships?id={bob}"))
        .await
        .refused(401);
}
