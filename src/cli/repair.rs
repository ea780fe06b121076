//! `kinglet repair`: what is derived and wrong is made anew, and nothing else.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::args::Output;
use super::check::{advice, broken_json, counted};
use super::{CliError, print, print_json};
use crate::archives::kept::Shelf;
use crate::boot::BootError;
use crate::clock::{Clock as _, SharedClock, SystemClock};
use crate::config::Config;
use crate::control::check;
use crate::randomness::Randomness;
use crate::store::backup::forget_timelines;
use crate::store::check::{Findings, check_kept_homes, name};
use crate::store::error::StoreError;
use crate::store::invariants::Finding;
use crate::store::open::{DataDir, database_in};
use crate::store::queries::archive::ListArchives;
use crate::store::queries::instance::FindInstanceUrl;
use crate::store::reader::Reader;
use crate::store::repair::{self, Cure, Mended, ROUNDS_MAX, RepairError, check_all};

/// What `--help` shows after the options.
pub(super) const EXAMPLES: &str = "\
Examples:
  kinglet repair --dry-run
  kinglet repair

Stop the server first. It checks everything, makes anew what is derived and wrong, checks again and says what it changed. What
isn't derived it leaves as it is, and says what to do. Broken off, it can be given again. Exit codes: 0 every invariant holds;
1 something is left, or with --dry-run would be changed or left; 2 wrong command line; 78 wrong configuration.";

/// Options of `repair`.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repair {
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,

    /// Whether the answer is for a script.
    #[command(flatten)]
    pub output: Output,
}

pub(super) fn run(options: Repair, config: &Config) -> Result<(), CliError> {
    let data_dir = &config.storage.data_dir;
    if !database_in(data_dir).exists() {
        return Err(CliError::NoInstance(data_dir.clone()));
    }
    if options.dry_run {
        let _owned = DataDir::own(data_dir).map_err(BootError::from)?;
        let broken = check_everything(config, data_dir)?;
        return tell(&[], &broken, options);
    }
    let randomness = Randomness::from_system().map_err(BootError::from)?;
    let clock: SharedClock = Arc::new(SystemClock);
    let opened = repair::Repair::open(data_dir, clock, &mut randomness.rng());
    let repair = match opened {
        // It can't even be opened: what is wrong is told all the same.
        Err(error) if error.is_damage() => {
            let _owned = DataDir::own(data_dir).map_err(BootError::from)?;
            let broken = check_everything(config, data_dir)?;
            return tell(&[], &broken, options);
        }
        opened => opened.map_err(BootError::from)?,
    };
    let mut mended = Vec::new();
    let mut broken = check_everything(config, data_dir)?;
    for _ in 0..ROUNDS_MAX {
        if !broken.iter().any(|found| Cure::of(found) == Cure::Repair) {
            break;
        }
        mended.extend(repair.mend(&broken)?);
        mended.extend(mend_files(&repair, data_dir, &broken)?);
        broken = check_everything(config, data_dir)?;
    }
    repair.close().map_err(BootError::from)?;
    tell(&mended, &broken, options)
}

/// Checks the store, and what lies beside it.
fn check_everything(config: &Config, data_dir: &Path) -> Result<Vec<Finding>, CliError> {
    let unreadable = |error: StoreError| CliError::Repair(RepairError::Store(error));
    let mut reader = Reader::open(&database_in(data_dir)).map_err(unreadable)?;
    let now = SystemClock.now();
    let (broken, _) = check_all(&mut reader, now, &mut |_, _, _| {}).map_err(unreadable)?;
    let mut findings = Findings::default();
    let is_lost = broken
        .iter()
        .any(|found| found.invariant == name::INTEGRITY);
    findings.add(broken);
    // What stands in a broken file says nothing about the rules.
    if is_lost {
        return Ok(findings.into_vec());
    }
    for broken in [
        check_kept_homes(&mut reader, data_dir).map_err(unreadable)?,
        archives(&mut reader, data_dir)?,
        check::address(
            config.instance.url.as_ref(),
            reader
                .run(&FindInstanceUrl)
                .map_err(unreadable)?
                .0
                .as_deref(),
        ),
    ] {
        findings.add(broken);
    }
    Ok(findings.into_vec())
}

