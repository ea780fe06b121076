//! What goes round every answer: CORS, limits, methods, addresses.

use kinglet::config::Config;
use kinglet::http::routes;
use reqwest::Method;
use serde_json::json;

use crate::shape::{assert_time, id, ids, post};
use crate::support::server::{Answer, Rig};

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_02_a_slash_at_the_end_and_a_blank_user_agent_do_no_harm() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    let wren = id(&post(ada, "a wren").await);
    for path in [
        "/api/v1/instance/".to_owned(),
        "/api/v2/instance/".to_owned(),
        "/api/v1/timelines/home/?limit=1".to_owned(),
        "/api/v1/accounts/verify_credentials/".to_owned(),
        format!("/api/v1/statuses/{wren}/"),
    ] {
        ada.get(&path).await.ok();
    }
    ada.post("/api/v1/statuses/", json!({"status": "a robin"}))
        .await
        .ok();
    for agent in ["", " "] {
        let request = ada
            .request(Method::GET, "/api/v1/instance")
            .header("User-Agent", agent);
        ada.send(request).await.ok();
    }
    // The link of a page asked for with a slash leads on as well.
    let page = ada.get("/api/v1/timelines/home/?limit=1").await;
    assert_eq!(
        ids(&ada.get(&page.link("next").expect("more")).await),
        [wren]
    );
}

