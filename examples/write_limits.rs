//! How near publishing over HTTP comes to the bare writer, and how long a start takes.
//!
//! ```sh
//! cargo run --release --example write_limits [-- POSTS [CONNECTIONS]...]
//! cargo run --release --example write_limits -- start ACCOUNTS FOLLOWS POSTS
//! ```
//!
//! The first writes POSTS durable posts (`synchronous=FULL`) over as many connections, and as many units straight to the
//! writer of another store, in turns, five times, and prints medians and the share of the bare writer's pace that is left.
//! Each post has 160 characters, a hashtag, an idempotency key and an author with a follower, and is found by search.
//! Clients run in the same process, and their work is in the figures of HTTP. The second fills a data directory by the
//! same units, starts a server in it three times and prints how long it took until a home page was answered.
//! Directories are made in the present one, which should be on a disk.

#[path = "shared/answers.rs"]
mod answers;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use answers::{Failure, now, read_answer};
use kinglet::Server;
use kinglet::clock::SystemClock;
use kinglet::config::Config;
use kinglet::domain::idempotency::IdempotencyKey;
use kinglet::ids::AccountId;
use kinglet::randomness::Randomness;
use kinglet::store::bulk::{BulkStore, Flow};
use kinglet::store::open::Synchronous;
use kinglet::store::population::{Population, Stage, Texts, post};
use kinglet::store::units::PublishPost;
use kinglet::telemetry::Telemetry;
use kinglet::telemetry::process::ProcessFigures;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Posts of a round, unless others are asked for.
const POSTS: usize = 10_000;
/// Connections, or units in flight, unless others are asked for.
const CONNECTIONS: [usize; 3] = [1, 16, 64];
const ROUNDS: usize = 5;
/// Who writes, in turn; each has a follower.
const AUTHORS: usize = 64;
const SEED: u64 = 7;

#[derive(Clone, Copy)]
struct Figures {
    per_second: f64,
    cpu_micros: f64,
}

struct Stopwatch {
    begun: Instant,
    cpu: f64,
}

impl Stopwatch {
    fn start() -> Result<Self, Failure> {
        Ok(Self {
            begun: now(),
            cpu: cpu_seconds()?,
        })
    }

    fn figures(&self, posts: usize) -> Result<Figures, Failure> {
        let seconds = self.begun.elapsed().as_secs_f64();
        Ok(Figures {
            per_second: posts as f64 / seconds,
            cpu_micros: (cpu_seconds()? - self.cpu) * 1e6 / posts as f64,
        })
    }
}

/// The writer alone.
struct Bare {
    store: BulkStore,
    authors: Vec<AccountId>,
    texts: Texts,
    written: usize,
}

impl Bare {
    fn open(data_dir: &Path) -> Result<Self, Failure> {
        let store = open(data_dir, Synchronous::Full)?;
        let population = Population {
            accounts: AUTHORS,
            follows: AUTHORS,
            posts: 0,
            seed: SEED,
        };
        let authors = population.make(store.writer(), |_, _| {})?;
        Ok(Self {
            store,
            authors,
            texts: Texts::seeded(SEED),
            written: 0,
        })
    }

    fn write(&mut self, posts: usize, in_flight: usize) -> Result<Figures, Failure> {
        let units: Vec<PublishPost> = (0..posts)
            .map(|_| {
                self.written += 1;
                let author = self.authors[self.written % AUTHORS];
                let key = IdempotencyKey::of(author, &format!("key {}", self.written));
                post(author, self.texts.next_prepared(), Some(key))
            })
            .collect();
        let watch = Stopwatch::start()?;
        Flow::new(self.store.writer(), in_flight).send_all(units)?;
        watch.figures(posts)
    }
}

/// A server and people with tokens.
struct Served {
    server: Server,
    tokens: Vec<String>,
    texts: Texts,
    written: usize,
}

impl Served {
    async fn start(data_dir: &Path) -> Result<Self, Failure> {
        let server = Server::builder()
            .config(config()?)
            .data_dir(data_dir)
            .start()
            .await?;
        let seed = server.seed();
        let mut people = Vec::with_capacity(AUTHORS);
        for number in 0..AUTHORS {
            people.push(seed.person(format!("person{number}")).await?);
        }
        for (follower, followee) in people.iter().zip(people.iter().cycle().skip(1)) {
            seed.follow(follower, followee).await?;
        }
        Ok(Self {
            server,
            tokens: people
                .iter()
                .map(|person| person.token().to_owned())
                .collect(),
            texts: Texts::seeded(SEED),
            written: 0,
        })
    }

