//! Looking for a fault in a running server: `kinglet debug` and `kinglet profile`, and what a bundle must not hold.

#![expect(
    clippy::panic,
    reason = "clippy takes only the test functions themselves for tests"
)]

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};

use support::process::Place;
use support::secrets::Secrets;
use support::server::Client;

/// Mails that wait to be read by a test.
const MAILS_MAX: usize = 64;
/// How long a mail may take to arrive.
const MAIL_TIME_MAX: Duration = Duration::from_secs(20);

fn json(text: &str) -> Json {
    serde_json::from_str(text).expect("JSON")
}

/// A mail server that takes everything, for one connection after the other.
fn take_mail() -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let (sender, mails) = sync_channel(MAILS_MAX);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let sender = sender.clone();
            thread::spawn(move || {
                converse(stream.expect("a connection"), &mut |mail| {
                    drop(sender.send(mail))
                })
            });
        }
    });
    (port, mails)
}

fn converse(mut stream: TcpStream, took: &mut dyn FnMut(String)) {
    let mut lines = BufReader::new(stream.try_clone().expect("a second hand")).lines();
    let mut say = |text: &str| drop(stream.write_all(text.as_bytes()));
    say("220 here\r\n");
    while let Some(Ok(line)) = lines.next() {
        let verb = line
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => say("250-here\r\n250 AUTH PLAIN LOGIN\r\n"),
            "AUTH" => say("235 welcome\r\n"),
            "DATA" => {
                say("354 go on\r\n");
                let mut mail = String::new();
                for line in lines
                    .by_ref()
                    .map_while(Result::ok)
                    .take_while(|line| line != ".")
                {
                    match line.strip_suffix('=') {
                        Some(continued) => mail.push_str(continued),
                        None => mail.extend([&line, "\n"]),
                    }
                }
                took(mail.replace("=3D", "="));
                say("250 taken\r\n");
            }
            "QUIT" => return say("221 bye\r\n"),
            _ => say("250 well\r\n"),
        }
    }
}

/// All the ways in which a secret may be written.
fn written(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let mut ways = vec![
        secret.to_owned(),
        hex.to_ascii_uppercase(),
        hex,
        encoded.replace('+', "%20"),
        encoded,
        secret.replace('@', "%40"),
    ];
    // What comes before it moves it within the groups of three bytes; the groups that it fills alone look the same.
    for shift in 0..3 {
        let padded = format!("{}{secret}", "x".repeat(shift));
        for engine in [
            STANDARD_NO_PAD.encode(&padded),
            URL_SAFE_NO_PAD.encode(&padded),
        ] {
            let from = if shift == 0 { 0 } else { 4 };
            let until = padded.len() / 3 * 4;
            ways.push(engine[from..until].to_owned());
        }
    }
    ways
}

/// The files of an archive.
fn unpacked(path: &Path) -> BTreeMap<String, String> {
    let file = std::fs::File::open(path).expect("the archive");
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let entries = archive.entries().expect("entries");
    entries
        .map(|entry| {
            let mut entry = entry.expect("an entry");
            let name = entry.path().expect("a name").display().to_string();
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("a text");
            (name, text)
        })
        .collect()
}

