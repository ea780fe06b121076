//! `kinglet check` and `kinglet repair` as an operator meets them, on a server's data, on a running server's and on a backup. That every
//! check notices what it is for, and what then is mended, is tried in the store itself.

mod support;

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use kinglet::clock::Moment;
use rusqlite::Connection;
use serde_json::{Value, json};

use support::operations::{commands, part};
use support::process::Place;
use support::server::Client;
use support::shell::Shell;

/// Changes the database behind everybody's back.
fn tamper(data: &Path, sql: &str) {
    let database = Connection::open(data.join("kinglet.db")).expect("it opens");
    database
        .pragma_update(None, "foreign_keys", false)
        .and_then(|()| database.execute_batch(sql))
        .expect("it is changed");
}

/// What a command that finds something prints.
#[track_caller]
fn finds(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(1),
        "{arguments:?}: {said}{errors}"
    );
    said
}

fn id(answer: &support::server::Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let value: Value = serde_json::from_str(&answer.text).expect("JSON");
    value["id"].as_str().expect("an id").to_owned()
}

/// alice follows bob, who wrote three posts; her home was read, so that it is kept.
async fn inhabited() -> Place {
    let place = Place::new();
    place.configure("[limits]\nrate_limits = false\n");
    let mut tokens = Vec::new();
    for name in ["alice", "bob", "carol"] {
        place.done(&[
            "user",
            "create",
            name,
            "--email",
            &format!("{name}@example.org"),
        ]);
        let token = place.done(&["token", "create", name, "--scopes", "read write follow"]);
        tokens.push(token.trim().to_owned());
    }
    let running = place.serve();
    let client = |number: usize| Client::new(&running.url).with_token(&tokens[number]);
    let bob = id(&client(1).get("/api/v1/accounts/verify_credentials").await);
    for number in [0, 2] {
        let path = format!("/api/v1/accounts/{bob}/follow");
        client(number).post(&path, json!({})).await;
    }
    for text in ["a wren #birds", "a tit #birds", "a moss"] {
        let post = client(1)
            .post("/api/v1/statuses", json!({"status": text}))
            .await;
        let post = id(&post);
        client(0)
            .post(&format!("/api/v1/statuses/{post}/favourite"), json!({}))
            .await;
    }
    for number in [0, 2] {
        let home = client(number).get("/api/v1/timelines/home").await;
        assert!(home.text.contains("a moss"), "{}", home.text);
    }
    assert!(running.stop().status.success());
    place
}

#[tokio::test]
async fn a_sound_instance_is_sound_stopped_running_and_backed_up() {
    let place = inhabited().await;
    let sound = |said: &str| {
        assert!(said.starts_with("every invariant holds\n"), "{said}");
        assert!(
            said.contains(" checks, of 3 accounts, 3 posts and 2 follows"),
            "{said}"
        );
    };
    sound(&place.done(&["check"]));
    let told: Value = serde_json::from_str(&place.done(&["check", "--json"])).expect("JSON");
    assert_eq!(told["broken"], json!([]));
    assert_eq!(
        told["rows"],
        json!({"accounts": 3, "posts": 3, "follows": 2})
    );
    let running = place.serve();
    sound(&place.done(&["check"]));
    let checks = told["checks"].as_u64().expect("a number");
    assert!(checks >= 60, "{checks}");
    place.done(&["backup", "set"]);
    sound(&place.done(&["check", "set"]));
    let refused = place.fails(1, &["repair"]);
    assert!(
        refused.contains("another kinglet uses this data directory"),
        "{refused}"
    );
    assert!(running.stop().status.success());
    let nothing = place.done(&["repair"]);
    assert_eq!(nothing, "every invariant holds: nothing was changed\n");
}

