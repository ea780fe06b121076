//! Seeing into a running server: levels of its log, its figures, its slow requests; in the log, on the page and in the
//! terminal.

#![expect(
    clippy::panic,
    reason = "clippy takes only the test functions themselves for tests"
)]

mod support;

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use kinglet::config::{Config, Log, LogFormat, LogLevel};
use kinglet::control;
use kinglet::control::protocol::Request;
use kinglet::domain::account::Role;
use kinglet::domain::live::{LiveFigures, SlowRequest};
use kinglet::logging::{self, LogSink};
use reqwest::StatusCode;
use serde_json::{Value as Json, json};
use support::process::Place;
use support::server::{Rig, password_of};
use support::terminal::Terminal;
use support::tools;
use support::website::Visitor;

/// How long something that happens by itself may take.
const SOON: Duration = Duration::from_secs(30);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);
/// The most posts that are published until one was slow.
const POSTS_MAX: usize = 200;
/// By how much rounding may move the end of a span, in microseconds.
const ROUNDING_US: u64 = 2;

/// What this process logs, warnings and worse.
static LOGGED: LazyLock<LogSink> = LazyLock::new(|| {
    let sink = LogSink::new();
    let log = Log {
        level: LogLevel::Warn,
        format: LogFormat::Json,
        ..Log::default()
    };
    let (subscriber, _) = logging::controlled(&log, sink.clone());
    tracing::dispatcher::set_global_default(subscriber).expect("nobody else has set one");
    sink
});

/// Each test's server has a seed of its own: the log is everybody's, and request ids follow from the seed.
fn config(slow_ms: u64) -> Config {
    let mut config = Config::default();
    config.http.listen = "127.0.0.1:0".parse().expect("an address");
    config.limits.rate_limits = false;
    config.log.slow_ms = slow_ms;
    config
}

/// The records that tell of a request's being slow.
fn slow_records(id: &str) -> Vec<Json> {
    let text = LOGGED.text();
    let records = text
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).expect("JSON"));
    records
        .filter(|record| record["target"] == "kinglet::slow" && record["id"] == id)
        .collect()
}

async fn figures(rig: &Rig) -> LiveFigures {
    rig.server.instance().live().await.expect("figures")
}

/// Publishes until a post was slow; that request as it is kept, and the record of it.
async fn slow_post(rig: &Rig, name: &str) -> (SlowRequest, Json) {
    for number in 0..POSTS_MAX {
        let status = json!({ "status": format!("a secret thought, number {number}") });
        let answer = rig
            .client(name)
            .post("/api/v1/statuses?why=hidden", status)
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let id = answer.headers["x-request-id"].to_str().expect("digits");
        let kept = figures(rig).await.slow;
        if let Some(kept) = kept.into_iter().find(|kept| kept.id == id) {
            let records = slow_records(id);
            assert_eq!(records.len(), 1, "{records:?}");
            return (kept, records.into_iter().next().expect("one"));
        }
    }
    panic!("no post was slow");
}

#[tokio::test]
async fn a_slow_request_is_logged_once_with_where_its_time_went() {
    LazyLock::force(&LOGGED);
    let rig = Rig::start_configured(config(1), &["ada"], |builder| builder.seed(101)).await;
    let (kept, record) = slow_post(&rig, "ada").await;
    assert_eq!(record["level"], "WARN");
    assert_eq!(record["method"], "POST");
    assert_eq!(record["route"], "/api/v1/statuses");
    assert_eq!(record["status"], 200);
    assert_eq!(record["account"], json!(rig.person("ada").id.0));
    let line = record.to_string();
    for hidden in ["secret", "hidden", "why="] {
        assert!(!line.contains(hidden), "{line}");
    }
    let total = record["total_ms"].as_f64().expect("a number");
    assert!(
        (total - kept.total_us as f64 / 1000.0).abs() < 0.001,
        "{line}"
    );
    // The record says what is kept.
    let told: Vec<String> = kept
        .spans
        .iter()
        .map(|span| {
            let ms = |us: u64| format!("{}.{:03}", us / 1000, us % 1000);
            let detail = if span.detail.is_empty() { "" } else { " " };
            let (start, length) = (ms(span.start_us), ms(span.length_us));
            format!("{}{detail}{} {start}+{length}", span.kind, span.detail)
        })
        .collect();
    assert_eq!(record["spans"], json!(told.join(", ")));
}

