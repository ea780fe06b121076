//! A disk that fails at the n-th write, sync, truncation, open, rename, mapping or read of a session: nobody is told what isn't so,
//! nothing acknowledged is lost, and the server goes on by itself when the disk does.
//!
//! `KINGLET_FAULTS` says at how many places it fails (100); `KINGLET_FAULT=write:17:28:1` repeats one of them.

mod support;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::task::JoinSet;

use support::disk::{Disk, Fault, KINDS};
use support::server::Client;
use support::session::{Act, Town, Visitor, account_of, script};

/// At how many places the disk fails, unless it is said.
const FAULTS: usize = 100;
/// How many servers run at once: most of the time they wait for the disk.
const AT_ONCE: usize = 4;
/// Linux' numbers of what a disk says.
const EIO: i32 = 5;
const ENOSPC: i32 = 28;
/// No fault of the program, whatever the disk says.
fn is_sound(log: &str) {
    let panicked = log.lines().find(|line| line.contains("panicked"));
    assert!(panicked.is_none(), "{log}");
}

/// What a fault did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harm {
    /// Nobody noticed.
    None,
    /// Something was answered 503.
    Refused,
    /// The server didn't start.
    NotStarted,
}

/// The session on a disk with a fault, until it is over and everything is known.
async fn session(town: &Town, disk: &Disk, fault: Option<Fault>) -> Harm {
    let mut served = disk.serve(fault, false);
    let Ok(base) = served.base().await else {
        // It says why, and starts when the disk is sound.
        let log = served.log();
        is_sound(&log);
        assert!(log.contains("kinglet: "), "it says why:\n{log}");
        drop(served);
        let again = disk.command(&["check"]);
        assert!(again.status.success(), "{again:?}");
        return Harm::NotStarted;
    };
    let robin = loop {
        match account_of(&base, &town.tokens[1]).await {
            Some(robin) => break robin,
            None => disk.heal(),
        }
    };
    let mut visitor = Visitor {
        client: Client::new(&base).with_token(&town.tokens[0]),
        robin,
        ids: HashMap::new(),
        done: Vec::new(),
        open: Vec::new(),
    };
    for (number, act) in script().into_iter().enumerate() {
        if !visitor.act(act).await {
            visitor.open.push(act);
            if fault.is_some_and(|fault| fault.lasts) && matches!(act, Act::Post(_)) {
                assert_eq!(visitor.health().await, 503, "after {act:?}");
            }
        }
        if number % 5 == 4 {
            visitor.verify(false).await;
        }
    }
    disk.heal();
    let recovered = AssertUnwindSafe(visitor.recovers()).catch_unwind().await;
    assert!(recovered.is_ok(), "{}", served.log());
    // What wasn't answered is asked for once more, in its order, and is done now.
    let open = visitor.open.clone();
    let harm = if open.is_empty() {
        Harm::None
    } else {
        Harm::Refused
    };
    for act in open {
        assert!(
            visitor.act(act).await,
            "it is well again, and yet no {act:?}"
        );
    }
    visitor.open.clear();
    visitor.verify(true).await;
    is_sound(&served.log());
    let ends_well = fault.is_none_or(|fault| fault.nth % 2 == 0);
    if ends_well {
        let (status, log) = served.stop().await;
        assert!(status.success(), "{status}: {log}");
        is_sound(&log);
    } else {
        // SIGKILL.
        drop(served);
    }
    let checked = disk.command(&["check"]);
    assert!(checked.status.success(), "{checked:?}");
    let mut served = disk.serve_plainly();
    let base = served.base().await.expect("it starts");
    visitor.client = Client::new(&base).with_token(&town.tokens[0]);
    visitor.verify(true).await;
    harm
}

fn of_variable(told: &str) -> Fault {
    let parts: Vec<&str> = told.split(':').collect();
    let number = |at: usize| parts[at].parse().expect("a number");
    let kind = KINDS.into_iter().find(|kind| *kind == parts[0]);
    Fault {
        kind: kind.expect("a kind"),
        nth: number(1),
        errno: i32::try_from(number(2)).expect("a small number"),
        lasts: number(3) == 1,
    }
}

