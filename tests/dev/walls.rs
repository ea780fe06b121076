//! What is only for this machine, and only for this command.

use std::process::Stdio;

use kinglet::Server;
use kinglet::domain::account::Role;
use reqwest::Method;
use serde_json::json;

use crate::support::dev::DevServer;
use crate::support::server::Client;

const TOOLS: [(Method, &str); 17] = [
    (Method::GET, "/dev"),
    (Method::GET, "/dev/controls"),
    (Method::GET, "/dev/people"),
    (Method::GET, "/dev/mail"),
    (Method::POST, "/dev/reset"),
    (Method::GET, "/dev/style.css"),
    (Method::GET, "/api/kinglet/v1/dev"),
    (Method::GET, "/api/kinglet/v1/dev/people"),
    (Method::POST, "/api/kinglet/v1/dev/reset"),
    (Method::GET, "/api/kinglet/v1/dev/snapshots"),
    (Method::POST, "/api/kinglet/v1/dev/snapshot"),
    (Method::POST, "/api/kinglet/v1/dev/restore"),
    (Method::GET, "/api/kinglet/v1/dev/clock"),
    (Method::POST, "/api/kinglet/v1/dev/clock"),
    (Method::GET, "/api/kinglet/v1/dev/faults"),
    (Method::GET, "/api/kinglet/v1/dev/requests"),
    (Method::GET, "/api/kinglet/v1/dev/mail"),
];

async fn app_of(client: &Client) -> (String, String) {
    let app = json!({"client_name": "x", "redirect_uris": "urn:ietf:wg:oauth:2.0:oob", "scopes": "read write"});
    let app = client.post("/api/v1/apps", app).await.ok();
    let text = |name: &str| app[name].as_str().expect("a text").to_owned();
    (text("client_id"), text("client_secret"))
}

#[tokio::test]
async fn a_server_in_earnest_has_none_of_it() {
    let server = Server::builder().in_memory().start().await;
    let server = server.expect("a server starts");
    let password = "the password of ada";
    let made = server.create_account("ada", "ada@example.org", password, Role::Owner);
    made.await.expect("the name is free");
    let client = Client::new(server.url());
    for (method, path) in TOOLS {
        let answer = client.send(client.request(method.clone(), path)).await;
        assert_eq!(answer.status, 404, "{method} {path}");
    }
    for route in kinglet::http::routes::list().expect("the routes") {
        let pattern = route.pattern;
        assert!(
            !pattern.starts_with("/dev") && !pattern.contains("/dev/"),
            "{pattern}"
        );
    }
    let (id, secret) = app_of(&client).await;
    let form = [
        ("grant_type", "password"),
        ("client_id", id.as_str()),
        ("client_secret", secret.as_str()),
        ("username", "ada"),
        ("password", password),
    ];
    let answer = client.post_form("/oauth/token", &form).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["error"], "unsupported_grant_type");
    let metadata = client.get("/.well-known/oauth-authorization-server").await;
    assert!(!metadata.text.contains("password"), "{}", metadata.text);
}

#[tokio::test]
async fn the_tools_are_there_and_the_password_grant_is_on() {
    let dev = DevServer::start(&[]);
    let client = dev.anonymous();
    for (method, path) in TOOLS
        .into_iter()
        .filter(|(method, _)| *method == Method::GET)
    {
        let answer = client.send(client.request(method, path)).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    }
    let (id, secret) = app_of(&client).await;
    let grant = async |username: &str, password: &str, scope: &str| {
        let form = [
            ("grant_type", "password"),
            ("client_id", id.as_str()),
            ("client_secret", secret.as_str()),
            ("username", username),
            ("password", password),
            ("scope", scope),
        ];
        client.post_form("/oauth/token", &form).await
    };
    let answer = grant("alice@example.org", "the password of alice", "read")
        .await
        .ok();
    assert_eq!(answer["scope"], "read");
    let token = answer["access_token"].as_str().expect("a token");
    let me = client
        .clone()
        .with_token(token)
        .get("/api/v1/accounts/verify_credentials")
        .await;
    assert_eq!(me.ok()["username"], "alice");
    for (username, password, scope, error) in [
        ("alice", "wrong", "read", "invalid_grant"),
        ("nobody", "wrong", "read", "invalid_grant"),
        (
            "alice",
            "the password of alice",
            "read follow",
            "invalid_scope",
        ),
        ("victor", "the password of victor", "read", "invalid_grant"),
    ] {
        let answer = grant(username, password, scope).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]),
            (400, &json!(error)),
            "{username}"
        );
    }
    let metadata = client
        .get("/.well-known/oauth-authorization-server")
        .await
        .ok();
    let grants = metadata["grant_types_supported"]
        .as_array()
        .expect("a list");
    assert!(grants.contains(&json!("password")));
    // Nobody is slowed down.
    for _ in 0..320 {
        let answer = client.get("/api/v1/timelines/public?limit=1").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-ratelimit-limit"), "");
    }
    assert!(dev.end(), "it ends well");
}

#[test]
fn it_listens_on_loopback_only() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let mut command = DevServer::command(&["--listen", address]);
        let output = command.stderr(Stdio::piped()).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{address}: {said}");
        assert!(
            said.contains("loopback addresses only"),
            "{address}: {said}"
        );
    }
    let six = DevServer::start(&["--listen", "[::1]:0"]);
    assert!(six.url.starts_with("http://[::1]:"), "{}", six.url);
    let port = six.authority().strip_prefix("[::1]:").expect("a port");
    for host in [
        six.authority(),
        "[::1]",
        "localhost",
        &format!("localhost:{port}"),
    ] {
        for path in ["/", "/dev", "/api/v1/instance"] {
            let headers = [("Host", host), ("Origin", &six.url)];
            assert_eq!(status(&six, path, "GET", &headers), "200", "{path} {host}");
        }
    }
}

