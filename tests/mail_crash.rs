//! The real program is killed at random moments while it mails those who are named. Every mention that was acknowledged
//! yields a mail; one yields two only where a kill fell between the mail server's answer and the commit that remembers
//! it, and then both are the same.
//!
//! `KINGLET_CRASH_ROUNDS` says how often it is killed; `KINGLET_CRASH_SEED` repeats what was drawn in a run that printed
//! its seed. When exactly the kill meets the program is the machine's business, so a seed repeats the plan, not the crash.

mod support;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kinglet::Server;
use kinglet::actors::tasks::MAILS_AT_ONCE;
use kinglet::config::Config;
use kinglet::domain::account::Role;
use kinglet::domain::job::{JobState, Lane};
use kinglet::store::queries::jobs::{ListJobs, Queue, ReadQueues};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value as Json, json};
use tokio::time::{sleep, timeout};

use support::program::Program;
use support::server::Client;
use support::smtp::{MailServer, Taken};

const ROUNDS: usize = 8;
/// Mentions that are acknowledged in the end, for each round; 200 altogether at least.
const MENTIONS_PER_ROUND: usize = 25;
/// How many are written at once.
const WRITERS: usize = 4;
/// The longest that a round lasts before the kill, in milliseconds.
const ROUND_MILLIS_MAX: u64 = 400;
/// The most mails to one account in an hour that can be configured.
const PER_HOUR_MAX: usize = 1000;
/// How long the last mails may take, and how much longer for each mention.
const PATIENCE: Duration = Duration::from_secs(60);
/// See [`PATIENCE`].
const PATIENCE_PER_MENTION: Duration = Duration::from_millis(50);

fn variable(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().expect("a whole number"))
}

/// A server of this process.
async fn open(data: &Path, mail_url: &str) -> Server {
    let mut config = Config::default();
    config.http.listen = "127.0.0.1:0".parse().expect("an address");
    config.limits.rate_limits = false;
    config.mail.url = mail_url.parse().expect("a mail URL");
    config.mail.per_hour_max = PER_HOUR_MAX as u32;
    let builder = Server::builder().config(config).data_dir(data);
    builder.start().await.expect("the server starts")
}

/// The real program, with the same settings.
fn serve(data: &Path, mail_url: &str) -> Program {
    Program::serve(
        data,
        &[
            ("KINGLET_LIMITS__RATE_LIMITS", "false"),
            ("KINGLET_MAIL__URL", mail_url),
            ("KINGLET_MAIL__PER_HOUR_MAX", &PER_HOUR_MAX.to_string()),
        ],
    )
}

/// Names people until nobody answers or enough was acknowledged; the posts that were.
async fn write(client: Client, names: usize, left: Arc<AtomicUsize>) -> Vec<String> {
    let mut acknowledged = Vec::new();
    let take = |left: usize| left.checked_sub(1);
    while let Ok(number) = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take) {
        let text = format!("@reader{} mention {number}", number % names);
        let post = client.request(reqwest::Method::POST, "/api/v1/statuses");
        let answer = post.json(&json!({"status": text})).send().await;
        let Ok(answer) = answer else { break };
        let status = answer.status().as_u16();
        let Ok(body) = answer.text().await else { break };
        assert_eq!(status, 200, "{body}");
        let post: Json = serde_json::from_str(&body).expect("JSON");
        acknowledged.push(post["id"].as_str().expect("an id").to_owned());
    }
    acknowledged
}

/// The mails that were taken, by the post that they tell of.
fn mails_by_post(log: &Path) -> HashMap<String, Vec<Taken>> {
    let log = std::fs::read_to_string(log).expect("the mail server wrote");
    let mut mails: HashMap<String, Vec<Taken>> = HashMap::new();
    for line in log.lines() {
        let line: Json = serde_json::from_str(line).expect("a line of JSON");
        if line["event"] != "taken" {
            continue;
        }
        let mail = Taken::from_line(&line);
        let post = mail.text().split("/@writer/").nth(1);
        let post = post.and_then(|rest| rest.split_whitespace().next());
        let post = post.expect("a mail names its post").to_owned();
        mails.entry(post).or_default().push(mail);
    }
    mails
}

