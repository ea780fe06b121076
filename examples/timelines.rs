//! What home timelines cost, measured through the crate's typed API.
//!
//! ```sh
//! cargo run --release --example timelines -- fan-out [READERS]
//! cargo run --release --example timelines -- lag
//! cargo run --release --example timelines -- cold [POSTS]
//! cargo run --release --example timelines -- snapshots [READERS]
//! ```
//!
//! - `fan-out`: posts come to the windows of resident readers; entries by the second of processor time that their owner's
//!   thread takes, and by the second of the clock, which the writer shares.
//! - `lag`: one author with 10,000 resident followers among 1,000 other posts a second: from the answer to the post until a
//!   follower has read a home with it.
//! - `cold`: home pages of readers who follow 1,000 accounts, none of them resident.
//! - `snapshots`: the first home pages after a restart, with the persisted windows and without, their time and their SQL.
//!
//! Linux, for the times of threads.

#![expect(clippy::disallowed_methods, reason = "it measures real time")]

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::stream::{StreamExt as _, TryStreamExt as _, iter};
use kinglet::Server;
use kinglet::actors::timelines::{CountRoads, ReadHome, Roads};
use kinglet::config::Synchronous;
use kinglet::domain::account::Role;
use kinglet::domain::page::Page;
use kinglet::domain::visibility::Visibility;
use kinglet::ids::{AccountId, PostId};
use kinglet::store::units::{
    Admission, FollowAccount, NewMember, PreparedText, PublishPost, RegisterAccount,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

type Failure = Box<dyn Error + Send + Sync>;

/// Units that wait for the writer together while a world is made.
const AT_ONCE: usize = 512;
/// Entries of the pages that are read.
const PAGE: usize = 20;
const SEED: u64 = 7;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |default: usize| match arguments.get(1) {
        None => Ok(default),
        Some(number) => number.parse(),
    };
    match arguments.first().map(String::as_str) {
        Some("fan-out") => fan_out(number(10_000)?).await,
        Some("lag") => lag().await,
        Some("cold") => cold(number(1_000_000)?).await,
        Some("snapshots") => snapshots(number(10_000)?).await,
        _ => Err("fan-out, lag, cold or snapshots".into()),
    }
}

/// A server with readers who follow authors.
struct World {
    server: Server,
    authors: Vec<AccountId>,
    readers: Vec<AccountId>,
    rng: StdRng,
}

impl World {
    async fn found(directory: &Path, resident: usize) -> Result<Self, Failure> {
        Ok(Self {
            server: start(directory, resident).await?,
            authors: Vec::new(),
            readers: Vec::new(),
            rng: StdRng::seed_from_u64(SEED),
        })
    }

    /// People come: authors, and readers who follow so many of them, picked at random.
    async fn settle(&mut self, authors: usize, readers: usize, each: usize) -> Result<(), Failure> {
        let actors = &self.server.instance().actors;
        let mut people = iter(0..authors + readers)
            .map(|number| {
                actors.perform(RegisterAccount {
                    member: NewMember {
                        name: format!("person{number}"),
                        email: format!("person{number}@example.org"),
                        password_hash: "nobody logs in here".to_owned(),
                    },
                    admission: Admission::Operator(Role::User),
                })
            })
            .buffered(AT_ONCE)
            .map_ok(|registered| registered.account)
            .try_collect::<Vec<_>>()
            .await?;
        self.readers = people.split_off(authors);
        self.authors = people;
        let mut follows = Vec::with_capacity(readers * each);
        for reader in &self.readers {
            let picked = rand::seq::index::sample(&mut self.rng, authors, each);
            follows.extend(picked.iter().map(|author| (*reader, self.authors[author])));
        }
        self.follow(follows).await
    }

    async fn follow(&self, follows: Vec<(AccountId, AccountId)>) -> Result<(), Failure> {
        let actors = &self.server.instance().actors;
        iter(follows)
            .map(|(follower, followee)| {
                actors.perform(FollowAccount {
                    follower,
                    followee,
                    shows_boosts: Some(true),
                    notifies: Some(false),
                    follows_max: 10_000,
                })
            })
            .buffered(AT_ONCE)
            .try_for_each(|_| std::future::ready(Ok(())))
            .await?;
        Ok(())
    }

