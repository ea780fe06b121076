//! `GET /metrics`: its counts equal what was done, whoever may not read it can't, and Prometheus' own tools accept it and
//! what `contrib/` makes of it.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use actix::{AsyncContext as _, Context, Handler, Message, WrapFuture as _};
use kinglet::actors::posts::Posts;
use kinglet::actors::tasks::Tasks;
use kinglet::actors::timelines::Timelines;
use kinglet::actors::users::Users;
use kinglet::config::Config;
use kinglet::secret::Secret;
use reqwest::Method;
use serde_json::{Value as Json, json};

use support::server::{Answer, Client, Rig};
use support::tools::{free_address, in_package, promtool};

const TOKEN: &str = "the token of the test";
/// The document with a table of all metrics.
const DOCUMENT: &str = "docs/metrics.md";

fn config() -> Config {
    let mut config = Config::default();
    config.http.listen = "127.0.0.1:0".parse().expect("an address");
    config.limits.rate_limits = false;
    config.metrics.token = Some(Secret::new(TOKEN.to_owned()));
    config
}

async fn rig(names: &[&str]) -> Rig {
    Rig::start_configured(config(), names, |builder| builder).await
}

/// A scrape: samples by name and labels, as they are written.
struct Scrape {
    text: String,
    samples: BTreeMap<String, f64>,
}

impl Scrape {
    fn of(text: String) -> Self {
        let mut samples = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            let value: f64 = value.parse().expect("a number");
            let before = samples.insert(series.to_owned(), value);
            assert_eq!(before, None, "{series} is told twice");
        }
        Self { text, samples }
    }

    async fn take(rig: &Rig) -> Self {
        let answer = rig.anonymous().with_token(TOKEN).get("/metrics").await;
        assert_eq!(answer.status, 200);
        Self::of(answer.text)
    }

    fn get(&self, series: &str) -> f64 {
        self.samples.get(series).copied().unwrap_or(0.0)
    }

    /// Names of metrics with their types and help.
    fn families(&self) -> BTreeMap<&str, (&str, &str)> {
        let mut families = BTreeMap::new();
        let mut lines = self.text.lines();
        while let Some(line) = lines.next() {
            let Some(help) = line.strip_prefix("# HELP ") else {
                continue;
            };
            let (name, help) = help.split_once(' ').expect("a help");
            let kind = lines.next().and_then(|line| line.strip_prefix("# TYPE "));
            let (typed, kind) = kind.and_then(|kind| kind.split_once(' ')).expect("a type");
            assert_eq!(name, typed);
            assert_eq!(families.insert(name, (kind, help)), None, "{name} twice");
        }
        families
    }

    /// The labels that a metric's samples have.
    fn labels(&self, family: &str) -> BTreeSet<&str> {
        let of_family = self.samples.keys().filter_map(|series| {
            let rest = series.strip_prefix(family)?;
            let rest = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| rest.strip_prefix(suffix))
                .unwrap_or(rest);
            rest.strip_prefix('{')?.strip_suffix('}')
        });
        let labels = of_family.flat_map(|labels| labels.split("\","));
        labels
            .filter_map(|label| label.split_once('='))
            .map(|(name, _)| name)
            .filter(|name| *name != "le")
            .collect()
    }
}

/// How long a scrape waits for actors, however many of them hang.
const SCRAPE_TIME_MAX: Duration = Duration::from_secs(2);

/// Has an owner hang: it takes no other message any more, while the thread that it shares goes on.
struct Hang;

impl Message for Hang {
    type Result = ();
}

macro_rules! hangs {
    ($($owner:ty),*) => {$(
        impl Handler<Hang> for $owner {
            type Result = ();

            fn handle(&mut self, _: Hang, context: &mut Context<Self>) {
                context.wait(std::future::pending::<()>().into_actor(self));
            }
        }
    )*};
}
hangs!(Users, Posts, Timelines, Tasks);

/// What was done over HTTP, as the clients saw it.
#[derive(Default)]
struct Done(BTreeMap<(&'static str, &'static str, u16), f64>);

