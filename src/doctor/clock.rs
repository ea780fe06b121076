//! The machine's time: ids and the order of posts follow it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Finding, Subject};
use crate::clock::Timestamp;
use crate::store::open::{database_in, wal_of};

const SUBJECT: Subject = Subject::Clock;
/// How far a file may be ahead of the clock: some file systems count coarsely.
const TOLERANCE_MILLIS: i64 = 5_000;
/// What sets the clock, on every system with systemd.
const FIX: &str = "set the clock and keep it set: timedatectl set-ntp true (or install chrony)";

pub(super) fn look(data_dir: &Path, now: Timestamp) -> Vec<Finding> {
    let database = database_in(data_dir);
    let written = [wal_of(&database), database]
        .iter()
        .filter_map(|path| modified(path))
        .max();
    let installed = std::env::current_exe().ok();
    let installed = installed.as_deref().and_then(modified);
    vec![
        of_time(now, written, installed),
        of_keeper(Path::new("/run")),
    ]
}

fn modified(path: &Path) -> Option<Timestamp> {
    let found = fs::metadata(path).ok()?;
    Some(Timestamp::from_millis(found.mtime().saturating_mul(1000)))
}

fn of_time(now: Timestamp, written: Option<Timestamp>, installed: Option<Timestamp>) -> Finding {
    let is_ahead = |of: Timestamp| of.millis() > now.millis().saturating_add(TOLERANCE_MILLIS);
    match (written, installed) {
        (Some(written), _) if is_ahead(written) => SUBJECT.fault(
            format!(
                "the clock says {now}, but the database was last written at {written}: it ran back"
            ),
            FIX,
        ),
        (_, Some(installed)) if is_ahead(installed) => SUBJECT.fault(
            format!(
                "the clock says {now}, which is before this kinglet was installed at {installed}"
            ),
            FIX,
        ),
        _ => SUBJECT.good(format!("it is {now}, after everything that is stored")),
    }
}

/// Who keeps the clock right, by what such programs leave in the runtime directory.
fn of_keeper(run: &Path) -> Finding {
    let exists = |name: &str| run.join(name).exists();
    if exists("systemd/timesync/synchronized") {
        SUBJECT.good("systemd-timesyncd keeps it right")
    } else if exists("chrony/chronyd.pid") || exists("chrony/chronyd.sock") || exists("ntpd.pid") {
        SUBJECT.good("an NTP server of this machine keeps it right")
    } else if exists("systemd/timesync") {
        SUBJECT.warning(
            "systemd-timesyncd runs, but hasn't reached a time server since the start",
            "see timedatectl timesync-status; port 123/udp has to be open to the outside",
        )
    } else {
        SUBJECT.unknown(
            "nobody is seen who keeps it right (in a container that is the host)",
            Some(FIX.to_owned()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_clock_that_ran_back_is_seen() {
        let at = Timestamp::from_millis;
        let now = at(1_790_000_000_000);
        let state = |written, installed| of_time(now, written, installed).state;
        assert_eq!(state(None, None), State::Good);
        let (before, after) = (now.plus_millis(-60_000), now.plus_millis(60_000));
        assert_eq!(state(Some(before), Some(before)), State::Good);
        assert_eq!(state(Some(now.plus_millis(1000)), None), State::Good);
        assert_eq!(state(Some(after), None), State::Fault);
        assert_eq!(state(None, Some(after)), State::Fault);
        let fix = of_time(now, Some(after), None).fix.unwrap_or_default();
        assert!(fix.contains("timedatectl set-ntp true"), "{fix}");
    }

    #[test]
    fn who_keeps_the_clock_is_known_by_its_traces() {
        let run = tempfile::tempdir().expect("a directory");
        assert_eq!(of_keeper(run.path()).state, State::Unknown);
        fs::create_dir_all(run.path().join("systemd/timesync")).expect("a directory");
        assert_eq!(of_keeper(run.path()).state, State::Warning);
        fs::write(run.path().join("systemd/timesync/synchronized"), "").expect("a file");
        assert_eq!(of_keeper(run.path()).state, State::Good);
    }
}
