//! `kinglet upgrade` and `kinglet rollback`: what is stored is rewritten, and how it was before.

use std::io::{self, BufRead, IsTerminal, Write};

use clap::Args;
use serde_json::json;

use super::args::Output;
use super::{CliError, print, print_json};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::store::open::DataDir;
use crate::store::upgrade::{self, Forecast, UpgradeError, WayBack};

const MIB: u64 = 1024 * 1024;

/// What `--help` shows after the options of `upgrade`.
pub(super) const UPGRADE_EXAMPLES: &str = "\
Examples:
  kinglet upgrade --forecast
  kinglet upgrade
  kinglet upgrade --yes

Stop the server first. Most new versions need no upgrade: the server says when it does. Broken off, the
command can be given again; the snapshot that it makes is what kinglet rollback goes back to.";

/// What `--help` shows after the options of `rollback`.
pub(super) const ROLLBACK_EXAMPLES: &str = "\
Examples:
  kinglet rollback
  kinglet rollback --yes

Stop the server first, and start the older kinglet afterwards. It says what would be lost before it asks.";

/// Options of `upgrade`.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// Only say what it would take
    #[arg(long)]
    pub forecast: bool,

    /// Don't ask
    #[arg(long)]
    pub yes: bool,

    /// Whether the answer is for a script.
    #[command(flatten)]
    pub output: Output,
}

/// Options of `rollback`.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rollback {
    /// Don't ask
    #[arg(long)]
    pub yes: bool,

    /// Whether the answer is for a script.
    #[command(flatten)]
    pub output: Output,
}

pub(super) fn upgrade(options: Upgrade, config: &Config) -> Result<(), CliError> {
    let data_dir = own(config)?;
    let forecast = upgrade::forecast(&data_dir)?;
    if options.output.json && options.forecast {
        return print_json(&json_of(&forecast));
    }
    if !options.output.json {
        print(&told(&forecast))?;
    }
    if options.forecast {
        return Ok(());
    }
    if forecast.rewrites {
        ask(options.yes, "Go on?")?;
    }
    upgrade::upgrade(&data_dir, SystemClock.now())?;
    if options.output.json {
        return print_json(&json_of(&forecast));
    }
    if forecast.rewrites {
        print("upgraded and checked; kinglet rollback goes back to before it")?;
    }
    Ok(())
}

pub(super) fn rollback(options: Rollback, config: &Config) -> Result<(), CliError> {
    let data_dir = own(config)?;
    let way = upgrade::look_back(&data_dir)?;
    if !options.output.json {
        print(&lost(&way))?;
    }
    ask(options.yes, "Go back?")?;
    let way = upgrade::roll_back(&data_dir)?;
    if options.output.json {
        return print_json(&json!({
            "made_at": way.snapshot.made_at,
            "schema": way.snapshot.schema,
            "commits_lost": way.commits_lost,
            "posts_lost": way.posts_lost,
            "aside": way.aside,
        }));
    }
    print(&format!(
        "it is as before the upgrade; the newer database is {}",
        way.aside.display()
    ))
}

/// The directory, which nobody else may use meanwhile, and which isn't made by looking.
fn own(config: &Config) -> Result<DataDir, CliError> {
    let data_dir = &config.storage.data_dir;
    if !crate::store::open::database_in(data_dir).exists() {
        return Err(CliError::NoInstance(data_dir.clone()));
    }
    Ok(DataDir::own(data_dir).map_err(UpgradeError::from)?)
}

fn told(forecast: &Forecast) -> String {
    if !forecast.rewrites {
        return format!(
            "schema {}: nothing has to be rewritten, every start does what is left by itself",
            forecast.from
        );
    }
    format!(
        "schema {} is rewritten to {}: about {} s, up to {} MiB of disk beside the {} MiB of the database ({} MiB are free)",
        forecast.from,
        forecast.to,
        forecast.seconds,
        forecast.needed_bytes / MIB,
        forecast.database_bytes / MIB,
        forecast.free_bytes / MIB
    )
}

fn lost(way: &WayBack) -> String {
    let what = match way.commits_lost {
        0 => "nothing was written since: nothing is lost".to_owned(),
        commits => format!(
            "{commits} commits since then would be lost, each of one acknowledged write or more (people's, or the server's about its \
             own work), with {} posts that are there now",
            way.posts_lost
        ),
    };
    format!(
        "back to schema {} as it was on {}: {what}. The newer database would be kept as {}",
        way.snapshot.schema,
        way.snapshot.made_at,
        way.aside.display()
    )
}

fn json_of(forecast: &Forecast) -> serde_json::Value {
    json!({
        "from": forecast.from,
        "to": forecast.to,
        "rewrites": forecast.rewrites,
        "database_bytes": forecast.database_bytes,
        "needed_bytes": forecast.needed_bytes,
        "free_bytes": forecast.free_bytes,
        "seconds": forecast.seconds,
    })
}

/// Asks whoever sits there; nobody is no yes.
fn ask(is_meant: bool, question: &str) -> Result<(), CliError> {
    if is_meant {
        return Ok(());
    }
    let refused = |text: &str| Err(CliError::Unusable(text.to_owned()));
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return refused("nobody can be asked here: say --yes if it is meant");
    }
    let broken = |source| CliError::Io {
        what: "can't ask".to_owned(),
        source,
    };
    let mut stderr = io::stderr();
    write!(stderr, "{question} [y/N] ")
        .and_then(|()| stderr.flush())
        .map_err(broken)?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).map_err(broken)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => refused("nothing was done"),
    }
}