/// Waits until nothing is to be mailed any more.
async fn until_all_is_mailed(server: &Server, mentions: usize) {
    let actors = &server.instance().actors;
    let state = JobState::Running;
    let mailed = async {
        loop {
            let queues = actors.find(ReadQueues).await.expect("the store answers");
            let running = actors.find(ListJobs { state }).await;
            let running = running.expect("the store answers");
            assert_eq!(queues.dead, 0);
            let mail = |queue: &Queue| queue.destination.lane == Lane::Mail;
            let waiting = queues.queues.iter().find(|queue| mail(queue));
            if waiting.is_some_and(|queue| queue.waiting == 0) && running.is_empty() {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    let patience =
        PATIENCE + PATIENCE_PER_MENTION * u32::try_from(mentions).expect("not that many");
    let mailed = timeout(patience, mailed).await;
    mailed.expect("the queue becomes empty");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_mention_is_mailed_whenever_the_program_is_killed() {
    let rounds = variable("KINGLET_CRASH_ROUNDS").map_or(ROUNDS, |rounds| rounds as usize);
    let seed = variable("KINGLET_CRASH_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    println!("{rounds} rounds, KINGLET_CRASH_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let log = directory.path().join("mails.jsonl");
    let log_path = log.to_str().expect("a path of text");
    let smtp = MailServer::start_with(&["--log", log_path]).await;

    let mentions = rounds * MENTIONS_PER_ROUND;
    // Twice as many as needed: not every attempt is acknowledged.
    let names = (2 * mentions).div_ceil(PER_HOUR_MAX).max(4);
    let server = open(&data, "").await;
    for name in (0..names).map(|number| format!("reader{number}")) {
        let email = format!("{name}@example.org");
        let made = server.create_account(&name, &email, "a long password", Role::User);
        made.await.expect("the name is free");
    }
    let writer = server.create_account(
        "writer",
        "writer@example.org",
        "a long password",
        Role::User,
    );
    let writer = writer.await.expect("the name is free");
    let granted = server.create_token(writer, "read write").await;
    let token = granted.expect("the account is there").into_exposed();
    server.shutdown().await.expect("stops cleanly");

    let mut acknowledged: HashSet<String> = HashSet::new();
    let write_all = async |url: &str, most: usize| {
        let left = Arc::new(AtomicUsize::new(most));
        let client = Client::new(url.trim()).with_token(token.clone());
        let writing: Vec<_> = (0..WRITERS)
            .map(|_| tokio::spawn(write(client.clone(), names, Arc::clone(&left))))
            .collect();
        let mut posts = Vec::new();
        for writing in writing {
            posts.extend(writing.await.expect("every answer was 200"));
        }
        posts
    };
    for round in 0..rounds {
        let program = serve(&data, &smtp.url());
        let url = program.wait_for("kinglet answers at ");
        let pause = Duration::from_millis(random.random_range(1..ROUND_MILLIS_MAX));
        let kill = async move {
            sleep(pause).await;
            // SIGKILL.
            drop(program);
        };
        let (posts, ()) = tokio::join!(write_all(&url, MENTIONS_PER_ROUND), kill);
        let seen = std::fs::read_to_string(&log).map_or(0, |log| log.matches("taken").count());
        println!(
            "round {round}: killed after {pause:?}, {} acknowledged, {seen} mails so far",
            posts.len()
        );
        acknowledged.extend(posts);
    }

    let server = open(&data, &smtp.url()).await;
    let missing = mentions - acknowledged.len();
    acknowledged.extend(write_all(server.url(), missing).await);
    assert_eq!(acknowledged.len(), mentions);
    until_all_is_mailed(&server, mentions).await;
    server.shutdown().await.expect("stops cleanly");

    let mails = mails_by_post(&log);
    let mut ids = HashSet::new();
    let mut copies = 0;
    for (post, mails) in &mails {
        let id = mails[0].header("Message-ID");
        assert!(ids.insert(id), "two posts have mails of one id: {id}");
        for copy in &mails[1..] {
            for header in ["Message-ID", "Date", "To", "Subject"] {
                assert_eq!(copy.header(header), mails[0].header(header), "{post}");
            }
        }
        copies += mails.len() - 1;
    }
    let lost: Vec<&String> = acknowledged
        .iter()
        .filter(|post| !mails.contains_key(*post))
        .collect();
    assert!(lost.is_empty(), "mentions without mail: {lost:?}");
    println!(
        "{} acknowledged mentions, {} mails, {copies} of them copies, after {rounds} kills",
        acknowledged.len(),
        mails.len() + copies
    );
    assert!(
        copies <= rounds * MAILS_AT_ONCE,
        "{copies} copies can't come from {rounds} kills"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_in_due_form_sends_nothing_twice() {
    let mut smtp = MailServer::start_with(&["--slow-secs", "0.5"]).await;
    let directory = tempfile::tempdir().expect("a directory");
    let server = open(directory.path(), &smtp.url()).await;
    let mut accounts = Vec::new();
    for name in ["writer", "slow"] {
        let email = format!("{name}@example.org");
        let made = server.create_account(name, &email, "a long password", Role::User);
        accounts.push(made.await.expect("the name is free"));
    }
    let token = server.create_token(accounts[0], "write").await;
    let token = token.expect("the account is there").into_exposed();
    let client = Client::new(server.url()).with_token(token);
    let request = client.post("/api/v1/statuses", json!({"status": "@slow hello"}));
    request.await.ok();
    smtp.wait_for("hesitates", None).await;
    server.shutdown().await.expect("stops cleanly");
    assert_eq!(smtp.next().await.to, "slow@example.org");

    let server = open(directory.path(), &smtp.url()).await;
    until_all_is_mailed(&server, 1).await;
    server.shutdown().await.expect("stops cleanly");
    assert!(smtp.rest().is_empty());
}