fn archives(reader: &mut Reader, data_dir: &Path) -> Result<Vec<Finding>, CliError> {
    let unreadable = |error: StoreError| CliError::Repair(RepairError::Store(error));
    let named = reader.run(&ListArchives).map_err(unreadable)?.0;
    check::archive_files(data_dir, &named).map_err(|source| CliError::Io {
        what: "the archives can't be looked at".to_owned(),
        source,
    })
}

/// Mends what lies beside the database: homes that were kept are put together anew when they are asked for, an archive is
/// written once more, and what is nobody's goes.
fn mend_files(
    repair: &repair::Repair,
    data_dir: &Path,
    broken: &[Finding],
) -> Result<Vec<Mended>, CliError> {
    let mut mended = Vec::new();
    let count = |invariant: &str| {
        broken
            .iter()
            .filter(|found| found.invariant == invariant)
            .count()
    };
    for invariant in [name::HOMES, name::ORPHANED_HOMES] {
        if count(invariant) > 0 {
            forget_timelines(data_dir)?;
            mended.push(Mended {
                invariant: invariant.to_owned(),
                changed: count(invariant),
            });
        }
    }
    if count(name::ARCHIVE_FILES) + count(name::STRAY_FILES) == 0 {
        return Ok(mended);
    }
    let unusable = |source| CliError::Io {
        what: "the archives can't be mended".to_owned(),
        source,
    };
    let unreadable = |error: StoreError| CliError::Repair(RepairError::Store(error));
    let mut reader = Reader::open(&database_in(data_dir)).map_err(unreadable)?;
    let named = reader.run(&ListArchives).map_err(unreadable)?.0;
    let mut changed = 0;
    for archive in &named {
        let path = Shelf::Archives.place_in(data_dir, &archive.name);
        let is_right = fs::metadata(path).is_ok_and(|found| found.len() == archive.bytes);
        if !is_right && repair.unmake_archive(archive.account)? {
            changed += 1;
        }
    }
    mended.push(Mended {
        invariant: name::ARCHIVE_FILES.to_owned(),
        changed,
    });
    let stray = check::stray_files(data_dir, &named).map_err(unusable)?;
    for file in &stray {
        fs::remove_file(Shelf::Archives.place_in(data_dir, file)).map_err(unusable)?;
    }
    mended.push(Mended {
        invariant: name::STRAY_FILES.to_owned(),
        changed: stray.len(),
    });
    mended.retain(|mended| mended.changed > 0);
    Ok(mended)
}

fn tell(mended: &[Mended], broken: &[Finding], options: Repair) -> Result<(), CliError> {
    if options.output.json {
        print_json(&json!({
            "mended": mended,
            "broken": broken_json(broken),
            "dry_run": options.dry_run,
        }))?;
    } else {
        for mended in mended {
            let rows = counted(mended.changed as u64, "row");
            print(&format!("{}: {rows} made anew", mended.invariant))?;
        }
        for finding in broken {
            let what = match Cure::of(finding) {
                Cure::Repair if options.dry_run => "would be made anew: ",
                _ => "",
            };
            print(&format!("{what}{}: {}", finding.invariant, finding.detail))?;
        }
        if broken.is_empty() {
            print(match mended.is_empty() {
                true => "every invariant holds: nothing was changed",
                false => "every invariant holds",
            })?;
        }
        let left: Vec<Finding> = broken
            .iter()
            .filter(|found| Cure::of(found) != Cure::Repair)
            .cloned()
            .collect();
        for line in advice(&left) {
            print(&line)?;
        }
    }
    if broken.is_empty() {
        Ok(())
    } else {
        Err(CliError::Findings)
    }
}
