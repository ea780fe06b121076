//! Follows, requests, blocks and mutes.

use serde_json::json;

use crate::support::server::Rig;
use crate::{act, each, say};

#[tokio::test]
async fn a_follow_answers_with_the_relationship() {
    let rig = Rig::start(&["ada", "bob"]).await;
    let followed = act(&rig, "ada", "follow", "bob").await;
    assert_eq!(followed["following"], true);
    assert_eq!(followed["showing_reblogs"], true);
    let bob = rig.person("bob").id;
    let path = format!("/api/v1/accounts/{bob}/follow");
    let changed = rig
        .client("ada")
        .post_form(&path, &[("reblogs", "false")])
        .await;
    assert_eq!(changed.ok()["showing_reblogs"], false);
    let path = format!("/api/v1/accounts/relationships?id[]={bob}&id[]=7");
    let found = rig.client("ada").get(&path).await.ok();
    assert_eq!(found.as_array().map(Vec::len), Some(1));
    assert_eq!(found[0]["id"], bob.to_string());
    assert_eq!(found[0]["note"], "");
    assert_eq!(
        rig.anonymous().get(&path).await.refused(401),
        "The access token is invalid"
    );
    let removed = act(&rig, "bob", "remove_from_followers", "ada").await;
    assert_eq!(removed["followed_by"], false);
    let narrow = rig.client_of(rig.person("ada").id, "read").await;
    let denied = narrow
        .post_empty(&format!("/api/v1/accounts/{bob}/follow"))
        .await;
    assert_eq!(
        denied.refused(403),
        "This action is outside the authorized scopes"
    );
    let unknown = rig
        .client("ada")
        .post_empty("/api/v1/accounts/7/follow")
        .await;
    assert_eq!(unknown.refused(404), "Record not found");
}

#[tokio::test]
async fn a_locked_account_is_asked_and_answers() {
    let rig = Rig::start(&["ada", "bob", "cid"]).await;
    let bob = rig.client("bob");
    let locked = json!({"locked": true});
    bob.patch("/api/v1/accounts/update_credentials", locked)
        .await
        .ok();
    for asking in ["ada", "cid"] {
        let asked = act(&rig, asking, "follow", "bob").await;
        assert_eq!(
            (&asked["following"], &asked["requested"]),
            (&json!(false), &json!(true))
        );
    }
    let waiting = bob.get("/api/v1/follow_requests").await.ok();
    assert_eq!(each(&waiting, "acct"), ["cid", "ada"]);
    let own = bob.get("/api/v1/accounts/verify_credentials").await.ok();
    assert_eq!(own["source"]["follow_requests_count"], 2);
    let answer = async |who: &str, what: &str| {
        let path = format!("/api/v1/follow_requests/{}/{what}", rig.person(who).id);
        bob.post_empty(&path).await
    };
    assert_eq!(answer("ada", "authorize").await.ok()["followed_by"], true);
    assert_eq!(answer("cid", "reject").await.ok()["followed_by"], false);
    answer("cid", "authorize").await.refused(404);
    let opened = json!({"locked": false});
    act(&rig, "cid", "follow", "bob").await;
    bob.patch("/api/v1/accounts/update_credentials", opened)
        .await
        .ok();
    let waiting = bob.get("/api/v1/follow_requests").await.ok();
    assert_eq!(
        each(&waiting, "acct"),
        ["cid"],
        "opening the door lets nobody in by itself"
    );
}

#[tokio::test]
async fn blocks_and_mutes_are_in_force_at_once_and_listed() {
    let rig = Rig::start(&["ada", "bob", "cid"]).await;
    act(&rig, "ada", "follow", "bob").await;
    let post = say(rig.client("bob"), "hello", "public").await;
    let sees = async |who: &str, path: &str| rig.client(who).get(path).await.status == 200;
    let status = format!("/api/v1/statuses/{post}");
    let listed = async |path: &str| each(&rig.client("ada").get(path).await.ok(), "acct");
    let muted = act(&rig, "ada", "mute", "bob").await;
    assert_eq!(muted["muting_notifications"], true);
    assert_eq!(listed("/api/v1/mutes").await, ["bob"]);
    let home = rig.client("ada").get("/api/v1/timelines/home").await;
    assert_eq!(home.ok(), json!([]));
    assert!(
        sees("ada", &status).await,
        "a muted post stays readable in its place"
    );
    act(&rig, "ada", "unmute", "bob").await;
    assert!(listed("/api/v1/mutes").await.is_empty());
    let blocked = act(&rig, "bob", "block", "ada").await;
    assert_eq!(blocked["blocking"], true);
    assert!(!sees("ada", &status).await);
    assert!(sees("cid", &status).await);
    let relation = format!("/api/v1/accounts/relationships?id={}", rig.person("bob").id);
    let relation = rig.client("ada").get(&relation).await.ok();
    assert_eq!(relation[0]["blocked_by"], true);
    assert_eq!(relation[0]["following"], false);
    let blocks = rig.client("bob").get("/api/v1/blocks").await.ok();
    assert_eq!(each(&blocks, "acct"), ["ada"]);
    act(&rig, "bob", "unblock", "ada").await;
    assert!(sees("ada", &status).await);
    let ada = rig.person("ada").id;
    let myself = rig
        .client("ada")
        .post_empty(&format!("/api/v1/accounts/{ada}/block"))
        .await;
    myself.refused(403);
    let timed = json!({"duration": 60});
    let path = format!("/api/v1/accounts/{}/mute", rig.person("bob").id);
    let timed = rig.client("ada").post(&path, timed).await.refused(422);
    assert!(timed.contains("yet"), "{timed}");
    assert!(
        listed("/api/v1/mutes").await.is_empty(),
        "what is refused isn't done"
    );
}
