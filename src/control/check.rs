//! Whether what is stored is as it must be: the store's own checks, and those that look elsewhere than into the database.
//!
//! It is asked for in steps, so that whoever waits sees them go on. Each step reads one snapshot on a connection of its own, which
//! nobody's write waits for.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::protocol::{Answer, Failure};
use super::{blocking, told, with_causes};
use crate::actors::error::AskError;
use crate::actors::timelines::ListKeptHomes;
use crate::archives::kept::Shelf;
use crate::config::InstanceUrl;
use crate::domain::archive::ARCHIVE_MILLIS_MAX;
use crate::ids::AccountId;
use crate::instance::Instance;
use crate::store::check::{
    Check, CheckHomes, CountRows, Findings, StepCheck, finding, name, next_home,
};
use crate::store::error::StoreError;
use crate::store::invariants::Finding;
use crate::store::open::{database_in, wal_of};
use crate::store::queries::archive::{ArchiveFile, ListArchives};
use crate::store::queries::instance::FindInstanceUrl;
use crate::store::reader::{Query, Reader};

/// A file of this age, in milliseconds, that is nobody's archive should have been removed: twice as old as any archive gets.
const STRAY_MILLIS_MIN: i64 = 2 * ARCHIVE_MILLIS_MAX;

/// So often it is looked how long the log is, while it is read.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

const MIB: u64 = 1024 * 1024;

/// One part of the whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// What is looked at.
    pub name: String,
    /// About how many steps it takes.
    pub steps: u64,
    /// Whether nothing else needs to be looked at if it finds something.
    pub decides: bool,
}

/// Which part, by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Store(Check),
    Homes,
    Archives,
    Address,
}

/// Every part, in order.
fn places() -> Vec<Place> {
    let store = Check::all().into_iter().map(Place::Store);
    store
        .chain([Place::Homes, Place::Archives, Place::Address])
        .collect()
}

/// What there is to check.
pub(super) async fn begin(instance: &Instance) -> Result<Answer, Failure> {
    // A file that is so broken that its rows can't be counted is checked all the same.
    let rows = read(instance, CountRows).await.unwrap_or_default();
    let parts = places().into_iter().map(|place| match place {
        Place::Store(check) => Part {
            name: check.name().to_owned(),
            steps: check.steps(&rows),
            decides: check.decides(),
        },
        Place::Homes => part(name::HOMES),
        Place::Archives => part(name::ARCHIVE_FILES),
        Place::Address => part(name::ADDRESS),
    });
    Ok(Answer::CheckBegun {
        parts: parts.collect(),
        rows,
    })
}

fn part(name: &str) -> Part {
    Part {
        name: name.to_owned(),
        steps: 1,
        decides: false,
    }
}

/// Takes one step of a part.
pub(super) async fn step(
    instance: &Instance,
    number: usize,
    after: Option<i64>,
) -> Result<Answer, Failure> {
    let place = places().get(number).copied();
    let place = place.ok_or_else(|| Failure::new("there is no such part of a check"))?;
    let (broken, next) = take(instance, place, after).await?;
    Ok(Answer::PartChecked { broken, next })
}

/// Checks all of it at once.
pub(super) async fn whole(instance: &Instance) -> Result<Answer, Failure> {
    let mut findings = Findings::default();
    for place in places() {
        let mut after = None;
        loop {
            let (broken, next) = take(instance, place, after).await?;
            findings.add(broken);
            after = next;
            if after.is_none() {
                break;
            }
        }
        // What stands in a broken file says nothing about the rules.
        if !findings.is_empty() && matches!(place, Place::Store(check) if check.decides()) {
            break;
        }
    }
    Ok(Answer::Checked {
        broken: findings.into_vec(),
    })
}

async fn take(
    instance: &Instance,
    place: Place,
    after: Option<i64>,
) -> Result<(Vec<Finding>, Option<i64>), Failure> {
    let now = instance.clock.now();
    Ok(match place {
        Place::Store(check) => {
            let step = read(instance, StepCheck { check, after, now }).await?;
            (step.broken, step.next)
        }
        Place::Homes => {
            let looked = homes(instance, after).await?;
            let is_orphaned = |found: &Finding| found.invariant == name::ORPHANED_HOMES;
            // Between the two looks the last of an account may have gone, its home with it.
            match looked.0.iter().any(is_orphaned) {
                true => homes(instance, after).await?,
                false => looked,
            }
        }
        Place::Archives => {
            let named = read(instance, ListArchives).await?;
            let data_dir = instance.data_dir.to_path_buf();
            let looked = blocking(move || archive_files(&data_dir, &named)).await?;
            (looked.map_err(|error| with_causes(&error))?, None)
        }
        Place::Address => {
            let remembered = read(instance, FindInstanceUrl).await?;
            let configured = instance.config.instance.url.as_ref();
            (address(configured, remembered.as_deref()), None)
        }
    })
}