    /// Authors write so many posts, picked at random; the newest.
    async fn write(&mut self, posts: usize) -> Result<PostId, Failure> {
        let actors = &self.server.instance().actors;
        let (rng, authors) = (&mut self.rng, &self.authors);
        let newest = iter(0..posts)
            .map(|_| actors.perform(post_of(authors[rng.random_range(0..authors.len())])))
            .buffered(AT_ONCE)
            .try_fold(PostId(0), |_, post| std::future::ready(Ok(post)))
            .await?;
        Ok(newest)
    }

    async fn home(&self, reader: AccountId) -> Result<Vec<PostId>, Failure> {
        let page = Page::newest(PAGE);
        let actors = &self.server.instance().actors;
        Ok(actors.timelines.send(ReadHome { reader, page }).await??)
    }

    /// Every reader asks for its home once, so many at a time; how long each waited.
    async fn read_all(&self, at_once: usize) -> Result<Vec<Duration>, Failure> {
        iter(&self.readers)
            .map(async |reader| {
                let began = Instant::now();
                self.home(*reader).await?;
                Ok(began.elapsed())
            })
            .buffered(at_once)
            .try_collect()
            .await
    }

    async fn roads(&self) -> Result<Roads, Failure> {
        let timelines = &self.server.instance().actors.timelines;
        Ok(timelines.send(CountRoads).await?)
    }

    fn owner_time(&self) -> Result<Duration, Failure> {
        thread_time("kinglet-lines")
    }
}

async fn start(directory: &Path, resident: usize) -> Result<Server, Failure> {
    let server = Server::builder()
        .data_dir(directory)
        .resident_readers_max(resident)
        .configure(|config| config.storage.synchronous = Synchronous::Normal);
    Ok(server.start().await?)
}

fn post_of(author: AccountId) -> PublishPost {
    PublishPost {
        author,
        text: PreparedText {
            text: "A post that is read by many, and says little.".to_owned(),
            ..PreparedText::default()
        },
        visibility: Some(Visibility::Public),
        reply_to: None,
        app: None,
        idempotency_key: None,
    }
}

async fn fan_out(readers: usize) -> Result<(), Failure> {
    const AUTHORS: usize = 200;
    const FOLLOWED: usize = 20;
    const POSTS: usize = 20_000;
    let directory = tempfile::tempdir()?;
    let mut world = World::found(directory.path(), readers).await?;
    world.settle(AUTHORS, readers, FOLLOWED).await?;
    world.read_all(8).await?;
    world.write(1000).await?;
    for _ in 0..5 {
        let (began, busy) = (Instant::now(), world.owner_time()?);
        world.write(POSTS).await?;
        // Whoever reads finds everything that was answered before.
        world.home(world.readers[0]).await?;
        let (wall, busy) = (began.elapsed(), world.owner_time()? - busy);
        let entries = (POSTS * readers * FOLLOWED / AUTHORS) as f64;
        println!(
            "{entries} entries: {:.1} million a second of the owner's thread ({:.0} ns each), {:.1} million a second",
            entries / busy.as_secs_f64() / 1e6,
            busy.as_secs_f64() * 1e9 / entries,
            entries / wall.as_secs_f64() / 1e6,
        );
    }
    let merges = world.roads().await?.merge;
    world.read_all(8).await?;
    println!(
        "{} of {readers} windows were lost",
        world.roads().await?.merge - merges
    );
    let told = world.server.instance().actors.caches().await;
    println!("{:?}", told.iter().find(|cache| cache.name == "windows"));
    Ok(())
}

async fn lag() -> Result<(), Failure> {
    const READERS: usize = 10_000;
    const POSTS: u32 = 400;
    const OTHERS_PER_SECOND: u64 = 1000;
    let directory = tempfile::tempdir()?;
    let mut world = World::found(directory.path(), READERS).await?;
    world.settle(200, READERS, 20).await?;
    let star = world.authors[0];
    let follows = world.readers.iter().map(|reader| (*reader, star));
    world.follow(follows.collect()).await?;
    world.read_all(8).await?;
    let actors = world.server.instance().actors.clone();
    let others = world.authors[1..].to_vec();
    let crowd = tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_micros(1_000_000 / OTHERS_PER_SECOND));
        for number in 0.. {
            tick.tick().await;
            let (actors, author) = (actors.clone(), others[number % others.len()]);
            tokio::spawn(async move { actors.perform(post_of(author)).await });
        }
    });
    let mut lags = Vec::new();
    for number in 0..POSTS {
        tokio::time::sleep(Duration::from_millis(25)).await;
        let actors = &world.server.instance().actors;
        let post = actors.perform(post_of(star)).await?;
        let answered = Instant::now();
        let reader = world.readers[number as usize * 7 % READERS];
        if !world.home(reader).await?.contains(&post) {
            return Err("a post that was answered is not in a follower's home".into());
        }
        lags.push(answered.elapsed());
    }
    crowd.abort();
    tell("lag", &mut lags);
    Ok(())
}

