//! docs/operating.md: every command in it is run, in its order, on a server on which people log in all at once.

#![expect(
    clippy::panic,
    reason = "clippy takes only the test functions themselves for tests"
)]

mod support;

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use futures_util::future::join_all;
use support::process::Place;
use support::server::Client;
use support::shell::Shell;

/// How long the server may take to answer for the first time, and its log to have a line.
const WAIT_TIME_MAX: Duration = Duration::from_secs(30);
/// Log-ins at once; of more with one account the guard on wrong passwords turns some away.
const LOG_INS: usize = 4;

/// A command of the page, and the lines that are said to come of it.
#[derive(Debug)]
struct Step {
    command: String,
    output: Vec<String>,
}

/// The commands in the page's consoles.
fn steps() -> Vec<Step> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operating.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let mut steps: Vec<Step> = Vec::new();
    let mut in_console = false;
    for line in page.lines() {
        if line.starts_with("```") {
            in_console = line == "```console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| in_console) {
            steps.push(Step {
                command: command.to_owned(),
                output: Vec::new(),
            });
        } else if in_console {
            let step = steps.last_mut().expect("a console begins with a command");
            step.output.push(line.to_owned());
        }
    }
    steps
}

/// Ends with its value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already where the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(place: &Place) -> (Running, String) {
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = port.local_addr().expect("an address").to_string();
    drop(port);
    let log = File::create(place.path().join("kinglet.log")).expect("a file");
    let mut command = place.command(&["serve", "--listen", &address]);
    let child = command.stderr(log).spawn().expect("the binary runs");
    (Running(child), address)
}

async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let waited = tokio::time::timeout(WAIT_TIME_MAX, waiting).await;
    waited.unwrap_or_else(|_| panic!("{what} didn't happen"));
}

async fn log_in(base: &str) {
    let anyone = Client::new(base);
    let page = anyone.get("/login").await;
    let cookies = page.headers.get_all("set-cookie").iter();
    let pairs: Vec<&str> = cookies
        .filter_map(|cookie| cookie.to_str().ok()?.split(';').next())
        .collect();
    let browser = anyone.with_cookie(pairs.join("; "));
    let (_, rest) = page
        .text
        .split_once("name=\"csrf\" value=\"")
        .expect("a form");
    let csrf = rest.split('"').next().expect("a value");
    let fields = [
        ("csrf", csrf),
        ("login", "ada"),
        ("password", "correct horse 1 battery"),
    ];
    let answer = browser.post_form("/login", &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
}

/// The words of a line of the page that always stand there; where figures differ, it has `...`.
fn constant_parts(line: &str) -> impl Iterator<Item = &str> {
    line.split("...")
        .flat_map(str::split_whitespace)
        .filter(|word| word.chars().all(|letter| !letter.is_ascii_digit()))
        // Bars are as long as they are.
        .filter(|word| word.chars().any(|letter| letter.is_ascii()))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_page_does_what_it_says() {
    let place = Place::new();
    place.configure("[log]\nslow_ms = 1\n");
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
    let (_server, address) = serve(&place);
    let base = format!("http://{address}");
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let health = format!("{base}/health");
    eventually("the start", async || {
        client.get(&health).send().await.is_ok()
    })
    .await;
    join_all((0..LOG_INS).map(|_| log_in(&base))).await;
    let log = place.path().join("kinglet.log");
    let slow = || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let mut lines = text.lines().rev();
        let line = lines.find(|line| {
            line.contains("slow request") && line.contains("method=\"POST\" route=\"/login\"")
        })?;
        let (_, id) = line.split_once(" id=\"")?;
        Some(id.split('"').next()?.to_owned())
    };
    eventually("a record of a slow log-in", async || slow().is_some()).await;
    let id = slow().expect("there is one");

    // People go on meanwhile.
    let token = place.done(&["token", "create", "ada", "--scopes", "write"]);
    let ada = Client::new(&base).with_token(token.trim());
    let writing = tokio::spawn(async move {
        loop {
            let body = serde_json::json!({"status": "a robin"});
            ada.post("/api/v1/statuses", body).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });

    // The program as it is called on the page.
    let shell = Shell::new(place.path()).with("ID", &id);
    let steps = steps();
    assert!(steps.len() >= 8, "{steps:#?}");
    for step in steps {
        // Nobody needs to wait ten seconds to see that it works.
        let command = step
            .command
            .replace("--for 10s", "--for 1s")
            .replace("--seconds 10", "--seconds 1");
        let command = command.replace("127.0.0.1:8420", &address);
        let said = shell.done(&command).output;
        for word in step.output.iter().flat_map(|line| constant_parts(line)) {
            assert!(
                said.contains(word),
                "{word:?} didn't come of\n$ {command}\n{said}"
            );
        }
    }
    writing.abort();
}
