//! Home, public, tags, favourites, bookmarks: pages and how to turn them.

use kinglet::config::Config;
use serde_json::json;

use crate::shape::{STATUS, assert_has, id, ids, post};
use crate::support::server::{Client, Rig};

/// A walk has at most this many pages: far more than any list here.
const WALK_PAGES_MAX: usize = 50;

/// All ids from `path` on, following `rel`; the pages of a walk upwards are turned round.
async fn walk(client: &Client, path: &str, rel: &str) -> Vec<String> {
    let mut seen = Vec::new();
    let mut next = Some(path.to_owned());
    for _ in 0..WALK_PAGES_MAX {
        let Some(address) = next else {
            return seen;
        };
        let answer = client.get(&address).await;
        let mut page = ids(&answer);
        if rel == "prev" {
            page.reverse();
        }
        seen.extend(page);
        next = answer.link(rel);
    }
    panic!("{path} doesn't end");
}

async fn ten_posts(rig: &Rig) -> Vec<String> {
    let mut posts = Vec::new();
    for number in 0..10 {
        posts.push(id(&post(
            rig.client("ada"),
            &format!("post {number} #wrens"),
        )
        .await));
        rig.pass_seconds(1);
    }
    posts.reverse();
    posts
}

#[tokio::test(flavor = "multi_thread")]
async fn home_holds_a_followed_accounts_post_as_soon_as_it_is_answered() {
    let rig = Rig::start(&["ada", "bob"]).await;
    let (ada, bob) = (rig.client("ada"), rig.client("bob"));
    let path = format!("/api/v1/accounts/{}/follow", rig.person("ada").id);
    bob.post_empty(&path).await.ok();
    assert_eq!(ids(&bob.get("/api/v1/timelines/home").await), [""; 0]);
    for number in 0..30 {
        let one = id(&post(ada, &format!("post {number}")).await);
        let home = bob.get("/api/v1/timelines/home").await;
        assert_eq!(ids(&home)[0], one);
        assert_has(&home.json()[0], STATUS);
    }
    rig.anonymous()
        .get("/api/v1/timelines/home")
        .await
        .refused(401);
    let other = rig
        .client_of(rig.person("bob").id, "write profile read:accounts")
        .await;
    other.get("/api/v1/timelines/home").await.refused(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_08_links_are_absolute_next_is_first_and_walks_end() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    let all = ten_posts(&rig).await;
    for posted in &all {
        for mark in ["favourite", "bookmark"] {
            ada.post_empty(&format!("/api/v1/statuses/{posted}/{mark}"))
                .await
                .ok();
        }
    }
    // What was marked last comes first there.
    let marked: Vec<String> = all.iter().rev().cloned().collect();
    let author = rig.person("ada").id;
    for (path, wanted) in [
        ("/api/v1/timelines/home".to_owned(), &all),
        ("/api/v1/timelines/public".to_owned(), &all),
        ("/api/v1/timelines/tag/wrens".to_owned(), &all),
        (format!("/api/v1/accounts/{author}/statuses"), &all),
        ("/api/v1/favourites".to_owned(), &marked),
        ("/api/v1/bookmarks".to_owned(), &marked),
    ] {
        for limit in [1, 3, 5, 10, 40] {
            let first = format!("{path}?limit={limit}");
            assert_eq!(&walk(ada, &first, "next").await, wanted, "{first}");
            let answer = ada.get(&first).await;
            let link = answer.header("link");
            let has_next = limit < 10;
            assert_eq!(answer.link("next").is_some(), has_next, "{first}: {link}");
            let base = format!("<{}{path}?", rig.server.url());
            assert!(link.starts_with(&base), "{link}");
            if has_next {
                let (next, prev) = link.split_once(", ").expect("two links");
                assert!(
                    next.contains("max_id=") && next.ends_with("; rel=\"next\""),
                    "{link}"
                );
                assert!(
                    prev.contains("min_id=") && prev.ends_with("; rel=\"prev\""),
                    "{link}"
                );
            }
            // Nothing is newer than the newest, and it doesn't lead to itself.
            let prev = answer.link("prev").expect("a way back");
            assert!(prev.contains("min_id=") && prev.contains(&format!("limit={limit}")));
            let newer = ada.get(&prev).await;
            assert_eq!(ids(&newer), [""; 0], "{prev}");
            assert_eq!(newer.header("link"), "", "{prev}");
        }
        // From the last page back to the first, page by page.
        let mut last = format!("{path}?limit=3");
        while let Some(next) = ada.get(&last).await.link("next") {
            last = next;
        }
        let mut upwards = walk(ada, &last, "prev").await;
        upwards.reverse();
        assert_eq!(&upwards, wanted, "{path} upwards");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_08_an_empty_page_has_no_link() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    for path in [
        "timelines/home",
        "timelines/public",
        "favourites",
        "notifications",
        "blocks",
    ] {
        let answer = ada.get(&format!("/api/v1/{path}")).await;
        assert_eq!(answer.ok(), json!([]));
        assert_eq!(answer.header("link"), "", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_09_min_id_is_the_oldest_after_and_since_id_the_newest() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    let all = ten_posts(&rig).await;
    let author = rig.person("ada").id;
    for path in [
        "/api/v1/timelines/home".to_owned(),
        "/api/v1/timelines/public".to_owned(),
        "/api/v1/timelines/tag/wrens".to_owned(),
        format!("/api/v1/accounts/{author}/statuses"),
    ] {
        let page = async |query: String| ids(&ada.get(&format!("{path}?limit=3&{query}")).await);
        let at = |index: usize| all[index].clone();
        assert_eq!(page(format!("min_id={}", at(9))).await, all[6..9], "{path}");
        assert_eq!(
            page(format!("since_id={}", at(9))).await,
            all[..3],
            "{path}"
        );
        assert_eq!(page(format!("max_id={}", at(2))).await, all[3..6], "{path}");
        let both = format!("since_id={}&max_id={}", at(8), at(4));
        assert_eq!(page(both).await, all[5..8], "{path}");
        let both = format!("min_id={}&max_id={}", at(8), at(3));
        assert_eq!(page(both).await, all[5..8], "{path}");
        assert_eq!(page(format!("min_id={}", at(0))).await, [""; 0], "{path}");
        // A cursor needs no entry behind it.
        assert_eq!(page("max_id=1".to_owned()).await, [""; 0], "{path}");
        assert_eq!(page("min_id=0".to_owned()).await, all[7..10], "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_timeline_has_public_posts_and_nothing_from_elsewhere() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    let open = id(&post(ada, "open").await);
    for visibility in ["unlisted", "private", "direct"] {
        let body = json!({"status": "hidden", "visibility": visibility});
        ada.post("/api/v1/statuses", body).await.ok();
    }
    ada.post_empty(&format!("/api/v1/statuses/{open}/reblog"))
        .await
        .ok();
    for query in [
        "",
        "?local=true",
        "?limit=1",
        "?local=1&remote=false&only_media=0",
    ] {
        let answer = ada.get(&format!("/api/v1/timelines/public{query}")).await;
        assert_eq!(ids(&answer), [open.as_str()], "{query}");
    }
    for query in ["?remote=true", "?only_media=true"] {
        let answer = ada.get(&format!("/api/v1/timelines/public{query}")).await;
        assert_eq!(answer.ok(), json!([]), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_20_strangers_read_public_timelines_unless_the_instance_says_no() {
    let rig = Rig::start(&["ada"]).await;
    post(rig.client("ada"), "open #wrens").await;
    for path in ["timelines/public", "timelines/tag/wrens"] {
        let answer = rig.anonymous().get(&format!("/api/v1/{path}")).await;
        assert_eq!(answer.ok().as_array().map(Vec::len), Some(1));
        assert_eq!(answer.json()[0].get("favourited"), None);
    }
    let mut config = Config::default();
    config.http.listen = "127.0.0.1:0".parse().expect("an address");
    config.limits.rate_limits = false;
    config.timelines.anonymous_timelines = false;
    let closed = Rig::start_configured(config, &["ada"], |builder| builder).await;
    for path in ["timelines/public", "timelines/tag/wrens"] {
        closed
            .anonymous()
            .get(&format!("/api/v1/{path}"))
            .await
            .refused(401);
        closed
            .client("ada")
            .get(&format!("/api/v1/{path}"))
            .await
            .ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_know_no_case_and_can_be_combined() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    let wren = id(&post(ada, "#Wren").await);
    let both = id(&post(ada, "#wren #TIT").await);
    let tit = id(&post(ada, "#tit").await);
    let tokyo = id(&post(ada, "#東京").await);
    for (path, wanted) in [
        ("wren", vec![&both, &wren]),
        ("WREN", vec![&both, &wren]),
        ("%E6%9D%B1%E4%BA%AC", vec![&tokyo]),
        ("wren?any[]=tit", vec![&tit, &both, &wren]),
        ("wren?all[]=tit", vec![&both]),
        ("wren?none[]=tit", vec![&wren]),
        ("nothing", vec![]),
    ] {
        let answer = ada.get(&format!("/api/v1/timelines/tag/{path}")).await;
        assert_eq!(ids(&answer).iter().collect::<Vec<_>>(), wanted, "{path}");
    }
    let many: String = (0..20)
        .map(|number| format!("&any[]=tag{number}"))
        .collect();
    ada.get(&format!("/api/v1/timelines/tag/wren?{many}"))
        .await
        .refused(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_kept_whatever_is_asked() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    for number in 0..45 {
        post(ada, &format!("post {number}")).await;
    }
    for (limit, count) in [
        ("", 20),
        ("?limit=", 20),
        ("?limit=0", 1),
        ("?limit=45", 40),
        ("?limit=9999999999", 40),
    ] {
        let answer = ada.get(&format!("/api/v1/timelines/home{limit}")).await;
        assert_eq!(ids(&answer).len(), count, "{limit}");
    }
}