#[tokio::test]
async fn the_spans_of_a_request_add_up() {
    LazyLock::force(&LOGGED);
    let rig = Rig::start_configured(config(1), &["ada"], |builder| builder.seed(102)).await;
    let (kept, _) = slow_post(&rig, "ada").await;
    assert_eq!(kept.spans_lost, 0);
    let end = |span: &kinglet::domain::live::SlowSpan| span.start_us + span.length_us;
    for span in &kept.spans {
        assert!(end(span) <= kept.total_us + ROUNDING_US, "{kept:?}");
    }
    let find = |kind: &str, detail: &str| {
        let mut spans = kept.spans.iter();
        let found = spans.find(|span| span.kind == kind && span.detail == detail);
        found.unwrap_or_else(|| panic!("no {kind} {detail}: {kept:?}"))
    };
    let gate = kept
        .spans
        .iter()
        .find(|span| span.kind == "gate")
        .expect("a gate");
    let mailbox = find("mailbox", "posts");
    let handler = find("handler", "WritePost");
    let course = [gate, mailbox, handler];
    assert!(
        course
            .windows(2)
            .all(|two| end(two[0]) <= two[1].start_us + ROUNDING_US),
        "one after the other: {kept:?}"
    );
    let writing: Vec<_> = ["queue", "apply", "commit"]
        .map(|kind| kept.spans.iter().find(|span| span.kind == kind))
        .into_iter()
        .map(|span| span.expect("a post is written"))
        .collect();
    assert!(
        writing
            .windows(2)
            .all(|two| end(two[0]) <= two[1].start_us + ROUNDING_US),
        "one after the other: {kept:?}"
    );
    for span in &writing {
        assert!(
            span.start_us + ROUNDING_US >= handler.start_us
                && end(span) <= end(handler) + ROUNDING_US,
            "within the handler: {kept:?}"
        );
    }
    let written: u64 = writing.iter().map(|span| span.length_us).sum();
    assert!(written <= handler.length_us + 3 * ROUNDING_US, "{kept:?}");
}

#[tokio::test]
async fn nothing_is_slow_where_that_is_turned_off() {
    LazyLock::force(&LOGGED);
    let rig = Rig::start_configured(config(0), &["ada"], |builder| builder.seed(103)).await;
    let answer = rig
        .client("ada")
        .post("/api/v1/statuses", json!({"status": "hello"}))
        .await;
    let id = answer.headers["x-request-id"].to_str().expect("digits");
    assert!(slow_records(id).is_empty());
    let figures = figures(&rig).await;
    assert!(figures.slow.is_empty());
    assert_eq!(figures.slow_ms, 0);
}

#[tokio::test]
async fn the_figures_are_those_of_what_was_done() {
    let rig =
        Rig::start_configured(config(500), &["ada", "bob"], |builder| builder.seed(104)).await;
    for number in 0..10 {
        let status = json!({ "status": format!("number {number}") });
        let answer = rig.client("ada").post("/api/v1/statuses", status).await;
        assert_eq!(answer.status, 200);
    }
    for _ in 0..5 {
        assert_eq!(rig.anonymous().get("/api/v1/statuses/1").await.status, 404);
    }
    let figures = figures(&rig).await;
    let traffic = &figures.traffic;
    assert_eq!((traffic.total, traffic.failed_total), (15, 0));
    assert_eq!((traffic.refused, traffic.failed), (5, 0));
    assert_eq!(traffic.course.iter().sum::<u32>(), 15);
    assert_eq!(
        traffic.per_second, 15.0,
        "the clock stands still in the first second"
    );
    assert!(traffic.p50_ms <= traffic.p99_ms && traffic.p50_ms.is_some());
    // Ten posts, and before that two accounts with a token each.
    assert!(figures.writer.units >= 14, "{:?}", figures.writer);
    assert!(figures.writer.commits >= 10 && figures.writer.commits <= figures.writer.units);
    let posts = figures.actors.iter().find(|actor| actor.name == "posts");
    let posts = posts.expect("Posts is told of");
    assert!(posts.handled >= 15 && posts.waiting == 0, "{posts:?}");
    assert!(figures.actors.len() >= 6);
    assert_eq!(figures.jobs.map(|jobs| jobs.dead), Some(0));
    let cache = figures.caches.iter().find(|cache| cache.name == "posts");
    let cache = cache.expect("the cache of posts is told of");
    assert!(cache.entries >= 10 && cache.bytes > 0 && cache.bytes <= cache.bytes_max);
    #[cfg(target_os = "linux")]
    assert!(figures.process.resident_bytes > Some(1024 * 1024));
}

