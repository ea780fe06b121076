//! Backups: made under load, scheduled, shipped, tried out, restored elsewhere with what was deleted since deleted again.

mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kinglet::clock::Moment;
use kinglet::config::Config;
use kinglet::control;
use kinglet::control::protocol::{Answer, Request};
use kinglet::domain::access::Authority;
use kinglet::store::queries::jobs::{ListSchedules, ScheduleRow};
use kinglet::store::units::RunTaskNow;
use rusqlite::{Connection, OpenFlags};
use support::process::{Place, Running};
use support::server::{Client, Rig};
use support::tools::free_address;
use support::website::Visitor;
use support::writing::write;

/// Posts that are on their way at once while a backup is made.
const WRITERS: usize = 64;
/// Posts that are there before it begins, so that it takes a while.
const POSTS_BEFORE: usize = 10_000;
/// How long a task that was asked for may take.
const TASK_TIME_MAX: Duration = Duration::from_secs(30);
const DAY_SECONDS: i64 = 24 * 60 * 60;

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("JSON")
}

/// A table's rows, each as one text.
fn rows(database: &Path, sql: &str) -> Vec<String> {
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let connection = connection.expect("it opens");
    let mut statement = connection.prepare(sql).expect("it is SQL");
    let columns = statement.column_count();
    let rows = statement.query_map((), |row| {
        let values = (0..columns).map(|column| Ok(format!("{:?}", row.get_ref(column)?)));
        Ok(values.collect::<rusqlite::Result<Vec<_>>>()?.join("|"))
    });
    rows.expect("rows").map(|row| row.expect("a row")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_a_backup_is_a_prefix_of_what_was_acknowledged() {
    let rig = Rig::start(&["alice", "bob"]).await;
    let instance = rig.server.instance().clone();
    let authors = [rig.person("alice").id, rig.person("bob").id];
    let writing = Arc::new(AtomicBool::new(true));
    let begun = Moment::now();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (instance, writing) = (instance.clone(), Arc::clone(&writing));
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for number in 0.. {
                    if !writing.load(Ordering::Relaxed) {
                        break;
                    }
                    let text = format!("{number} of {writer} #load @bob");
                    let author = authors[number % authors.len()];
                    acknowledged.push((write(&instance, author, text.clone()).await, text));
                }
                acknowledged
            })
        })
        .collect();
    let database = instance.data_dir.join("kinglet.db");
    let count = || rows(&database, "SELECT count(*) FROM posts")[0].clone();
    while rows(
        &database,
        &format!("SELECT 1 FROM (SELECT count(*) AS n FROM posts) WHERE n >= {POSTS_BEFORE}"),
    )
    .is_empty()
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let before = rows(&database, "SELECT max(id) FROM posts");
    let parent = tempfile::tempdir().expect("a directory");
    let set = parent.path().join("set");
    let asked = Moment::now();
    let request = Request::BackUp {
        directory: set.to_str().expect("UTF-8").to_owned(),
        settings: None,
    };
    let made = control::handle(request, &instance).await;
    let took = asked.elapsed_nanos() / 1_000_000;
    let Ok(Answer::BackedUp { manifest }) = made else {
        panic!("{made:?}");
    };
    writing.store(false, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.expect("every write was answered"));
    }
    let seconds = begun.elapsed_nanos() as f64 / 1e9;
    println!(
        "{} posts in {seconds:.1} s ({:.0} a second), backup of {} bytes in {took} ms, {} rows",
        acknowledged.len(),
        acknowledged.len() as f64 / seconds,
        manifest.bytes(),
        count()
    );

    let place = Place::new();
    let set = set.to_str().expect("UTF-8");
    place.done(&["backup", "verify", set]);
    place.done(&["restore", set]);
    assert!(
        place
            .done(&["check"])
            .starts_with("every invariant holds\n")
    );
    let restored = place.data().join("kinglet.db");
    let last = rows(&restored, "SELECT max(id) FROM posts");
    let number = |row: &str| -> i64 {
        let digits = row.trim_start_matches("Integer(").trim_end_matches(')');
        digits.parse().expect("a number")
    };
    let (first_after, last) = (number(&before[0]), number(&last[0]));
    assert!(first_after <= last, "what was there before is in it");
    for sql in [
        "SELECT id, author, visibility, text, spoiler, language FROM posts WHERE id <= {last} ORDER BY id",
        "SELECT * FROM mentions WHERE post <= {last} ORDER BY post, account",
        "SELECT * FROM post_tags WHERE post <= {last} ORDER BY post, tag",
        "SELECT account, kind, sender, post FROM notifications WHERE post <= {last} ORDER BY post, account",
    ] {
        let sql = sql.replace("{last}", &last.to_string());
        let (live, copied) = (rows(&database, &sql), rows(&restored, &sql));
        assert!(!copied.is_empty(), "{sql}");
        assert!(live == copied, "{sql}: {} and {}", live.len(), copied.len());
    }
    // Nothing beyond the prefix, and all of it that was acknowledged.
    let texts = rows(&restored, "SELECT id, text FROM posts ORDER BY id");
    let mut expected: Vec<_> = acknowledged
        .iter()
        .filter(|(id, _)| id.0 <= last)
        .map(|(id, text)| (id.0, text.clone()))
        .collect();
    expected.sort_unstable();
    assert_eq!(texts.len(), expected.len());
    for (row, (id, text)) in texts.iter().zip(&expected) {
        assert!(row.starts_with(&format!("Integer({id})|")), "{row} {id}");
        let copied = rows(
            &restored,
            &format!("SELECT 1 FROM posts WHERE id = {id} AND text = '{text}'"),
        );
        // Every hundredth is read again by its text: each is a statement.
        if id % 100 == 0 {
            assert_eq!(copied.len(), 1, "{id} {text}");
        }
    }
}

