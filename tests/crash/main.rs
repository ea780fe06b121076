//! The real program is killed at random moments while many write at once, a backup is made and an archive is imported, and while a start
//! brings up an older database. Opened again, its store is sound and holds everything that was acknowledged; what was in flight is gone on with.
//!
//! `KINGLET_CRASH_ROUNDS` says how often; `KINGLET_CRASH_SEED` repeats what was drawn in a run that printed its seed.
//! When exactly the kill meets the program is the machine's business, so a seed repeats the plan, not the crash.

mod arriving;
mod migrating;
#[path = "../archives/packing.rs"]
#[expect(dead_code, reason = "archives of several forms are packed there")]
mod packing;
#[path = "../support/mod.rs"]
mod support;

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use arriving::Arriving;
use support::program::Program;
use support::server::Client;

const ROUNDS: u32 = 30;
/// Of so many rounds one is done on a memory card: its commits gather, so that many more writes are open at each kill.
const FLASH_SHARE: u32 = 3;
const PEOPLE: usize = 8;
/// So many of the newest posts of each are looked at after every kill, and of the others one in so many; at the end all.
const NEWEST_VERIFIED: usize = 60;
const OLDER_SHARE: u32 = 16;
/// How many entries of a home are asked for.
const HOME_PAGE: usize = 40;
/// The longest that a round lasts before the kill, in milliseconds.
const ROUND_MILLIS_MAX: u64 = 700;

/// A number from the environment.
fn variable(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().expect("a whole number"))
}

/// What everything is drawn with.
fn seed() -> u64 {
    variable("KINGLET_CRASH_SEED").unwrap_or_else(|| u64::from(std::process::id()))
}

/// Runs a command of the program on a directory.
fn kinglet(data: &Path, profile: &str, arguments: &[&str]) -> Output {
    Command::new(Program::PATH)
        .args(arguments)
        .env("KINGLET_STORAGE__PROFILE", profile)
        .arg("--data")
        .arg(data)
        .current_dir(data.parent().expect("a directory lies in another"))
        .env_remove("KINGLET_CONFIG")
        .output()
        .expect("the command runs")
}

fn stdout_of(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout.clone())
        .expect("text")
        .trim()
        .to_owned()
}

/// Makes the accounts; answers their tokens.
fn people(data: &Path, profile: &str) -> Vec<String> {
    (0..PEOPLE)
        .map(|number| {
            let name = format!("person{number}");
            let email = format!("{name}@example.org");
            let kinglet = |arguments: &[&str]| kinglet(data, profile, arguments);
            stdout_of(&kinglet(&["user", "create", &name, "--email", &email]));
            stdout_of(&kinglet(&[
                "token",
                "create",
                &name,
                "--scopes",
                "read write follow",
            ]))
        })
        .collect()
}

/// What a client was told, as far as it can be held against the server later.
#[derive(Debug, Default)]
struct Acknowledged {
    /// Posts that are there, with their texts, and posts that are gone.
    posts: HashMap<String, Option<String>>,
    /// Whether posts are favoured.
    favourites: HashMap<String, bool>,
    /// Whether posts are kept as bookmarks.
    bookmarks: HashMap<String, bool>,
    /// Whether accounts are followed.
    follows: HashMap<String, bool>,
}

/// One person, who writes until nobody answers.
struct Writer {
    client: Client,
    random: StdRng,
    others: Vec<String>,
    own: Vec<String>,
    acknowledged: Acknowledged,
    texts: usize,
    name: String,
}

impl Writer {
    /// The next life of the writer of this number, which remembers what it was told before.
    fn new(
        client: Client,
        random: StdRng,
        number: usize,
        accounts: &[String],
        before: Option<&mut Self>,
        round: u32,
    ) -> Self {
        let others = accounts.iter().enumerate();
        let others = others.filter(|(other, _)| *other != number);
        let before = before.map(|writer| {
            let own = std::mem::take(&mut writer.own);
            (own, std::mem::take(&mut writer.acknowledged))
        });
        let (own, acknowledged) = before.unwrap_or_default();
        Self {
            client,
            random,
            others: others.map(|(_, id)| id.clone()).collect(),
            own,
            acknowledged,
            texts: round as usize * 1_000_000,
            name: format!("person{number}"),
        }
    }

