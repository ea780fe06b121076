//! Upgrades as an operator meets them: the databases of released schemas are served, a newer one is refused, and what would
//! rewrite or go back asks first.
//!
//! `UPDATE_FIXTURE=1 cargo test --test upgrade` writes the fixture of the present schema anew, as long as that isn't released.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use kinglet::clock::Moment;
use rusqlite::Connection;
use support::process::Place;
use support::server::Client;
use support::tools::in_package;

/// The schema that fixtures are made of now.
const SCHEMA: u32 = 8;
/// How long it may take until all rows are filled in that were waiting for it.
const FILLED_IN_MAX: Duration = Duration::from_secs(600);

/// The fixtures, by their schemas.
fn fixtures() -> Vec<PathBuf> {
    let entries = fs::read_dir(in_package("tests/fixtures")).expect("they are there");
    let paths = entries.map(|entry| entry.expect("a name").path());
    let mut paths: Vec<_> = paths
        .filter(|path| path.to_string_lossy().ends_with(".db.gz"))
        .collect();
    paths.sort_unstable();
    paths
}

fn fixture(schema: u32) -> PathBuf {
    in_package(&format!("tests/fixtures/schema-{schema}.db.gz"))
}

fn unpack(fixture: &Path, data: &Path) {
    let packed = fs::File::open(fixture).expect("it is there");
    let mut bytes = Vec::new();
    GzDecoder::new(packed)
        .read_to_end(&mut bytes)
        .expect("it can be unpacked");
    fs::create_dir_all(data).expect("a directory");
    fs::write(data.join("kinglet.db"), bytes).expect("it is written");
}

/// What a database's tables and indexes are.
fn schema_of(database: &Path) -> Vec<String> {
    let connection = Connection::open(database).expect("it opens");
    let sql = "SELECT coalesce(sql, name) FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' ORDER BY type, name";
    let mut statement = connection.prepare(sql).expect("it is SQL");
    let rows = statement.query_map((), |row| row.get(0));
    rows.expect("rows").map(|row| row.expect("a row")).collect()
}

/// An instance with something of most kinds in it.
async fn fill(place: &Place) {
    for name in ["alice", "bob", "carol"] {
        let email = format!("{name}@example.org");
        place.done(&["user", "create", name, "--email", &email]);
    }
    let token = |name: &str| {
        let scopes = "read write follow";
        let token = place.done(&["token", "create", name, "--scopes", scopes]);
        token.trim().to_owned()
    };
    let (alice, bob) = (token("alice"), token("bob"));
    let running = place.serve();
    let client = |token: &String| Client::new(&running.url).with_token(token);
    let (alice, bob) = (client(&alice), client(&bob));
    let id = |answer: support::server::Answer| -> String {
        assert_eq!(answer.status, 200, "{}", answer.text);
        let value: serde_json::Value = serde_json::from_str(&answer.text).expect("JSON");
        value["id"].as_str().expect("an id").to_owned()
    };
    let me = id(bob.get("/api/v1/accounts/verify_credentials").await);
    let post = serde_json::json!({"status": "a wren in the hedge #birds @bob"});
    let post = id(alice.post("/api/v1/statuses", post).await);
    let reply = serde_json::json!({"status": "lovely", "in_reply_to_id": post});
    let reply = id(bob.post("/api/v1/statuses", reply).await);
    for path in [
        format!("/api/v1/accounts/{me}/follow"),
        format!("/api/v1/statuses/{reply}/favourite"),
        format!("/api/v1/statuses/{reply}/bookmark"),
        format!("/api/v1/statuses/{reply}/reblog"),
    ] {
        id(alice.post_empty(&path).await);
    }
    assert!(running.stop().status.success());
}