#[tokio::test]
async fn a_backup_becomes_an_instance_again_elsewhere() {
    let place = Place::new();
    place.configure(
        "[instance]\ntitle = \"Birds\"\n\n[mail]\nurl = \"smtp+starttls://u:secret@mail.example\"\n",
    );
    for name in ["alice", "bob"] {
        let email = format!("{name}@example.org");
        place.done(&["user", "create", name, "--email", &email]);
    }
    let running = place.serve();
    let token = |name: &str| {
        let token = place.done(&["token", "create", name, "--scopes", "read write"]);
        Client::new(&running.url).with_token(token.trim())
    };
    let (alice, bob) = (token("alice"), token("bob"));
    let post = async |client: &Client, text: &str| {
        let answer = client
            .post("/api/v1/statuses", serde_json::json!({"status": text}))
            .await;
        json(&answer.text)["id"].as_str().expect("an id").to_owned()
    };
    let kept = post(&alice, "a wren").await;
    let deleted = post(&alice, "a mistake").await;
    post(&bob, "a gull").await;
    let told = place.done(&["backup", "set"]);
    assert!(told.contains("made on the same disk"), "{told}");
    let manifest = json(&fs::read_to_string(place.path().join("set/manifest.json")).expect("it"));
    let names: Vec<_> = manifest["files"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|file| file["name"].clone())
        .collect();
    assert_eq!(names, ["kinglet.db", "config.toml"]);
    assert!(manifest["left_out"][0]["name"] == "timelines/");
    let set = place.path().join("set");
    let mode = |path: &Path| {
        use std::os::unix::fs::PermissionsExt;
        let found = fs::metadata(path).expect("it is there");
        found.permissions().mode() & 0o777
    };
    assert_eq!(mode(&set.join("config.toml")), 0o600, "it holds secrets");
    assert!(place.done(&["backup", "verify", "set"]).contains("sound"));
    let after = post(&alice, "a heron").await;
    let gone = alice.delete(&format!("/api/v1/statuses/{deleted}")).await;
    assert_eq!(gone.status, 200, "{}", gone.text);
    place.done(&["user", "delete", "bob", "--yes"]);
    let errors = place.fails(1, &["restore", "set"]);
    assert!(errors.contains("holds an instance already"), "{errors}");
    assert!(running.stop().status.success());
    let errors = place.fails(1, &["restore", "set"]);
    assert!(errors.contains("holds an instance already"), "{errors}");

    // Elsewhere, under another address; what was deleted is there again, for nobody there knows of it.
    let elsewhere = Place::new();
    let set = set.to_str().expect("UTF-8");
    let told = elsewhere.done(&["restore", set, "--url", "https://new.example"]);
    assert!(told.contains("config.toml"), "{told}");
    assert!(told.contains("--deletions-from"), "{told}");
    assert!(
        elsewhere
            .done(&["check"])
            .starts_with("every invariant holds\n")
    );
    let address = free_address().to_string();
    let running = Running::start(elsewhere.command(&["serve", "--listen", &address]));
    assert_eq!(running.url, "https://new.example");
    let reader = Client::new(&format!("http://{address}"));
    let found = async |reader: &Client, id: &str| {
        let answer = reader.get(&format!("/api/v1/statuses/{id}")).await;
        (answer.status == 200).then(|| json(&answer.text))
    };
    let wren = found(&reader, &kept).await.expect("it was there");
    assert_eq!(wren["url"], format!("https://new.example/@alice/{kept}"));
    assert!(found(&reader, &deleted).await.is_some());
    assert!(found(&reader, &after).await.is_none());
    assert!(running.stop().status.success());

    // At home, where the old data is left.
    fs::rename(place.data(), place.path().join("data.old")).expect("it is moved");
    let foreign = elsewhere.data();
    let stranger = Place::new();
    stranger.done(&["user", "create", "eve", "--email", "e@example.org"]);
    let errors = place.fails(
        1,
        &[
            "restore",
            "set",
            "--deletions-from",
            stranger.data().to_str().expect("UTF-8"),
        ],
    );
    assert!(errors.contains("another instance"), "{errors}");
    assert!(!place.data().join("kinglet.db").exists());
    let errors = place.fails(1, &["restore", "set", "--deletions-from", "nowhere"]);
    assert!(errors.contains("nobody knows what was deleted"), "{errors}");
    let told = place.done(&["restore", "set", "--deletions-from", "data.old"]);
    assert!(told.contains("1 posts, 1 accounts, 0 sign-ups"), "{told}");
    assert!(
        place
            .done(&["check"])
            .starts_with("every invariant holds\n")
    );
    let running = place.serve();
    let reader = Client::new(&running.url);
    assert!(found(&reader, &kept).await.is_some());
    assert!(found(&reader, &deleted).await.is_none());
    let users = json(&place.done(&["user", "list", "--json"]));
    assert_eq!(users[1]["state"], "deleted", "{users}");
    let errors = place.fails(1, &["user", "create", "bob", "--email", "b2@example.org"]);
    assert!(errors.contains("taken"), "{errors}");
    assert!(running.stop().status.success());
    assert!(foreign.exists());
}