/// `number` places in a session that has so many operations of each kind: those that are rare all, the others spread over it.
fn places(counts: &HashMap<&'static str, u64>, number: usize) -> Vec<Fault> {
    let mut left = number as u64;
    let mut kinds: Vec<(&'static str, u64)> = counts
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(kind, count)| (*kind, *count))
        .collect();
    kinds.sort_by_key(|(kind, count)| (*count, *kind));
    let mut faults = Vec::new();
    let kinds_before = kinds.len() as u64;
    for (at, (kind, count)) in (0..).zip(kinds) {
        let share = (left / (kinds_before - at)).min(count * 4);
        left -= share;
        for case in 0..share {
            // Each place fails in up to four ways; where there are more places than shares they are spread.
            let (nth, way) = match share.checked_div(count) {
                Some(1..) => (case % count + 1, case / count),
                _ => (case * count / share + 1, case),
            };
            faults.push(Fault {
                kind,
                nth,
                errno: if way % 2 == 0 { ENOSPC } else { EIO },
                lasts: way / 2 % 2 == 0,
            });
        }
    }
    faults
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_anywhere_loses_nothing_and_is_got_over() {
    let town = Arc::new(Town::new());
    let number = std::env::var("KINGLET_FAULTS").ok();
    let number = number.map_or(FAULTS, |number| number.parse().expect("a number"));
    let faults = match std::env::var("KINGLET_FAULT") {
        Ok(told) => vec![of_variable(&told)],
        Err(_) => {
            let disk = Disk::holding(&town.data());
            assert_eq!(session(&town, &disk, None).await, Harm::None);
            let counts = disk.counts();
            println!("a session has {counts:?}");
            for kind in ["write", "sync", "truncate", "open", "mmap"] {
                assert!(counts[kind] > 0, "no {kind} in the session");
            }
            places(&counts, number)
        }
    };
    let number = faults.len();
    let mut running = JoinSet::new();
    let mut lost: Vec<String> = Vec::new();
    let mut harms: Vec<Harm> = Vec::new();
    let mut faults = faults.into_iter();
    loop {
        for fault in faults.by_ref().take(AT_ONCE - running.len()) {
            let town = Arc::clone(&town);
            running.spawn(async move {
                let disk = Disk::holding(&town.data());
                let session = async { session(&town, &disk, Some(fault)).await };
                let ended = AssertUnwindSafe(session).catch_unwind().await;
                (fault, ended.ok())
            });
        }
        let Some(ended) = running.join_next().await else {
            break;
        };
        let (fault, harm) = ended.expect("panics were caught");
        if let Some(harm) = harm {
            harms.push(harm);
            continue;
        }
        let Fault {
            kind,
            nth,
            errno,
            lasts,
        } = fault;
        lost.push(format!(
            "KINGLET_FAULT={kind}:{nth}:{errno}:{}",
            u8::from(lasts)
        ));
    }
    assert!(lost.is_empty(), "{lost:#?} of {number}");
    let count = |harm: Harm| harms.iter().filter(|found| **found == harm).count();
    let (refused, not_started) = (count(Harm::Refused), count(Harm::NotStarted));
    println!(
        "the disk failed at {number} places: {refused} had answers of 503, at {not_started} it didn't start"
    );
    assert!(
        number == 1 || refused > number / 10,
        "hardly anybody noticed"
    );
}

#[test]
fn the_places_are_spread_over_the_session() {
    let counts = HashMap::from([("write", 200), ("sync", 40), ("rename", 0), ("mmap", 1)]);
    let faults = places(&counts, 100);
    let of = |kind: &str| faults.iter().filter(|fault| fault.kind == kind).count();
    assert_eq!((of("mmap"), of("sync"), of("write")), (4, 48, 48));
    assert!(
        faults
            .iter()
            .all(|fault| (1..=counts[fault.kind]).contains(&fault.nth))
    );
    let last = faults
        .iter()
        .filter(|fault| fault.kind == "write")
        .map(|fault| fault.nth)
        .max();
    assert!(last > Some(190));
}
