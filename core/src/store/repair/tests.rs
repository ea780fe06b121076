//! A repair that is killed, and what is found afterwards.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rusqlite::Connection;

use super::*;
use crate::clock::{Clock as _, Moment, SystemClock};
use crate::randomness::Randomness;
use crate::store::check::schema_tests::{check, require_untouched, sources};
use crate::store::population::Population;
use crate::store::testing::TestStore;

/// How often it is killed, unless KINGLET_REPAIR_KILLS says otherwise.
const KILLS: u32 = 8;
/// Where the process that is killed works.
const DIRECTORY: &str = "KINGLET_REPAIR_DIRECTORY";

/// Everything at once that is derived is damaged.
const DAMAGE: &str = "
    UPDATE accounts SET followers_count = 0, following_count = 1, posts_count = 7, last_open_post = NULL, last_entry = 0;
    UPDATE posts SET replies_count = 1, boosts_count = 2, favourites_count = 3;
    DELETE FROM post_tags WHERE post % 2 = 0;
    INSERT INTO post_tags SELECT min(id), 17 FROM tags;
    DELETE FROM post_terms_data WHERE id > 10;
    DELETE FROM account_terms_docsize WHERE id % 3 = 0;
    UPDATE posts SET key = key + 1000000 WHERE key BETWEEN 400 AND 500;
    UPDATE meta SET value = '1' WHERE name = 'last_id';";

fn repair_all(directory: &Path) {
    let mut rng = Randomness::seeded(1).rng();
    let clock = Arc::new(SystemClock);
    let repair = Repair::open(directory, clock, &mut rng).expect("nobody else uses it");
    let database = database_in(directory);
    for _ in 0..ROUNDS_MAX {
        let found = check(&database, SystemClock.now());
        repair.mend(&found).expect("it is mended");
    }
    repair.close().expect("it is closed");
}

/// Not a test: the process that is killed.
#[test]
#[ignore = "it is started by another test"]
fn child() {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        repair_all(Path::new(&directory));
    }
}

fn start(directory: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "store::repair::tests::child", "--ignored"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts")
}

#[test]
fn a_repair_that_is_killed_anywhere_is_given_again_and_touches_nothing_else() {
    let number = |name: &str| std::env::var(name).ok()?.parse().ok();
    let kills = number("KINGLET_REPAIR_KILLS").unwrap_or(KILLS);
    let seed = number("KINGLET_REPAIR_SEED").unwrap_or_else(std::process::id);
    println!("{kills} kills, KINGLET_REPAIR_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed.into());
    let store = TestStore::open();
    let population = Population {
        accounts: 100,
        follows: 800,
        posts: 2500,
        seed: 1,
    };
    let made = population.make(store.writer(), |_, _| {});
    made.expect("it is made");
    store.tamper(DAMAGE);
    let template = store.close();
    let before = sources(&database_in(template.path()));
    let fresh = || {
        let directory = tempfile::tempdir().expect("a directory");
        let (from, to) = (database_in(template.path()), database_in(directory.path()));
        // All of it is in the one file.
        let log = Connection::open(&from).expect("it opens");
        log.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))
            .expect("it is emptied");
        std::fs::copy(from, to).expect("a copy");
        directory
    };
    let whole = fresh();
    let begun = Moment::now();
    assert!(start(whole.path()).wait().expect("it ends").success());
    let takes = begun.elapsed_nanos();
    assert_eq!(check(&database_in(whole.path()), SystemClock.now()), []);
    require_untouched(&before, &database_in(whole.path()), "without a kill");
    let mut were_unfinished = 0;
    for _ in 0..kills {
        let directory = fresh();
        let mut child = start(directory.path());
        // Nobody ever speaks: the kill comes by the clock.
        let (_quiet, silence) = sync_channel::<()>(1);
        let moment = Duration::from_nanos(random.random_range(0..takes));
        assert!(silence.recv_timeout(moment).is_err());
        child.kill().expect("it is ours");
        child.wait().expect("it ends");
        let database = database_in(directory.path());
        require_untouched(&before, &database, "after a kill");
        let found = check(&database, SystemClock.now());
        let is_mendable = |found: &Finding| Cure::of(found) == Cure::Repair;
        assert!(found.iter().all(is_mendable), "{found:?}");
        were_unfinished += u32::from(!found.is_empty());
        // A server may be started in between, and goes on with the search index.
        let directory = TestStore::open_again(directory).close();
        assert!(start(directory.path()).wait().expect("it ends").success());
        assert_eq!(check(&database, SystemClock.now()), []);
        require_untouched(&before, &database, "after another repair");
    }
    println!("{were_unfinished} of {kills} were unfinished when they were killed");
}

#[test]
fn more_of_a_wrong_index_is_mended_with_it() {
    let of = |detail: &str| Finding {
        invariant: name::INTEGRITY.to_owned(),
        detail: detail.to_owned(),
    };
    let mut found: Vec<_> = (0..20)
        .map(|row| of(&format!("row {row} missing from index posts_by_author")))
        .collect();
    found.push(of("and more"));
    assert!(found.iter().all(|found| Cure::of(found) == Cure::Repair));
    let (store, ..) = crate::store::invariants::tests::lively();
    let directory = store.close();
    let mut rng = Randomness::seeded(1).rng();
    let open = Repair::open(directory.path(), Arc::new(SystemClock), &mut rng);
    let repair = open.expect("nobody else uses it");
    let mended = repair.mend(&found).expect("it is mended");
    assert_eq!(mended.len(), 1, "{mended:?}");
    found.push(of("Tree 7 page 9: out of order"));
    assert_eq!(repair.mend(&found).expect("nothing is done"), []);
    repair.close().expect("it is closed");
}

#[test]
fn an_identity_that_is_lost_is_not_drawn_anew() {
    let (store, ..) = crate::store::invariants::tests::lively();
    store.tamper("DELETE FROM meta WHERE name IN ('identity', 'unsubscribe_key')");
    let mut store = store.reopen();
    let found = store.find(crate::store::invariants::CheckInvariants);
    let told: Vec<_> = found
        .iter()
        .map(|found| (found.detail.as_str(), Cure::of(found)))
        .collect();
    assert_eq!(told, [("meta has no identity", Cure::Restore)]);
    // A new store has one.
    let found = TestStore::open().find(crate::store::invariants::CheckInvariants);
    assert_eq!(found, []);
}