#[tokio::test]
async fn what_is_derived_is_told_of_and_mended() {
    let place = inhabited().await;
    let data = place.data();
    tamper(
        &data,
        "UPDATE accounts SET followers_count = 9 WHERE name = 'bob';
         UPDATE posts SET favourites_count = 0;
         DELETE FROM post_terms_docsize WHERE id = 1",
    );
    for arguments in [&["check"][..], &["repair", "--dry-run"]] {
        let said = finds(&place, arguments);
        assert!(said.contains("followers_count: account "), "{said}");
        assert!(said.contains("favourites_count: post "), "{said}");
        assert!(said.contains("posts_are_indexed: post "), "{said}");
    }
    let said = finds(&place, &["check"]);
    assert!(
        said.contains(
            "6 findings (followers_count, favourites_count, posts_are_indexed, posts_are_found_by_their_words): "
        ),
        "{said}"
    );
    assert!(said.contains("run kinglet repair"), "{said}");
    let told: Value = serde_json::from_str(&finds(&place, &["check", "--json"])).expect("JSON");
    assert_eq!(told["broken"][0]["cure"], "repair");
    let stored = || fs::read(data.join("kinglet.db")).expect("it is there");
    let before = stored();
    finds(&place, &["repair", "--dry-run"]);
    assert!(stored() == before, "it only looks");
    let set = place.done(&["repair"]);
    assert!(set.contains("followers_count: 1 row made anew\n"), "{set}");
    assert!(
        set.contains("favourites_count: 3 rows made anew\n"),
        "{set}"
    );
    assert!(set.ends_with("every invariant holds\n"), "{set}");
    assert!(
        place
            .done(&["check"])
            .starts_with("every invariant holds\n")
    );
    let running = place.serve();
    let found = Client::new(&running.url);
    let found = found.get("/api/v1/accounts/lookup?acct=bob").await;
    assert!(
        found.text.contains("\"followers_count\":2"),
        "{}",
        found.text
    );
    assert!(running.stop().status.success());
}

#[tokio::test]
async fn what_only_a_backup_has_is_refused_with_what_to_do() {
    let place = inhabited().await;
    tamper(&place.data(), "DELETE FROM accounts WHERE name = 'carol'");
    let said = finds(&place, &["repair"]);
    assert!(said.contains("foreign_keys: follows row"), "{said}");
    assert!(said.contains("only a backup has it as it was"), "{said}");
    assert!(said.contains("kinglet restore"), "{said}");
    assert!(finds(&place, &["check"]).contains("foreign_keys: "));
}

#[tokio::test]
async fn homes_that_were_kept_are_held_against_the_posts() {
    let place = inhabited().await;
    // As if alice had muted bob: her home, as it is kept, shows what it mustn't. And carol isn't there any more.
    tamper(
        &place.data(),
        "INSERT INTO mutes (account, target, hides_notifications)
             SELECT alice.id, bob.id, 0 FROM accounts AS alice, accounts AS bob
             WHERE alice.name = 'alice' AND bob.name = 'bob';
         DELETE FROM follows WHERE follower = (SELECT id FROM accounts WHERE name = 'carol');
         DELETE FROM notifications WHERE sender = (SELECT id FROM accounts WHERE name = 'carol');
         UPDATE accounts SET followers_count = 1 WHERE name = 'bob';
         UPDATE accounts SET state = 3, email = NULL WHERE name = 'carol';",
    );
    let said = finds(&place, &["check"]);
    assert!(
        said.contains("kept_homes_are_true: the home of account "),
        "{said}"
    );
    assert!(
        said.contains("kept_homes_have_their_reader: the home of account "),
        "{said}"
    );
    let running = place.serve();
    let running_said = finds(&place, &["check"]);
    assert!(
        running_said.contains("kept_homes_are_true"),
        "{running_said}"
    );
    assert!(running.stop().status.success());
    place.done(&["repair"]);
    assert!(
        place
            .done(&["check"])
            .starts_with("every invariant holds\n")
    );
}

