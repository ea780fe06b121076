//! A server that can't write: writes are answered 503 and say when to come back, reads go on, `/health` and the owner's pages
//! say what is to be done, and when the cause is gone everything is as before, by itself.

mod support;

use std::fs;
use std::path::Path;
use std::time::Duration;

use kinglet::domain::account::Role;
use reqwest::Method;
use serde_json::json;

use support::disk::Disk;
use support::server::{Answer, Client, Rig, password_of};
use support::session::{Town, account_of};
use support::website::Visitor;

/// More than any disk has, in MiB.
const TOO_MUCH_MIB: u64 = 1 << 40;
/// How often it is looked whether the server is well again, and how many times.
const LOOK: Duration = Duration::from_millis(50);
const LOOKS_MAX: usize = 400;

async fn ask(client: &Client, method: Method, path: &str, text: Option<&str>) -> Answer {
    let mut request = client.request(method, path);
    if let Some(text) = text {
        request = request.json(&json!({"status": text}));
    }
    let answer = request.send().await.expect("the server lives");
    Answer {
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        text: answer.text().await.expect("a body"),
    }
}

async fn post(client: &Client, text: &str) -> Answer {
    ask(client, Method::POST, "/api/v1/statuses", Some(text)).await
}

async fn get(client: &Client, path: &str) -> Answer {
    ask(client, Method::GET, path, None).await
}

async fn recovers(client: &Client) {
    for _ in 0..LOOKS_MAX {
        if get(client, "/health").await.text == "OK" {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
    unreachable!("it isn't well again");
}

/// Nothing is written, everything is read, and it is said why.
async fn only_reads(client: &Client, why: &str) {
    let refused = post(client, "now").await;
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert!(refused.headers.contains_key("retry-after"));
    for path in [
        "/api/v1/timelines/home",
        "/api/v1/accounts/verify_credentials",
    ] {
        let read = get(client, path).await;
        assert_eq!(read.status, 200, "{path}: {}", read.text);
        assert!(!read.text.contains("now"), "{}", read.text);
    }
    let health = get(client, "/health").await;
    assert_eq!(health.status, 503);
    assert!(health.headers.contains_key("retry-after"));
    assert!(health.text.contains(why), "{}", health.text);
    assert!(
        !health.text.contains('/'),
        "it names no path: {}",
        health.text
    );
}

#[tokio::test]
async fn what_is_reserved_of_the_disk_is_kept_and_given_back() {
    let mut rig = Rig::start(&["ada"]).await;
    rig.add("owner", Role::Owner).await;
    let client = rig.client("ada").clone();
    assert_eq!(post(&client, "before").await.status, 200);
    assert_eq!(get(&client, "/health").await.text, "OK");
    let soundness = rig.server.instance().soundness.clone();
    soundness.reserve_mib(TOO_MUCH_MIB);
    // The disk is looked at once in a second at most.
    while !soundness.is_look_due() {
        tokio::time::sleep(LOOK).await;
    }
    only_reads(&client, "the disk is nearly full: free some space").await;
    // The owner gets in all the same, and reads why.
    let base = rig.server.url().to_owned();
    let owner = Visitor::new();
    let page = owner.open(&format!("{base}/login")).await;
    let password = password_of("owner");
    let filled = [("login", "owner"), ("password", password.as_str())];
    let home = owner.send(&page, "/login", &filled).await;
    assert_eq!(home.url.path(), "/", "{}", home.html);
    let tasks = owner.open(&format!("{base}/admin/tasks")).await;
    assert!(
        tasks
            .html
            .contains("Nothing can be written: the disk is nearly full")
    );
    soundness.reserve_mib(0);
    recovers(&client).await;
    assert_eq!(post(&client, "after").await.status, 200);
    let tasks = owner.open(&format!("{base}/admin/tasks")).await;
    assert!(!tasks.html.contains("Nothing can be written"));
}

fn rename(from: &Path, to: &Path) {
    fs::rename(from, to).expect("it is renamed");
}

#[tokio::test]
async fn a_directory_that_vanishes_is_missed_and_taken_up_again() {
    let town = Town::new();
    let disk = Disk::holding(&town.data());
    let mut served = disk.serve_plainly();
    let base = served.base().await.expect("it starts");
    let client = Client::new(&base).with_token(&town.tokens[0]);
    assert!(account_of(&base, &town.tokens[0]).await.is_some());
    assert_eq!(post(&client, "before").await.status, 200);
    let away = disk.root().join("away");
    rename(&disk.data(), &away);
    only_reads(&client, "moved, removed or replaced: put it back").await;
    // Nor is anything made where it was.
    assert!(!disk.data().exists());
    rename(&away, &disk.data());
    recovers(&client).await;
    let after = post(&client, "after").await;
    assert_eq!(after.status, 200);
    // SIGKILL: what was acknowledged is where it is looked for.
    drop(served);
    let mut served = disk.serve_plainly();
    let base = served.base().await.expect("it starts");
    let client = Client::new(&base).with_token(&town.tokens[0]);
    let home = get(&client, "/api/v1/timelines/home").await.text;
    assert!(
        home.contains("before") && home.contains("after") && !home.contains("now"),
        "{home}"
    );
}

/// Overwrites the page in which the posts begin.
fn damage(database: &Path) {
    let connection = rusqlite::Connection::open(database).expect("it opens");
    let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'posts'";
    let page: i64 = connection
        .query_row(root, (), |row| row.get(0))
        .expect("there are posts");
    drop(connection);
    let page = usize::try_from(page).expect("a page of the file");
    let mut bytes = fs::read(database).expect("it is read");
    bytes[(page - 1) * 4096..page * 4096].fill(0x5a);
    fs::write(database, bytes).expect("it is written");
}

#[tokio::test]
async fn a_damaged_database_is_not_written_to_and_says_what_to_do() {
    let town = Town::new();
    let disk = Disk::holding(&town.data());
    let mut served = disk.serve_plainly();
    let base = served.base().await.expect("it starts");
    let client = Client::new(&base).with_token(&town.tokens[0]);
    assert_eq!(post(&client, "before").await.status, 200);
    let (status, log) = served.stop().await;
    assert!(status.success(), "{log}");
    damage(&disk.data().join("kinglet.db"));
    let checked = disk.command(&["check"]);
    assert_eq!(checked.status.code(), Some(1), "{checked:?}");
    let mut served = disk.serve_plainly();
    let base = served.base().await.expect("it starts");
    let client = Client::new(&base).with_token(&town.tokens[0]);
    for _ in 0..3 {
        assert_eq!(post(&client, "now").await.status, 503);
    }
    let account = get(&client, "/api/v1/accounts/verify_credentials").await;
    assert_eq!(account.status, 200, "{}", account.text);
    let health = get(&client, "/health").await;
    assert_eq!(health.status, 503);
    assert!(
        health.text.contains("stop the server, run kinglet check"),
        "{}",
        health.text
    );
}
