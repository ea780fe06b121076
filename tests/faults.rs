//! A disk that fails at the n-th write, sync, truncation, open, rename or mapping of a session: nobody is told what isn't so,
//! nothing acknowledged is lost, and the server goes on by itself when the disk does.
//!
//! `KINGLET_FAULTS` says at how many places it fails (100); `KINGLET_FAULT=write:17:28:1` repeats one of them.

#![expect(
    clippy::panic,
    reason = "clippy takes only the test functions themselves for tests"
)]

mod support;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

use support::disk::{Disk, Fault, KINDS};
use support::server::{Answer, Client};

/// At how many places the disk fails, unless it is said.
const FAULTS: usize = 100;
/// How many servers run at once: most of the time they wait for the disk.
const AT_ONCE: usize = 4;
/// Linux' numbers of what a disk says.
const EIO: i32 = 5;
const ENOSPC: i32 = 28;
/// How often it is looked whether the server is well again, and how many times.
const LOOK: Duration = Duration::from_millis(50);
const LOOKS_MAX: usize = 400;

/// A data directory with two people, and their tokens.
struct Town {
    directory: TempDir,
    tokens: [String; 2],
}

impl Town {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let tokens = ["wren", "robin"].map(|name| {
            let kinglet = |arguments: &[&str]| {
                let output = std::process::Command::new(support::program::Program::PATH)
                    .args(arguments)
                    .arg("--data")
                    .arg(directory.path().join("data"))
                    .current_dir(directory.path())
                    .env_remove("KINGLET_CONFIG")
                    .output()
                    .expect("the command runs");
                let complaint = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{complaint}");
                String::from_utf8(output.stdout).expect("text")
            };
            let email = format!("{name}@example.org");
            kinglet(&["user", "create", name, "--email", &email]);
            let scopes = "read write follow";
            kinglet(&["token", "create", name, "--scopes", scopes])
                .trim()
                .to_owned()
        });
        Self { directory, tokens }
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }
}

/// What may be done in the session; each can be done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Post(usize),
    Edit(usize),
    Delete(usize),
    Favour(usize, bool),
    Follow(bool),
}

/// The session: what is done, in this order.
fn script() -> Vec<Act> {
    let mut acts: Vec<Act> = (0..4).map(Act::Post).collect();
    acts.extend([
        Act::Favour(0, true),
        Act::Follow(true),
        Act::Edit(1),
        Act::Delete(2),
        Act::Favour(0, false),
        Act::Favour(3, true),
    ]);
    acts.extend((4..8).map(Act::Post));
    acts.extend([Act::Delete(4), Act::Follow(false), Act::Edit(5)]);
    acts
}

/// Somebody who does the session, and what was acknowledged.
struct Visitor {
    client: Client,
    robin: String,
    ids: HashMap<usize, String>,
    /// What was acknowledged, the latest of each kind.
    done: Vec<Act>,
    /// What was answered 503: nobody knows whether it is done.
    open: Vec<Act>,
}

