//! What the bare writer does: durable posts a second by how many are on their way, and the bytes that each takes on disk.
//!
//! ```sh
//! cargo run --release -p kinglet-core --features search --example bare_writer [-- POSTS [IN_FLIGHT]...]
//! ```
//!
//! Each post has 160 characters, a hashtag, an idempotency key and one follower, and is found by search. Texts are made
//! before the clock runs. The directory is a temporary one in the present directory, which should be on a disk.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use kinglet_core::clock::SystemClock;
use kinglet_core::domain::idempotency::IdempotencyKey;
use kinglet_core::ids::AccountId;
use kinglet_core::randomness::Randomness;
use kinglet_core::store::bulk::{BulkStore, Flow};
use kinglet_core::store::open::{Synchronous, database_in};
use kinglet_core::store::population::{Population, Texts, post};
use kinglet_core::store::units::PublishPost;
use kinglet_core::telemetry::Telemetry;

/// Who writes, in turn; each follows the next.
const AUTHORS: usize = 200;
const SEED: u64 = 7;

fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let posts = numbers.next().transpose()?.unwrap_or(20_000);
    let mut in_flight = numbers.collect::<Result<Vec<_>, _>>()?;
    if in_flight.is_empty() {
        in_flight = vec![1, 16, 64, 1024];
    }
    let directory = tempfile::tempdir_in(".")?;
    let store = BulkStore::open(
        directory.path(),
        Synchronous::Full,
        Arc::new(SystemClock),
        &mut Randomness::seeded(SEED).rng(),
        &Telemetry::new(0),
    )?;
    let population = Population {
        accounts: AUTHORS,
        follows: AUTHORS,
        posts: 0,
        seed: SEED,
    };
    let authors = population.make(store.writer(), |_, _| {})?;
    let mut texts = Texts::seeded(SEED);
    let mut written = 0;
    for at_once in in_flight {
        let units = units(&mut texts, &authors, written, posts);
        written += units.len();
        let cpu = cpu_seconds();
        let begun = now();
        Flow::new(store.writer(), at_once).send_all(units)?;
        let seconds = begun.elapsed().as_secs_f64();
        println!(
            "{at_once:5} in flight: {:7.0} posts/s, {:6.1} us of processor time a post",
            posts as f64 / seconds,
            (cpu_seconds() - cpu) * 1e6 / posts as f64
        );
    }
    store.close()?;
    tell_bytes(directory.path(), written)
}

fn units(texts: &mut Texts, authors: &[AccountId], first: usize, posts: usize) -> Vec<PublishPost> {
    (first..first + posts)
        .map(|number| {
            let author = authors[number % authors.len()];
            let key = IdempotencyKey::of(author, &format!("key {number}"));
            post(author, texts.next_prepared(), Some(key))
        })
        .collect()
}

/// What each table and index takes.
fn tell_bytes(data_dir: &Path, posts: usize) -> Result<(), Box<dyn Error>> {
    let database = database_in(data_dir);
    let bytes = std::fs::metadata(&database)?.len();
    println!(
        "{:7.1} bytes a post, {posts} posts",
        bytes as f64 / posts as f64
    );
    let out = std::process::Command::new("sqlite3")
        .arg(&database)
        .arg("SELECT name, sum(pgsize), sum(payload), sum(unused), count(*) FROM dbstat GROUP BY name ORDER BY 2 DESC LIMIT 14")
        .output()?;
    for line in String::from_utf8(out.stdout)?.lines() {
        let fields: Vec<&str> = line.split('|').collect();
        let per_post =
            |at: usize| -> f64 { fields[at].parse::<f64>().unwrap_or(0.0) / posts as f64 };
        println!(
            "{:7.1} {:7.1} payload {:7.1} unused  {}",
            per_post(1),
            per_post(2),
            per_post(3),
            fields[0]
        );
    }
    Ok(())
}

fn cpu_seconds() -> f64 {
    kinglet_core::telemetry::process::ProcessFigures::read()
        .map_or(f64::NAN, |figures| figures.cpu_seconds)
}

#[expect(clippy::disallowed_methods, reason = "this program measures time")]
fn now() -> Instant {
    Instant::now()
}
