//! Quick figures of this machine: `cargo build --release && cargo run --release --example quick_figures`.
//!
//! The servers are processes of their own: the program `kinglet` beside this example, on a throwaway directory with the
//! default configuration except that requests aren't limited, and for comparison a server that answers every request
//! with the same ready-made body through kinglet's accept loop. The load comes from one thread of this process over
//! connections that stay open, one request at a time on each, so load and servers share the machine's cores. The figures
//! of one round are taken one after the other, and the rounds repeat, so that whatever else the machine does hits all of
//! them alike. It takes about a minute, and Linux.
//!
//! With the argument `reads` it takes only the figures of reading. With the argument `dead-jobs` it tells instead what 300,000 mails to a mail server that doesn't answer do to everybody
//! else (`dead_jobs.rs`), in about three minutes.

mod client;
mod crowd;
mod dead_jobs;
mod load;
mod machine;
mod paced;
mod servers;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use tokio::runtime;

use load::{Measured, Village};
use servers::{Kinglet, StaticServer};

/// What may go wrong here.
type Failure = Box<dyn Error + Send + Sync>;

/// Rounds, of which the median is told; odd.
const ROUNDS: usize = 5;
/// How long each figure of a round is measured.
const MEASURE_TIME: Duration = Duration::from_secs(2);
/// How long each load runs before the first round.
const WARM_UP_TIME: Duration = Duration::from_millis(500);
/// How long a fresh server is left alone before its memory is looked at.
const SETTLE_TIME: Duration = Duration::from_secs(3);
/// And how long after passwords were hashed.
const RELAX_TIME: Duration = Duration::from_secs(10);
/// How many passwords are hashed: as many log-ins would.
const PASSWORDS: usize = 10;

/// The argument that asks for reads only.
const READS_ARGUMENT: &str = "reads";