/// Everything that people and operators do with secrets.
async fn session(place: &Place, base: &str, mails: &Receiver<String>, secrets: &mut Secrets) {
    let anyone = Client::new(base);
    let link = place.done(&["setup-link"]);
    let (_, code) = link.trim().split_once("code=").expect("a code");
    secrets.keep("a code for the owner's account", code);
    anyone.get(&format!("/setup?code={code}")).await;
    let name = secrets.keep("a name", "adalovelace");
    let email = secrets.keep("a mail address", "ada.secretly@example.org");
    let password = secrets.keep("a password", "correct horse 1 battery");
    let create = [
        "user",
        "create",
        &name,
        "--email",
        &email,
        "--password-stdin",
    ];
    assert!(place.run_with_input(&create, &password).status.success());
    let token = place.done(&["token", "create", &name, "--scopes", "read write follow"]);
    let token = secrets.keep("a token of the operator", token.trim());
    for arguments in [&["invite", "create"][..], &["user", "reset-link", &name]] {
        let link = place.done(arguments);
        let code = link.trim().rsplit('/').next().expect("a code").to_owned();
        let path = if arguments[0] == "invite" {
            "invite"
        } else {
            "reset"
        };
        secrets.keep("a code of a link", &code);
        anyone.get(&format!("/{path}/{code}")).await;
    }

    let body = json!({
        "client_name": "test", "redirect_uris": "urn:ietf:wg:oauth:2.0:oob", "scopes": "read write follow",
    });
    let app = anyone.post("/api/v1/apps", body).await.ok();
    let text = |value: &Json| value.as_str().expect("a text").to_owned();
    let client_secret = secrets.keep("a client's secret", text(&app["client_secret"]));
    let client_id = secrets.keep("a client's id", text(&app["client_id"]));
    let grant = [
        ("grant_type", "client_credentials"),
        ("client_id", &client_id),
        ("client_secret", &client_secret),
        ("scope", "read write follow"),
    ];
    let granted = anyone.post_form("/oauth/token", &grant).await.ok();
    let app_token = secrets.keep("a client's token", text(&granted["access_token"]));
    let newcomer = secrets.keep("a name", "bobthehidden");
    let newcomer_email = secrets.keep("a mail address", "bob.hidden@example.org");
    let newcomer_password = secrets.keep("a password", "a very long winded one");
    let body = json!({
        "username": newcomer, "email": newcomer_email, "password": newcomer_password, "agreement": true,
    });
    let app_client = anyone.clone().with_token(&app_token);
    let granted = app_client.post("/api/v1/accounts", body).await.ok();
    secrets.keep("a token", text(&granted["access_token"]));
    let mail = mails
        .recv_timeout(MAIL_TIME_MAX)
        .expect("a mail with a code");
    let (_, code) = mail
        .split_once("/confirm/")
        .unwrap_or_else(|| panic!("no code in {mail}"));
    let code: String = code
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c))
        .collect();
    secrets.keep("a code that confirms an address", &code);
    anyone.get(&format!("/confirm/{code}")).await;

    let ada = anyone.clone().with_token(&token);
    let post = secrets.keep("a post", "a robin sang in the morning");
    let warning = secrets.keep("a content warning", "about the early birds");
    let body = json!({"status": post, "spoiler_text": warning});
    let post = ada.post("/api/v1/statuses", body).await.ok();
    let direct = secrets.keep("a direct message", "nobody else may read this wren");
    let body = json!({"status": direct, "visibility": "direct"});
    ada.post("/api/v1/statuses", body).await.ok();
    let id = post["id"].as_str().expect("an id");
    ada.get(&format!("/api/v1/statuses/{id}?access_token={token}"))
        .await;
    let searched = secrets.keep("a search", "secretneedle");
    ada.get(&format!("/api/v2/search?q={searched}")).await.ok();
    ada.get(&format!("/@{name}")).await;
    ada.get(&format!("/no/such/page/{name}?access_token={token}"))
        .await;
    let address = secrets.keep("an IP address", "203.0.113.77");
    let request = ada
        .request(reqwest::Method::GET, "/api/v1/timelines/home")
        .header("X-Forwarded-For", &address);
    ada.send(request).await.ok();
    let wrong = secrets.keep("a wrong token", "wrong-token-0123456789");
    let stranger = anyone.clone().with_token(&wrong);
    stranger.get("/api/v1/timelines/home").await.refused(401);

    let page = anyone.get("/login").await;
    let browser = anyone.clone().with_cookie(secrets.keep_cookies(&page));
    let (_, rest) = page
        .text
        .split_once("name=\"csrf\" value=\"")
        .expect("a form");
    let form_token = secrets.keep("a form's token", rest.split('"').next().expect("a value"));
    for typed in [
        &secrets.keep("a wrong password", "not the password at all"),
        &password,
    ] {
        let fields = [
            ("csrf", form_token.as_str()),
            ("login", &email),
            ("password", typed),
        ];
        let answer = browser.post_form("/login", &fields).await;
        secrets.keep_cookies(&answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_helps_and_tells_no_secret() {
    let place = Place::new();
    let (port, mails) = take_mail();
    let mut secrets = Secrets::default();
    let mail_user = secrets.keep("a mail account", "mailaccount");
    let mail_password = secrets.keep("a mail password", "mail-s3cret-Passw0rd");
    let scraper = secrets.keep("the token for metrics", "scrapers-only-and-nobody-else");
    let contact = secrets.keep("a mail address", "operator@private.example");
    place.configure(&format!(
        "[mail]\nurl = \"smtp://{mail_user}:{mail_password}@127.0.0.1:{port}\"\n\
         [instance]\ncontact_email = \"{contact}\"\n\
         [registration]\nmode = \"open\"\n\
         [metrics]\ntoken = \"{scraper}\"\n\
         [http]\ntrusted_proxies = [\"127.0.0.1\"]\n\
         [log]\nlevel = \"trace\"\nslow_ms = 1\n"
    ));
    let server = place.serve();
    session(&place, &server.url, &mails, &mut secrets).await;
    let scrape = Client::new(&server.url).with_token(&scraper);
    let told = scrape.get("/metrics").await.text;
    assert!(told.contains("kinglet_build_info"), "{told}");
    // Made with the database, and never shown to anybody.
    let database =
        rusqlite::Connection::open(place.data().join("kinglet.db")).expect("the database");
    let key: String = database
        .query_row(
            "SELECT value FROM meta WHERE name = 'unsubscribe_key'",
            (),
            |row| row.get(0),
        )
        .expect("a key");
    secrets.keep("the key of links to unsubscribe", key);
    drop(database);

    place.done(&["debug", "bundle", "bundle.tar.gz", "--check"]);
    let path = place.path().join("bundle.tar.gz");
    let mode = std::fs::metadata(&path)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = std::fs::read(&path).expect("it is there");
    place.fails(1, &["debug", "bundle", "bundle.tar.gz"]);
    assert_eq!(
        std::fs::read(&path).expect("it is there"),
        before,
        "it was overwritten"
    );

    let files = unpacked(&path);
    let file = |name: &str| files[&format!("kinglet-debug/{name}")].as_str();
    assert_eq!(file("missing.txt"), "");
    assert_eq!(
        json(file("instance.json"))["version"],
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(json(file("config.json"))["registration"]["mode"], "open");
    assert!(json(file("sizes.json"))["schema_version"].as_i64() > Some(0));
    assert_eq!(json(file("check.json"))["broken"], json!([]));
    let actors = json(file("actors.json"));
    let posts = actors
        .as_array()
        .and_then(|actors| actors.iter().find(|actor| actor["name"] == "posts"));
    assert!(
        posts.is_some_and(|posts| posts["handled"].as_u64() > Some(0)),
        "{actors}"
    );
    assert!(file("requests.json").contains("/api/v1/statuses"));
    assert!(file("log.txt").contains("serving"), "{}", file("log.txt"));
    assert!(json(file("live.json"))["uptime_seconds"].is_u64());
    assert!(
        file("metrics.txt").contains("kinglet_http_requests_total{")
            && file("metrics.txt").contains("/api/v1/statuses"),
        "{}",
        file("metrics.txt")
    );
    assert!(json(file("sql.json")).is_array());
    assert!(file("doctor.json").contains("\"configuration\""));

    assert!(secrets.0.len() > 20, "only {} secrets", secrets.0.len());
    for (name, secret) in &secrets.0 {
        for way in written(secret) {
            for (file, text) in &files {
                let found = text.lines().find(|line| line.contains(&way));
                assert!(
                    found.is_none(),
                    "{name} {secret:?} is in {file} as {way}: {found:?}"
                );
            }
        }
    }
    server.stop();
}

#[test]
fn secrets_are_looked_for_as_they_may_be_written() {
    let ways = written("ada@example.org");
    for hidden in [
        "x ada@example.org x".to_owned(),
        "login=ada%40example.org".to_owned(),
        STANDARD_NO_PAD.encode("ada@example.org"),
        STANDARD_NO_PAD.encode("user:ada@example.org:x"),
        "6164614065".to_owned() + "78616d706c652e6f7267",
    ] {
        assert!(
            ways.iter().any(|way| hidden.contains(way)),
            "{hidden} in {ways:?}"
        );
    }
}

#[test]
fn without_a_server_a_bundle_tells_what_is_left_and_why_not_more() {
    let place = Place::new();
    place.done(&["debug", "bundle", "bundle.tar.gz"]);
    let files = unpacked(&place.path().join("bundle.tar.gz"));
    assert!(files.contains_key("kinglet-debug/config.json"));
    let missing = &files["kinglet-debug/missing.txt"];
    assert!(
        missing.contains("actors.json") && missing.contains("no server runs"),
        "{missing}"
    );
    let sentence = place.fails(1, &["debug", "actors"]);
    assert!(sentence.contains("no server runs"), "{sentence}");
    place.fails(1, &["profile", "--seconds", "1"]);
    assert!(!place.path().join("kinglet-profile.svg").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn actors_statements_and_requests_are_told_of() {
    let place = Place::new();
    let server = place.serve();
    let create = [
        "user",
        "create",
        "ada",
        "--email",
        "ada@example.org",
        "--password-stdin",
    ];
    assert!(
        place
            .run_with_input(&create, "correct horse 1 battery")
            .status
            .success()
    );
    let token = place.done(&["token", "create", "ada", "--scopes", "read write"]);
    let ada = Client::new(&server.url).with_token(token.trim());
    let watching = thread::spawn({
        let command = place.command(&["debug", "sql", "--for", "4s", "--json"]);
        move || {
            let mut command = command;
            command.output()
        }
    });
    tokio::time::sleep(Duration::from_millis(1500)).await;
    for number in 0..3 {
        let body = json!({"status": format!("robin number {number}")});
        ada.post("/api/v1/statuses", body).await.ok();
    }
    let answer = ada.get("/api/v1/timelines/home").await;
    let id = answer.header("x-request-id").to_owned();

    let told = watching.join().expect("it ends").expect("the binary runs");
    let statements = json(&String::from_utf8(told.stdout).expect("UTF-8"));
    let statements = statements.as_array().expect("a list");
    let inserted = statements.iter().find(|statement| {
        statement["sql"]
            .as_str()
            .is_some_and(|sql| sql.starts_with("INSERT INTO posts "))
    });
    assert_eq!(inserted.expect("posts were written")["count"], 3);
    assert!(
        statements
            .iter()
            .any(|statement| statement["plan"].is_array())
    );
    assert!(!format!("{statements:?}").contains("robin"));

    let actors = json(&place.done(&["debug", "actors", "--json"]));
    let actor = |name: &str| {
        let actors = actors.as_array().expect("a list");
        let found = actors.iter().find(|actor| actor["name"] == name);
        found
            .unwrap_or_else(|| panic!("no {name} in {actors:?}"))
            .clone()
    };
    assert_eq!(
        actor("posts")["kinds"]
            .as_array()
            .expect("kinds")
            .iter()
            .find(|kind| kind[0] == "WritePost")
            .expect("posts were written")[1],
        3
    );
    assert!(actor("writer")["handled"].as_u64() >= Some(3));
    assert!(place.done(&["debug", "actors"]).contains("timelines"));

    let course = json(&place.done(&["debug", "request", &id, "--json"]));
    assert_eq!(course["route"], "/api/v1/timelines/home");
    let waterfall = place.done(&["debug", "request", &id]);
    assert!(
        waterfall.contains("/api/v1/timelines/home") && waterfall.contains('█'),
        "{waterfall}"
    );
    let sentence = place.fails(1, &["debug", "request", "0123456789abcdef"]);
    assert!(
        sentence.contains("isn't kept") && sentence.contains("log.slow_ms"),
        "{sentence}"
    );
    server.stop();
}

/// The picture of a server at work names threads and functions of kinglet; a second profile at the same time is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_profile_shows_what_the_server_does() {
    let place = Place::new();
    let server = place.serve();
    let profiling = thread::spawn({
        let mut command = place.command(&[
            "profile",
            "--seconds",
            "4",
            "--frequency",
            "250",
            "--output",
            "p.svg",
        ]);
        move || command.output()
    });
    let client = Client::new(&server.url);
    tokio::time::sleep(Duration::from_millis(800)).await;
    let refused = place.fails(1, &["profile", "--seconds", "1", "--output", "q.svg"]);
    assert!(refused.contains("somebody else is sampling"), "{refused}");
    assert!(!place.path().join("q.svg").exists());
    while !profiling.is_finished() {
        client.get("/login").await;
        client.get("/api/v2/instance").await;
    }
    let output = profiling.join().expect("it ends").expect("the binary runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let svg = std::fs::read_to_string(place.path().join("p.svg")).expect("a picture");
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    // Where one thread serves, it is that of the owners.
    let serving = ["kinglet-http", "kinglet-owners"].map(|name| format!("<title>{name}: "));
    assert!(
        serving.iter().any(|title| svg.contains(title)),
        "no thread is named"
    );
    assert!(
        svg.contains("kinglet_http::"),
        "no function of kinglet is named"
    );
    for forbidden in ["<script", "href", "http-equiv", "onload"] {
        assert!(!svg.contains(forbidden), "{forbidden}");
    }
    // It answers as before.
    client.get("/health").await;
    server.stop();
}