#[tokio::test]
async fn moderators_see_the_page_and_others_do_not() {
    LazyLock::force(&LOGGED);
    let mut rig = Rig::start_configured(config(1), &["ada"], |builder| builder.seed(105)).await;
    rig.add("mod", Role::Moderator).await;
    let (kept, _) = slow_post(&rig, "ada").await;
    let base = rig.server.url();
    let open = async |name: &str, path: &str| {
        let visitor = Visitor::new();
        let page = visitor.open(&format!("{base}/login")).await;
        let password = password_of(name);
        let filled = [("login", name), ("password", password.as_str())];
        visitor.send(&page, "/login", &filled).await;
        visitor.open(&format!("{base}{path}")).await
    };
    let stranger = Visitor::new().open(&format!("{base}/admin/live")).await;
    assert_eq!(stranger.url.path(), "/login");
    let page = open("ada", "/admin/live").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(!page.html.contains(&kept.id));

    let page = open("mod", "/admin/live").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.html.contains("http-equiv=\"refresh\" content=\"5\""));
    // The waterfall: a row with a bar for every span, in the request's own table.
    let article = page
        .html
        .split(&format!("aria-labelledby=\"slow-{}\"", kept.id))
        .nth(1);
    let article = article.expect("the slow request is there");
    let article = article.split("</article>").next().expect("its end");
    assert!(article.contains("POST /api/v1/statuses"), "{article}");
    assert_eq!(article.matches("<rect").count(), kept.spans.len());
    assert_eq!(article.matches("scope=\"row\"").count(), kept.spans.len());
    for span in &kept.spans {
        assert!(
            article.contains(&format!("<th scope=\"row\">{}", span.kind)),
            "{article}"
        );
    }
    let still = open("mod", "/admin/live?every=0").await;
    assert!(!still.html.contains("http-equiv=\"refresh\""));
    let odd = open("mod", "/admin/live?every=1e9").await;
    assert!(odd.html.contains("http-equiv=\"refresh\" content=\"5\""));
}

#[tokio::test]
async fn a_server_within_another_program_says_whose_the_log_is() {
    let rig = Rig::start(&[]).await;
    let requests = [
        Request::ReadLog,
        Request::ResetLog { target: None },
        Request::SetLog {
            level: "trace".to_owned(),
            target: None,
            seconds: None,
        },
    ];
    for request in requests {
        let outcome = control::handle(request, rig.server.instance()).await;
        let failure = outcome.expect_err("it has no log");
        assert!(
            failure.sentence.contains("inside another program"),
            "{failure}"
        );
    }
}

fn log_levels(place: &Place) -> Json {
    serde_json::from_str(&place.done(&["log", "show", "--json"])).expect("JSON")
}

