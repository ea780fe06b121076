//! What clients must not send, and sometimes do: each gets the right status and a sentence, never a failure of the server,
//! and nothing half done.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use kinglet::config::Config;
use kinglet::domain::account::Role;
use kinglet::http::routes;
use kinglet::http::routing::{Access, RouteInfo};
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::shape::{id, ids, post};
use crate::support::server::{Answer, Client, Rig};

/// Long enough for any answer on this machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Every scope that stands for one thing, written down from Mastodon's documentation.
const GRANULAR_SCOPES: &[&str] = &[
    "profile",
    "push",
    "read:accounts",
    "read:blocks",
    "read:bookmarks",
    "read:favourites",
    "read:filters",
    "read:follows",
    "read:lists",
    "read:mutes",
    "read:notifications",
    "read:search",
    "read:statuses",
    "write:accounts",
    "write:blocks",
    "write:bookmarks",
    "write:conversations",
    "write:favourites",
    "write:filters",
    "write:follows",
    "write:lists",
    "write:media",
    "write:mutes",
    "write:notifications",
    "write:reports",
    "write:statuses",
];

fn listed() -> Vec<RouteInfo> {
    routes::list().expect("a tree")
}

/// The routes of the API that do something with a body.
fn writing() -> Vec<(Method, String)> {
    let routes = listed().into_iter().filter(|info| {
        info.method != Method::GET
            && info.family != "missing"
            && info.pattern.starts_with("/api/")
            && matches!(info.access, Access::User(_))
    });
    routes
        .map(|info| (info.method, info.pattern.to_owned()))
        .collect()
}

#[track_caller]
fn assert_refusal(answer: &Answer, told: &str) {
    assert!(
        (400..500).contains(&answer.status),
        "{told}: {} {}",
        answer.status,
        answer.text
    );
    let error = answer.json()["error"].as_str().map(str::to_owned);
    assert!(
        error.is_some_and(|error| error.contains(' ')),
        "{told}: {}",
        answer.text
    );
    assert!(
        answer
            .header("content-type")
            .starts_with("application/json"),
        "{told}"
    );
}