    async fn write(mut self) -> Self {
        while self.act().await.is_some() {}
        self
    }

    /// Does one thing; `None` when no answer came: then nobody knows whether it is done.
    async fn act(&mut self) -> Option<()> {
        match self.random.random_range(0..14) {
            0..5 => self.post().await,
            5..8 => self.favour().await,
            8 => self.follow().await,
            9 => self.delete().await,
            10 => self.edit().await,
            11 => self.bookmark().await,
            // Keeps the reader's window resident, so that there is something to persist.
            _ => self.home().await.map(drop),
        }
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> Option<Value> {
        let mut request = self.client.request(method, path);
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        let text = answer.text().await.ok()?;
        assert_eq!(status, 200, "{path}: {text}");
        Some(serde_json::from_str(&text).expect("JSON"))
    }

    async fn post(&mut self) -> Option<()> {
        self.texts += 1;
        let text = format!("number {} of {} #crash", self.texts, self.name);
        let body = json!({"status": text});
        let post = self.ask(Method::POST, "/api/v1/statuses", &body).await?;
        let id = post["id"].as_str().expect("an id").to_owned();
        self.own.push(id.clone());
        self.acknowledged.posts.insert(id, Some(text));
        Some(())
    }

    async fn favour(&mut self) -> Option<()> {
        let Some(id) = self.pick() else {
            return Some(());
        };
        let on = self.acknowledged.favourites.remove(&id) != Some(true);
        let verb = if on { "favourite" } else { "unfavourite" };
        let path = format!("/api/v1/statuses/{id}/{verb}");
        self.ask(Method::POST, &path, &json!({})).await?;
        self.acknowledged.favourites.insert(id, on);
        Some(())
    }

    async fn bookmark(&mut self) -> Option<()> {
        let Some(id) = self.pick() else {
            return Some(());
        };
        let on = self.acknowledged.bookmarks.remove(&id) != Some(true);
        let verb = if on { "bookmark" } else { "unbookmark" };
        let path = format!("/api/v1/statuses/{id}/{verb}");
        self.ask(Method::POST, &path, &json!({})).await?;
        self.acknowledged.bookmarks.insert(id, on);
        Some(())
    }

    async fn edit(&mut self) -> Option<()> {
        let Some(id) = self.pick() else {
            return Some(());
        };
        self.texts += 1;
        let text = format!("edit {} of {} #crash", self.texts, self.name);
        self.acknowledged.posts.remove(&id);
        let path = format!("/api/v1/statuses/{id}");
        self.ask(Method::PUT, &path, &json!({"status": text}))
            .await?;
        self.acknowledged.posts.insert(id, Some(text));
        Some(())
    }

    async fn follow(&mut self) -> Option<()> {
        let other = self.others[self.random.random_range(0..self.others.len())].clone();
        let on = self.acknowledged.follows.remove(&other) != Some(true);
        let verb = if on { "follow" } else { "unfollow" };
        let path = format!("/api/v1/accounts/{other}/{verb}");
        self.ask(Method::POST, &path, &json!({})).await?;
        self.acknowledged.follows.insert(other, on);
        Some(())
    }

    async fn delete(&mut self) -> Option<()> {
        let Some(id) = self.pick() else {
            return Some(());
        };
        self.own.retain(|own| *own != id);
        self.acknowledged.posts.remove(&id);
        self.acknowledged.favourites.remove(&id);
        self.acknowledged.bookmarks.remove(&id);
        let path = format!("/api/v1/statuses/{id}");
        self.ask(Method::DELETE, &path, &json!({})).await?;
        self.acknowledged.posts.insert(id, None);
        Some(())
    }

    /// The newest entries of the own home.
    async fn home(&self) -> Option<Vec<String>> {
        let path = format!("/api/v1/timelines/home?limit={HOME_PAGE}");
        let home = self.ask(Method::GET, &path, &Value::Null).await?;
        let entries = home.as_array().expect("a list").iter();
        let ids = entries.map(|entry| entry["id"].as_str().expect("an id").to_owned());
        Some(ids.collect())
    }

    fn pick(&mut self) -> Option<String> {
        let last = self.own.len().checked_sub(1)?;
        Some(self.own[self.random.random_range(0..=last)].clone())
    }

    /// Everything that was acknowledged is there. Of what is older than the last rounds, a part is looked at each time.
    async fn verify(&mut self) {
        let newest = self.own.len().saturating_sub(NEWEST_VERIFIED);
        let newest = self.own.get(newest).cloned().unwrap_or_default();
        let mut looked_at = Vec::new();
        for id in self.acknowledged.posts.keys() {
            if *id >= newest || self.random.random_range(0..OLDER_SHARE) == 0 {
                looked_at.push(id.clone());
            }
        }
        self.verify_posts(&looked_at).await;
    }

    /// All of it is there.
    async fn verify_all(&mut self) {
        let all: Vec<String> = self.acknowledged.posts.keys().cloned().collect();
        self.verify_posts(&all).await;
    }

    async fn verify_posts(&self, looked_at: &[String]) {
        for id in looked_at {
            let text = &self.acknowledged.posts[id];
            let path = format!("/api/v1/statuses/{id}");
            let request = self.client.request(Method::GET, &path);
            let answer = request.send().await.expect("an answer");
            let status = answer.status().as_u16();
            let body = answer.text().await.expect("a body");
            match text {
                None => assert_eq!(status, 404, "{id} was deleted: {body}"),
                Some(text) => {
                    assert_eq!(status, 200, "{id} was written: {body}");
                    let post: Value = serde_json::from_str(&body).expect("JSON");
                    let content = post["content"].as_str().expect("a content");
                    let words = text.split(" #").next().expect("words");
                    assert!(content.contains(words), "{text} became {content}");
                    if let Some(favoured) = self.acknowledged.favourites.get(id) {
                        assert_eq!(post["favourited"], *favoured, "{id}");
                    }
                    if let Some(kept) = self.acknowledged.bookmarks.get(id) {
                        assert_eq!(post["bookmarked"], *kept, "{id}");
                    }
                }
            }
        }
        let home = self.home().await.expect("an answer");
        assert!(home.is_sorted_by(|newer, older| newer > older), "{home:?}");
        // What the page reaches down to, or everything where the home ends on it.
        let reach = home.last().filter(|_| home.len() == HOME_PAGE);
        for (id, text) in &self.acknowledged.posts {
            let is_within = reach.is_none_or(|reach| id >= reach);
            assert_eq!(
                home.contains(id),
                text.is_some() && is_within,
                "{id} on the home of {}: {home:?}",
                self.name
            );
        }
        for (other, follows) in &self.acknowledged.follows {
            let path = format!("/api/v1/accounts/relationships?id[]={other}");
            let found = self.ask(Method::GET, &path, &json!({})).await;
            let found = found.expect("an answer");
            assert_eq!(found[0]["following"], *follows, "{} {other}", self.name);
        }
    }

    fn acknowledgements(&self) -> usize {
        let Acknowledged {
            posts,
            favourites,
            bookmarks,
            follows,
        } = &self.acknowledged;
        posts.len() + favourites.len() + bookmarks.len() + follows.len()
    }
}

/// Makes one backup after the other until the server is gone; tells how many were finished.
fn back_up(data: &Path, profile: &'static str, sets: &Path, round: u32) -> JoinHandle<usize> {
    let (data, sets) = (data.to_owned(), sets.to_owned());
    tokio::task::spawn_blocking(move || {
        std::fs::create_dir_all(&sets).expect("a directory");
        let finished = (0..).take_while(|number| {
            let set = sets.join(format!("{round}-{number}"));
            let set = set.to_str().expect("UTF-8");
            kinglet(&data, profile, &["backup", set]).status.success() && is_served(&data)
        });
        finished.count()
    })
}

/// Whether a server answers commands: a backup of what nobody serves would hold the directory.
fn is_served(data: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(data.join("kinglet.sock")).is_ok()
}

async fn account_of(client: &Client) -> String {
    let request = client.request(Method::GET, "/api/v1/accounts/verify_credentials");
    let answer = request.send().await.expect("an answer");
    let account: Value = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
    account["id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_every_kill() {
    let rounds = variable("KINGLET_CRASH_ROUNDS").map_or(ROUNDS, |rounds| rounds as u32);
    crash(rounds, "default").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_every_kill_on_a_memory_card() {
    let rounds = variable("KINGLET_CRASH_ROUNDS").map_or(ROUNDS, |rounds| rounds as u32);
    crash(rounds.div_ceil(FLASH_SHARE), "flash").await;
}

/// Kills the program again and again, with `storage.profile` at this word.
async fn crash(rounds: u32, profile: &'static str) {
    let settings = [
        ("KINGLET_LIMITS__RATE_LIMITS", "false"),
        ("KINGLET_STORAGE__PROFILE", profile),
    ];
    let seed = seed();
    println!("{rounds} rounds, profile {profile}, KINGLET_CRASH_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let tokens = people(&data, profile);
    let mut accounts: Vec<String> = Vec::new();
    let mut writers: Vec<Writer> = Vec::new();
    let mut acknowledged = 0;
    let mut backups = 0;
    let mut arriving = Arriving::new(&data, profile, "arriving");
    for round in 0..rounds {
        println!("round {round}");
        let program = Program::serve(&data, &settings);
        let base = program.wait_for("kinglet answers at ");
        let client = |token: &String| Client::new(base.trim()).with_token(token);
        if accounts.is_empty() {
            for token in &tokens {
                accounts.push(account_of(&client(token)).await);
            }
        }
        // What the last round was told, and the rounds before it once more.
        for (number, writer) in writers.iter_mut().enumerate() {
            writer.client = client(&tokens[number]);
            writer.verify().await;
        }
        let writing: Vec<JoinHandle<Writer>> = (0..PEOPLE)
            .map(|number| {
                let writer = Writer::new(
                    client(&tokens[number]),
                    StdRng::seed_from_u64(random.random()),
                    number,
                    &accounts,
                    writers.get_mut(number),
                    round,
                );
                tokio::spawn(writer.write())
            })
            .collect();
        let millis = random.random_range(1..ROUND_MILLIS_MAX);
        let sets = directory.path().join("backups");
        let backing_up = back_up(&data, profile, &sets, round);
        let importing = {
            let data = data.clone();
            tokio::task::spawn_blocking(move || arriving.arrive(&data, profile))
        };
        tokio::time::sleep(Duration::from_millis(millis)).await;
        // SIGKILL.
        drop(program);
        arriving = importing.await.expect("the command runs");
        backups += backing_up.await.expect("the command runs");
        std::fs::remove_dir_all(&sets).expect("backups are removed");
        arriving.require_prefix(&data);
        writers.clear();
        for writer in writing {
            writers.push(writer.await.expect("every answer was 200"));
        }
        acknowledged = writers.iter().map(Writer::acknowledgements).sum();
        let checked = kinglet(&data, profile, &["check"]);
        assert!(
            checked.status.success(),
            "round {round}, {}: {}{}",
            checked.status,
            String::from_utf8_lossy(&checked.stdout),
            String::from_utf8_lossy(&checked.stderr)
        );
    }
    let program = Program::serve(&data, &settings);
    let base = program.wait_for("kinglet answers at ");
    for (writer, token) in writers.iter_mut().zip(&tokens) {
        writer.client = Client::new(base.trim()).with_token(token);
        writer.verify_all().await;
    }
    let imports = arriving.finished();
    arriving.finish(&data, profile);
    println!(
        "{acknowledged} writes were acknowledged and are there; {backups} backups and {imports} imports were finished"
    );
    assert!(rounds < ROUNDS || imports > 0, "no import was finished");
    assert!(rounds < ROUNDS || backups > 0, "no backup was finished");
    assert!(
        acknowledged > rounds as usize,
        "hardly anything was written"
    );
}
