//! Search for accounts, posts, tags.

use serde_json::{Value as Json, json};

use crate::shape::{ACCOUNT, STATUS, assert_has, id, post};
use crate::support::server::{Client, Rig};

/// Searches; the query is escaped byte by byte.
async fn search(client: &Client, text: &str, more: &str) -> Json {
    let escaped: String = text.bytes().map(|b| format!("%{b:02X}")).collect();
    client
        .get(&format!("/api/v2/search?q={escaped}{more}"))
        .await
        .ok()
}

fn found(results: &Json, kind: &str) -> Vec<String> {
    let list = results[kind].as_array().expect("always all three lists");
    let name = |entry: &Json| match kind {
        "accounts" => entry["acct"].as_str().expect("a name").to_owned(),
        "hashtags" => entry["name"].as_str().expect("a name").to_owned(),
        _ => id(entry),
    };
    list.iter().map(name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_posts_and_tags_are_found() {
    let rig = Rig::start(&["wrenlover", "bob"]).await;
    let bob = rig.client("bob");
    let plain = post(bob, "I saw a Wrén today #wrens").await;
    let results = search(bob, "wren", "").await;
    assert_eq!(found(&results, "accounts"), ["wrenlover"]);
    assert_eq!(found(&results, "statuses"), [id(&plain)]);
    assert_eq!(found(&results, "hashtags"), ["wrens"]);
    assert_has(&results["accounts"][0], ACCOUNT);
    assert_has(&results["statuses"][0], STATUS);
    assert_has(&results["hashtags"][0], &["name", "url", "history"]);
    for (kind, others) in [
        ("accounts", ["statuses", "hashtags"]),
        ("statuses", ["accounts", "hashtags"]),
        ("hashtags", ["accounts", "statuses"]),
    ] {
        let results = search(bob, "wren", &format!("&type={kind}")).await;
        assert_eq!(found(&results, kind).len(), 1, "{kind}");
        for other in others {
            assert_eq!(results[other], json!([]), "{other} in {kind}");
        }
    }
    assert_eq!(
        found(&search(bob, "#wrens", "").await, "hashtags"),
        ["wrens"]
    );
    assert_eq!(
        found(&search(bob, "@wrenlover", "").await, "accounts"),
        ["wrenlover"]
    );
    let url = plain["url"].as_str().expect("an address");
    assert_eq!(
        found(&search(bob, url, "&resolve=true").await, "statuses"),
        [id(&plain)]
    );
    bob.get("/api/v2/search").await.refused(422);
    bob.get("/api/v2/search?q=a&type=birds").await.refused(422);
    let other = rig.client_of(rig.person("bob").id, "read:statuses").await;
    other.get("/api/v2/search?q=wren").await.refused(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_every_script_are_found() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    let tokyo = id(&post(ada, "日本語の東京です").await);
    let cafe = id(&post(ada, "Das Café an der Straße").await);
    let thai = id(&post(ada, "ไปกรุงเทพวันนี้").await);
    for (text, wanted) in [
        ("東京", vec![&tokyo]),
        ("京", vec![&tokyo]),
        ("cafe", vec![&cafe]),
        ("STRASSE caf", vec![&cafe]),
        ("\"an der straße\"", vec![&cafe]),
        ("กรุงเทพ", vec![&thai]),
        ("cafe -strasse", vec![]),
        ("大阪", vec![]),
    ] {
        let results = search(ada, text, "&type=statuses").await;
        assert_eq!(
            found(&results, "statuses").iter().collect::<Vec<_>>(),
            wanted,
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_and_a_deletion_change_what_is_found() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    let wren = id(&post(ada, "a wran #birds").await);
    let path = format!("/api/v1/statuses/{wren}");
    ada.put(&path, json!({"status": "a wren"})).await.ok();
    assert_eq!(search(ada, "wran", "").await["statuses"], json!([]));
    assert_eq!(
        found(&search(ada, "wren", "").await, "statuses"),
        std::slice::from_ref(&wren)
    );
    assert_eq!(search(ada, "birds", "").await["hashtags"], json!([]));
    ada.delete(&path).await.ok();
    assert_eq!(search(ada, "wren", "").await["statuses"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_08_a_search_that_is_exhausted_gives_nothing() {
    let names: Vec<String> = (0..5).map(|number| format!("wren{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let rig = Rig::start(&names).await;
    let client = rig.client("wren0");
    for number in 0..5 {
        post(client, &format!("wren {number} #wren{number}")).await;
    }
    for kind in ["accounts", "statuses", "hashtags"] {
        let mut seen = Vec::new();
        let mut offset = 0;
        loop {
            let more = format!("&type={kind}&limit=2&offset={offset}");
            let page = found(&search(client, "wren", &more).await, kind);
            if page.is_empty() {
                break;
            }
            offset += page.len();
            seen.extend(page);
            assert!(offset <= 5, "{kind}: {seen:?}");
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 5, "{kind}: {seen:?}");
        for offset in ["5", "100000", "9999999999", "-1"] {
            let more = format!("&type={kind}&offset={offset}");
            let count = found(&search(client, "wren", &more).await, kind).len();
            assert_eq!(count, if offset == "-1" { 5 } else { 0 }, "{kind} {offset}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_syntax_is_a_search_like_any_other() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    post(ada, "wren AND NOT near(wren) * \" ' ; --").await;
    for text in [
        "\"",
        "\"\"",
        "\"unclosed",
        "'",
        "''",
        "*",
        "wren*",
        "**",
        "(",
        ")",
        "(((",
        "AND",
        "OR NOT",
        "NEAR(a b)",
        "wren NEAR/2 robin",
        "-",
        "--",
        "- wren",
        "-\"",
        "terms:wren",
        "{a b}:c",
        "^wren",
        "+",
        "a+b",
        "\\",
        "%",
        "_",
        ";",
        "'; DROP TABLE posts; --",
        "@",
        "@@",
        "#",
        "##",
        "@ada@",
        "\u{200b}",
        "\u{202e}",
        "🐦",
        "👨‍👩‍👧‍👦",
        "a\u{301}",
        "\t\n",
        " ",
        ".",
        "https://",
        "http://[",
        "https://example.org",
    ] {
        for kind in ["", "&type=accounts", "&type=statuses", "&type=hashtags"] {
            let escaped: String = text.bytes().map(|b| format!("%{b:02X}")).collect();
            let answer = ada.get(&format!("/api/v2/search?q={escaped}{kind}")).await;
            let blank = text.trim().is_empty();
            let status = if blank { 422 } else { 200 };
            assert_eq!(answer.status, status, "{text:?}{kind}: {}", answer.text);
        }
    }
    let long = "wren ".repeat(1500);
    let answer = ada
        .get(&format!("/api/v2/search?q={}", long.replace(' ', "+")))
        .await;
    assert!(answer.status < 500, "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_searched_by_name_for_completion() {
    let rig = Rig::start(&["ada", "adam", "bob"]).await;
    let bob = rig.client("bob");
    let names = async |query: &str| -> Vec<String> {
        let list = bob
            .get(&format!("/api/v1/accounts/search?{query}"))
            .await
            .ok();
        let name = |entry: &Json| entry["acct"].as_str().expect("a name").to_owned();
        list.as_array().expect("a list").iter().map(name).collect()
    };
    assert_eq!(
        names("q=ada").await,
        ["ada", "adam"],
        "the very name comes first"
    );
    assert_eq!(names("q=@adam").await, ["adam"]);
    assert_eq!(names("q=ada&limit=1").await, ["ada"]);
    assert_eq!(names("q=ada&limit=1&offset=1").await, ["adam"]);
    assert_eq!(names("q=ada&following=true").await, [""; 0]);
    let path = format!("/api/v1/accounts/{}/follow", rig.person("adam").id);
    bob.post_empty(&path).await.ok();
    assert_eq!(names("q=ada&following=true").await, ["adam"]);
    rig.anonymous()
        .get("/api/v1/accounts/search?q=ada")
        .await
        .refused(401);
    bob.get("/api/v1/accounts/search").await.refused(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_has_a_page_of_its_own() {
    let rig = Rig::start(&["ada"]).await;
    post(rig.client("ada"), "#Wren").await;
    let tag = rig.client("ada").get("/api/v1/tags/WREN").await.ok();
    assert_eq!(tag["name"], "wren");
    assert_eq!(tag["url"], format!("{}/tags/wren", rig.server.url()));
    assert_eq!(tag["following"], false);
}