    async fn write(&mut self, posts: usize, connections: usize) -> Result<Figures, Failure> {
        let mut shares = vec![Vec::new(); connections];
        for place in 0..posts {
            self.written += 1;
            let token = &self.tokens[self.written % AUTHORS];
            let text = self.texts.next_text().replace('#', "%23").replace(' ', "+");
            let body = format!("status={text}");
            shares[place % connections].push(format!(
                "POST /api/v1/statuses HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
                 Idempotency-Key: key {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                self.written,
                body.len()
            ));
        }
        let mut streams = Vec::with_capacity(connections);
        for _ in 0..connections {
            let stream = TcpStream::connect(self.server.addr()).await?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let watch = Stopwatch::start()?;
        let mut clients = JoinSet::new();
        for (mut stream, requests) in streams.into_iter().zip(shares) {
            clients.spawn(async move {
                let mut buffer = Vec::with_capacity(16 * 1024);
                for request in requests {
                    stream.write_all(request.as_bytes()).await?;
                    read_answer(&mut stream, &mut buffer).await?;
                }
                Ok::<(), Failure>(())
            });
        }
        while let Some(client) = clients.join_next().await {
            client??;
        }
        watch.figures(posts)
    }
}

fn open(data_dir: &Path, synchronous: Synchronous) -> Result<BulkStore, Failure> {
    Ok(BulkStore::open(
        data_dir,
        synchronous,
        Arc::new(SystemClock),
        &mut Randomness::from_system()?.rng(),
        &Telemetry::new(0),
    )?)
}

fn config() -> Result<Config, Failure> {
    let mut config = Config::default();
    config.http.listen = "127.0.0.1:0".parse()?;
    config.limits.rate_limits = false;
    Ok(config)
}

fn cpu_seconds() -> Result<f64, Failure> {
    let figures = ProcessFigures::read().ok_or("this system doesn't tell processor time")?;
    Ok(figures.cpu_seconds)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

async fn compare(posts: usize, connections: &[usize]) -> Result<(), Failure> {
    let place = tempfile::tempdir_in(".")?;
    let mut bare = Bare::open(&place.path().join("bare"))?;
    let mut served = Served::start(&place.path().join("served")).await?;
    for &at_once in connections {
        let mut pairs = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            // It blocks this thread alone; the server has threads of its own.
            let alone = bare.write(posts, at_once)?;
            pairs.push((alone, served.write(posts, at_once).await?));
        }
        let of = |figure: fn(&(Figures, Figures)) -> f64| median(pairs.iter().map(figure));
        println!(
            "{at_once:4} at once: bare {:7.0}/s {:6.1} us of processor time, HTTP {:7.0}/s {:6.1} us, share {:.3}",
            of(|(bare, _)| bare.per_second),
            of(|(bare, _)| bare.cpu_micros),
            of(|(_, http)| http.per_second),
            of(|(_, http)| http.cpu_micros),
            of(|(bare, http)| http.per_second / bare.per_second),
        );
    }
    served.server.shutdown().await?;
    bare.store.close()?;
    Ok(())
}

/// Fills a directory and starts in it.
async fn start(population: Population) -> Result<(), Failure> {
    let place = tempfile::tempdir_in(".")?;
    let data = place.path().join("data");
    let begun = now();
    let store = open(&data, Synchronous::Normal)?;
    population.make(store.writer(), |stage: Stage, done| {
        if done.is_multiple_of(100_000) {
            println!(
                "{stage:?} {done} after {:.0} s",
                begun.elapsed().as_secs_f64()
            );
        }
    })?;
    store.close()?;
    for _ in 0..3 {
        let begun = now();
        let server = Server::builder()
            .config(config()?)
            .data_dir(&data)
            .start()
            .await?;
        let started = begun.elapsed();
        let mut stream = TcpStream::connect(server.addr()).await?;
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            .await?;
        read_answer(&mut stream, &mut Vec::new()).await?;
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "started after {:.1} ms, first home page after {:.1} ms",
            millis(started),
            millis(begun.elapsed())
        );
        drop(stream);
        server.shutdown().await?;
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1).peekable();
    let starts = arguments.next_if(|first| first == "start").is_some();
    let numbers = arguments
        .map(|text| text.parse::<usize>())
        .collect::<Result<Vec<_>, _>>()?;
    if starts {
        let [accounts, follows, posts] = numbers[..] else {
            return Err("start wants ACCOUNTS FOLLOWS POSTS".into());
        };
        return start(Population {
            accounts,
            follows,
            posts,
            seed: SEED,
        })
        .await;
    }
    match &numbers[..] {
        [] => compare(POSTS, &CONNECTIONS).await,
        [posts] => compare(*posts, &CONNECTIONS).await,
        [posts, connections @ ..] => compare(*posts, connections).await,
    }
}
