//! Search for accounts, posts and tags.

use serde_json::json;

use crate::support::server::{Client, Rig};
use crate::{act, each, say};

async fn found(client: &Client, query: &str, kind: &str, field: &str) -> Vec<String> {
    let answer = client.get(&format!("/api/v2/search?{query}")).await.ok();
    each(&answer[kind], field)
}

#[tokio::test]
async fn posts_are_found_by_whoever_may_see_them() {
    let rig = Rig::start(&["ada", "bob", "cid"]).await;
    act(&rig, "bob", "follow", "ada").await;
    let ada = rig.client("ada");
    let open = say(ada, "日本語の東京です", "public").await;
    let closed = say(ada, "東京 for followers", "private").await;
    let direct = say(ada, "@cid 東京 for one", "direct").await;
    let posts = async |client: &Client, query: &str| found(client, query, "statuses", "id").await;
    assert_eq!(posts(&rig.anonymous(), "q=東京").await, [&*open]);
    assert_eq!(posts(rig.client("bob"), "q=東京").await, [&*closed, &open]);
    assert_eq!(posts(rig.client("cid"), "q=東京").await, [&*direct, &open]);
    assert_eq!(
        posts(ada, "q=東京&type=statuses&limit=2").await,
        [&*direct, &closed]
    );
    assert_eq!(
        posts(ada, "q=東京&type=statuses&limit=2&offset=2").await,
        [&*open]
    );
    assert!(posts(ada, "q=東京&type=statuses&offset=3").await.is_empty());
    assert!(posts(ada, "q=東京&type=accounts").await.is_empty());
    assert_eq!(posts(ada, "q=from:me&type=statuses").await.len(), 3);
    assert_eq!(posts(rig.client("bob"), "q=東京 from:ada").await.len(), 2);
    assert!(posts(rig.client("bob"), "q=東京 from:cid").await.is_empty());
    act(&rig, "ada", "block", "bob").await;
    assert!(posts(rig.client("bob"), "q=東京").await.is_empty());
    ada.delete(&format!("/api/v1/statuses/{open}")).await.ok();
    assert!(posts(&rig.anonymous(), "q=東京").await.is_empty());
    for odd in [
        "q=\"",
        "q=*",
        "q=a AND",
        "q=(",
        "q=-",
        "q=NEAR(a b)",
        "q=from:",
        "q=terms:x",
    ] {
        rig.anonymous()
            .get(&format!("/api/v2/search?{odd}"))
            .await
            .ok();
    }
    rig.anonymous().get("/api/v2/search").await.refused(422);
    rig.anonymous()
        .get("/api/v2/search?q=a&type=all")
        .await
        .refused(422);
}

#[tokio::test]
async fn accounts_and_tags_are_found_by_their_beginning() {
    let rig = Rig::start(&["wren", "wrenfan", "bob"]).await;
    say(rig.client("wren"), "#Birdsong", "public").await;
    say(rig.client("wren"), "#birdsecret", "private").await;
    let anonymous = rig.anonymous();
    assert_eq!(
        found(&anonymous, "q=wre", "accounts", "acct").await.len(),
        2
    );
    assert_eq!(
        found(&anonymous, "q=@wren", "accounts", "acct").await[0],
        "wren"
    );
    assert_eq!(
        found(&anonymous, "q=%23bird", "hashtags", "name").await,
        ["birdsong"]
    );
    assert!(
        found(&anonymous, "q=wre&offset=2", "accounts", "acct")
            .await
            .is_empty()
    );
    let bob = rig.client("bob");
    let search = async |query: &str| {
        let answer = bob.get(&format!("/api/v1/accounts/search?{query}")).await;
        each(&answer.ok(), "acct")
    };
    assert_eq!(search("q=wren&limit=1").await, ["wren"]);
    assert!(search("q=wren&following=true").await.is_empty());
    act(&rig, "bob", "follow", "wrenfan").await;
    assert_eq!(search("q=wren&following=true").await, ["wrenfan"]);
    assert!(search("q=wren@other.example").await.is_empty());
    anonymous
        .get("/api/v1/accounts/search?q=wren")
        .await
        .refused(401);
    let tag = bob.get("/api/v1/tags/BirdSong").await.ok();
    assert_eq!(
        (&tag["name"], &tag["following"]),
        (&json!("birdsong"), &json!(false))
    );
    let follow = bob.post_empty("/api/v1/tags/birdsong/follow").await;
    assert!(follow.refused(404).contains("Tags"));
}

#[tokio::test]
async fn an_address_of_this_instance_finds_what_it_leads_to() {
    let rig = Rig::start(&["ada", "bob"]).await;
    let closed = say(rig.client("ada"), "for followers", "private").await;
    let url = rig.server.url();
    let ada = rig.client("ada");
    assert_eq!(
        found(
            ada,
            &format!("q={url}/@ada&resolve=true"),
            "accounts",
            "acct"
        )
        .await,
        ["ada"]
    );
    let post = format!("q={url}/@ada/{closed}&resolve=true");
    assert_eq!(found(ada, &post, "statuses", "id").await, [&*closed]);
    assert!(
        found(rig.client("bob"), &post, "statuses", "id")
            .await
            .is_empty()
    );
}
