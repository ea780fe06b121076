//! A session that can be cut off or refused anywhere: somebody does one thing after the other, knows what was acknowledged,
//! and holds it against what the server says.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::program::Program;
use super::server::{Answer, Client};

/// How often it is looked whether the server is well again, and how many times.
const LOOK: Duration = Duration::from_millis(50);
const LOOKS_MAX: usize = 400;

/// A data directory with two people, and their tokens.
pub struct Town {
    directory: TempDir,
    /// Theirs.
    pub tokens: [String; 2],
}

impl Town {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let tokens = ["wren", "robin"].map(|name| {
            let kinglet = |arguments: &[&str]| {
                let output = Command::new(Program::PATH)
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

    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }
}

/// What may be done in the session; each can be done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Post(usize),
    Edit(usize),
    Delete(usize),
    Favour(usize, bool),
    Follow(bool),
}

/// The session: what is done, in this order.
pub fn script() -> Vec<Act> {
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
pub struct Visitor {
    pub client: Client,
    pub robin: String,
    pub ids: HashMap<usize, String>,
    /// What was acknowledged, the latest of each kind.
    pub done: Vec<Act>,
    /// What was answered 503: nobody knows whether it is done.
    pub open: Vec<Act>,
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
    pub async fn act(&mut self, act: Act) -> bool {
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
    pub async fn verify(&self, is_over: bool) {
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
        if (answer.status != 503 || is_over)
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

    pub async fn health(&self) -> u16 {
        self.ask(Method::GET, "/health", None, None).await.status
    }

    /// Waits until the server says that it is well.
    pub async fn recovers(&self) {
        for _ in 0..LOOKS_MAX {
            if self.health().await == 200 {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
        let told = self.ask(Method::GET, "/health", None, None).await.text;
        panic!("it isn't well again: {told}");
    }
}

/// Robin's account.
pub async fn account_of(base: &str, token: &str) -> Option<String> {
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
