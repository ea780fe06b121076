//! What many mails to a mail server that doesn't answer do to everybody else:
//! `cargo build --release && cargo run --release --example dead_jobs`, in about three minutes.
//!
//! Two directories hold the same people and the same posts, each of which names twenty people. One was written while
//! mail was on, so that its queue is full, the other while it was off, so that its queue is empty. Then a server runs on
//! each, both with mail to a port where nobody listens, and in turn both get the same load: posts that name somebody, so
//! that the queue is written to, and beside them reads of a home.

mod crowd;
mod load;
mod paced;
mod servers;

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use kinglet::bench::machine::Machine;
use kinglet::bench::process::Usage;
use kinglet::config::{Config, MailUrl, Synchronous};
use kinglet::domain::access::Authority;
use kinglet::store::open::database_in;
use kinglet::store::queries::jobs::ReadQueues;
use kinglet::store::units::PauseDestination;
use rusqlite::{Connection, OpenFlags};
use tokio::net::TcpSocket;

use crowd::{Crowd, NAMED_PER_POST, PEOPLE};
use load::{CONNECTIONS, Village, now};
use paced::{HOMES_PER_SECOND, Latencies, POSTS_PER_SECOND, Paced};
use servers::Kinglet;

/// What may go wrong here.
type Failure = Box<dyn Error + Send + Sync>;

/// Mails that wait.
const JOBS: usize = 300_000;
/// Pairs of measurements, of which the median counts; odd.
const PAIRS: usize = 5;
/// How many times longer the slowest hundredth may take with the full queue.
const RATIO_MAX: f64 = 1.2;
/// How long each half of a pair is measured.
const MEASURE_TIME: Duration = Duration::from_secs(8);
/// How long each load runs before the first pair.
const WARM_UP_TIME: Duration = Duration::from_secs(3);
/// How long the servers are left alone before their idleness is looked at.
const SETTLE_TIME: Duration = Duration::from_secs(2);
/// How long it is.
const IDLE_TIME: Duration = Duration::from_secs(10);
/// Rounds of posts as fast as they are answered, of which the median is told; odd.
const BURSTS: usize = 3;
/// How long each lasts.
const BURST_TIME: Duration = Duration::from_secs(2);
/// Mails that leave when the destination is there again.
const MAILS: usize = 2000;
/// How long they may take.
const MAILS_TIME_MAX: Duration = Duration::from_secs(60);
/// How often it is looked whether they have left.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// What the log says for each mail that didn't get through.
const TRIED: &str = "a mail waits";

/// A server, its load and its queue.
struct Side {
    kinglet: Kinglet,
    village: Village,
    data: PathBuf,
}

impl Side {
    fn enter(program: &Path, data: PathBuf, mail_url: &str) -> Result<Self, Failure> {
        let kinglet = Kinglet::start_with(program, &data, &[("KINGLET_MAIL__URL", mail_url)])?;
        let mut village = Village::enter(&kinglet)?;
        village.name_people(PEOPLE);
        Ok(Self {
            kinglet,
            village,
            data,
        })
    }

    fn waiting(&self) -> Result<usize, Failure> {
        waiting(&self.data)
    }

    fn tried(&self) -> Result<usize, Failure> {
        Ok(self.kinglet.log()?.matches(TRIED).count())
    }

    fn cpu_time(&self) -> Result<Duration, Failure> {
        let usage = Usage::of(self.kinglet.id())?;
        Ok(Duration::from_secs_f64(usage.cpu_seconds))
    }

