//! How many bytes a post costs the disk, by profile (`storage.profile`) and pace: `cargo run --example bytes_written`.
//!
//! Counted is what the kernel is asked to bring to the disk for this process (`write_bytes` in `/proc/self/io`, whole
//! pages of 4 KiB): the write-ahead log, and the database into which it is copied. What the file system writes for itself
//! and what the disk makes of it is beyond. Bytes don't depend on how the program was compiled, the times nearly don't.
//! It takes about three minutes, Linux, and a temporary directory on a disk: the one that the program lies in is used.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use kinglet::Server;
use kinglet::actors::posts::{Draft, WritePost};
use kinglet::config::{Config, StorageProfile};
use kinglet::domain::account::Role;
use kinglet::ids::AccountId;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

type Failure = Box<dyn Error + Send + Sync>;

/// People who write in turn.
const AUTHORS: usize = 20;
/// Posts that are there before it is counted.
const POSTS_BEFORE: usize = 3000;
/// Words of which texts are made.
const WORDS: usize = 4000;
/// Words of a post: about 160 characters.
const WORDS_PER_POST: usize = 25;
const SEED: u64 = 7;

/// How posts come.
struct Pace {
    name: &'static str,
    /// So many at once.
    at_once: usize,
    /// The pause until the next.
    pause: Duration,
    /// How often.
    rounds: usize,
}

const PACES: [Pace; 4] = [
    Pace {
        name: "alone, one in 1.5 s",
        at_once: 1,
        pause: Duration::from_millis(1500),
        rounds: 12,
    },
    Pace {
        name: "10 a second",
        at_once: 1,
        pause: Duration::from_millis(100),
        rounds: 150,
    },
    Pace {
        name: "100 a second",
        at_once: 1,
        pause: Duration::from_millis(10),
        rounds: 1000,
    },
    Pace {
        name: "40 at once, every 2 s",
        at_once: 40,
        pause: Duration::from_secs(2),
        rounds: 8,
    },
];

/// What a pace came to.
struct Counted {
    bytes_per_post: f64,
    posts_per_commit: f64,
    median_ms: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match compare().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bytes_written: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn compare() -> Result<(), Failure> {
    let program = std::env::current_exe()?;
    let place = tempfile::tempdir_in(program.parent().ok_or("the program is in no directory")?)?;
    let mut columns = Vec::new();
    for profile in [StorageProfile::Default, StorageProfile::Flash] {
        let data = place.path().join(profile.as_str());
        columns.push(count(&data, profile).await?);
    }
    println!(
        "{:<26} {:>30}   {:>30}",
        "KiB a post, posts a commit, ms", "default", "flash"
    );
    for (row, pace) in PACES.iter().enumerate() {
        print!("{:<30}", pace.name);
        for (counted, _) in &columns {
            let Counted {
                bytes_per_post,
                posts_per_commit,
                median_ms,
            } = &counted[row];
            let kib = bytes_per_post / 1024.0;
            print!(" {kib:>12.1} {posts_per_commit:>8.1} {median_ms:>9.1}");
        }
        println!();
    }
    print!("{:<30}", "copied at the stop, KiB in all");
    for (_, at_the_stop) in &columns {
        print!(" {:>31.0}", *at_the_stop as f64 / 1024.0);
    }
    println!();
    Ok(())
}

/// Writes at every pace; answers what each came to, and the bytes that the stop wrote.
async fn count(data: &Path, profile: StorageProfile) -> Result<(Vec<Counted>, u64), Failure> {
    let mut config = Config::default();
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.storage.profile = profile;
    let server = Server::builder()
        .config(config)
        .data_dir(data)
        .start()
        .await?;
    let mut authors = Vec::with_capacity(AUTHORS);
    for number in 0..AUTHORS {
        let name = format!("author{number}");
        let email = format!("{name}@example.org");
        let account = server.create_account(&name, &email, "a password for now", Role::User);
        authors.push(account.await?);
    }
    let mut writing = Writing {
        server: &server,
        authors,
        random: StdRng::seed_from_u64(SEED),
    };
    for _ in 0..POSTS_BEFORE / 100 {
        writing.write(100).await?;
    }
    let mut counted = Vec::new();
    for pace in &PACES {
        tokio::time::sleep(Duration::from_secs(2)).await;
        counted.push(writing.count(pace, data).await?);
    }
    let before = written_bytes()?;
    server.shutdown().await?;
    Ok((counted, written_bytes()? - before))
}

struct Writing<'s> {
    server: &'s Server,
    authors: Vec<AccountId>,
    random: StdRng,
}

impl Writing<'_> {
    fn post(&mut self) -> WritePost {
        let words: Vec<String> = (0..WORDS_PER_POST)
            .map(|_| {
                // Some words are far more frequent than others, as in languages.
                let rank = self.random.random_range(0.0..1.0_f64).powi(3) * WORDS as f64;
                format!("w{}", rank as usize)
            })
            .collect();
        WritePost {
            author: self.authors[self.random.random_range(0..self.authors.len())],
            draft: Draft {
                text: words.join(" "),
                ..Draft::default()
            },
            visibility: None,
            reply_to: None,
            app: None,
            idempotency_key: None,
        }
    }

    /// Writes so many at once; answers how long the last took.
    async fn write(&mut self, posts: usize) -> Result<Duration, Failure> {
        let door = &self.server.instance().actors.posts.clone();
        let messages: Vec<WritePost> = (0..posts).map(|_| self.post()).collect();
        let begun = now();
        try_join_all(messages.into_iter().map(|message| async move {
            door.send(message).await??;
            Ok::<(), Failure>(())
        }))
        .await?;
        Ok(begun.elapsed())
    }

    async fn count(&mut self, pace: &Pace, data: &Path) -> Result<Counted, Failure> {
        let (bytes, commits) = (written_bytes()?, commits(data)?);
        let door = self.server.instance().actors.posts.clone();
        let mut asked = Vec::new();
        let mut beat = tokio::time::interval(pace.pause);
        for _ in 0..pace.rounds {
            beat.tick().await;
            for _ in 0..pace.at_once {
                let (door, message) = (door.clone(), self.post());
                // People don't wait for each other.
                asked.push(tokio::spawn(async move {
                    let begun = now();
                    door.send(message).await??;
                    Ok::<Duration, Failure>(begun.elapsed())
                }));
            }
        }
        let mut took = Vec::with_capacity(asked.len());
        for answer in asked {
            took.push(answer.await??);
        }
        took.sort();
        let posts = took.len() as f64;
        Ok(Counted {
            bytes_per_post: (written_bytes()? - bytes) as f64 / posts,
            posts_per_commit: posts / (self::commits(data)? - commits) as f64,
            median_ms: took[took.len() / 2].as_secs_f64() * 1e3,
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long an answer takes is part of what is told"
)]
fn now() -> Instant {
    Instant::now()
}

/// The bytes that this process has brought to disks so far.
fn written_bytes() -> Result<u64, Failure> {
    let io = fs::read_to_string("/proc/self/io")?;
    let line = io
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes:"));
    Ok(line.ok_or("/proc/self/io has changed")?.trim().parse()?)
}

/// The number of the newest commit.
fn commits(data: &Path) -> Result<i64, Failure> {
    let database = rusqlite::Connection::open(data.join("kinglet.db"))?;
    let sql = "SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'commit'";
    Ok(database.query_row(sql, (), |row| row.get(0))?)
}