fn assert_open(answer: &Answer) {
    assert_eq!(
        answer.header("access-control-allow-origin"),
        "*",
        "{}",
        answer.text
    );
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    let exposed = answer
        .header("access-control-expose-headers")
        .to_ascii_lowercase();
    for name in [
        "link",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "x-request-id",
    ] {
        assert!(
            exposed.split(", ").any(|one| one == name),
            "{name} in {exposed}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_14_scripts_of_any_site_may_ask_without_cookies() {
    let rig = Rig::start(&["ada"]).await;
    let anyone = rig.anonymous();
    for info in routes::list().expect("a tree") {
        let path = info
            .pattern
            .replace(":id", "1")
            .replace(":name", "x")
            .replace(":tag", "x");
        let open = [
            "/api",
            "/oauth/token",
            "/oauth/revoke",
            "/.well-known",
            "/nodeinfo",
        ]
        .iter()
        .any(|prefix| path == *prefix || path.starts_with(&format!("{prefix}/")));
        let preflight = anyone
            .request(Method::OPTIONS, &path)
            .header("Origin", "https://phanpy.social")
            .header("Access-Control-Request-Method", info.method.as_str())
            .header(
                "Access-Control-Request-Headers",
                "authorization,content-type,idempotency-key",
            );
        let answer = anyone.send(preflight).await;
        if !open {
            assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
            continue;
        }
        assert!(
            matches!(answer.status, 200 | 204),
            "{path}: {}",
            answer.status
        );
        assert_open(&answer);
        let methods = answer.header("access-control-allow-methods");
        assert!(methods.contains(info.method.as_str()), "{path}: {methods}");
        let headers = answer
            .header("access-control-allow-headers")
            .to_ascii_lowercase();
        for name in ["authorization", "content-type", "idempotency-key"] {
            assert!(headers.contains(name), "{name} in {headers}");
        }
        // Refusals are read by scripts too.
        let request = anyone
            .request(info.method.clone(), &path)
            .header("Origin", "https://phanpy.social");
        assert_open(&anyone.send(request).await);
    }
    assert_open(&anyone.get("/api/v1/no/such/route").await);
}

fn with_limits() -> Config {
    let mut config = Config::default();
    config.http.listen = "127.0.0.1:0".parse().expect("an address");
    config.limits.rate_limits = true;
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_15_300_requests_in_5_minutes_an_account_then_429_until_the_window_ends() {
    let rig = Rig::start_configured(with_limits(), &["ada", "bob"], |builder| builder).await;
    let ada = rig.client("ada");
    for left in (0..300).rev() {
        let answer = ada.get("/api/v1/markers").await;
        answer.ok();
        assert_eq!(answer.header("x-ratelimit-limit"), "300");
        assert_eq!(answer.header("x-ratelimit-remaining"), left.to_string());
        assert_time(&json!(answer.header("x-ratelimit-reset")));
    }
    rig.pass_seconds(100);
    // Another token of the same account doesn't help, nor does another route.
    let other = rig.client_of(rig.person("ada").id, "read").await;
    for (client, path) in [(ada, "/api/v1/markers"), (&other, "/api/v1/preferences")] {
        let answer = client.get(path).await;
        assert!(answer.refused(429).contains(' '));
        assert_eq!(answer.header("retry-after"), "200");
        assert_eq!(answer.header("x-ratelimit-remaining"), "0");
        assert_eq!(
            answer.header("x-ratelimit-reset"),
            "2026-09-21T14:18:20.000Z"
        );
        assert_eq!(answer.header("access-control-allow-origin"), "*");
    }
    rig.client("bob").get("/api/v1/markers").await.ok();
    rig.anonymous().get("/api/v1/timelines/public").await.ok();
    rig.pass_seconds(200);
    let answer = ada.get("/api/v1/markers").await;
    assert_eq!(
        (answer.status, answer.header("x-ratelimit-remaining")),
        (200, "299")
    );
    assert_ne!(
        answer.header("date"),
        "",
        "clients compare the reset with it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn head_answers_like_get_without_a_body() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    post(ada, "a wren").await;
    for info in routes::list().expect("a tree") {
        if info.method != Method::GET {
            continue;
        }
        let path = info
            .pattern
            .replace(":id", "1")
            .replace(":name", "x")
            .replace(":tag", "x");
        let (head, get) = (
            ada.send(ada.request(Method::HEAD, &path)).await,
            ada.get(&path).await,
        );
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.text, "", "{path}");
        for name in [
            "content-type",
            "content-length",
            "link",
            "allow",
            "location",
        ] {
            // The length of nothing may be left out (RFC 9110, section 8.6).
            let nothing = name == "content-length" && get.text.is_empty();
            assert!(
                nothing || head.header(name) == get.header(name),
                "{name} of {path}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_method_is_405_with_those_that_are_there() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    for (method, path, allow) in [
        (Method::DELETE, "/api/v1/timelines/home", "GET, HEAD"),
        (Method::GET, "/api/v1/accounts/1/follow", "POST"),
        (
            Method::PATCH,
            "/api/v1/statuses/1",
            "GET, HEAD, PUT, DELETE",
        ),
        (Method::POST, "/api/v2/instance", "GET, HEAD"),
    ] {
        let answer = ada.send(ada.request(method.clone(), path)).await;
        assert!(answer.refused(405).contains(' '), "{method} {path}");
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_addresses_are_404_with_a_sentence() {
    let rig = Rig::start(&["ada"]).await;
    for path in [
        "/api",
        "/api/v1",
        "/api/v9/instance",
        "/api/v1/no_such",
        "/api/v1/statuses/1/no_such",
        "/api/v1//instance",
        "/oauth/no_such",
        "/.well-known/no_such",
        "/nodeinfo/1.0",
        "/api/v1/statuses/1/2/3/4/5/6/7/8/9/10",
        "/api/v1/Instance",
    ] {
        let answer = rig.client("ada").get(path).await;
        assert!(answer.refused(404).contains(' '), "{path}");
        assert!(
            answer
                .header("content-type")
                .starts_with("application/json"),
            "{path}"
        );
    }
}

/// Every answer to somebody known is theirs alone; no cache may keep or mix up what depends on who asks.
#[tokio::test(flavor = "multi_thread")]
async fn what_depends_on_who_asks_is_private_and_varies() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    let wren = id(&post(ada, "a wren").await);
    for path in [
        "/api/v1/timelines/home".to_owned(),
        "/api/v1/timelines/public".to_owned(),
        format!("/api/v1/statuses/{wren}"),
        "/api/v1/accounts/verify_credentials".to_owned(),
    ] {
        let answer = ada.get(&path).await;
        answer.ok();
        let cache = answer.header("cache-control");
        assert!(
            cache.contains("private") || cache.contains("no-store"),
            "{path}: {cache:?}"
        );
        let vary = answer.header("vary").to_ascii_lowercase();
        assert!(vary.contains("authorization"), "{path}: {vary:?}");
    }
}