async fn cold(posts: usize) -> Result<(), Failure> {
    const AUTHORS: usize = 20_000;
    const READERS: usize = 200;
    const FOLLOWED: usize = 1000;
    let directory = tempfile::tempdir()?;
    let mut world = World::found(directory.path(), 1).await?;
    world.settle(AUTHORS, READERS, FOLLOWED).await?;
    world.write(posts).await?;
    world.read_all(1).await?;
    for _ in 0..3 {
        let mut waits = world.read_all(1).await?;
        tell("cold home page", &mut waits);
    }
    println!("{:.1} statements each", statements(&world, 1).await?);
    Ok(())
}

async fn snapshots(readers: usize) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let mut world = World::found(directory.path(), readers).await?;
    world.settle(2000, readers, 100).await?;
    world.write(200_000).await?;
    world.read_all(8).await?;
    // Between the stop and the first page some are written: a few for each home, or more than a page.
    for written in [100, 100, 100, 2000] {
        for kept in [true, false] {
            let timelines = directory.path().join("timelines");
            let began = Instant::now();
            world.server.shutdown().await?;
            let stopped = began.elapsed();
            let bytes = bytes_in(&timelines)?;
            if !kept {
                std::fs::remove_dir_all(&timelines)?;
            }
            world.server = start(directory.path(), readers).await?;
            world.write(written).await?;
            let began = Instant::now();
            let mut waits = world.read_all(8).await?;
            let took = began.elapsed();
            println!(
                "{} snapshots ({bytes} bytes, stopped in {stopped:.2?}), {written} posts later: {readers} pages in {took:.2?}, {:?}",
                if kept { "with" } else { "without" },
                world.roads().await?
            );
            tell("    first home page", &mut waits);
        }
    }
    for kept in [true, false] {
        world.server.shutdown().await?;
        if !kept {
            std::fs::remove_dir_all(directory.path().join("timelines"))?;
        }
        world.server = start(directory.path(), readers).await?;
        world.write(100).await?;
        println!(
            "{} snapshots: {:.1} statements each",
            if kept { "with" } else { "without" },
            statements(&world, 8).await?
        );
    }
    Ok(())
}

/// How many SQL statements each reader's page takes.
async fn statements(world: &World, at_once: usize) -> Result<f64, Failure> {
    let watching = world.server.instance().telemetry.statements.watch();
    world.read_all(at_once).await?;
    let mut told = watching.read();
    told.sort_by_key(|figures| std::cmp::Reverse(figures.count));
    let runs: u64 = told.iter().map(|figures| figures.count).sum();
    for figures in told.iter().take(8) {
        let sql = figures.sql.as_deref().unwrap_or("others");
        let sql = sql.split_whitespace().collect::<Vec<_>>().join(" ");
        println!(
            "    {:7} runs, {:8} us: {sql:.100}",
            figures.count, figures.total_us
        );
    }
    Ok(runs as f64 / world.readers.len() as f64)
}

fn tell(what: &str, waits: &mut [Duration]) {
    waits.sort();
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize];
    println!(
        "{what}: p50 {:.2?}, p90 {:.2?}, p99 {:.2?}, most {:.2?}",
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
}

/// How long this process's thread of this name was on a processor.
fn thread_time(name: &str) -> Result<Duration, Failure> {
    for thread in std::fs::read_dir("/proc/self/task")? {
        let thread = thread?.path();
        if std::fs::read_to_string(thread.join("comm"))?.trim() == name {
            let figures = std::fs::read_to_string(thread.join("schedstat"))?;
            let nanos = figures.split(' ').next().unwrap_or_default().parse()?;
            return Ok(Duration::from_nanos(nanos));
        }
    }
    Err(format!("no thread {name}").into())
}

fn bytes_in(directory: &Path) -> Result<u64, Failure> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() {
            bytes_in(&entry.path())?
        } else {
            entry.metadata()?.len()
        };
    }
    Ok(bytes)
}