impl Done {
    fn note(&mut self, method: &'static str, route: &'static str, answer: &Answer) -> u16 {
        *self.0.entry((method, route, answer.status)).or_default() += 1.0;
        answer.status
    }
}

#[tokio::test]
async fn the_counts_are_those_of_what_was_done() {
    let rig = rig(&["ada", "bob"]).await;
    let before = Scrape::take(&rig).await;
    let (ada, bob) = (rig.client("ada"), rig.client("bob"));
    let mut done = Done::default();

    let follow = format!("/api/v1/accounts/{}/follow", rig.person("ada").id);
    let answer = bob.post_empty(&follow).await;
    assert_eq!(
        done.note("POST", "/api/v1/accounts/:id/follow", &answer),
        200
    );
    for number in 0..5 {
        let post = json!({"status": format!("Post {number}")});
        let answer = ada.post("/api/v1/statuses", post).await;
        assert_eq!(done.note("POST", "/api/v1/statuses", &answer), 200);
    }
    for _ in 0..2 {
        let answer = ada.post("/api/v1/statuses", json!({"status": ""})).await;
        assert_eq!(done.note("POST", "/api/v1/statuses", &answer), 422);
    }
    let to_nobody = json!({"status": "To what isn't there", "in_reply_to_id": "12345"});
    let answer = ada.post("/api/v1/statuses", to_nobody).await;
    assert_eq!(done.note("POST", "/api/v1/statuses", &answer), 404);
    for _ in 0..4 {
        let answer = bob.get("/api/v1/timelines/home").await;
        assert_eq!(done.note("GET", "/api/v1/timelines/home", &answer), 200);
    }
    let answer = rig.anonymous().get("/api/v1/timelines/home").await;
    assert_eq!(done.note("GET", "/api/v1/timelines/home", &answer), 401);
    for path in ["/api/v1/nothing", "/nowhere/at/all", "/api/v9/statuses"] {
        let answer = bob.get(path).await;
        assert_eq!(done.note("GET", "unmatched", &answer), 404);
    }
    let answer = bob.post_empty("/health").await;
    assert_eq!(done.note("POST", "unmatched", &answer), 405);
    let head = rig.anonymous().request(Method::HEAD, "/health");
    let answer = rig.anonymous().send(head).await;
    assert_eq!(done.note("HEAD", "/health", &answer), 200);

    let after = Scrape::take(&rig).await;
    let gained = |series: &str| after.get(series) - before.get(series);
    let mut requests: BTreeMap<String, f64> = BTreeMap::new();
    let mut by_route: BTreeMap<String, f64> = BTreeMap::new();
    for ((method, route, status), count) in &done.0 {
        let series = format!(
            "kinglet_http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}"
        );
        requests.insert(series, *count);
        let series = format!(
            "kinglet_http_request_duration_seconds_count{{method=\"{method}\",route=\"{route}\"}}"
        );
        *by_route.entry(series).or_default() += count;
    }
    // The first scrape was answered before the second.
    let own = "kinglet_http_requests_total{method=\"GET\",route=\"/metrics\",status=\"200\"}";
    requests.insert(own.to_owned(), 1.0);
    let told: BTreeMap<String, f64> = after
        .samples
        .iter()
        .filter(|(series, _)| series.starts_with("kinglet_http_requests_total"))
        .map(|(series, count)| (series.clone(), *count))
        .collect();
    assert_eq!(told, requests);
    for (series, count) in &by_route {
        assert_eq!(after.get(series), *count, "{series}");
    }

    for (kind, actor, count) in [
        ("WritePost", "posts", 8.0),
        ("FollowAccount", "users", 1.0),
        ("ReadHome", "timelines", 4.0),
    ] {
        let series = format!("kinglet_actor_messages_total{{actor=\"{actor}\",kind=\"{kind}\"}}");
        assert_eq!(gained(&series), count, "{series}");
    }
    assert_eq!(gained("kinglet_home_reads_total{road=\"merge\"}"), 1.0);
    assert_eq!(gained("kinglet_home_reads_total{road=\"window\"}"), 3.0);
    assert_eq!(
        gained("kinglet_writer_units_total{outcome=\"refused\"}"),
        1.0
    );
    assert_eq!(
        gained("kinglet_writer_units_total{outcome=\"failed\"}"),
        0.0
    );
    assert!(gained("kinglet_writer_units_total{outcome=\"done\"}") >= 6.0);
    assert!(
        gained("kinglet_writer_commit_seconds_count") >= 6.0,
        "one after the other"
    );
    assert_eq!(
        after.get("kinglet_writer_commit_seconds_count"),
        after.get("kinglet_writer_units_per_commit_count")
    );
    // Every message that came was handled, and none waits.
    for actor in ["users", "posts", "timelines", "tasks", "readers", "hashers"] {
        let messages = format!("kinglet_actor_messages_total{{actor=\"{actor}\"");
        let messages = after
            .samples
            .iter()
            .filter(|(series, _)| series.starts_with(&messages));
        let messages: f64 = messages.map(|(_, count)| count).sum();
        let waits = format!("kinglet_actor_mailbox_wait_seconds_count{{actor=\"{actor}\"}}");
        // What the scrape itself asks comes between.
        assert!((messages - after.get(&waits)).abs() <= 4.0, "{actor}");
    }
    // The five posts, with their author; bob's credential among others.
    assert!(after.get("kinglet_cache_entries{cache=\"posts\"}") >= 5.0);
    assert!(after.get("kinglet_cache_bytes{cache=\"posts\"}") > 5.0 * 100.0);
    assert_eq!(after.get("kinglet_cache_entries{cache=\"windows\"}"), 1.0);
    assert!(after.get("kinglet_database_bytes") + after.get("kinglet_wal_bytes") > 0.0);
    // The scrape itself.
    assert_eq!(after.get("kinglet_http_requests_in_progress"), 1.0);
    rig.server.shutdown().await.expect("it stops");
}

