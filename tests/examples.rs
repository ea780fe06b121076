//! The programs in `examples/`, each built and run as a newcomer would. Those of `client_test` are tests themselves, which
//! cargo runs with the others.

#![expect(
    clippy::panic,
    reason = "clippy takes only the test functions themselves for tests"
)]

mod support;

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use kinglet::Server;
use support::process::{PATIENCE, Place};
use support::server::Client;
use support::tools::in_package;
use tokio::time::{sleep, timeout};

/// How often a test looks whether the bot has answered.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// The program, built when it isn't up to date.
fn example(name: &str) -> PathBuf {
    let mut build = Command::new(env!("CARGO"));
    build
        .args(["build", "--quiet", "--locked", "--example", name])
        .current_dir(in_package("."));
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    // As the test itself was built, or everything would be built again.
    if cfg!(feature = "otlp") {
        build.args(["--features", "otlp"]);
    }
    // What cargo tells a test of its package; for build scripts it would be news, and everything would be built again.
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            build.env_remove(&variable);
        }
    }
    let built = build.status().expect("cargo runs");
    assert!(built.success(), "the example {name} is built");
    let test = std::env::current_exe().expect("a program has a path");
    let profile = test.parent().and_then(std::path::Path::parent);
    let profile = profile.expect("tests lie in a folder of the profile's");
    profile.join("examples").join(name)
}

/// One that runs until it is told to stop; killed with this value.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        Self(started.expect("the example runs"))
    }

    /// What follows `label` in its next lines, for each label.
    fn told<const LINES: usize>(&mut self, labels: [&str; LINES]) -> [String; LINES] {
        let output = self.0.stdout.as_mut().expect("standard output is a pipe");
        let mut lines = BufReader::new(output).lines();
        labels.map(|label| {
            let line = lines.next().expect("a line").expect("a text");
            let told = line.strip_prefix(label);
            told.unwrap_or_else(|| panic!("{label} was expected: {line}"))
                .to_owned()
        })
    }

    /// Presses Ctrl-C; it has to end in order.
    fn interrupt(mut self) {
        let pid = self.0.id().to_string();
        let kill = Command::new("kill").args(["-INT", &pid]).status();
        assert!(kill.expect("the command kill").success());
        let mut rest = String::new();
        let output = self.0.stdout.as_mut().expect("standard output is a pipe");
        output.read_to_string(&mut rest).expect("a text");
        assert!(self.0.wait().expect("it ends").success(), "{rest}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended can't be killed.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn the_bot_shows_itself_at_work() {
    let shown = Command::new(example("bot")).output();
    let shown = shown.expect("the example runs");
    let output = String::from_utf8(shown.stdout).expect("a text");
    assert!(shown.status.success(), "{output}");
    let lines: Vec<&str> = output.lines().collect();
    // The second look finds nothing new.
    assert_eq!(lines[..2], ["answered: 1", "answered: 0"]);
    assert!(lines[2].contains("Hello, Alice!"), "{output}");
}

#[tokio::test]
async fn the_bot_greets_whoever_mentions_it_on_a_server_elsewhere() {
    let server = Server::builder().in_memory().start().await;
    let server = server.expect("the server starts");
    let seed = server.seed();
    let alice = seed.person("alice").await.expect("free");
    let bot = seed.person("greeter").bot().await.expect("free");
    let other_bot = seed.person("echo").bot().await.expect("free");
    for author in [&alice, &other_bot] {
        let post = seed.post(author, "@greeter Hi").publish().await;
        post.expect("it may");
    }
    let mut command = Command::new(example("bot"));
    command.arg(server.url()).env("BOT_TOKEN", bot.token());
    let running = Running::start(&mut command);
    let client = |token: &str| Client::new(server.url()).with_token(token);
    let greeted = timeout(PATIENCE, async {
        loop {
            let mentions = client(alice.token())
                .get("/api/v1/notifications")
                .await
                .ok();
            if let Some(mention) = mentions.get(0) {
                return mention["status"]["content"].to_string();
            }
            sleep(LOOK_INTERVAL).await;
        }
    });
    let greeting = greeted.await.expect("it looks in time");
    assert!(greeting.contains("Hello, alice!"), "{greeting}");
    running.interrupt();
    let mentions = client(other_bot.token()).get("/api/v1/notifications").await;
    assert_eq!(
        mentions.ok().as_array().map(Vec::len),
        Some(0),
        "bots aren't greeted"
    );
}

#[tokio::test]
async fn the_site_shows_what_its_members_wrote_and_keeps_it() {
    let place = Place::new();
    let program = example("embed");
    for _ in 0..2 {
        let mut command = Command::new(&program);
        command.arg("club-data").current_dir(place.path());
        let mut running = Running::start(&mut command);
        let [site, microblog] = running.told(["the site: ", "its microblog: "]);
        let visitor = Client::new("");
        let page = visitor.get(&site).await;
        assert_eq!(page.status, 200);
        let posts = page
            .text
            .matches("<li>alice: First swallows over the pond &amp; the &lt;barn>");
        assert_eq!(posts.count(), 1, "{}", page.text);
        assert!(
            page.text.contains(microblog.trim_end_matches('/')),
            "{}",
            page.text
        );
        assert_eq!(visitor.get(&microblog).await.status, 200);
        running.interrupt();
    }
}

#[test]
fn an_archive_is_taken_in_whole_by_whoever_measures_how_fast() {
    for order in ["oldest-first", "newest-first"] {
        let told = Command::new(example("import_speed"))
            .args(["70", order])
            .output()
            .expect("it runs");
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        assert!(told.contains("posts and boosts: 70 imported\n"), "{told}");
        assert!(told.contains("taken in:"), "{told}");
    }
}

#[tokio::test]
async fn the_client_writes_and_reads() {
    let server = Server::builder().in_memory().start().await;
    let server = server.expect("the server starts");
    let seed = server.seed();
    let alice = seed.person("alice").await.expect("free");
    let shown = Command::new(example("client_test"))
        .args([server.url(), "Hello", "Hello again"])
        .env("CLIENT_TOKEN", alice.token())
        .output();
    let shown = shown.expect("the example runs");
    assert_eq!(
        String::from_utf8_lossy(&shown.stdout),
        "alice: <p>Hello again</p>\nalice: <p>Hello</p>\n"
    );
}
