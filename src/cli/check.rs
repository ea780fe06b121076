//! `kinglet check`: whether what is stored is as it must be.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value as Json, json};

use super::args::Output;
use super::bar::Bar;
use super::conversation::{Listener, converse};
use super::{CliError, print, print_json};
use crate::boot::BootError;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::control::check::Part;
use crate::control::protocol::{Answer, Request};
use crate::store::backup;
use crate::store::check::{Findings, Rows};
use crate::store::error::StoreError;
use crate::store::invariants::Finding;
use crate::store::open::{DataDir, database_in};
use crate::store::reader::Reader;
use crate::store::repair::{Cure, check_all};

/// What `--help` shows after the options.
pub(super) const EXAMPLES: &str = "\
Examples:
  kinglet check
  kinglet check --json | jq '.broken[]'
  kinglet check /var/backups/kinglet/by-hand

It may be given while the server runs: nobody's write waits for it. Exit codes: 0 every invariant holds; 1 one is broken, or
it couldn't be told; 2 wrong command line; 78 wrong configuration. What is derived is made anew by kinglet repair; each
finding says what it asks for.";

/// Options of `check`.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct Check {
    /// Directory of a backup to check instead
    #[arg(value_name = "SET")]
    pub set: Option<PathBuf>,

    /// Whether the answer is for a script.
    #[command(flatten)]
    pub output: Output,
}

/// What came of a check.
pub(super) struct Checked {
    /// What is wrong.
    pub(super) broken: Vec<Finding>,
    /// What was looked at.
    pub(super) rows: Rows,
    /// How many checks were done.
    pub(super) checks: usize,
}

pub(super) fn run(options: &Check, config: &Config) -> Result<(), CliError> {
    let checked = match &options.set {
        Some(set) => of_set(set)?,
        None => of_instance(config)?,
    };
    tell(&checked, options.output)
}

/// Checks what is in the data directory, by the server that runs on it or without one.
fn of_instance(config: &Config) -> Result<Checked, CliError> {
    let checked = converse(config, Request::BeginCheck, |answer, listener| {
        let Answer::CheckBegun { parts, rows } = answer else {
            return Err(CliError::Mismatch);
        };
        walk(&parts, rows, listener)
    });
    match checked {
        // What is too broken to be opened is looked at as it lies there.
        Err(CliError::Boot(BootError::Store(StoreError::Sqlite(error)))) => {
            let data_dir = DataDir::own(&config.storage.data_dir).map_err(BootError::from)?;
            let of_file = Reader::open(&data_dir.database()).and_then(of_reader);
            of_file.map_err(|_| CliError::Boot(BootError::Store(StoreError::Sqlite(error))))
        }
        checked => checked,
    }
}

fn walk(parts: &[Part], rows: Rows, listener: &mut dyn Listener) -> Result<Checked, CliError> {
    let mut findings = Findings::default();
    let whole: u64 = parts.iter().map(|part| part.steps).sum();
    let count = |steps: u64| usize::try_from(steps).unwrap_or(usize::MAX);
    let bar = Bar::of(count(whole));
    let (mut before, mut checks) = (0, 0);
    for (number, part) in parts.iter().enumerate() {
        let (mut after, mut taken) = (None, 0);
        loop {
            bar.show_at(count(before + taken.min(part.steps)), &part.name);
            let step = Request::CheckPart { number, after };
            let Answer::PartChecked { broken, next } = listener.ask(step)? else {
                return Err(CliError::Mismatch);
            };
            findings.add(broken);
            taken += 1;
            after = next;
            if after.is_none() {
                break;
            }
        }
        before += part.steps;
        checks += 1;
        // What stands in a broken file says nothing about the rules.
        if part.decides && !findings.is_empty() {
            break;
        }
    }
    bar.end();
    Ok(Checked {
        broken: findings.into_vec(),
        rows,
        checks,
    })
}

/// Checks a set: its files by their hashes, then everything that is in it.
fn of_set(set: &Path) -> Result<Checked, CliError> {
    match backup::verify(set) {
        Ok(_) => {}
        // Told with everything else.
        Err(backup::BackupError::Unsound(_)) => {}
        Err(error) => return Err(error.into()),
    }
    of_reader(Reader::open_still(&database_in(set)).map_err(BootError::from)?)
        .map_err(|error| BootError::from(error).into())
}

fn of_reader(mut reader: Reader) -> Result<Checked, StoreError> {
    let mut checks = 0;
    let mut last = String::new();
    let mut bar = None;
    let (broken, rows) = check_all(&mut reader, SystemClock.now(), &mut |done, whole, name| {
        let count = |steps: u64| usize::try_from(steps).unwrap_or(usize::MAX);
        let bar = bar.get_or_insert_with(|| Bar::of(count(whole)));
        bar.show_at(count(done), name);
        if last != name && !name.is_empty() {
            checks += 1;
            name.clone_into(&mut last);
        }
    })?;
    if let Some(bar) = bar {
        bar.end();
    }
    Ok(Checked {
        broken,
        rows,
        checks,
    })
}

fn tell(checked: &Checked, output: Output) -> Result<(), CliError> {
    if output.json {
        print_json(&told(checked))?;
    } else if checked.broken.is_empty() {
        print("every invariant holds")?;
        print(&extent(checked))?;
    } else {
        for finding in &checked.broken {
            print(&format!("{}: {}", finding.invariant, finding.detail))?;
        }
        print(&extent(checked))?;
        for line in advice(&checked.broken) {
            print(&line)?;
        }
    }
    if checked.broken.is_empty() {
        Ok(())
    } else {
        Err(CliError::Findings)
    }
}

/// What was looked at, as a sentence.
pub(super) fn extent(checked: &Checked) -> String {
    let Rows {
        accounts,
        posts,
        follows,
    } = checked.rows;
    format!(
        "{}, of {}, {} and {}",
        counted(checked.checks as u64, "check"),
        counted(accounts, "account"),
        counted(posts, "post"),
        counted(follows, "follow")
    )
}

/// A number with the word for what is counted.
pub(super) fn counted(number: u64, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

/// What the findings ask for, a sentence for each cure.
pub(super) fn advice(broken: &[Finding]) -> Vec<String> {
    let cures = [
        Cure::Repair,
        Cure::Restore,
        Cure::OtherVersion,
        Cure::Settings,
    ];
    let mut lines = Vec::new();
    for cure in cures {
        let mut names: Vec<&str> = Vec::new();
        let mut findings = 0;
        for finding in broken.iter().filter(|found| Cure::of(found) == cure) {
            findings += 1;
            if !names.contains(&&*finding.invariant) {
                names.push(&finding.invariant);
            }
        }
        if findings > 0 {
            lines.push(format!(
                "{} ({}): {}",
                counted(findings, "finding"),
                names.join(", "),
                cure.sentence()
            ));
        }
    }
    lines
}

fn told(checked: &Checked) -> Json {
    json!({
        "broken": broken_json(&checked.broken),
        "checks": checked.checks,
        "rows": checked.rows,
    })
}

/// Findings for a script, each with what it asks for.
pub(super) fn broken_json(broken: &[Finding]) -> Vec<Json> {
    let one = |finding: &Finding| {
        json!({
            "invariant": finding.invariant,
            "detail": finding.detail,
            "cure": Cure::of(finding),
        })
    };
    broken.iter().map(one).collect()
}