#[tokio::test]
async fn the_course_of_a_request_is_kept() {
    let rig = rig(&["ada"]).await;
    let post = json!({"status": "A wren"});
    let answer = rig.client("ada").post("/api/v1/statuses", post).await;
    assert_eq!(answer.status, 200);
    let id = answer.headers.get("x-request-id").expect("an id");
    let id = id.to_str().expect("hexadecimal digits").to_owned();
    let kept = rig.server.instance().telemetry.slow.find(&id);
    let report = kept.expect("it is one of the last");
    assert_eq!(report.route.as_deref(), Some("/api/v1/statuses"));
    assert_eq!((&*report.method, report.status), ("POST", 200));
    let spans: BTreeSet<(&str, &str)> = report
        .spans
        .iter()
        .map(|span| (span.kind.name(), &*span.detail))
        .collect();
    for span in [
        ("gate", ""),
        ("mailbox", "users"),
        ("mailbox", "posts"),
        ("handler", "Identify"),
        ("handler", "WritePost"),
        ("queue", "PublishPost"),
        ("apply", "PublishPost"),
        ("commit", ""),
        ("render", "json"),
    ] {
        assert!(spans.contains(&span), "{span:?} is missing in {spans:?}");
    }
    let longest = report
        .spans
        .iter()
        .map(|span| span.start_us + span.length_us);
    assert!(
        longest
            .max()
            .is_some_and(|end| u64::from(end) <= report.total_us)
    );
    rig.server.shutdown().await.expect("it stops");
}