#[tokio::test]
async fn the_log_of_a_running_server_is_turned_up_and_down() {
    let place = Place::new();
    place.configure("[log]\nlevel = \"warn\"\nslow_ms = 0\n");
    let running = place.serve();
    let ask = async |path: &str| {
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        let answer = http.get(format!("{}{path}", running.url)).send().await;
        let id = answer.expect("an answer").headers()["x-request-id"].clone();
        id.to_str().expect("digits").to_owned()
    };
    let quiet = ask("/health").await;
    place.done(&["log", "set", "info", "kinglet::http"]);
    let told = ask("/health").await;
    place.done(&["log", "set", "error", "kinglet::http", "--for", "1h"]);
    let hushed = ask("/health").await;
    let levels = log_levels(&place);
    assert_eq!(levels["configured"], "warn");
    assert_eq!(levels["set"][0]["holds"], false);
    assert_eq!(levels["set"][1]["level"], "error");
    assert!(levels["set"][1]["until"].is_string());
    assert!(
        place
            .done(&["log", "show"])
            .contains("kinglet::http  error")
    );

    place.done(&["log", "reset", "kinglet::http"]);
    assert_eq!(log_levels(&place)["set"], json!([]));
    // What ends by itself is gone without anybody doing anything.
    place.done(&["log", "set", "trace", "--for", "1s"]);
    let ended = async {
        while log_levels(&place)["set"] != json!([]) {
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        }
    };
    tokio::time::timeout(SOON, ended).await.expect("it ends");
    let after = ask("/health").await;

    for (arguments, sentence) in [
        (
            &["log", "set", "debug", "hyper"][..],
            "passwords and tokens",
        ),
        (&["log", "set", "debug", "--for", "8d"], "from 1s to 7d"),
        (&["log", "set", "debug", "kinglet::htpp"], "kinglet::http"),
        (&["log", "set", "loud"], "is not one of"),
    ] {
        let output = place.run(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(errors.contains(sentence), "{arguments:?}: {errors}");
    }
    let log = running.stop().errors;
    assert!(log.contains(&told), "{log}");
    for id in [&quiet, &hushed, &after] {
        assert!(!log.contains(id.as_str()), "{id}: {log}");
    }
    let errors = place.fails(1, &["log", "show"]);
    assert!(errors.contains("no server runs"), "{errors}");
    let running = place.serve();
    assert_eq!(log_levels(&place)["set"], json!([]), "a restart forgets");
    assert!(running.stop().status.success());
}

#[test]
fn top_prints_figures_without_a_terminal() {
    let place = Place::new();
    let errors = place.fails(1, &["top", "--once"]);
    assert!(errors.contains("no server runs"), "{errors}");
    let running = place.serve();
    let figures: LiveFigures =
        serde_json::from_str(&place.done(&["top", "--json"])).expect("the figures");
    assert_eq!(figures.url, running.url);
    assert_eq!(figures.version, env!("CARGO_PKG_VERSION"));
    let text = place.done(&["top", "--once", "--ascii"]);
    for word in ["Requests ", "Writer ", "Jobs ", "ACTOR", "posts", "SLOW"] {
        assert!(text.contains(word), "{text}");
    }
    assert!(!text.contains('\x1b'), "{text:?}");
    let errors = place.fails(1, &["top"]);
    assert!(errors.contains("no terminal"), "{errors}");
    assert!(running.stop().status.success());
}

#[test]
fn top_is_drawn_again_and_again_until_somebody_leaves() {
    let place = Place::new();
    let running = place.serve();
    let data = place.data();
    let arguments = ["top", "--ascii", "--data", data.to_str().expect("UTF-8")];
    let python = tools::python_programs().join("python");
    let program = Path::new(env!("CARGO_BIN_EXE_kinglet"));
    let mut terminal = Terminal::start(&python, program, &arguments, &[]);
    for _ in 0..2 {
        terminal.wait_for("Requests ");
        terminal.wait_for("SLOW ");
    }
    terminal.type_line("q");
    let (_, has_succeeded) = terminal.end();
    assert!(has_succeeded);
    assert!(running.stop().status.success());
}

#[tokio::test]
async fn servers_of_one_process_log_each_for_itself() {
    let log = Log {
        level: LogLevel::Debug,
        ..Log::default()
    };
    let start = || async {
        let sink = LogSink::new();
        let server = kinglet::Server::builder()
            .in_memory()
            .subscriber(logging::subscriber(&log, sink.clone()))
            .start()
            .await
            .expect("it starts");
        (server, sink)
    };
    let ((one, one_log), (other, other_log)) = (start().await, start().await);
    let answer = reqwest::get(format!("{}/api/v2/instance", one.url())).await;
    let id = answer.expect("an answer").headers()["x-request-id"].clone();
    let id = id.to_str().expect("ASCII");
    let addresses = [&one, &other].map(|server| server.addr().to_string());
    one.shutdown().await.expect("it stops");
    other.shutdown().await.expect("it stops");
    let (one, other) = (one_log.text(), other_log.text());
    assert!(one.contains(&addresses[0]) && one.contains(id), "{one}");
    assert!(!one.contains(&addresses[1]), "{one}");
    assert!(other.contains(&addresses[1]), "{other}");
    assert!(
        !other.contains(&addresses[0]) && !other.contains(id),
        "{other}"
    );
    assert!(!LOGGED.text().contains(id));
}