impl Visitor {
    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        key: Option<String>,
    ) -> Answer {
        let mut request = self.client.request(method, path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let answer = request.send().await.expect("the server lives");
        Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            text: answer.text().await.expect("a body"),
        }
    }

    /// The answer's body, or nothing where the server says that it can't now.
    fn told(path: &str, answer: &Answer) -> Option<Value> {
        match answer.status {
            200 => Some(serde_json::from_str(&answer.text).expect("JSON")),
            503 => {
                assert!(answer.headers.contains_key("retry-after"), "{path}");
                None
            }
            other => panic!("{path}: {other} {}", answer.text),
        }
    }

    /// Does something; false when it is not known whether it is done.
    async fn act(&mut self, act: Act) -> bool {
        let id = |number: usize| self.ids.get(&number).cloned();
        let text = |number: usize, word: &str| json!({"status": format!("{word} {number} end")});
        let (method, path, body, key) = match act {
            Act::Post(number) => (
                Method::POST,
                "/api/v1/statuses".to_owned(),
                Some(text(number, "post")),
                Some(format!("key-{number}")),
            ),
            Act::Edit(number) => {
                let Some(id) = id(number) else { return false };
                let path = format!("/api/v1/statuses/{id}");
                (Method::PUT, path, Some(text(number, "edited")), None)
            }
            Act::Delete(number) => {
                let Some(id) = id(number) else { return false };
                let path = format!("/api/v1/statuses/{id}");
                (Method::DELETE, path, None, None)
            }
            Act::Favour(number, on) => {
                let Some(id) = id(number) else { return false };
                let verb = if on { "favourite" } else { "unfavourite" };
                let path = format!("/api/v1/statuses/{id}/{verb}");
                (Method::POST, path, None, None)
            }
            Act::Follow(on) => {
                let verb = if on { "follow" } else { "unfollow" };
                let path = format!("/api/v1/accounts/{}/{verb}", self.robin);
                (Method::POST, path, None, None)
            }
        };
        let is_again = self.open.contains(&act);
        let answer = self.ask(method, &path, body, key).await;
        if is_again && matches!(act, Act::Delete(_)) && answer.status == 404 {
            // It had been done.
            self.done.push(act);
            return true;
        }
        let Some(told) = Self::told(&path, &answer) else {
            return false;
        };
        if let Act::Post(number) = act {
            let id = told["id"].as_str().expect("an id").to_owned();
            self.ids.insert(number, id);
        }
        self.done.push(act);
        true
    }

    fn is_open(&self, number: usize) -> bool {
        self.open.iter().any(|act| match act {
            Act::Post(open) | Act::Edit(open) | Act::Delete(open) | Act::Favour(open, _) => {
                *open == number
            }
            Act::Follow(_) => false,
        })
    }

    /// What is known is found, as far as it can be read; after the session everything can.
    async fn verify(&self, is_over: bool) {
        for (number, id) in &self.ids {
            let path = format!("/api/v1/statuses/{id}");
            let answer = self.ask(Method::GET, &path, None, None).await;
            if answer.status == 503 && !is_over {
                continue;
            }
            if self.is_open(*number) {
                assert!(
                    matches!(answer.status, 200 | 404),
                    "{path}: {}",
                    answer.status
                );
                continue;
            }
            if self.done.contains(&Act::Delete(*number)) {
                assert_eq!(answer.status, 404, "{number} was deleted");
                continue;
            }
            assert_eq!(answer.status, 200, "{number}: {}", answer.text);
            let post: Value = serde_json::from_str(&answer.text).expect("JSON");
            let word = match self.done.contains(&Act::Edit(*number)) {
                true => "edited",
                false => "post",
            };
            let content = post["content"].as_str().expect("a content");
            let expected = format!("{word} {number} end");
            assert!(content.contains(&expected), "{expected}: {content}");
            let favoured = self.done.iter().rev().find_map(|act| match act {
                Act::Favour(favoured, on) if favoured == number => Some(*on),
                _ => None,
            });
            assert_eq!(post["favourited"], favoured.unwrap_or(false), "{number}");
        }
        let path = format!("/api/v1/accounts/relationships?id[]={}", self.robin);
        let answer = self.ask(Method::GET, &path, None, None).await;
        if !(answer.status == 503 && !is_over)
            && !self.open.iter().any(|act| matches!(act, Act::Follow(_)))
        {
            let found = Self::told(&path, &answer).expect("it is over");
            let follows = self.done.iter().rev().find_map(|act| match act {
                Act::Follow(on) => Some(*on),
                _ => None,
            });
            assert_eq!(found[0]["following"], follows.unwrap_or(false));
        }
        let answer = self
            .ask(Method::GET, "/api/v1/timelines/home", None, None)
            .await;
        if let Some(home) = Self::told("home", &answer) {
            let shown: Vec<&str> = home
                .as_array()
                .expect("a list")
                .iter()
                .map(|post| post["id"].as_str().expect("an id"))
                .collect();
            for (number, id) in &self.ids {
                if self.is_open(*number) {
                    continue;
                }
                let stands = !self.done.contains(&Act::Delete(*number));
                assert_eq!(
                    shown.contains(&id.as_str()),
                    stands,
                    "{number} in {shown:?}"
                );
            }
            let is_sure = !self.open.iter().any(|act| matches!(act, Act::Post(_)));
            if is_sure {
                let ours = self.ids.values().filter(|id| shown.contains(&id.as_str()));
                assert_eq!(shown.len(), ours.count(), "nothing is there twice: {home}");
            }
        } else {
            assert!(!is_over);
        }
    }

    async fn health(&self) -> u16 {
        self.ask(Method::GET, "/health", None, None).await.status
    }

    /// Waits until the server says that it is well.
    async fn recovers(&self) {
        for _ in 0..LOOKS_MAX {
            if self.health().await == 200 {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
        panic!("it isn't well again");
    }
}

/// Robin's account.
async fn account_of(base: &str, token: &str) -> Option<String> {
    let client = Client::new(base).with_token(token);
    let path = "/api/v1/accounts/verify_credentials";
    let answer = client
        .request(Method::GET, path)
        .send()
        .await
        .expect("the server lives");
    if answer.status().as_u16() == 503 {
        return None;
    }
    let account: Value = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
    Some(account["id"].as_str().expect("an id").to_owned())
}

/// No fault of the program, whatever the disk says.
fn is_sound(log: &str) {
    let panicked = log.lines().find(|line| line.contains("panicked"));
    assert!(panicked.is_none(), "{log}");
}

/// What a fault did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harm {
    /// Nobody noticed.
    None,
    /// Something was answered 503.
    Refused,
    /// The server didn't start.
    NotStarted,
}

