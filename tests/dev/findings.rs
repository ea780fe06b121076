//! What clients get wrong, and how it is told.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::support::dev::DevServer;
use crate::support::server::Client;

const REQUESTS: &str = "/api/kinglet/v1/dev/requests";

/// The codes that were found in the newest request, and its sentences.
async fn found(client: &Client) -> (Vec<String>, String) {
    let records = client.get(&format!("{REQUESTS}?limit=1")).await.ok();
    let findings = records[0]["findings"].as_array().expect("a list").clone();
    let texts = |name: &str| -> Vec<String> {
        let all = findings.iter();
        all.map(|finding| finding[name].as_str().expect("a text").to_owned())
            .collect()
    };
    (texts("code"), texts("message").join("; "))
}

#[tokio::test]
async fn each_mistake_is_named() {
    let dev = DevServer::start(&[]);
    let alice = dev.client("alice");
    let raw = async |method: Method, path: &str, kind: &str, body: &'static str| {
        let request = alice.request(method, path).header("content-type", kind);
        alice.send(request.body(body)).await.status
    };
    let statuses = "/api/v1/statuses";
    let form = "application/x-www-form-urlencoded";
    for (method, path, kind, body, status, code, said) in [
        (
            Method::POST,
            statuses,
            form,
            "status=a&visibilty=direct",
            200,
            "unknown_parameter",
            "visibilty",
        ),
        (
            Method::POST,
            statuses,
            "application/json",
            "{\"status\": \"b\", \"scheduld_at\": 1}",
            200,
            "unknown_parameter",
            "scheduld_at",
        ),
        (
            Method::GET,
            "/api/v1/timelines/home?limt=3",
            form,
            "",
            200,
            "unknown_parameter",
            "limt",
        ),
        (
            Method::POST,
            statuses,
            form,
            "{\"status\": \"c\"}",
            422,
            "wrong_body_type",
            "The body is JSON",
        ),
        (
            Method::POST,
            statuses,
            "text/plain",
            "status=d",
            415,
            "wrong_body_type",
            "text/plain",
        ),
        (
            Method::POST,
            statuses,
            "application/json",
            "{\"status\":",
            400,
            "malformed_body",
            "not valid JSON",
        ),
        (Method::PUT, statuses, form, "", 405, "wrong_method", "POST"),
        (
            Method::GET,
            "/api/v1/timeline/home",
            form,
            "",
            404,
            "unknown_route",
            "/api/v1/timelines/home",
        ),
        (
            Method::GET,
            "/api/v1/statuses/1/contxt",
            form,
            "",
            404,
            "unknown_route",
            "/api/v1/statuses/:id/context",
        ),
        (
            Method::POST,
            statuses,
            form,
            "status=",
            422,
            "refused",
            "blank",
        ),
    ] {
        assert_eq!(
            raw(method.clone(), path, kind, body).await,
            status,
            "{method} {path} {body}"
        );
        let (codes, sentences) = found(&alice).await;
        assert_eq!(codes, [code], "{method} {path} {body}: {sentences}");
        assert!(sentences.contains(said), "{sentences}");
    }
}

#[tokio::test]
async fn tokens_are_judged() {
    let dev = DevServer::start(&[]);
    let anonymous = dev.anonymous();
    assert_eq!(anonymous.get("/api/v1/timelines/home").await.status, 401);
    let (codes, sentence) = found(&anonymous).await;
    assert_eq!(codes, ["missing_token"]);
    assert!(sentence.contains("read:statuses"), "{sentence}");
    let stranger = anonymous.clone().with_token("made-up");
    assert_eq!(stranger.get("/api/v1/timelines/home").await.status, 401);
    assert_eq!(found(&stranger).await.0, ["unknown_token"]);
    let app =
        json!({"client_name": "x", "redirect_uris": "urn:ietf:wg:oauth:2.0:oob", "scopes": "read"});
    let app = anonymous.post("/api/v1/apps", app).await.ok();
    let token = anonymous
        .post(
            "/oauth/token",
            json!({"grant_type": "password", "client_id": app["client_id"], "client_secret": app["client_secret"],
                "username": "bob", "password": "the password of bob"}),
        )
        .await
        .ok();
    let reader = anonymous.with_token(token["access_token"].as_str().expect("a token"));
    let refused = reader
        .post("/api/v1/statuses", json!({"status": "x"}))
        .await;
    assert_eq!(refused.status, 403);
    let (codes, sentence) = found(&reader).await;
    assert_eq!(codes, ["missing_scope"]);
    assert_eq!(
        sentence,
        "The token needs the scope write:statuses; it has read"
    );
}

#[tokio::test]
async fn a_sound_client_hears_nothing_and_everything_is_recorded() {
    let dev = DevServer::start(&[]);
    let alice = dev.client("alice");
    let post = json!({"status": "Sound.", "visibility": "unlisted", "language": "en", "sensitive": false,
        "spoiler_text": "x"});
    alice.post("/api/v1/statuses", post).await.ok();
    alice
        .get("/api/v1/timelines/home?limit=2&max_id=999999999999999999")
        .await
        .ok();
    alice
        .get("/api/v2/search?q=goldcrest&type=statuses&limit=3")
        .await
        .ok();
    let records = alice.get(REQUESTS).await.ok();
    let records = records.as_array().expect("a list");
    assert_eq!(records.len(), 3, "the tools themselves are not recorded");
    for record in records {
        assert_eq!(record["findings"], json!([]), "{record}");
        assert_eq!(record["account"], "@alice");
    }
    let published = &records[2];
    assert_eq!(published["route"], "/api/v1/statuses");
    let body: Json = serde_json::from_str(
        published["request"]["body"]["text"]
            .as_str()
            .expect("a text"),
    )
    .expect("JSON");
    assert_eq!(body["status"], "Sound.");
    let answer = published["response"]["body"]["text"]
        .as_str()
        .expect("a text");
    assert!(answer.contains("Sound."));
    assert_eq!(
        published["response"]["headers"]["x-request-id"],
        published["id"]
    );
    assert_eq!(alice.delete(REQUESTS).await.status, 200);
    assert_eq!(alice.get(REQUESTS).await.ok(), json!([]));
}