async fn homes(
    instance: &Instance,
    after: Option<i64>,
) -> Result<(Vec<Finding>, Option<i64>), Failure> {
    let after = AccountId(after.unwrap_or(0));
    let listed = instance.actors.timelines.send(ListKeptHomes { after });
    let kept = listed
        .await
        .map_err(AskError::from)
        .flatten()
        .map_err(told)?;
    let next = next_home(&kept);
    Ok((read(instance, CheckHomes { kept }).await?, next))
}

/// Asks on a connection of its own: it may take long, and the readers have other things to do. The log can't start anew meanwhile: when
/// it gets too long, or the instance stops, it is given up.
async fn read<Q: Query>(instance: &Instance, query: Q) -> Result<Q::Answer, Failure> {
    let database = database_in(&instance.data_dir);
    let unreadable = |error: StoreError| with_causes(&error);
    let wal = wal_of(&database);
    let length = || fs::metadata(&wal).map_or(0, |found| found.len());
    let length_before = length();
    let max_mib = instance.config.backup.wal_max_mib;
    let mut reader = blocking(move || Reader::open(&database))
        .await?
        .map_err(unreadable)?;
    let interrupter = reader.interrupter();
    let long_reads = &instance.backups.long_reads;
    let (held, watched) = (long_reads.begin(), long_reads.begin());
    let reading = blocking(move || {
        // Whoever writes doesn't wait for it meanwhile.
        let _held = held;
        reader.run(&query)
    });
    let mut reading = std::pin::pin!(reading);
    let mut given_up = None;
    loop {
        if let Ok(read) = tokio::time::timeout(LOOK_PAUSE, &mut reading).await {
            return match given_up {
                Some(why) => Err(Failure::new(why)),
                None => Ok(read?.map_err(unreadable)?.0),
            };
        }
        if watched.is_unwanted() {
            given_up = Some("the instance stops: whether it is sound couldn't be told".to_owned());
        } else if length().saturating_sub(length_before) > max_mib.saturating_mul(MIB) {
            given_up = Some(format!(
                "so much was written meanwhile that the write-ahead log grew by more than {max_mib} MiB: whether it is sound couldn't be \
                 told. Check when less is written, check a backup, or set backup.wal_max_mib higher"
            ));
        }
        // It ends the statement that runs; another one may follow.
        if given_up.is_some() {
            interrupter.interrupt();
        }
    }
}

/// What is wrong with the files of archives that can be fetched.
///
/// # Errors
/// When their directory can't be read.
pub fn archive_files(data_dir: &Path, named: &[ArchiveFile]) -> io::Result<Vec<Finding>> {
    let directory = Shelf::Archives.directory_in(data_dir);
    let mut broken = Vec::new();
    for archive in named {
        let ArchiveFile {
            account,
            name: file,
            bytes,
        } = archive;
        let what = match fs::metadata(directory.join(file)) {
            Ok(found) if found.len() == *bytes => continue,
            Ok(found) => format!("has {} bytes instead of {bytes}", found.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => "is gone".to_owned(),
            Err(error) => return Err(error),
        };
        broken.push(finding(
            name::ARCHIVE_FILES,
            format!("the archive of account {account}, {file}, {what}"),
        ));
    }
    for file in stray_files(data_dir, named)? {
        broken.push(finding(
            name::STRAY_FILES,
            format!("nobody can fetch the archive {file}, which lies there all the same"),
        ));
    }
    Ok(broken)
}

/// The names of the files that are nobody's archive and won't become one.
///
/// # Errors
/// When their directory can't be read.
pub fn stray_files(data_dir: &Path, named: &[ArchiveFile]) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(Shelf::Archives.directory_in(data_dir)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let age_min = Duration::from_millis(STRAY_MILLIS_MIN.unsigned_abs());
    let mut stray = Vec::new();
    for entry in entries {
        let entry = entry?;
        let file = entry.file_name().to_string_lossy().into_owned();
        let age = entry.metadata()?.modified()?.elapsed();
        if !named.iter().any(|archive| archive.name == file) && age.is_ok_and(|age| age > age_min) {
            stray.push(file);
        }
    }
    stray.sort_unstable();
    Ok(stray)
}

/// What is wrong with the public address: a server with another one than it remembers doesn't start.
pub fn address(configured: Option<&InstanceUrl>, remembered: Option<&str>) -> Vec<Finding> {
    match (configured, remembered) {
        (Some(configured), Some(remembered)) if configured.as_str() != remembered => {
            let what = format!("instance.url is {configured}, {remembered} is remembered");
            vec![finding(name::ADDRESS, what)]
        }
        _ => Vec::new(),
    }
}