/// Every route that is for people: closed without a token, with a broken or a revoked one, and without the scope.
#[tokio::test(flavor = "multi_thread")]
async fn every_route_asks_for_its_token_and_its_scope() {
    let mut config = Config::default();
    config.http.listen = "127.0.0.1:0".parse().expect("an address");
    config.limits.rate_limits = false;
    // Otherwise strangers are asked for a token where anyone may come.
    config.statistics.public = true;
    let mut rig = Rig::start_configured(config, &[], |builder| builder).await;
    // An owner, so that what is refused is refused for want of a scope.
    let ada = rig.add("ada", Role::Owner).await.id;
    let every_scope = "read write follow push profile admin:read";
    for info in listed() {
        let path = info
            .pattern
            .replace(":id", "1")
            .replace(":name", "x")
            .replace(":tag", "x");
        let scope = match info.access {
            Access::User(scope) | Access::Anyone(scope) => scope,
            _ => continue,
        };
        let told = format!("{} {}", info.method, info.pattern);
        let ask = async |client: &Client| {
            client
                .send(client.request(info.method.clone(), &path))
                .await
        };
        let closed = matches!(info.access, Access::User(_));
        let answer = ask(&rig.anonymous()).await;
        if closed {
            assert!(answer.refused(401).contains(' '), "{told}");
            assert!(
                answer.header("www-authenticate").starts_with("Bearer"),
                "{told}"
            );
        } else {
            assert_ne!(answer.status, 401, "{told}");
        }
        // A token that is sent must hold, even where none is needed.
        for broken in ["x", "", "a b", &"y".repeat(5000)] {
            let answer = ask(&rig.anonymous().with_token(broken)).await;
            assert_eq!(
                answer.status, 401,
                "{told} with {broken:.9}: {}",
                answer.text
            );
        }
        // All scopes but this one, its siblings and children among them.
        let named: Vec<&str> = scope.split(' ').collect();
        let others = GRANULAR_SCOPES.iter().filter(|one| !named.contains(*one));
        let others = others.copied().collect::<Vec<_>>().join(" ");
        let answer = ask(&rig.client_of(ada, &others).await).await;
        assert!(answer.refused(403).contains(' '), "{told} with {others}");
        let answer = ask(&rig.client_of(ada, every_scope).await).await;
        assert!(
            !matches!(answer.status, 401 | 403),
            "{told}: {} {}",
            answer.status,
            answer.text
        );
        assert!(
            answer.status < 500,
            "{told}: {} {}",
            answer.status,
            answer.text
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_own_token_reaches_no_route_of_people() {
    let rig = Rig::start(&["ada"]).await;
    let anyone = rig.anonymous();
    let body = json!({
        "client_name": "test", "redirect_uris": "urn:ietf:wg:oauth:2.0:oob", "scopes": "read write follow push",
    });
    let app = anyone.post("/api/v1/apps", body).await.ok();
    let body = json!({
        "grant_type": "client_credentials", "client_id": app["client_id"], "client_secret": app["client_secret"],
        "scope": "read write follow push",
    });
    let token = anyone.post("/oauth/token", body).await.ok();
    let client = rig
        .anonymous()
        .with_token(token["access_token"].as_str().expect("a token"));
    client.get("/api/v1/apps/verify_credentials").await.ok();
    for info in listed() {
        if let Access::User(_) = info.access {
            let path = info.pattern.replace(":id", "1").replace(":name", "x");
            let answer = client
                .send(client.request(info.method.clone(), &path))
                .await;
            assert!(
                matches!(answer.status, 401 | 403 | 422),
                "{path}: {}",
                answer.text
            );
            assert!(answer.json()["error"].is_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_unknown_for_the_next_request() {
    let rig = Rig::start(&["ada"]).await;
    let anyone = rig.anonymous();
    let body = json!({"client_name": "test", "redirect_uris": "urn:ietf:wg:oauth:2.0:oob", "scopes": "read"});
    let app = anyone.post("/api/v1/apps", body).await.ok();
    let credentials = [
        ("client_id", app["client_id"].as_str().expect("an id")),
        (
            "client_secret",
            app["client_secret"].as_str().expect("a secret"),
        ),
    ];
    let mut form = credentials.to_vec();
    form.push(("grant_type", "client_credentials"));
    let token = anyone.post_form("/oauth/token", &form).await.ok();
    let token = token["access_token"].as_str().expect("a token").to_owned();
    let client = rig.anonymous().with_token(&token);
    client.get("/api/v1/apps/verify_credentials").await.ok();
    client.get("/api/v1/apps/verify_credentials").await.ok();
    let mut form = credentials.to_vec();
    form.push(("token", &token));
    anyone.post_form("/oauth/revoke", &form).await.ok();
    client
        .get("/api/v1/apps/verify_credentials")
        .await
        .refused(401);
    client.get("/api/v1/timelines/public").await.refused(401);
}

/// Bodies that are no bodies, sent to every route that reads one.
#[tokio::test(flavor = "multi_thread")]
async fn broken_bodies_are_refused_by_every_route_that_reads_one() {
    let rig = Rig::start(&["ada", "bob"]).await;
    let ada = rig.client("ada");
    let wren = id(&post(ada, "a wren").await);
    let deep_json = format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200));
    let deeper_json = "[".repeat(100_000);
    let deep_form = format!("a{}=1", "[b]".repeat(60));
    let many = (0..5000)
        .map(|number| format!("a{number}=1"))
        .collect::<Vec<_>>()
        .join("&");
    let bodies: Vec<(&str, &str, Vec<u8>)> = vec![
        ("malformed", "application/json", b"{\"status\": ".to_vec()),
        ("no object", "application/json", b"[1, 2]".to_vec()),
        ("a bare text", "application/json", b"\"x\"".to_vec()),
        ("two values", "application/json", b"{} {}".to_vec()),
        (
            "no UTF-8",
            "application/json",
            b"{\"status\": \"\xff\xfe\"}".to_vec(),
        ),
        (
            "a lone surrogate",
            "application/json",
            b"{\"status\": \"\\ud800\"}".to_vec(),
        ),
        (
            "NUL",
            "application/json",
            b"{\"status\": \"a\\u0000b\"}".to_vec(),
        ),
        (
            "NUL in a name",
            "application/json",
            b"{\"sta\\u0000tus\": \"ab\"}".to_vec(),
        ),
        ("deep", "application/json", deep_json.into_bytes()),
        ("very deep", "application/json", deeper_json.into_bytes()),
        (
            "no UTF-8",
            "application/x-www-form-urlencoded",
            b"status=%FF%FE".to_vec(),
        ),
        (
            "NUL",
            "application/x-www-form-urlencoded",
            b"status=a%00b".to_vec(),
        ),
        (
            "deep",
            "application/x-www-form-urlencoded",
            deep_form.into_bytes(),
        ),
        (
            "two kinds",
            "application/x-www-form-urlencoded",
            b"status=a&status[b]=c".to_vec(),
        ),
        (
            "many",
            "application/x-www-form-urlencoded",
            many.into_bytes(),
        ),
        ("no boundary", "multipart/form-data", b"--x".to_vec()),
        (
            "no end",
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data; name=\"status\"\r\n\r\nwren".to_vec(),
        ),
        (
            "no parts",
            "multipart/form-data; boundary=x",
            b"something else".to_vec(),
        ),
        ("a type unknown", "text/plain", b"status=a".to_vec()),
        ("a type unknown", "application/xml", b"<status/>".to_vec()),
    ];
    let ignore_bodies = [
        "/unfollow",
        "/remove_from_followers",
        "/authorize",
        "/reject",
        "/block",
        "/unblock",
        "/unmute",
        "/favourite",
        "/unfavourite",
        "/bookmark",
        "/unbookmark",
        "/unreblog",
        "/clear",
        ":id/dismiss",
        "/userinfo",
    ];
    for (method, pattern) in writing() {
        let reads =
            method != Method::DELETE && !ignore_bodies.iter().any(|end| pattern.ends_with(end));
        let about = if pattern.contains("/statuses/") {
            wren.clone()
        } else {
            rig.person("bob").id.to_string()
        };
        let path = pattern.replace(":id", &about);
        for (what, kind, body) in &bodies {
            if !reads {
                continue;
            }
            let request = ada
                .request(method.clone(), &path)
                .header("Content-Type", *kind)
                .body(body.clone());
            let answer = ada.send(request).await;
            assert_refusal(&answer, &format!("{method} {pattern} with {kind}: {what}"));
        }
    }
    assert_eq!(
        ids(&ada.get("/api/v1/timelines/home").await),
        [wren],
        "nothing was done"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_types_are_told_by_name() {
    let rig = Rig::start(&["ada", "bob"]).await;
    let ada = rig.client("ada");
    let bob = rig.person("bob").id;
    let wrong: Vec<(&str, String, Json, &str)> = vec![
        (
            "POST",
            "/api/v1/statuses".into(),
            json!({"status": ["a"]}),
            "status",
        ),
        (
            "POST",
            "/api/v1/statuses".into(),
            json!({"status": "a", "sensitive": {}}),
            "sensitive",
        ),
        (
            "POST",
            "/api/v1/statuses".into(),
            json!({"status": "a", "in_reply_to_id": [1]}),
            "in_reply_to_id",
        ),
        (
            "POST",
            "/api/v1/statuses".into(),
            json!({"status": "a", "poll": "x"}),
            "poll",
        ),
        (
            "POST",
            format!("/api/v1/accounts/{bob}/follow"),
            json!({"reblogs": [true]}),
            "reblogs",
        ),
        (
            "POST",
            format!("/api/v1/accounts/{bob}/mute"),
            json!({"duration": "long"}),
            "duration",
        ),
        (
            "PATCH",
            "/api/v1/accounts/update_credentials".into(),
            json!({"source": "x"}),
            "source",
        ),
        (
            "PATCH",
            "/api/v1/accounts/update_credentials".into(),
            json!({"fields_attributes": "x"}),
            "fields_attributes",
        ),
        (
            "POST",
            "/api/v1/markers".into(),
            json!({"home": ["x"]}),
            "home",
        ),
    ];
    for (method, path, body, name) in wrong {
        let method: Method = method.parse().expect("a method");
        let answer = ada.send(ada.request(method, &path).json(&body)).await;
        assert_refusal(&answer, &format!("{path} {body}"));
        assert!(answer.text.contains(name), "{path} {body}: {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_cursors_and_limits_are_refused_by_every_list() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    let own = rig.person("ada").id;
    let wren = id(&post(ada, "a wren").await);
    for path in [
        "/api/v1/timelines/home".to_owned(),
        "/api/v1/timelines/public".to_owned(),
        "/api/v1/timelines/tag/x".to_owned(),
        "/api/v1/favourites".to_owned(),
        "/api/v1/bookmarks".to_owned(),
        "/api/v1/notifications".to_owned(),
        "/api/v1/blocks".to_owned(),
        "/api/v1/mutes".to_owned(),
        "/api/v1/follow_requests".to_owned(),
        format!("/api/v1/accounts/{own}/statuses"),
        format!("/api/v1/accounts/{own}/followers"),
        format!("/api/v1/accounts/{own}/following"),
        format!("/api/v1/statuses/{wren}/favourited_by"),
        format!("/api/v1/statuses/{wren}/reblogged_by"),
    ] {
        for query in [
            "max_id=abc",
            "min_id=-1",
            "since_id=1.5",
            "max_id=99999999999999999999999",
            "max_id=%FF",
            "max_id=1%00",
            "max_id[]=1",
            "max_id[a]=1",
            "limit=many",
            "limit=-5",
            "limit=1e3",
            "limit=0x10",
            "max_id=%EF%BC%91",
            "since_id=+1",
        ] {
            let answer = ada.get(&format!("{path}?{query}")).await;
            // A plus is a blank in a query.
            if query == "since_id=+1" {
                assert!(answer.status < 500, "{path}?{query}");
                continue;
            }
            assert_refusal(&answer, &format!("{path}?{query}"));
        }
        for query in [
            "max_id=",
            "max_id=9223372036854775807",
            "min_id=9223372036854775807",
            "limit=",
            "max_id=0",
            "%00=1&",
            "?",
            "&&&",
            "=",
            "a",
        ] {
            let answer = ada.get(&format!("{path}?{query}")).await;
            assert!(answer.status < 500, "{path}?{query}: {}", answer.text);
            assert!(
                answer.status == 200 || query.contains("%00"),
                "{path}?{query}: {}",
                answer.text
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_cannot_be_are_ids_that_are_not_there() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    let strange = [
        "0",
        "-1",
        "9223372036854775807",
        "9223372036854775808",
        "99999999999999999999999999",
        "1.5",
        "0x10",
        "1e5",
        "%20",
        "%FF",
        "%00",
        "a%2Fb",
        "..",
        "%2e%2e",
        "%F0%9F%90%A6",
        "null",
        "undefined",
        "%EF%BC%91",
        "+1",
    ];
    for info in listed() {
        let is_api = info.pattern.starts_with("/api/");
        if !is_api || !info.pattern.contains("/:id") || info.family == "empty" {
            continue;
        }
        for odd in strange {
            let path = info.pattern.replace(":id", odd).replace(":name", "x");
            let request = ada.request(info.method.clone(), &path);
            let request = match info.method.as_str() {
                "PUT" => request.json(&json!({"status": "x"})),
                _ => request,
            };
            let answer = ada.send(request).await;
            let told = format!("{} {path}", info.method);
            // URLs are cleaned by clients: `..` leads elsewhere.
            if odd.contains("..") || odd.contains("%2e") {
                assert!(answer.status < 500, "{told}: {}", answer.text);
                continue;
            }
            assert!(
                matches!(answer.status, 400 | 404),
                "{told}: {} {}",
                answer.status,
                answer.text
            );
            assert_refusal(&answer, &told);
        }
    }
}

/// Sends bytes as they are, and answers the head and body that come back.
fn raw(rig: &Rig, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(rig.server.addr()).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    // The server may answer and close before it has read all.
    let sent = stream.write_all(bytes);
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer).into_owned();
    assert!(!text.is_empty(), "sent: {sent:?}, read: {read:?}");
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_beyond_the_bound_are_413_and_their_sender_sees_it() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    for bytes in [1024 * 1024 + 1, 4 * 1024 * 1024] {
        let text = "x".repeat(bytes);
        let request = ada
            .request(Method::POST, "/api/v1/statuses")
            .json(&json!({"status": text}));
        let sentence = ada.send(request).await.refused(413);
        assert!(sentence.contains("large"), "{sentence}");
        let request = ada
            .request(Method::POST, "/api/v1/statuses")
            .form(&[("status", &text)]);
        ada.send(request).await.refused(413);
    }
    let token = ada.token().expect("ada has one");
    let mut chunked = format!(
        "POST /api/v1/statuses HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    .into_bytes();
    for _ in 0..20 {
        chunked.extend_from_slice(b"10000\r\n");
        chunked.extend(std::iter::repeat_n(b'x', 0x10000));
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let answer = tokio::task::block_in_place(|| raw(&rig, &chunked));
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("{\"error\":\""), "{answer}");
    assert_eq!(ids(&ada.get("/api/v1/timelines/home").await), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_no_client_would_send_are_refused_and_the_server_stays() {
    let rig = Rig::start(&["ada"]).await;
    let long = format!(
        "GET /api/v1/statuses?{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "a".repeat(9000)
    );
    let header = format!(
        "GET /api/v1/instance HTTP/1.1\r\nHost: x\r\nX-A: {}\r\n\r\n",
        "a".repeat(60_000)
    );
    for (request, status) in [
        (
            "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n",
            "4",
        ),
        (
            "BREW /api/v1/instance HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "405",
        ),
        (
            "GET http://elsewhere.example/api/v1/instance HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "",
        ),
        (
            "GET * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "4",
        ),
        ("nonsense\r\n\r\n", "400"),
        (
            "GET /api/v1/statuses/%FF HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "400",
        ),
        (
            "GET /api/v1/instance HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \u{ff}\r\nConnection: close\r\n\r\n",
            "",
        ),
        (
            "POST /api/v1/statuses HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\nConnection: close\r\n\r\n",
            "400",
        ),
        (&long, "414"),
        (&header, "431"),
    ] {
        let answer = tokio::task::block_in_place(|| raw(&rig, request.as_bytes()));
        let line = answer.lines().next().expect("a status line");
        assert!(
            line.starts_with(&format!("HTTP/1.1 {status}")),
            "{request:.60}: {line}"
        );
        assert!(!line.starts_with("HTTP/1.1 5"), "{request:.60}: {line}");
        rig.anonymous().get("/health").await;
    }
    rig.client("ada").get("/api/v1/timelines/home").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_carry_a_request_id_header_and_no_inner_words() {
    let rig = Rig::start(&["ada"]).await;
    let answer = rig.client("ada").get("/api/v1/statuses/1").await;
    assert_eq!(answer.json(), json!({"error": "Record not found"}));
    assert!(!answer.header("x-request-id").is_empty());
    for path in [
        "/api/v1/statuses/x",
        "/api/v1/timelines/home?max_id=x",
        "/api/v2/search",
    ] {
        let text = rig.client("ada").get(path).await.text.to_ascii_lowercase();
        for inner in [
            "sql", "panick", "serde", "actix", "rusqlite", "unwrap", "::", "src/",
        ] {
            assert!(!text.contains(inner), "{path}: {text}");
        }
    }
}
