//! Whatever is logged, and be it everything: no password, token, code, cookie or mail address is among it.

mod support;

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use support::secrets::Secrets;
use support::server::Client;

/// How long the program may take to answer for the first time.
const START_TIME_MAX: Duration = Duration::from_secs(30);
/// How long it waits between two looks whether the program answers.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// The program, everything it says on standard error kept.
struct Program {
    child: Child,
    url: String,
}

impl Program {
    fn start(data: &Path, format: &str) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = port.local_addr().expect("it has an address");
        drop(port);
        let log = std::fs::File::create(data.join("log")).expect("a file");
        let child = Command::new(env!("CARGO_BIN_EXE_kinglet"))
            .args(["serve", "--listen", &address.to_string(), "--data"])
            .arg(data.join("data"))
            .current_dir(data)
            .env_remove("KINGLET_CONFIG")
            .env("KINGLET_LOG__LEVEL", "trace")
            .env("KINGLET_LOG__FORMAT", format)
            // Every request tells where its time went, too.
            .env("KINGLET_LOG__SLOW_MS", "1")
            .env("KINGLET_REGISTRATION__MODE", "open")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the program starts");
        Self {
            child,
            url: format!("http://{address}"),
        }
    }

    async fn answers(&self) {
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        let asking = async {
            while http
                .get(format!("{}/health", self.url))
                .send()
                .await
                .is_err()
            {
                tokio::time::sleep(LOOK_AGAIN_AFTER).await;
            }
        };
        let asked = tokio::time::timeout(START_TIME_MAX, asking).await;
        asked.expect("the program answers");
    }

    /// Ends it as an operator would, so that the last lines are written.
    fn stop(mut self) {
        let id = self.child.id().to_string();
        let killed = Command::new("kill").args(["-TERM", &id]).status();
        assert!(killed.is_ok_and(|status| status.success()));
        assert!(self.child.wait().expect("it ends").success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command of the operator, with `input` on its standard input; what it prints.
fn command(data: &Path, arguments: &[&str], input: &str) -> String {
    use std::io::Write;
    let mut child = Command::new(env!("CARGO_BIN_EXE_kinglet"))
        .args(arguments)
        .arg("--data")
        .arg(data.join("data"))
        .current_dir(data)
        .env_remove("KINGLET_CONFIG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    // A command that reads nothing may have ended already.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let mut output = String::new();
    let mut stdout = child.stdout.take().expect("it is piped");
    stdout.read_to_string(&mut output).expect("a text");
    assert!(child.wait().expect("it ends").success(), "{arguments:?}");
    output.trim().to_owned()
}

/// Everything that clients and browsers do with secrets, the wrong ones too.
async fn session(program: &Program, data: &Path, secrets: &mut Secrets) {
    let anyone = Client::new(&program.url);
    let password = secrets.keep("a password", "correct horse 1 battery");
    let email = secrets.keep("a mail address", "ada.secretly@example.org");
    command(
        data,
        &[
            "user",
            "create",
            "ada",
            "--email",
            &email,
            "--password-stdin",
        ],
        &password,
    );
    let made = command(
        data,
        &["token", "create", "ada", "--scopes", "read write follow"],
        "",
    );
    let made = secrets.keep("a token of the operator", made);
    let invitation = command(data, &["invite", "create"], "");
    let (_, code) = invitation.rsplit_once('/').expect("a link");
    let code = secrets.keep("an invitation", code.trim());
    anyone.get(&format!("/invite/{code}")).await;
    let reset = command(data, &["user", "reset-link", "ada"], "");
    let (_, code) = reset.rsplit_once('/').expect("a link");
    let code = secrets.keep("a reset code", code.trim());
    anyone.get(&format!("/reset/{code}")).await;

    let setup = command(data, &["setup-link"], "");
    let (_, code) = setup.rsplit_once('=').expect("a link");
    let code = secrets.keep("a set-up code", code.trim());
    anyone.get(&format!("/setup?code={code}")).await;

    // A client comes in, and signs somebody up.
    let body = json!({
        "client_name": "test", "redirect_uris": "urn:ietf:wg:oauth:2.0:oob", "scopes": "read write follow",
    });
    let app = anyone.post("/api/v1/apps", body).await.ok();
    let client_secret = secrets.keep_field("a client's secret", &app, "client_secret");
    let client_id = app["client_id"].as_str().expect("an id");
    let mut grant = vec![
        ("grant_type", "client_credentials"),
        ("client_id", client_id),
        ("client_secret", &client_secret),
        ("scope", "read write follow"),
    ];
    let token = anyone.post_form("/oauth/token", &grant).await.ok();
    let app_token = secrets.keep_field("a client's token", &token, "access_token");
    let newcomer_email = secrets.keep("a mail address", "bob.hidden@example.org");
    let newcomer_password = secrets.keep("a password", "a very long winded one");
    let body = json!({
        "username": "bob", "email": newcomer_email, "password": newcomer_password, "agreement": true,
    });
    let app_client = anyone.clone().with_token(&app_token);
    let token = app_client.post("/api/v1/accounts", body).await.ok();
    let bob_token = secrets.keep_field("a token", &token, "access_token");
    let bob = anyone.clone().with_token(&bob_token);
    bob.post("/api/v1/statuses", json!({"status": "a wren"}))
        .await
        .ok();

    // With a token that holds, in the places where clients put it, and with such that don't.
    let ada = anyone.clone().with_token(&made);
    let post = ada
        .post("/api/v1/statuses", json!({"status": "a robin"}))
        .await
        .ok();
    let id = post["id"].as_str().expect("an id");
    ada.get(&format!("/api/v1/statuses/{id}?access_token={made}"))
        .await;
    ada.get(&format!(
        "/api/v1/timelines/home?access_token={made}&max_id=x"
    ))
    .await
    .refused(400);
    ada.get(&format!("/no/such/page?access_token={made}")).await;
    let wrong = secrets.keep("a wrong token", "wrong-token-0123456789");
    anyone
        .clone()
        .with_token(&wrong)
        .get("/api/v1/timelines/home")
        .await
        .refused(401);
    let broken = secrets.keep("a broken header", "broken header of somebody");
    let request = anyone
        .request(Method::GET, "/api/v1/timelines/home")
        .header("Authorization", &broken);
    anyone.send(request).await.refused(401);
    let body = secrets.keep("a broken body", "{\"password\": \"half a body");
    let request = ada
        .request(Method::POST, "/api/v1/statuses")
        .header("Content-Type", "application/json");
    ada.send(request.body(body)).await.refused(400);

    // A browser logs in, with a wrong password first, and lets the client in.
    let page = anyone.get("/login").await;
    let visitor = secrets.keep_cookies(&page);
    let browser = anyone.clone().with_cookie(visitor);
    let form_token = secrets.keep_form_token(&page.text);
    let wrong_password = secrets.keep("a wrong password", "not the password at all");
    let fields = |password| {
        [
            ("csrf", form_token.as_str()),
            ("login", email.as_str()),
            ("password", password),
        ]
    };
    let refused = browser.post_form("/login", &fields(&wrong_password)).await;
    assert_ne!(refused.status, 303, "{}", refused.text);
    let answer = browser.post_form("/login", &fields(&password)).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let browser = anyone.clone().with_cookie(secrets.keep_cookies(&answer));
    let settings = browser.get("/settings/account").await;
    secrets.keep_form_token(&settings.text);
    let state = secrets.keep("a client's state", "state-0123456789abcdef");
    let consent = format!(
        "/oauth/authorize?response_type=code&client_id={client_id}&scope=read&state={state}\
         &redirect_uri=urn%3Aietf%3Awg%3Aoauth%3A2.0%3Aoob"
    );
    browser.get(&consent).await;
    let code = secrets.keep("a wrong code", "code-0123456789abcdefgh");
    let verifier = secrets.keep(
        "a verifier",
        "verifier-0123456789abcdefghijklmnopqrstuvwxyz-0123",
    );
    grant[0] = ("grant_type", "authorization_code");
    grant[3] = ("redirect_uri", "urn:ietf:wg:oauth:2.0:oob");
    grant.extend([("code", code.as_str()), ("code_verifier", &verifier)]);
    let answer = anyone.post_form("/oauth/token", &grant).await;
    assert!(matches!(answer.status, 400 | 401), "{}", answer.text);

    // And everything ends.
    let credentials = [("client_id", client_id), ("client_secret", &client_secret)];
    let revoke = [&credentials[..], &[("token", bob_token.as_str())]].concat();
    anyone.post_form("/oauth/revoke", &revoke).await.ok();
    bob.get("/api/v1/timelines/home").await.refused(401);
    command(data, &["user", "suspend", "bob"], "");
}

async fn assert_nothing_leaks(format: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let mut secrets = Secrets::default();
    let program = Program::start(directory.path(), format);
    program.answers().await;
    session(&program, directory.path(), &mut secrets).await;
    program.stop();
    let log = std::fs::read_to_string(directory.path().join("log")).expect("the log");
    // Else nothing was logged that could leak.
    for pattern in [
        "/api/v1/statuses/:id",
        "/oauth/token",
        "/login",
        "/reset/:code",
    ] {
        assert!(log.contains(pattern), "{pattern} is not in the log:\n{log}");
    }
    assert!(secrets.0.len() > 15);
    for (name, secret) in &secrets.0 {
        let lines = log.lines().filter(|line| line.contains(secret.as_str()));
        let found: Vec<&str> = lines.collect();
        assert!(
            found.is_empty(),
            "{name} {secret:?} is in the log: {found:#?}"
        );
        for encoded in [
            secret.replace('@', "%40"),
            secret.replace(' ', "+"),
            secret.replace(' ', "%20"),
        ] {
            assert!(!log.contains(&encoded), "{name} is in the log as {encoded}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_the_text_log_at_the_lowest_level() {
    assert_nothing_leaks("text").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_the_json_log_at_the_lowest_level() {
    assert_nothing_leaks("json").await;
}