/// Has a task run now, and waits for its end.
async fn run_task(rig: &Rig, task: &str) -> ScheduleRow {
    rig.pass_seconds(1);
    let asked_at = rig.clock_now();
    let actors = &rig.server.instance().actors;
    let ran = async {
        let run = || RunTaskNow {
            by: Authority::Operator,
            task: task.to_owned(),
        };
        while actors.perform(run()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        loop {
            let rows = actors.find(ListSchedules).await.expect("an answer");
            let row = rows.into_iter().find(|row| row.task == task);
            let row = row.expect("it was planned");
            if row.started_at.is_some_and(|at| at.millis() >= asked_at)
                && row.due_at.millis() > asked_at
            {
                return row;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let ran = tokio::time::timeout(TASK_TIME_MAX, ran).await;
    ran.expect("it ends")
}

fn sets(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("it is there");
    let names = entries.map(|entry| entry.expect("a name").file_name());
    let mut names: Vec<_> = names
        .map(|name| name.into_string().expect("UTF-8"))
        .filter(|name| name.starts_with("kinglet-"))
        .collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn scheduled_backups_are_made_shipped_kept_for_a_while_and_tried_out() {
    let parent = tempfile::tempdir().expect("a directory");
    let (directory, away) = (parent.path().join("sets"), parent.path().join("away"));
    let mut config = Config::default();
    config.http.listen = "127.0.0.1:0".parse().expect("an address");
    config.backup.directory = Some(directory.clone());
    config.backup.keep = 2;
    config.backup.after_command = ["cp", "-rt", away.to_str().expect("UTF-8"), "{}"]
        .map(str::to_owned)
        .to_vec();
    let mut rig = Rig::start_configured(config, &["ada"], |builder| builder).await;
    rig.add("owner", kinglet::domain::account::Role::Owner)
        .await;
    let visitor = Visitor::new();
    let base = rig.server.url().to_owned();
    let page = visitor.open(&format!("{base}/login")).await;
    let password = support::server::password_of("owner");
    let filled = [("login", "owner"), ("password", password.as_str())];
    visitor.send(&page, "/login", &filled).await;
    let admin = async || visitor.open(&format!("{base}/admin/tasks")).await.html;

    let failed = run_task(&rig, "restore_drills").await;
    let error = failed.last_error.expect("there is nothing to restore");
    assert!(error.contains("no backup in backup.directory"), "{error}");

    // The command fails, for there is no such directory yet: a failure that shows, and the backup stays.
    let failed = run_task(&rig, "backups").await;
    let error = failed.last_error.expect("it wasn't shipped");
    assert!(
        error.contains("backup.after_command ended with 1"),
        "{error}"
    );
    assert!(error.contains("the backup itself is whole"), "{error}");
    assert_eq!(sets(&directory).len(), 1);
    let html = admin().await;
    assert!(html.contains("Not shipped"), "{html}");
    assert!(html.contains("on the same disk as the data"), "{html}");
    assert!(html.contains("backup.after_command ended with 1"), "{html}");

    // Tried again, only that is done which failed.
    fs::create_dir(&away).expect("it is made");
    assert_eq!(run_task(&rig, "backups").await.last_error, None);
    assert_eq!(sets(&directory).len(), 1);
    assert_eq!(sets(&away), sets(&directory));
    assert!(admin().await.contains("Whole, shipped"));

    // A crash left a half-made one; two more days.
    let half = directory.join("kinglet-20200101T000000Z");
    fs::create_dir(&half).expect("it is made");
    fs::write(half.join("unfinished"), "").expect("it is written");
    for _ in 0..2 {
        rig.pass_seconds(DAY_SECONDS);
        assert_eq!(run_task(&rig, "backups").await.last_error, None);
    }
    assert!(!half.exists());
    let (kept, shipped) = (sets(&directory), sets(&away));
    assert_eq!((kept.len(), shipped.len()), (2, 3), "{kept:?} {shipped:?}");
    assert_eq!(kept, shipped[1..]);

    assert_eq!(run_task(&rig, "restore_drills").await.last_error, None);
    let html = admin().await;
    assert!(html.contains("Restored and checked"), "{html}");
    assert!(!directory.join("restore-drill").exists());

    // A set that rots is found.
    let newest = directory.join(&kept[1]).join("kinglet.db");
    let mut bytes = fs::read(&newest).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&newest, bytes).expect("it is written");
    let failed = run_task(&rig, "restore_drills").await;
    let error = failed.last_error.expect("it can't be restored");
    assert!(error.contains("its hash is another"), "{error}");
    assert!(admin().await.contains("its hash is another"));
}
