//! Faults on order.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::support::dev::DevServer;
use crate::support::server::Client;

const FAULTS: &str = "/api/kinglet/v1/dev/faults";

async fn order(client: &Client, fault: Json) -> Json {
    client.post(FAULTS, fault).await.ok()
}

#[tokio::test]
async fn too_many_requests_are_told_as_mastodon_tells_it() {
    let dev = DevServer::start(&["--seed", "1"]);
    let alice = dev.client("alice");
    let ordered = order(
        &alice,
        json!({"kind": "rate_limited", "method": "get", "path": "/api/v1/timelines/*", "times": 2, "retry_after": 90}),
    )
    .await;
    let expected = json!({"id": 1, "method": "GET", "path": "/api/v1/timelines/*", "times": 2,
        "kind": "rate_limited", "retry_after": 90});
    assert_eq!(ordered, expected);
    assert_eq!(
        alice.get("/api/v1/notifications").await.status,
        200,
        "another path"
    );
    for _ in 0..2 {
        let answer = alice.get("/api/v1/timelines/home").await;
        assert_eq!(answer.refused(429), "Too many requests");
        assert_eq!(answer.header("retry-after"), "90");
        assert_eq!(answer.header("x-ratelimit-limit"), "300");
        assert_eq!(answer.header("x-ratelimit-remaining"), "0");
        assert_eq!(
            answer.header("x-ratelimit-reset"),
            "2026-01-01T12:01:30.000Z"
        );
        assert_eq!(answer.header("access-control-allow-origin"), "*");
    }
    assert_eq!(
        alice.get("/api/v1/timelines/home").await.status,
        200,
        "twice is over"
    );
    assert_eq!(alice.get(FAULTS).await.ok(), json!([]));
}

#[tokio::test]
async fn an_outage_and_an_expired_token() {
    let dev = DevServer::start(&[]);
    let alice = dev.client("alice");
    order(&alice, json!({"kind": "unavailable", "path": "/api/v1/statuses", "method": "POST", "times": 1, "retry_after": 7})).await;
    order(&alice, json!({"kind": "expired_token", "times": 1})).await;
    let post = json!({"status": "Later, then."});
    let answer = alice.post("/api/v1/statuses", post.clone()).await;
    assert!(!answer.refused(503).is_empty());
    assert_eq!(answer.header("retry-after"), "7");
    let answer = alice.post("/api/v1/statuses", post.clone()).await;
    assert_eq!(answer.refused(401), "The access token expired");
    assert!(
        answer
            .header("www-authenticate")
            .contains("error=\"invalid_token\"")
    );
    let posted = alice.post("/api/v1/statuses", post).await.ok();
    assert!(posted["id"].is_string());
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "how long something takes is what is measured here"
)]
async fn an_answer_comes_late_and_another_never() {
    let dev = DevServer::start(&[]);
    let alice = dev.client("alice");
    order(
        &alice,
        json!({"kind": "delay", "ms": 300, "path": "/api/v1/instance", "times": 1}),
    )
    .await;
    let begun = Instant::now();
    assert_eq!(alice.get("/api/v1/instance").await.status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(300));
    order(
        &alice,
        json!({"kind": "dropped_socket", "path": "/api/v1/instance", "times": 1}),
    )
    .await;
    let request = format!(
        "GET /api/v1/instance HTTP/1.1\r\nHost: {}\r\n\r\n",
        dev.authority()
    );
    assert_eq!(dev.exchange(request.as_bytes()), b"", "not a byte");
    let records = alice.get("/api/kinglet/v1/dev/requests").await.ok();
    assert_eq!(records[0]["status"], Json::Null);
    assert_eq!(records[0]["fault"]["kind"], "dropped_socket");
    assert_eq!(alice.get("/api/v1/instance").await.status, 200);
}

#[tokio::test]
async fn faults_are_listed_taken_back_and_refused() {
    let dev = DevServer::start(&[]);
    let alice = dev.client("alice");
    let first = order(&alice, json!({"kind": "429"})).await;
    let second = order(&alice, json!({"kind": "503", "path": "/api/**"})).await;
    assert_eq!(alice.get(FAULTS).await.ok(), json!([first, second]));
    assert_eq!(alice.get("/api/v1/instance").await.status, 429);
    assert_eq!(alice.delete(&format!("{FAULTS}/1")).await.status, 200);
    assert_eq!(alice.delete(&format!("{FAULTS}/1")).await.status, 404);
    assert_eq!(alice.get("/api/v1/instance").await.status, 503);
    assert_eq!(alice.delete(FAULTS).await.status, 200);
    assert_eq!(alice.get("/api/v1/instance").await.status, 200);
    for bad in [
        json!({}),
        json!({"kind": "earthquake"}),
        json!({"kind": "delay", "ms": 60_001}),
        json!({"kind": "429", "path": "api/v1"}),
        json!({"kind": "429", "method": "GET /"}),
        json!({"kind": "429", "times": -1}),
    ] {
        let answer = alice.post(FAULTS, bad.clone()).await;
        assert!(!answer.refused(422).is_empty(), "{bad}");
    }
}