#[tokio::test]
async fn only_the_token_or_the_listener_of_its_own_opens_it() {
    let rig = rig(&[]).await;
    for (token, status) in [
        (None, 401),
        (Some("another token of the test"), 401),
        (Some("the token of the tes"), 401),
        (Some(TOKEN), 200),
    ] {
        let client = match token {
            None => rig.anonymous(),
            Some(token) => rig.anonymous().with_token(token),
        };
        assert_eq!(client.get("/metrics").await.status, status, "{token:?}");
    }
    rig.server.shutdown().await.expect("it stops");

    // Nobody else takes the port in between on a machine that is let alone.
    let address = free_address();
    let mut config = config();
    config.metrics.token = None;
    config.metrics.listen = address.into();
    let rig = Rig::start_configured(config, &[], |builder| builder).await;
    let client = rig.anonymous().with_token(TOKEN);
    assert_eq!(
        client.get("/metrics").await.status,
        404,
        "no token, no address"
    );
    let alone = Client::new(&format!("http://{address}"));
    let answer = alone.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert!(answer.text.contains("kinglet_build_info{"));
    assert_eq!(alone.get("/health").await.status, 404);
    assert_eq!(alone.get("/").await.status, 404);
    assert_eq!(alone.post_empty("/metrics").await.status, 405);
    rig.server.shutdown().await.expect("it stops");
    TcpListener::bind(address).expect("the port is free again");
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a deadline takes real time")]
async fn owners_that_hang_hold_a_scrape_up_once_and_only_their_own_figures_are_missing() {
    let mut config = config();
    let scraped = free_address();
    config.metrics.listen = scraped.to_string().parse().expect("an address");
    let rig = Rig::start_configured(config, &["ada"], |builder| builder).await;
    let actors = &rig.server.instance().actors;
    let scrape = async || {
        let begun = Instant::now();
        let anonymous = Client::new(&format!("http://{scraped}"));
        let answer = anonymous.get("/metrics").await;
        assert_eq!(answer.status, 200);
        (Scrape::of(answer.text), begun.elapsed())
    };
    let has = |scrape: &Scrape, series: &str| scrape.samples.contains_key(series);
    let windows = r#"kinglet_cache_entries{cache="windows"}"#;
    let posts = r#"kinglet_cache_entries{cache="posts"}"#;
    let roads = r#"kinglet_home_reads_total{road="window"}"#;

    let (well, _) = scrape().await;
    for series in [windows, posts, roads, "kinglet_jobs_running"] {
        assert!(has(&well, series), "{series}: {}", well.text);
    }
    actors.timelines.send(Hang).await.expect("it is there");
    let (one_hangs, took) = scrape().await;
    assert!(took < 2 * SCRAPE_TIME_MAX, "{took:?}");
    assert!(!has(&one_hangs, windows) && !has(&one_hangs, roads));
    assert!(has(&one_hangs, posts) && has(&one_hangs, "kinglet_jobs_running"));

    actors.users.send(Hang).await.expect("it is there");
    actors.posts.send(Hang).await.expect("it is there");
    actors.tasks.send(Hang).await.expect("it is there");
    let (all_hang, took) = scrape().await;
    assert!(
        (SCRAPE_TIME_MAX..2 * SCRAPE_TIME_MAX).contains(&took),
        "{took:?}"
    );
    assert!(!has(&all_hang, posts) && !has(&all_hang, "kinglet_jobs_running"));
    // What asks nobody is told all the same, such as how many messages wait, for whoever wants to know who hangs.
    assert!(has(&all_hang, "kinglet_store_writable"));
    let (all_hang, _) = scrape().await;
    let waits = r#"kinglet_actor_mailbox_depth{actor="posts"}"#;
    assert!(all_hang.get(waits) > 0.0, "{}", all_hang.text);
}

#[tokio::test]
async fn strangers_make_no_series() {
    let rig = rig(&[]).await;
    let client = rig.anonymous();
    let methods = ["GET", "POST", "BREW", "PURGE"];
    let ask = async |number: usize| {
        let method = Method::from_bytes(methods[number % methods.len()].as_bytes());
        let method = method.expect("a token");
        let path = format!("/{number}/api/{}/x{number}", number * 7919);
        let answer = client.send(client.request(method, &path)).await;
        assert!([404, 405].contains(&answer.status), "{}", answer.status);
    };
    for number in 0..methods.len() {
        ask(number).await;
    }
    Scrape::take(&rig).await;
    let before = Scrape::take(&rig).await;
    for number in 0..1000 {
        ask(number).await;
    }
    let after = Scrape::take(&rig).await;
    let series = |scrape: &Scrape| scrape.samples.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(series(&before), series(&after));
    rig.server.shutdown().await.expect("it stops");
}

/// Runs promtool, which has to be content.
fn judge(arguments: &[&str], input: &str) {
    let mut child = Command::new(promtool())
        .args(arguments)
        .current_dir(in_package("."))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = told + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "promtool {arguments:?}: {told}");
}