    /// Posts in a second, as fast as they are answered: which name nobody, and which name somebody.
    async fn bursts(&mut self) -> Result<[f64; 2], Failure> {
        let mut rates = [vec![], vec![]];
        for _ in 0..BURSTS {
            for (rates, people) in rates.iter_mut().zip([0, PEOPLE]) {
                self.village.name_people(people);
                rates.push(self.village.publish(BURST_TIME).await?);
            }
        }
        Ok(rates.map(median))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match measure().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("dead_jobs: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Measures and tells it; that the full queue is felt is an error, too.
async fn measure() -> Result<(), Failure> {
    let program = servers::program()?;
    // Beside the program, for a temporary directory may lie in memory.
    let place = tempfile::tempdir_in(program.parent().ok_or("the program is in no directory")?)?;
    // Bound, so that nobody else gets the port, but without anybody who listens.
    let dead = TcpSocket::new_v4()?;
    dead.bind(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0))?;
    let mail_url = format!("smtp://{}", dead.local_addr()?);
    println!("{}", Machine::look(place.path())?.line());

    let begun = now();
    let (empty, full) = (place.path().join("empty"), place.path().join("full"));
    found(&empty, MailUrl::Off).await?;
    found(&full, mail_url.parse()?).await?;
    println!(
        "two directories of {} posts that name {NAMED_PER_POST} of {PEOPLE} people each, made in {:.0} s\n",
        JOBS / NAMED_PER_POST,
        begun.elapsed().as_secs_f64()
    );
    let mut empty = Side::enter(&program, empty, &mail_url)?;
    let mut full = Side::enter(&program, full, &mail_url)?;
    let before = [empty.waiting()?, full.waiting()?];
    if before[1] < JOBS {
        return Err(format!("{} mails wait instead of {JOBS}", before[1]).into());
    }
    for side in [&empty, &full] {
        paced::run(&side.village, WARM_UP_TIME).await?;
    }

    println!(
        "{PAIRS} pairs of {} s: {POSTS_PER_SECOND} posts/s that name somebody and {HOMES_PER_SECOND} home reads/s on \
         {CONNECTIONS} connections each; ms",
        MEASURE_TIME.as_secs()
    );
    println!(
        "{:<7} {:>15} {:>15} {:>15} {:>15}",
        "", "post p50", "post p99", "home p50", "home p99"
    );
    let mut pairs = Vec::with_capacity(PAIRS);
    for number in 0..PAIRS {
        let (with_empty, with_full);
        if number % 2 == 0 {
            with_empty = paced::run(&empty.village, MEASURE_TIME).await?;
            with_full = paced::run(&full.village, MEASURE_TIME).await?;
        } else {
            with_full = paced::run(&full.village, MEASURE_TIME).await?;
            with_empty = paced::run(&empty.village, MEASURE_TIME).await?;
        }
        let pair = [figures(&with_empty), figures(&with_full)];
        tell(&format!("pair {}", number + 1), |column| {
            format!("{:.2} / {:.2}", pair[0][column], pair[1][column])
        });
        pairs.push(pair);
    }
    let over_pairs = |of: &dyn Fn(&[[f64; 4]; 2]) -> f64| median(pairs.iter().map(of).collect());
    tell("median", |column| {
        let [of_empty, of_full] = [0, 1].map(|side| over_pairs(&|pair| pair[side][column]));
        format!("{of_empty:.2} / {of_full:.2}")
    });
    let ratio = |column: usize| over_pairs(&|pair| pair[1][column] / pair[0][column]);
    tell("ratio", |column| format!("{:.2}", ratio(column)));
    println!("each is: empty queue / full queue; the ratio is the median of the pairs' ratios\n");

    println!("{:<44} {:>12} {:>12}", "", "empty queue", "full queue");
    line("mails that wait, before", before);
    line("  and after", [empty.waiting()?, full.waiting()?]);
    line(
        "attempts to reach the mail server",
        [empty.tried()?, full.tried()?],
    );
    tokio::time::sleep(SETTLE_TIME).await;
    let cpu = [empty.cpu_time()?, full.cpu_time()?];
    tokio::time::sleep(IDLE_TIME).await;
    line(
        &format!("CPU in {} s of idleness, ms", IDLE_TIME.as_secs()),
        [
            empty.cpu_time()?.saturating_sub(cpu[0]).as_millis(),
            full.cpu_time()?.saturating_sub(cpu[1]).as_millis(),
        ],
    );
    let bursts = [empty.bursts().await?, full.bursts().await?];
    let burst = |which: usize| bursts.map(|side| format!("{:.0}", side[which]));
    line("posts/s, as fast as they are answered", burst(0));
    line("  when each names somebody", burst(1));
    drop((empty, full));

    let per_second = mails_per_second(place.path()).await?;
    println!(
        "\n{MAILS} mails that waited leave into files at {per_second:.0}/s when the way is free again."
    );

    let [posts, homes] = [ratio(1), ratio(3)];
    if posts.max(homes) > RATIO_MAX {
        return Err(format!(
            "the full queue is felt: p99 of posts {posts:.2} times, of homes {homes:.2} times that of an empty queue; \
             {RATIO_MAX} is the most"
        )
        .into());
    }
    println!(
        "The full queue is not felt: both p99 are within {RATIO_MAX} times those of an empty queue."
    );
    Ok(())
}

fn figures(paced: &Paced) -> [f64; 4] {
    let both = |latencies: &Latencies| [50, 99].map(|percent| latencies.percentile_ms(percent));
    let ([a, b], [c, d]) = (both(&paced.posts), both(&paced.homes));
    [a, b, c, d]
}

fn tell(name: &str, of: impl Fn(usize) -> String) {
    let [a, b, c, d] = [0, 1, 2, 3].map(of);
    println!("{name:<7} {a:>15} {b:>15} {c:>15} {d:>15}");
}

fn line(name: &str, values: [impl std::fmt::Display; 2]) {
    let [of_empty, of_full] = values;
    println!("{name:<44} {of_empty:>12} {of_full:>12}");
}

async fn found(data: &Path, mail: MailUrl) -> Result<(), Failure> {
    let mut config = Config::default();
    // What is made here can be made again.
    config.storage.synchronous = Synchronous::Normal;
    let crowd = Crowd::found(data, config, mail).await?;
    crowd.write(JOBS / NAMED_PER_POST).await?;
    crowd.leave().await
}

/// How many jobs wait in a directory, one by one: the server itself doesn't count that far.
fn waiting(data: &Path) -> Result<usize, Failure> {
    let database = Connection::open_with_flags(
        database_in(data),
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    let sql = "SELECT count(*) FROM jobs WHERE state = 0";
    let count: i64 = database.query_row(sql, (), |row| row.get(0))?;
    Ok(usize::try_from(count)?)
}

/// How fast mails leave that gathered while their destination was stopped.
async fn mails_per_second(place: &Path) -> Result<f64, Failure> {
    let letters = place.join("letters");
    let mail = MailUrl::Directory(letters.clone());
    let crowd = Crowd::found(&place.join("return"), Config::default(), mail).await?;
    let actors = &crowd.server().instance().actors;
    let stop = |paused| PauseDestination {
        by: Authority::Operator,
        name: "mail".to_owned(),
        paused,
    };
    actors.perform(stop(true)).await?;
    crowd.write(MAILS / NAMED_PER_POST).await?;
    let begun = now();
    actors.perform(stop(false)).await?;
    loop {
        let queues = actors.find(ReadQueues).await?;
        if queues.queues.iter().all(|queue| queue.waiting == 0) {
            break;
        }
        if begun.elapsed() > MAILS_TIME_MAX {
            return Err("the mails don't leave".into());
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    let time = begun.elapsed();
    crowd.leave().await?;
    let left = std::fs::read_dir(letters)?.count();
    if left < MAILS - CONNECTIONS {
        return Err(format!("{left} mails left instead of {MAILS}").into());
    }
    Ok(left as f64 / time.as_secs_f64())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