/// The session on a disk with a fault, until it is over and everything is known.
async fn session(town: &Town, disk: &Disk, fault: Option<Fault>) -> Harm {
    let mut served = disk.serve(fault, false);
    let Ok(base) = served.base().await else {
        // It says why, and starts when the disk is sound.
        let log = served.log();
        is_sound(&log);
        assert!(log.contains("kinglet: "), "it says why:\n{log}");
        drop(served);
        let again = disk.command(&["check"]);
        assert!(again.status.success(), "{again:?}");
        return Harm::NotStarted;
    };
    let robin = loop {
        match account_of(&base, &town.tokens[1]).await {
            Some(robin) => break robin,
            None => disk.heal(),
        }
    };
    let mut visitor = Visitor {
        client: Client::new(&base).with_token(&town.tokens[0]),
        robin,
        ids: HashMap::new(),
        done: Vec::new(),
        open: Vec::new(),
    };
    for (number, act) in script().into_iter().enumerate() {
        if !visitor.act(act).await {
            visitor.open.push(act);
            if fault.is_some_and(|fault| fault.lasts) && matches!(act, Act::Post(_)) {
                assert_eq!(visitor.health().await, 503, "after {act:?}");
            }
        }
        if number % 5 == 4 {
            visitor.verify(false).await;
        }
    }
    disk.heal();
    visitor.recovers().await;
    // What wasn't answered is asked for once more, in its order, and is done now.
    let open = visitor.open.clone();
    let harm = if open.is_empty() {
        Harm::None
    } else {
        Harm::Refused
    };
    for act in open {
        assert!(
            visitor.act(act).await,
            "it is well again, and yet no {act:?}"
        );
    }
    visitor.open.clear();
    visitor.verify(true).await;
    is_sound(&served.log());
    let ends_well = fault.is_none_or(|fault| fault.nth % 2 == 0);
    if ends_well {
        let (status, log) = served.stop().await;
        assert!(status.success(), "{status}: {log}");
        is_sound(&log);
    } else {
        // SIGKILL.
        drop(served);
    }
    let checked = disk.command(&["check"]);
    assert!(checked.status.success(), "{checked:?}");
    let mut served = disk.serve_plainly();
    let base = served.base().await.expect("it starts");
    visitor.client = Client::new(&base).with_token(&town.tokens[0]);
    visitor.verify(true).await;
    harm
}

fn of_variable(told: &str) -> Fault {
    let parts: Vec<&str> = told.split(':').collect();
    let number = |at: usize| parts[at].parse().expect("a number");
    let kind = KINDS.into_iter().find(|kind| *kind == parts[0]);
    Fault {
        kind: kind.expect("a kind"),
        nth: number(1),
        errno: i32::try_from(number(2)).expect("a small number"),
        lasts: number(3) == 1,
    }
}