/// The figures of one round.
struct Round {
    fixed: Measured,
    home: Measured,
    /// Taken only where everything is.
    posts: Option<Measured>,
    fdatasync_us: f64,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let outcome = match (arguments.next(), arguments.next()) {
        (None, _) => single_threaded(measure),
        (Some(word), None) if word == READS_ARGUMENT => single_threaded(measure_reads),
        (Some(word), None) if word == dead_jobs::ARGUMENT => single_threaded(dead_jobs::measure),
        (Some(word), Some(bytes)) if word == servers::STATIC_ARGUMENT => {
            servers::serve_static(&bytes)
        }
        _ => Err(format!(
            "this takes no argument but {READS_ARGUMENT} or {}",
            dead_jobs::ARGUMENT
        )
        .into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("quick_figures: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn single_threaded<F>(work: impl FnOnce() -> F) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(work())
}

async fn measure() -> Result<(), Failure> {
    let program = servers::program()?;
    // Beside the program, for a temporary directory may lie in memory.
    let place = tempfile::tempdir_in(program.parent().ok_or("the program is in no directory")?)?;
    println!("{}", machine::description()?);
    println!(
        "{ROUNDS} rounds; default configuration (durability full, log at info into a file), but limits.rate_limits = false\n"
    );

    let empty = Kinglet::start(&program, &place.path().join("empty"))?;
    tokio::time::sleep(SETTLE_TIME).await;
    let idle_kib = machine::resident_kib(empty.id())?;
    for number in 0..PASSWORDS {
        empty.create_user(&format!("visitor{number}"))?;
    }
    tokio::time::sleep(RELAX_TIME).await;
    let relaxed_kib = machine::resident_kib(empty.id())?;
    drop(empty);

    let data = place.path().join("village");
    load::found_village(&data).await?;
    let kinglet = Kinglet::start(&program, &data)?;
    let village = Village::enter(&kinglet)?;
    village.publish(WARM_UP_TIME).await?;
    let page_bytes = village.page_bytes().await?;
    let fixed = StaticServer::start(page_bytes)?;
    load::read_static(&fixed, WARM_UP_TIME).await?;
    village.read_home(WARM_UP_TIME).await?;

    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        rounds.push(Round {
            fixed: load::read_static(&fixed, MEASURE_TIME).await?,
            home: village.read_home(MEASURE_TIME).await?,
            posts: Some(village.publish(MEASURE_TIME).await?),
            fdatasync_us: machine::fdatasync_us(place.path())?,
        });
    }
    let page_bytes_then = village.page_bytes().await?;
    let resident_kib = machine::resident_kib(kinglet.id())?;

    tell_reads(&rounds);
    rate("durable posts", &rounds, |round| {
        round.posts.as_ref().unwrap_or(&round.home)
    });
    row("fdatasync of 4 KiB", "us", &rounds, |round| {
        round.fdatasync_us
    });
    let megabytes = |kib: u64| kib as f64 * 1024.0 / 1e6;
    println!(
        "\nA page is {page_bytes} bytes at first and {page_bytes_then} at last. {} connections; every page was as new as the \
         last post answered before it was asked for.",
        load::CONNECTIONS
    );
    println!(
        "Resident memory: {:.1} MB empty and idle; {:.1} MB {} s after {PASSWORDS} passwords were hashed; {:.1} MB after \
         these loads.",
        megabytes(idle_kib),
        megabytes(relaxed_kib),
        RELAX_TIME.as_secs(),
        megabytes(resident_kib)
    );
    Ok(())
}

/// The figures of reading alone, on a village that is there already.
async fn measure_reads() -> Result<(), Failure> {
    let program = servers::program()?;
    let place = tempfile::tempdir_in(program.parent().ok_or("the program is in no directory")?)?;
    println!("{}\n{ROUNDS} rounds\n", machine::description()?);
    let data = place.path().join("village");
    load::found_village(&data).await?;
    let kinglet = Kinglet::start(&program, &data)?;
    let village = Village::enter(&kinglet)?;
    village.publish(WARM_UP_TIME).await?;
    let fixed = StaticServer::start(village.page_bytes().await?)?;
    load::read_static(&fixed, WARM_UP_TIME).await?;
    village.read_home(WARM_UP_TIME).await?;
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        rounds.push(Round {
            fixed: load::read_static(&fixed, MEASURE_TIME).await?,
            home: village.read_home(MEASURE_TIME).await?,
            posts: None,
            fdatasync_us: machine::fdatasync_us(place.path())?,
        });
    }
    tell_reads(&rounds);
    Ok(())
}

fn tell_reads(rounds: &[Round]) {
    println!(
        "{:<44} {:>9} {:>19}   CPU of the server",
        "", "median", "least to most"
    );
    rate("a static body", rounds, |round| &round.fixed);
    rate("a home page of 20 posts", rounds, |round| &round.home);
    row("  as a share of the static body", "%", rounds, |round| {
        100.0 * round.home.per_second() / round.fixed.per_second()
    });
    row("  posts/s by followees meanwhile", "/s", rounds, |round| {
        round.home.published_per_second()
    });
    row("  favourites/s of the newest", "/s", rounds, |round| {
        round.home.favoured_per_second()
    });
}

fn rate(name: &str, rounds: &[Round], of: impl Fn(&Round) -> &Measured) {
    let cpu = spread(rounds, |round| of(round).cpu_us_per_request());
    let line = line(name, "/s", &spread(rounds, |round| of(round).per_second()));
    println!("{line}   {:.1} us each", cpu.median);
}

fn row(name: &str, unit: &str, rounds: &[Round], of: impl Fn(&Round) -> f64) {
    println!("{}", line(name, unit, &spread(rounds, of)));
}

fn line(name: &str, unit: &str, spread: &Spread) -> String {
    let Spread {
        least,
        median,
        most,
    } = spread;
    format!("{name:<44} {median:>6.0} {unit:<2} {least:>9.0} to {most:>6.0}")
}

struct Spread {
    least: f64,
    median: f64,
    most: f64,
}

fn spread(rounds: &[Round], of: impl Fn(&Round) -> f64) -> Spread {
    let mut values: Vec<f64> = rounds.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    Spread {
        least: values[0],
        median: values[values.len() / 2],
        most: values[values.len() - 1],
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