/// The status of an answer to a request with these headers, and no others that matter.
fn status(dev: &DevServer, path: &str, method: &str, headers: &[(&str, &str)]) -> String {
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    let answer = dev.exchange(request.as_bytes());
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer.get(9..12).unwrap_or("none").to_owned()
}

#[test]
fn only_this_machine_gets_in() {
    let dev = DevServer::start(&[]);
    let own = dev.authority().to_owned();
    let port = own.rsplit_once(':').expect("a port").1.to_owned();
    let status =
        |path: &str, method: &str, headers: &[(&str, &str)]| status(&dev, path, method, headers);
    for path in ["/", "/dev", "/api/v1/instance", "/api/kinglet/v1/dev"] {
        for (host, expected) in [
            (own.as_str(), "200"),
            (&format!("localhost:{port}"), "200"),
            (&format!("[::1]:{port}"), "200"),
            ("localhost", "200"),
            ("127.0.0.1", "200"),
            ("[::1]", "200"),
            ("[::2]", "421"),
            ("evil.example", "421"),
            (&format!("evil.example:{port}"), "421"),
            (&format!("127.0.0.1.evil.example:{port}"), "421"),
            ("", "421"),
        ] {
            assert_eq!(
                status(path, "GET", &[("Host", host)]),
                expected,
                "{path} {host:?}"
            );
        }
    }
    let reset = "/api/kinglet/v1/dev/reset";
    let vite = "http://localhost:5173";
    for (path, method, origin, expected) in [
        (reset, "POST", "https://evil.example", "403"),
        (reset, "OPTIONS", "https://evil.example", "403"),
        (
            "/api/kinglet/v1/dev/requests",
            "GET",
            "https://evil.example",
            "403",
        ),
        ("/dev", "GET", "https://evil.example", "403"),
        (reset, "POST", vite, "200"),
        ("/dev/reset", "POST", vite, "403"),
        ("/dev/reset", "POST", "null", "403"),
        ("/dev/reset", "POST", &format!("http://{own}"), "303"),
        ("/api/v1/timelines/public", "GET", vite, "200"),
        ("/api/v1/timelines/public", "GET", "null", "403"),
    ] {
        let headers = [("Host", own.as_str()), ("Origin", origin)];
        assert_eq!(
            status(path, method, &headers),
            expected,
            "{method} {path} from {origin}"
        );
    }
    assert_eq!(
        status("/dev/reset", "POST", &[("Host", own.as_str())]),
        "403"
    );
}

#[tokio::test]
async fn no_page_of_another_site_can_be_alice() {
    let dev = DevServer::start(&["--allow-origin", "https://Elk.Zone/"]);
    let own = dev.authority().to_owned();
    for (path, method) in [
        ("/", "GET"),
        ("/oauth/token", "POST"),
        ("/oauth/token", "OPTIONS"),
        ("/oauth/revoke", "POST"),
        ("/api/v1/apps", "POST"),
        ("/api/v1/apps", "OPTIONS"),
        ("/api/v1/statuses", "POST"),
        ("/api/v1/instance", "GET"),
        ("/.well-known/nodeinfo", "GET"),
        ("/nodeinfo/2.0", "GET"),
        ("/login", "POST"),
        ("/nothing", "GET"),
        ("/dev", "GET"),
        ("/api/kinglet/v1/dev/people", "GET"),
    ] {
        for header in [
            ("Origin", "https://evil.example"),
            ("Origin", "null"),
            ("Sec-Fetch-Site", "cross-site"),
        ] {
            let status = status(&dev, path, method, &[("Host", &own), header]);
            assert_eq!(status, "403", "{method} {path} {header:?}");
        }
    }
    let elk = ("Origin", "https://elk.zone");
    for (path, method, expected) in [
        ("/api/v1/instance", "GET", "200"),
        ("/oauth/token", "OPTIONS", "204"),
        // The tools give everybody's tokens away.
        ("/api/kinglet/v1/dev/people", "GET", "403"),
    ] {
        let status = status(&dev, path, method, &[("Host", &own), elk]);
        assert_eq!(status, expected, "{method} {path}");
    }
    // Whoever follows a link on a page, for one to the consent page.
    let link = [
        ("Host", own.as_str()),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Mode", "navigate"),
        ("Sec-Fetch-Dest", "document"),
    ];
    for path in ["/", "/dev", "/@alice"] {
        assert_eq!(status(&dev, path, "GET", &link), "200", "{path}");
    }

    let client = dev.anonymous();
    let asked = client.request(Method::GET, "/api/v1/instance");
    let answer = client.send(asked.header("Origin", "https://evil.example"));
    let answer = answer.await;
    assert!(answer.refused(403).contains("--allow-origin URL"));
    assert_eq!(answer.header("access-control-allow-origin"), "");
    // The browser keeps it from the page; its developer finds it here.
    let found = client.get("/api/kinglet/v1/dev/requests?findings=1").await;
    let found = found.ok();
    assert_eq!(found[0]["findings"][0]["code"], "foreign_page", "{found}");

    let mut command = DevServer::command(&["--allow-origin", "https://elk.zone/home"]);
    let output = command.stderr(Stdio::piped()).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2));
}