/// `number` places in a session that has so many operations of each kind: those that are rare all, the others spread over it.
fn places(counts: &HashMap<&'static str, u64>, number: usize) -> Vec<Fault> {
    let mut left = number as u64;
    let mut kinds: Vec<(&'static str, u64)> = counts
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(kind, count)| (*kind, *count))
        .collect();
    kinds.sort_by_key(|(kind, count)| (*count, *kind));
    let mut faults = Vec::new();
    let kinds_before = kinds.len() as u64;
    for (at, (kind, count)) in (0..).zip(kinds) {
        let share = (left / (kinds_before - at)).min(count * 4);
        left -= share;
        for case in 0..share {
            // Each place fails in up to four ways; where there are more places than shares they are spread.
            let (nth, way) = match share.checked_div(count) {
                Some(1..) => (case % count + 1, case / count),
                _ => (case * count / share + 1, case),
            };
            faults.push(Fault {
                kind,
                nth,
                errno: if way % 2 == 0 { ENOSPC } else { EIO },
                lasts: way / 2 % 2 == 0,
            });
        }
    }
    faults
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_anywhere_loses_nothing_and_is_got_over() {
    let town = Arc::new(Town::new());
    let number = std::env::var("KINGLET_FAULTS").ok();
    let number = number.map_or(FAULTS, |number| number.parse().expect("a number"));
    let faults = match std::env::var("KINGLET_FAULT") {
        Ok(told) => vec![of_variable(&told)],
        Err(_) => {
            let disk = Disk::holding(&town.data());
            assert_eq!(session(&town, &disk, None).await, Harm::None);
            let counts = disk.counts();
            println!("a session has {counts:?}");
            for kind in ["write", "sync", "truncate", "open", "mmap"] {
                assert!(counts[kind] > 0, "no {kind} in the session");
            }
            places(&counts, number)
        }
    };
    let number = faults.len();
    let mut running = JoinSet::new();
    let mut lost: Vec<String> = Vec::new();
    let mut harms: Vec<Harm> = Vec::new();
    let mut faults = faults.into_iter();
    loop {
        for fault in faults.by_ref().take(AT_ONCE - running.len()) {
            let town = Arc::clone(&town);
            running.spawn(async move {
                let disk = Disk::holding(&town.data());
                let session = async { session(&town, &disk, Some(fault)).await };
                let ended = AssertUnwindSafe(session).catch_unwind().await;
                (fault, ended.ok())
            });
        }
        let Some(ended) = running.join_next().await else {
            break;
        };
        let (fault, harm) = ended.expect("panics were caught");
        if let Some(harm) = harm {
            harms.push(harm);
            continue;
        }
        let Fault {
            kind,
            nth,
            errno,
            lasts,
        } = fault;
        lost.push(format!(
            "KINGLET_FAULT={kind}:{nth}:{errno}:{}",
            u8::from(lasts)
        ));
    }
    assert!(lost.is_empty(), "{lost:#?} of {number}");
    let count = |harm: Harm| harms.iter().filter(|found| **found == harm).count();
    let (refused, not_started) = (count(Harm::Refused), count(Harm::NotStarted));
    println!(
        "the disk failed at {number} places: {refused} had answers of 503, at {not_started} it didn't start"
    );
    assert!(
        number == 1 || refused > number / 10,
        "hardly anybody noticed"
    );
}

#[test]
fn the_places_are_spread_over_the_session() {
    let counts = HashMap::from([("write", 200), ("sync", 40), ("rename", 0), ("mmap", 1)]);
    let faults = places(&counts, 100);
    let of = |kind: &str| faults.iter().filter(|fault| fault.kind == kind).count();
    assert_eq!((of("mmap"), of("sync"), of("write")), (4, 48, 48));
    assert!(
        faults
            .iter()
            .all(|fault| (1..=counts[fault.kind]).contains(&fault.nth))
    );
    let last = faults
        .iter()
        .filter(|fault| fault.kind == "write")
        .map(|fault| fault.nth)
        .max();
    assert!(last > Some(190));
}