#[tokio::test]
async fn every_released_schema_is_served() {
    if std::env::var_os("UPDATE_FIXTURE").is_some() {
        let place = Place::new();
        fill(&place).await;
        place.done(&["backup", "set"]);
        let bytes = fs::read(place.path().join("set/kinglet.db")).expect("it is there");
        let file = fs::File::create(fixture(SCHEMA)).expect("a file");
        let mut packed = GzEncoder::new(file, Compression::best());
        packed.write_all(&bytes).expect("it is written");
        packed.finish().expect("it is written");
    }
    let fixtures = fixtures();
    assert!(fixtures.contains(&fixture(SCHEMA)), "{fixtures:?}");
    for fixture in fixtures {
        let place = Place::new();
        unpack(&fixture, &place.data());
        place.done(&["upgrade", "--yes"]);
        assert!(
            place
                .done(&["check"])
                .starts_with("every invariant holds\n")
        );
        let token = place.done(&["token", "create", "alice", "--scopes", "read"]);
        let running = place.serve();
        let alice = Client::new(&running.url).with_token(token.trim());
        let home = alice.get("/api/v1/timelines/home").await;
        assert!(home.text.contains("a wren in the hedge"), "{}", home.text);
        let found = alice.get("/api/v2/search?type=statuses&q=hedge").await;
        assert!(found.text.contains("a wren in the hedge"), "{}", found.text);
        assert!(running.stop().status.success());
    }
}

#[test]
fn the_fixture_is_of_the_present_schema() {
    let (old, new) = (Place::new(), Place::new());
    unpack(&fixture(SCHEMA), &old.data());
    new.done(&["user", "create", "ada", "--email", "a@example.org"]);
    let version = |place: &Place| -> u32 {
        let database = Connection::open(place.data().join("kinglet.db")).expect("it opens");
        let version = database.query_row("PRAGMA user_version", (), |row| row.get(0));
        version.expect("a number")
    };
    let hint = "a schema that was released is changed by a new migration; before, UPDATE_FIXTURE=1 cargo test --test upgrade";
    assert_eq!(version(&new), SCHEMA, "{hint}, and a fixture of its own");
    assert_eq!(version(&old), SCHEMA, "{hint}");
    let schema = |place: &Place| schema_of(&place.data().join("kinglet.db"));
    assert_eq!(schema(&old), schema(&new), "{hint}");
}

#[test]
fn a_newer_database_is_refused_with_a_sentence_and_one_that_was_only_added_to_is_served() {
    let place = Place::new();
    place.done(&["user", "create", "ada", "--email", "a@example.org"]);
    let change = |sql: &str| {
        let database = Connection::open(place.data().join("kinglet.db")).expect("it opens");
        database.execute_batch(sql).expect("it is changed");
    };
    change(
        "CREATE TABLE of_the_future (id INTEGER PRIMARY KEY) STRICT; PRAGMA user_version = 4711",
    );
    let running = place.serve();
    assert!(running.stop().status.success());
    assert!(
        place
            .done(&["check"])
            .starts_with("every invariant holds\n")
    );
    change("UPDATE meta SET value = '4711' WHERE name = 'least_schema'");
    for arguments in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["check"],
        &["upgrade"],
    ] {
        let output = place.run(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains("the database has schema 4711"), "{errors}");
        assert!(errors.contains("run the newer kinglet"), "{errors}");
    }
}

/// How many posts are waiting to be filled into the index, unless `KINGLET_START_POSTS` says otherwise.
const WAITING_POSTS: i64 = 40_000;