#[tokio::test]
async fn the_home_of_a_deleted_account_goes_with_it() {
    let place = inhabited().await;
    let running = place.serve();
    place.done(&["user", "delete", "carol", "--yes"]);
    let begun = Moment::now();
    let jobs = || {
        let database = Connection::open(place.data().join("kinglet.db")).expect("it opens");
        let counted = "SELECT count(*) FROM jobs WHERE kind = 'purge_account'";
        let counted = database.query_row(counted, (), |row| row.get::<_, i64>(0));
        counted.expect("a number")
    };
    loop {
        let jobs = jobs();
        // Before, between and afterwards.
        assert!(
            place
                .done(&["check"])
                .starts_with("every invariant holds\n")
        );
        if jobs == 0 {
            break;
        }
        assert!(begun.elapsed_nanos() < 60_000_000_000, "it isn't purged");
    }
    assert!(running.stop().status.success());
    assert!(
        place
            .done(&["check"])
            .starts_with("every invariant holds\n")
    );
}

#[tokio::test]
async fn archives_and_the_address_are_held_against_what_lies_there_and_what_is_set() {
    let place = inhabited().await;
    tamper(
        &place.data(),
        "INSERT INTO archives (account, asked_at, made_at, file, bytes)
             SELECT id, 1, 2, name || '.zip', 4 FROM accounts WHERE name <> 'carol'",
    );
    let archives = place.data().join("archives");
    fs::create_dir_all(&archives).expect("a directory");
    fs::write(archives.join("bob.zip"), "1234").expect("it is written");
    let stray = archives.join("nobody.zip");
    let file = fs::File::create(&stray).expect("a file");
    let month = Duration::from_secs(30 * 24 * 60 * 60);
    file.set_modified(SystemTime::UNIX_EPOCH + month)
        .expect("its time is set");
    let said = finds(&place, &["check"]);
    assert!(
        said.contains("archives_have_their_file: the archive of account "),
        "{said}"
    );
    assert!(said.contains("alice.zip, is gone"), "{said}");
    assert!(
        said.contains("archive_files_are_somebodys: nobody can fetch the archive nobody.zip"),
        "{said}"
    );
    assert!(!said.contains("bob.zip"), "{said}");
    place.done(&["repair"]);
    assert!(!stray.exists());
    assert!(
        place
            .done(&["check"])
            .starts_with("every invariant holds\n")
    );
    // It is written once more by the next server.
    let running = place.serve();
    place.done(&["tasks"]);
    assert!(running.stop().status.success());

    tamper(
        &place.data(),
        "INSERT INTO meta VALUES ('instance_url', 'https://a.example')",
    );
    place.configure("[instance]\nurl = \"https://b.example\"\n");
    let said = finds(&place, &["repair"]);
    assert!(
        said.contains("instance.url is https://b.example, https://a.example is remembered"),
        "{said}"
    );
    assert!(said.contains("kinglet instance set-url"), "{said}");
    place.done(&["instance", "set-url", "https://b.example"]);
    assert!(
        place
            .done(&["check"])
            .starts_with("every invariant holds\n")
    );
}

#[tokio::test]
async fn a_file_that_is_broken_is_told_of_and_left_alone() {
    let place = inhabited().await;
    let path = place.data().join("kinglet.db");
    // A page in the middle of the tree of posts is overwritten.
    let page: i64 = {
        let database = Connection::open(&path).expect("it opens");
        database
            .query_row(
                "SELECT rootpage FROM sqlite_schema WHERE name = 'posts'",
                (),
                |row| row.get(0),
            )
            .expect("a page")
    };
    let mut bytes = fs::read(&path).expect("it is there");
    let from = usize::try_from(page - 1).expect("a page") * 4096;
    bytes[from..from + 4096].fill(0x5a);
    fs::write(&path, &bytes).expect("it is written");
    let said = finds(&place, &["check"]);
    let errors = place.fails(1, &["check"]);
    assert!(said.contains("integrity: "), "{said}{errors}");
    assert!(said.contains("kinglet restore"), "{said}");
    let output = place.run(&["repair"]);
    assert_eq!(output.status.code(), Some(1));
    let mut after = fs::read(&path).expect("it is there");
    after.truncate(bytes.len());
    assert!(
        after[from..from + 4096] == bytes[from..from + 4096],
        "it is left alone"
    );
}