#[tokio::test]
async fn prometheus_accepts_the_metrics_the_rules_and_the_configuration() {
    let rig = rig(&["ada"]).await;
    rig.client("ada").get("/api/v1/timelines/home").await;
    let scrape = Scrape::take(&rig).await;
    judge(&["check", "metrics"], &scrape.text);
    let folder = "contrib/prometheus";
    judge(
        &["check", "rules", &format!("{folder}/kinglet.rules.yml")],
        "",
    );
    judge(&["check", "config", &format!("{folder}/scrape.yml")], "");
    judge(
        &["test", "rules", &format!("{folder}/kinglet.rules.test.yml")],
        "",
    );
    rig.server.shutdown().await.expect("it stops");
}

/// Every name of a metric of ours in a text.
fn names_in(text: &str) -> BTreeSet<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_name(c))
        .filter(|word| word.starts_with("kinglet_") || word.starts_with("process_"))
        .collect()
}

/// All expressions of a dashboard, or of whatever JSON holds some.
fn expressions<'a>(json: &'a Json, found: &mut Vec<&'a str>) {
    match json {
        Json::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Json::String(text) if name == "expr" || name == "query" => found.push(text),
                    value => expressions(value, found),
                }
            }
        }
        Json::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn dashboard_rules_and_document_speak_of_metrics_that_are_there() {
    let rig = rig(&["ada"]).await;
    let post = json!({"status": "A wren"});
    rig.client("ada").post("/api/v1/statuses", post).await;
    let scrape = Scrape::take(&rig).await;
    rig.server.shutdown().await.expect("it stops");
    let families = scrape.families();
    let is_there = |name: &str| {
        families.contains_key(name)
            || ["_bucket", "_sum", "_count"].iter().any(|suffix| {
                let family = name.strip_suffix(suffix);
                family.is_some_and(|family| {
                    families
                        .get(family)
                        .is_some_and(|(kind, _)| *kind == "histogram")
                })
            })
    };
    let read = |path: &str| fs::read_to_string(in_package(path)).expect("it is in the package");
    let dashboard: Json =
        serde_json::from_str(&read("contrib/grafana/kinglet.json")).expect("JSON");
    let mut asked = Vec::new();
    expressions(&dashboard, &mut asked);
    assert!(asked.len() > 40, "the dashboard asks something");
    let rules = read("contrib/prometheus/kinglet.rules.yml");
    let rules_test = read("contrib/prometheus/kinglet.rules.test.yml");
    for text in asked.into_iter().chain([&*rules, &*rules_test]) {
        for name in names_in(text) {
            assert!(is_there(name), "{name} isn't told, but asked for: {text}");
        }
    }

    let mut table = String::from("| metric | type | labels | meaning |\n|---|---|---|---|\n");
    for (name, (kind, help)) in &families {
        let labels: Vec<String> = scrape
            .labels(name)
            .into_iter()
            .map(|label| format!("`{label}`"))
            .collect();
        table += &format!("| `{name}` | {kind} | {} | {help} |\n", labels.join(", "));
    }
    let document = read(DOCUMENT);
    let (begin, end) = ("<!-- table -->\n", "<!-- end of the table -->");
    let (head, rest) = document.split_once(begin).expect("the table's place");
    let (written, tail) = rest.split_once(end).expect("the table's end");
    if std::env::var_os("UPDATE_METRICS_MD").is_some() {
        let updated = format!("{head}{begin}{table}{end}{tail}");
        fs::write(in_package(DOCUMENT), updated).expect("it can be written");
    } else {
        // The document has the families of all features.
        let told = |line: &&str| cfg!(feature = "otlp") || !line.contains("`kinglet_otlp_");
        let written: Vec<&str> = written.lines().filter(told).collect();
        assert_eq!(
            written,
            table.lines().collect::<Vec<_>>(),
            "UPDATE_METRICS_MD=1 cargo test --features otlp --test metrics writes it anew"
        );
    }
}
