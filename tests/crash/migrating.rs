//! A database of an older schema is brought up by a start, and what it lacks is filled in by steps while people write; killed anywhere in
//! between, also before anybody is answered.

use std::path::Path;
use std::time::Duration;

use kinglet::clock::Moment;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rusqlite::Connection;

use super::arriving::Arriving;
use super::support::program::Program;
use super::support::server::Client;
use super::{PEOPLE, ROUNDS, Writer, account_of, kinglet, people, seed, variable};

/// Of so many rounds one is a migration: each has two starts.
const SHARE: u32 = 3;
/// How long the steps after a start may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes the database one of the schema before this one, as a kinglet without search left it.
const OLDER: &str = "
    DROP TABLE imports;
    DROP TABLE archives;
    DROP TABLE arrivals;
    PRAGMA user_version = 6;
    INSERT OR REPLACE INTO meta (name, value) VALUES ('search_index', 'partial');
    INSERT INTO post_terms (post_terms) VALUES ('delete-all');
    REPLACE INTO post_terms_config VALUES ('version', 5);";

/// Whether posts are missing in the index, or the start hasn't begun.
const IS_PARTIAL: &str = "SELECT count(*) FROM meta WHERE name = 'search_index'";

fn make_older(data: &Path) {
    let database = Connection::open(data.join("kinglet.db")).expect("it opens");
    database.execute_batch(OLDER).expect("it is an older one");
}

async fn wait_until_whole(data: &Path) {
    let begun = Moment::now();
    while number(data, IS_PARTIAL) > 0 {
        let waited = Duration::from_nanos(begun.elapsed_nanos());
        assert!(waited < PATIENCE, "the index is never whole");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn number(data: &Path, sql: &str) -> i64 {
    let database = Connection::open(data.join("kinglet.db")).expect("it opens");
    let number = database.query_row(sql, (), |row| row.get(0));
    number.expect("a number")
}

fn require_sound(data: &Path, round: u32) {
    let checked = kinglet(data, "default", &["check"]);
    assert!(
        checked.status.success(),
        "round {round}: {}{}",
        String::from_utf8_lossy(&checked.stdout),
        String::from_utf8_lossy(&checked.stderr)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_every_kill_of_a_migration() {
    let rounds = variable("KINGLET_CRASH_ROUNDS").map_or(ROUNDS, |rounds| rounds as u32);
    let rounds = rounds.div_ceil(SHARE);
    let seed = seed();
    println!("{rounds} migrations, KINGLET_CRASH_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let settings = [("KINGLET_LIMITS__RATE_LIMITS", "false")];
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let tokens = people(&data, "default");
    // Enough that the index is filled in more than one step.
    let arriving = Arriving::new(&data, "default", "arriving");
    let program = Program::serve(&data, &settings);
    program.wait_for("kinglet answers at ");
    arriving.bring(&data, 10);
    drop(program);
    let present = number(&data, "PRAGMA user_version");
    // How long it takes from a start to the end, when nobody kills it.
    make_older(&data);
    let begun = Moment::now();
    let program = Program::serve(&data, &settings);
    wait_until_whole(&data).await;
    let takes = begun.elapsed_nanos();
    drop(program);

    let mut writers: Vec<Writer> = Vec::new();
    let mut accounts: Vec<String> = Vec::new();
    let (mut unfinished, mut unanswered) = (0, 0);
    for round in 0..rounds {
        make_older(&data);
        let begun = Moment::now();
        let end = Duration::from_nanos(random.random_range(1..takes));
        let program = Program::serve(&data, &settings);
        let mut writing = Vec::new();
        // Where the kill comes before the answer, nobody writes.
        if let Some(base) = program.wait_until("kinglet answers at ", end) {
            let client = |number: usize| Client::new(base.trim()).with_token(&tokens[number]);
            if accounts.is_empty() {
                for number in 0..PEOPLE {
                    accounts.push(account_of(&client(number)).await);
                }
            }
            for number in 0..PEOPLE {
                let before = writers.get_mut(number);
                let writer = Writer::new(
                    client(number),
                    StdRng::seed_from_u64(random.random()),
                    number,
                    &accounts,
                    before,
                    round,
                );
                writing.push(tokio::spawn(writer.write()));
            }
            tokio::time::sleep(end.saturating_sub(Duration::from_nanos(begun.elapsed_nanos())))
                .await;
        } else {
            unanswered += 1;
        }
        // SIGKILL.
        drop(program);
        if !writing.is_empty() {
            writers.clear();
            for writer in writing {
                writers.push(writer.await.expect("every answer was 200"));
            }
        }
        unfinished += number(&data, IS_PARTIAL);
        require_sound(&data, round);
        // Started again, it is brought to its end.
        let program = Program::serve(&data, &settings);
        let base = program.wait_for("kinglet answers at ");
        wait_until_whole(&data).await;
        assert_eq!(number(&data, "PRAGMA user_version"), present);
        for (number, writer) in writers.iter_mut().enumerate() {
            writer.client = Client::new(base.trim()).with_token(&tokens[number]);
            writer.verify().await;
        }
        drop(program);
        require_sound(&data, round);
    }
    let acknowledged: usize = writers.iter().map(Writer::acknowledgements).sum();
    println!(
        "{acknowledged} writes were acknowledged and are there; of {rounds} migrations {unanswered} were killed before an answer, \
         {unfinished} before the index was whole"
    );
    assert!(
        rounds < ROUNDS / SHARE || unfinished > 0,
        "nothing was in flight"
    );
}