#[tokio::test]
async fn writers_dont_wait_for_a_check() {
    let place = inhabited().await;
    let token = place.done(&["token", "create", "bob", "--scopes", "read write"]);
    let running = place.serve();
    let bob = Client::new(&running.url).with_token(token.trim());
    let checking = {
        let command = place.command(&["check"]).spawn();
        command.expect("it starts")
    };
    for number in 0..20 {
        let body = json!({"status": format!("number {number}")});
        let answer = bob.post("/api/v1/statuses", body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let output = checking.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.starts_with("every invariant holds\n"), "{said}");
    assert!(running.stop().status.success());
}

/// Fills a stopped instance with posts of bob's as fast as SQLite can, each with a hashtag and in the search index.
fn crowd(data: &Path, posts: u64) {
    tamper(
        data,
        &format!(
            "BEGIN;
             CREATE TEMP TABLE numbers AS
                 WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {posts}) SELECT n FROM numbers;
             CREATE TEMP TABLE newest AS SELECT max(key) AS key, max(id) AS id FROM posts;
             INSERT INTO posts (key, id, author, visibility, text)
                 SELECT newest.key + n, newest.id + n * 4096, (SELECT id FROM accounts WHERE name = 'bob'), 0,
                     'a wren sang at dawn in the hedge of garden number' || n || ' and nobody heard it #birds'
                 FROM numbers, newest;
             INSERT INTO post_terms (rowid, terms)
                 SELECT newest.key + n, 'a wren sang at dawn in the hedge of garden number' || n || ' and nobody heard it birds'
                 FROM numbers, newest;
             INSERT INTO post_tags SELECT tags.id, newest.id + n * 4096 FROM numbers, newest, tags WHERE name = 'birds';
             UPDATE accounts SET posts_count = posts_count + {posts},
                 last_open_post = (SELECT max(id) FROM posts), last_entry = (SELECT max(id) FROM posts) WHERE name = 'bob';
             UPDATE meta SET value = (SELECT max(id) FROM posts) WHERE name = 'last_id';
             COMMIT;"
        ),
    );
}

/// The most memory that a process had, in KiB, as far as it was seen.
fn peak_kib(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// `KINGLET_CHECK_POSTS=1000000` has it look at a million posts.
#[tokio::test]
async fn a_check_needs_no_more_memory_for_more_posts() {
    let posts = std::env::var("KINGLET_CHECK_POSTS").ok();
    let posts = posts.map_or(20_000, |posts| posts.parse().expect("a number"));
    let place = inhabited().await;
    crowd(&place.data(), posts);
    let begun = Moment::now();
    let mut child = place.command(&["check"]).spawn().expect("it starts");
    let mut peak = 0;
    while child.try_wait().expect("it can be asked").is_none() {
        peak = peak_kib(child.id()).map_or(peak, |seen| seen.max(peak));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let seconds = begun.elapsed_nanos() / 1_000_000_000;
    let output = child.wait_with_output().expect("it ended");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.starts_with("every invariant holds\n"), "{said}");
    println!(
        "{posts} posts were checked in {seconds} s with {} MiB",
        peak / 1024
    );
    // What every command needs, a debug build's pages of code included, and a few for what is added up.
    assert!(peak < 128 * 1024, "{peak} KiB");
}

#[tokio::test]
async fn every_command_of_the_page_does_what_it_says() {
    let place = inhabited().await;
    let home = place.path().to_str().expect("UTF-8").to_owned();
    place.done(&["backup", "set"]);
    let shell = Shell::new(place.path());
    tamper(&place.data(), "UPDATE posts SET favourites_count = 7");
    let steps = commands(&part("## Is everything right?"));
    assert!(steps.len() >= 4, "{steps:?}");
    for step in steps {
        let step = step.replace("/var/backups/kinglet/by-hand", &format!("{home}/set"));
        shell.done(&step);
    }
}