/// `KINGLET_START_POSTS=1000000 cargo test --release --test upgrade waits_for_no_row -- --nocapture` tells how long a large one takes.
#[tokio::test]
async fn a_start_waits_for_no_row_that_has_to_be_filled_in() {
    let number = std::env::var("KINGLET_START_POSTS").ok();
    let posts = number.map_or(WAITING_POSTS, |text| text.parse().expect("a number"));
    let place = Place::new();
    place.done(&["user", "create", "alice", "--email", "alice@example.org"]);
    let path = place.data().join("kinglet.db");
    let database = Connection::open(&path).expect("it opens");
    // As a kinglet without the index leaves it, with ids of the past, minute by minute.
    let filled = database.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         INSERT INTO posts (key, id, author, visibility, text)
         SELECT i, (1700000000000 + i * 60000) << 16, (SELECT id FROM accounts), 0, 'a wren in the hedge, number' || i FROM n",
        [posts],
    );
    filled.expect("it is filled");
    database
        .execute_batch("INSERT INTO meta (name, value) VALUES ('search_index', 'partial') ON CONFLICT (name) DO UPDATE SET value = 'partial'; PRAGMA wal_checkpoint(TRUNCATE)")
        .expect("it is written");
    let is_partial = || -> bool {
        let sql = "SELECT count(*) FROM meta WHERE name = 'search_index' AND value = 'partial'";
        database
            .query_row(sql, (), |row| row.get(0))
            .expect("a number")
    };
    assert!(is_partial());
    let begun = Moment::now();
    let mut running = place.serve();
    let took = Duration::from_nanos(begun.elapsed_nanos());
    assert!(is_partial(), "it answers before the rows are filled in");
    println!("{posts} rows wait: it answers after {took:?}");
    // Killed in the middle, it answers at once again, and goes on.
    running.signal("KILL");
    running.end();
    running = place.serve();
    assert!(is_partial(), "it goes on from where it was");
    let token = place.done(&["token", "create", "alice", "--scopes", "read"]);
    let alice = Client::new(&running.url).with_token(token.trim());
    let home = alice.get("/api/v1/timelines/home").await;
    assert_eq!(home.status, 200, "{}", home.text);
    let filled_in = async {
        while is_partial() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(FILLED_IN_MAX, filled_in)
        .await
        .expect("it ends");
    let last = format!("number{posts}");
    let found = format!("/api/v2/search?type=statuses&q={last}");
    let found = alice.get(&found).await;
    assert!(found.text.contains(&last), "{}", found.text);
    assert!(running.stop().status.success());
}

#[test]
fn nothing_is_rewritten_or_taken_back_unasked() {
    let place = Place::new();
    for command in ["upgrade", "rollback"] {
        let errors = place.fails(1, &[command]);
        assert!(errors.contains("no instance"), "{errors}");
    }
    assert!(!place.data().exists(), "nothing is made by looking");
    place.done(&["user", "create", "ada", "--email", "a@example.org"]);
    let told = place.done(&["upgrade"]);
    assert!(told.contains("nothing has to be rewritten"), "{told}");
    assert!(!place.data().join("before-upgrade").exists());
    let forecast = place.done(&["upgrade", "--forecast", "--json"]);
    let forecast: serde_json::Value = serde_json::from_str(&forecast).expect("JSON");
    assert_eq!(forecast["rewrites"], false);
    let errors = place.fails(1, &["rollback", "--yes"]);
    assert!(errors.contains("no snapshot of an upgrade"), "{errors}");

    // As an upgrade leaves it.
    place.done(&["backup", "data/before-upgrade"]);
    place.done(&["user", "create", "bob", "--email", "b@example.org"]);
    let errors = place.fails(1, &["rollback"]);
    assert!(errors.contains("--yes"), "{errors}");
    let running = place.serve();
    let errors = place.fails(1, &["rollback", "--yes"]);
    assert!(errors.contains("another kinglet uses"), "{errors}");
    assert!(running.stop().status.success());
    let told = place.done(&["rollback", "--yes"]);
    // Bob was registered in one commit; the server may have had work of its own since.
    let lost = told
        .split_once(": ")
        .and_then(|(_, rest)| rest.split_once(" commits since then would be lost"));
    let commits: u64 = lost.expect("it is told").0.parse().expect("a number");
    assert!(commits >= 1, "{told}");
    assert!(told.contains("with 0 posts that are there now"), "{told}");
    let users = place.done(&["user", "list"]);
    assert!(users.contains("ada") && !users.contains("bob"), "{users}");
    let aside = fs::read_dir(place.data()).expect("it is there");
    let names = aside.map(|entry| entry.expect("a name").file_name());
    let aside = names
        .map(|name| name.to_string_lossy().into_owned())
        .find(|name| name.starts_with("kinglet.db.schema-"));
    let newer = Connection::open(place.data().join(aside.expect("it is kept")));
    let newer = newer.expect("it opens");
    let count: i64 = newer
        .query_row("SELECT count(*) FROM accounts", (), |row| row.get(0))
        .expect("a number");
    assert_eq!(count, 2);
}
