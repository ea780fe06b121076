//! `/api/v1/accounts`: accounts as others see them, and lists of them.

use crate::support::server::Rig;
use crate::{act, each, id_of, say, walk};

#[tokio::test]
async fn an_account_is_found_by_id_and_by_name() {
    let rig = Rig::start(&["ada", "bob"]).await;
    let anonymous = rig.anonymous();
    let ada = rig.person("ada").id;
    let account = anonymous.get(&format!("/api/v1/accounts/{ada}")).await.ok();
    assert_eq!(account["acct"], "ada");
    let avatar = account["avatar"].as_str().expect("a URL");
    let picture = anonymous.get_bytes(avatar).await;
    assert_eq!(&picture[..8], b"\x89PNG\r\n\x1a\n");
    let host = rig.server.url().strip_prefix("http://").expect("a host");
    for acct in ["ada", "@ADA", &format!("ada@{host}")] {
        let found = anonymous
            .get(&format!("/api/v1/accounts/lookup?acct={acct}"))
            .await;
        assert_eq!(id_of(&found.ok()), ada.to_string(), "{acct}");
    }
    for path in [
        "/api/v1/accounts/lookup?acct=nobody",
        "/api/v1/accounts/lookup?acct=ada@other.example",
        "/api/v1/accounts/1",
        "/api/v1/accounts/abc",
        "/api/v1/accounts/99999999999999999999999",
    ] {
        assert_eq!(
            anonymous.get(path).await.refused(404),
            "Record not found",
            "{path}"
        );
    }
    let several = format!(
        "/api/v1/accounts?id[]={ada}&id[]=1&id[]={}",
        rig.person("bob").id
    );
    assert_eq!(
        each(&anonymous.get(&several).await.ok(), "acct"),
        ["ada", "bob"]
    );
}

#[tokio::test]
async fn an_accounts_posts_are_those_that_the_viewer_may_see() {
    let rig = Rig::start(&["ada", "bob", "cid"]).await;
    act(&rig, "bob", "follow", "ada").await;
    let ada = rig.client("ada");
    let open = say(ada, "open #Tag", "public").await;
    let unlisted = say(ada, "quiet", "unlisted").await;
    let closed = say(ada, "for followers", "private").await;
    let direct = say(ada, "@cid psst", "direct").await;
    let path = format!("/api/v1/accounts/{}/statuses", rig.person("ada").id);
    let seen = async |client: &crate::support::server::Client, query: &str| {
        each(&client.get(&format!("{path}{query}")).await.ok(), "id")
    };
    assert_eq!(seen(&rig.anonymous(), "").await, [&*unlisted, &open]);
    assert_eq!(
        seen(rig.client("bob"), "").await,
        [&*closed, &unlisted, &open]
    );
    assert_eq!(
        seen(rig.client("cid"), "").await,
        [&*direct, &unlisted, &open]
    );
    assert_eq!(seen(ada, "").await.len(), 4);
    assert_eq!(seen(ada, "?tagged=TAG").await, [&*open]);
    assert!(seen(ada, "?pinned=true").await.is_empty());
    assert!(seen(ada, "?only_media=1").await.is_empty());
    assert!(seen(ada, "?tagged=%20").await.is_empty());
    act(&rig, "ada", "block", "bob").await;
    assert!(seen(rig.client("bob"), "").await.is_empty());
    let bad = rig.anonymous().get(&format!("{path}?max_id=x")).await;
    assert!(bad.refused(400).contains("max_id"));
}

#[tokio::test]
async fn pages_are_full_and_link_on_until_the_end() {
    let rig = Rig::start(&["ada", "bob"]).await;
    let ada = rig.client("ada");
    let mut open = Vec::new();
    for number in 0..23 {
        let visibility = if number % 3 == 0 { "public" } else { "private" };
        let id = say(ada, &format!("post {number}"), visibility).await;
        if visibility == "public" {
            open.push(id);
        }
    }
    open.reverse();
    let path = format!("/api/v1/accounts/{}/statuses?limit=4", rig.person("ada").id);
    assert_eq!(walk(rig.client("bob"), &path).await, open);
    let first = rig.anonymous().get(&path).await;
    let header = first.header("link");
    assert!(header.starts_with("<http://"), "absolute: {header}");
    let next = header.find("rel=\"next\"").expect("a next");
    assert!(
        next < header.find("rel=\"prev\"").expect("a prev"),
        "next comes first"
    );
    let newer = rig
        .anonymous()
        .get(&first.link("prev").expect("a prev"))
        .await;
    assert_eq!(newer.ok(), serde_json::json!([]));
    assert_eq!(newer.header("link"), "", "an empty page leads nowhere");
    let oldest = format!("{path}&min_id={}", open[7]);
    let oldest = each(&rig.anonymous().get(&oldest).await.ok(), "id");
    assert_eq!(oldest, open[3..7], "min_id gives those right above it");
    let since = format!("{path}&since_id={}", open[7]);
    let since = each(&rig.anonymous().get(&since).await.ok(), "id");
    assert_eq!(since, open[..4], "since_id gives the newest");
}

#[tokio::test]
async fn followers_and_fans_are_listed_with_links() {
    let rig = Rig::start(&["star", "a", "b", "c", "d", "e"]).await;
    for fan in ["a", "b", "c", "d", "e"] {
        act(&rig, fan, "follow", "star").await;
    }
    let post = say(rig.client("star"), "hello", "public").await;
    for fan in ["a", "b"] {
        for mark in ["favourite", "reblog"] {
            let path = format!("/api/v1/statuses/{post}/{mark}");
            rig.client(fan).post_empty(&path).await.ok();
        }
    }
    let ids = |names: &[&str]| -> Vec<String> {
        let ids = names.iter().map(|name| rig.person(name).id.to_string());
        ids.collect()
    };
    let followers = format!(
        "/api/v1/accounts/{}/followers?limit=2",
        rig.person("star").id
    );
    assert_eq!(
        walk(&rig.anonymous(), &followers).await,
        ids(&["e", "d", "c", "b", "a"])
    );
    let following = format!("/api/v1/accounts/{}/following", rig.person("a").id);
    assert_eq!(walk(&rig.anonymous(), &following).await, ids(&["star"]));
    for list in ["favourited_by", "reblogged_by"] {
        let path = format!("/api/v1/statuses/{post}/{list}");
        assert_eq!(
            walk(&rig.anonymous(), &path).await,
            ids(&["b", "a"]),
            "{list}"
        );
    }
    act(&rig, "c", "block", "b").await;
    let seen = walk(rig.client("c"), &followers).await;
    assert_eq!(seen, ids(&["e", "d", "c", "a"]));
    let secret = say(rig.client("star"), "secret", "direct").await;
    let path = format!("/api/v1/statuses/{secret}/favourited_by");
    assert_eq!(
        rig.client("a").get(&path).await.refused(404),
        "Record not found"
    );
}
