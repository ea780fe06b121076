//! Somebody's archive is being imported while the program is killed: what came in is there once, and the next import goes on.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::{Value, json};

use super::packing::{actor, collection, create, tar_gz, uri};
use super::{is_served, kinglet};

/// Posts of one archive: several batches of 32.
const POSTS: u64 = 200;

/// Whoever brings archives along, one after the other.
pub struct Arriving {
    name: &'static str,
    archives: PathBuf,
    /// The archive that isn't in yet.
    at: u64,
}

impl Arriving {
    /// With an account of this name.
    pub fn new(data: &Path, profile: &'static str, name: &'static str) -> Self {
        let email = format!("{name}@example.org");
        let made = kinglet(data, profile, &["user", "create", name, "--email", &email]);
        assert!(made.status.success());
        let archives = data.with_file_name("archives-of-others");
        std::fs::create_dir_all(&archives).expect("a directory");
        Self {
            name,
            archives,
            at: 0,
        }
    }

    /// How many archives are in as a whole.
    pub fn finished(&self) -> u64 {
        self.at
    }

    /// The archive that is to be taken in: each post answers the one before it.
    fn archive(&self) -> String {
        let path = self.archives.join(format!("{}.tar.gz", self.at));
        if !path.exists() {
            let first = self.at * POSTS;
            let items: Vec<Value> = (first..first + POSTS)
                .map(|number| {
                    let (days, seconds) = (1 + number / 80_000, number % 80_000);
                    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
                    let seconds = seconds % 60;
                    let date = format!("2023-01-{days:02}T{hours:02}:{minutes:02}:{seconds:02}Z");
                    let text = format!("<p>arrival {number} <a href=\"https://there.example/tags/wren\">#wren</a></p>");
                    create(number, &date, &text, |note| {
                        if number > first {
                            note["inReplyTo"] = json!(uri(number - 1));
                        }
                    })
                })
                .collect();
            let outbox = collection("outbox.json", &items);
            tar_gz(&path, &[("actor.json", &actor()), ("outbox.json", &outbox)]);
        }
        path.to_str().expect("UTF-8").to_owned()
    }

    /// Takes one archive in after the other, until nobody serves any more. What wasn't finished is begun again by the next call.
    pub fn arrive(mut self, data: &Path, profile: &'static str) -> Self {
        while is_served(data) {
            let archive = self.archive();
            let arguments = ["import", "--account", self.name, &archive, "--json"];
            let imported = kinglet(data, profile, &arguments);
            if imported.status.success() {
                self.at += 1;
            }
        }
        self
    }

    /// Takes in so many archives, each as a whole.
    pub fn bring(mut self, data: &Path, archives: u64) {
        for _ in 0..archives {
            let archive = self.archive();
            let imported = kinglet(
                data,
                "default",
                &["import", "--account", self.name, &archive],
            );
            assert!(imported.status.success());
            self.at += 1;
        }
    }

    /// Takes in what is left of the archive at which it was broken off; each post is there once, and answers what it answered.
    pub fn finish(mut self, data: &Path, profile: &'static str) {
        let archive = self.archive();
        let imported = kinglet(data, profile, &["import", "--account", self.name, &archive]);
        assert!(
            imported.status.success(),
            "{}",
            String::from_utf8_lossy(&imported.stderr)
        );
        self.at += 1;
        self.require_prefix(data);
        let number = |sql: &str| count(data, sql, self.name);
        let posts = self.at * POSTS;
        assert_eq!(number(OWN), posts, "every post of {} archives", self.at);
        let answers = "SELECT count(*) FROM posts JOIN accounts ON accounts.id = author WHERE name = ?1 AND reply_to IS NOT NULL";
        assert_eq!(number(answers), posts - self.at, "threads are whole");
    }

    /// What is there comes from the archives that were finished, and from the beginning of the next one.
    pub fn require_prefix(&self, data: &Path) {
        let posts = count(data, OWN, self.name);
        let texts = "SELECT count(DISTINCT text) FROM posts JOIN accounts ON accounts.id = author WHERE name = ?1";
        assert_eq!(count(data, texts, self.name), posts, "each is there once");
        let (least, most) = (self.at * POSTS, (self.at + 1) * POSTS);
        assert!(
            (least..=most).contains(&posts),
            "{posts} of {least} to {most}"
        );
    }
}

const OWN: &str =
    "SELECT count(*) FROM posts JOIN accounts ON accounts.id = author WHERE name = ?1";

fn count(data: &Path, sql: &str, name: &str) -> u64 {
    let database = Connection::open(data.join("kinglet.db")).expect("it opens");
    let count: i64 = database
        .query_row(sql, [name], |row| row.get(0))
        .expect("a number");
    count.unsigned_abs()
}
