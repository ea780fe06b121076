//! Deleting means deleted: words that stand nowhere else are put wherever somebody can write, their posts and accounts are
//! deleted, and no file of the data directory has them any more, nor does any page.

mod support;

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kinglet::config::Config;
use kinglet::control;
use kinglet::control::protocol::{Answer, Request};
use kinglet::domain::access::Authority;
use kinglet::domain::account::Role;
use kinglet::instance::Instance;
use kinglet::store::units::{DeleteAccount, RunTaskNow};
use reqwest::Method;
use serde_json::{Value, json};
use support::operations::{commands, part};
use support::process::Place;
use support::server::{Client, Rig, password_of};
use support::website::Visitor;
use tokio::time::{sleep, timeout};

/// How long what is done by itself may take: a second after the last deletion the log is emptied.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// Letters of a word that stands nowhere else.
const WORD_LETTERS: usize = 18;
/// Of these it is enough to find the last: the index leaves out what a term has in common with the one before.
const TAIL_LETTERS: usize = 12;

/// A word that stands nowhere else, one for each place.
fn word(place: &str) -> String {
    const LETTERS: &[u8; 16] = b"bcdfghjklmnpqrst";
    let mut word = String::new();
    for round in 0..2 {
        let mut hasher = DefaultHasher::new();
        (place, round, "deleted").hash(&mut hasher);
        let mut number = hasher.finish();
        while word.len() < WORD_LETTERS * (round + 1) / 2 {
            word.push(LETTERS[usize::try_from(number % 16).expect("small")].into());
            number /= 16;
        }
    }
    word
}

/// Words to look for, each with its place. What somebody writes in capitals is also looked for as the index has it.
#[derive(Default)]
struct Words(Vec<(String, String)>);

impl Words {
    /// A new word, as it is.
    fn plain(&mut self, place: &str) -> String {
        let word = word(place);
        self.0.push((place.to_owned(), word.clone()));
        word
    }

    /// A new word in capitals, which the index has in small letters.
    fn indexed(&mut self, place: &str) -> String {
        let word = self.plain(&format!("{place}, in the index"));
        let capitals = word.to_uppercase();
        self.0.push((place.to_owned(), capitals.clone()));
        capitals
    }

    /// The places whose words stand in the files of a directory, each with the file.
    fn found_in(&self, data: &Path) -> Vec<(String, String)> {
        // What this process opened and closed itself would take along the locks that the server has on it.
        let copy = tempfile::tempdir().expect("a directory");
        let copied = Command::new("cp")
            .arg("-a")
            .arg(data)
            .arg(copy.path())
            .stderr(std::process::Stdio::null())
            .status();
        // A file may go while it is copied: what is there then is seen with the next look.
        copied.expect("cp runs");
        let mut found = Vec::new();
        for file in files(copy.path()) {
            let bytes = fs::read(&file).expect("it was copied");
            for (place, word) in &self.0 {
                let tail = &word.as_bytes()[WORD_LETTERS - TAIL_LETTERS..];
                if holds(&bytes, tail) {
                    let name = file.file_name().expect("a file has a name");
                    found.push((place.clone(), name.to_string_lossy().into_owned()));
                }
            }
        }
        found
    }

    /// Every word stands in a file: it could be found if it were there afterwards. While a file is copied, what it
    /// holds may pass into another that was copied before, so each word counts that is seen once.
    async fn require_all(&self, data: &Path) {
        let mut missing: Vec<&str> = self.0.iter().map(|(place, _)| place.as_str()).collect();
        let looking = async {
            loop {
                let found = self.found_in(data);
                missing.retain(|place| !found.iter().any(|(other, _)| other == place));
                if missing.is_empty() {
                    break;
                }
                sleep(LOOK_INTERVAL).await;
            }
        };
        let looked = timeout(PATIENCE, looking).await;
        assert!(looked.is_ok(), "nowhere: {missing:?}");
    }

    /// No word stands in any file, soon.
    async fn until_gone(&self, data: &Path) {
        let gone = async {
            while !self.found_in(data).is_empty() {
                sleep(LOOK_INTERVAL).await;
            }
        };
        let gone = timeout(PATIENCE, gone).await;
        assert!(gone.is_ok(), "still there: {:?}", self.found_in(data));
    }

    /// No word stands in an answer but what was asked for, which is told again.
    #[track_caller]
    fn require_none(&self, path: &str, text: &str) {
        for (place, word) in &self.0 {
            assert!(
                path.contains(word.as_str()) || !text.contains(word.as_str()),
                "{path} has the {place}"
            );
        }
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => files.extend(self::files(&path)),
            Ok(found) if found.is_file() => files.push(path),
            // The control socket.
            _ => {}
        }
    }
    files
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    let last = part[part.len() - 1];
    let mut from = part.len() - 1;
    while let Some(at) = bytes
        .get(from..)
        .and_then(|rest| rest.iter().position(|byte| *byte == last))
    {
        let end = from + at + 1;
        if bytes[..end].ends_with(part) {
            return true;
        }
        from = end;
    }
    false
}

async fn rig(data: &Path) -> Rig {
    let mut config = Config::default();
    config.http.listen = "127.0.0.1:0".parse().expect("an address");
    config.limits.rate_limits = false;
    config.storage.forget_after_secs = 1;
    let data = data.to_owned();
    Rig::start_configured(config, &["robin"], |builder| builder.data_dir(data)).await
}

async fn post(client: &Client, fields: Value, key: Option<&str>) -> String {
    let mut request = client
        .request(Method::POST, "/api/v1/statuses")
        .json(&fields);
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    let written = client.send(request).await.ok();
    written["id"].as_str().expect("an id").to_owned()
}

#[expect(
    clippy::panic,
    reason = "clippy takes only the test functions themselves for tests"
)]
async fn check(instance: &Instance) {
    match control::handle(Request::Check, instance).await {
        Ok(Answer::Checked { broken }) => assert!(broken.is_empty(), "{broken:?}"),
        other => panic!("{other:?}"),
    }
}

/// Asks for everything that could show a word, as everybody who could see it.
async fn read_everything(rig: &Rig, readers: &[&Client], paths: &[String], words: &Words) {
    for path in paths {
        for client in readers {
            words.require_none(path, &client.get(path).await.text);
        }
    }
    check(rig.server.instance()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_post_is_in_no_file_and_on_no_page() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let mut rig = rig(&data).await;
    let (wren, tit) = (
        rig.add("wren", Role::User).await,
        rig.add("tit", Role::User).await,
    );
    let robin = rig.client("robin").clone();
    for person in [&wren, &tit] {
        robin
            .post_empty(&format!("/api/v1/accounts/{}/follow", person.id))
            .await
            .ok();
    }
    let mut words = Words::default();
    let tag = words.plain("hashtag");
    let mut posts = Vec::new();
    // The one that has everything: a warning, a tag, an edit before, a key, boosts, favourites, bookmarks, an answer.
    let (first, warned) = (words.indexed("first text"), words.indexed("first warning"));
    let said = json!({"status": format!("{first} @robin #{tag}"), "spoiler_text": warned});
    posts.push((
        &wren,
        post(&wren.client, said.clone(), Some("the key of a retry")).await,
    ));
    let again = post(&wren.client, said.clone(), Some("the key of a retry")).await;
    assert_eq!(again, posts[0].1, "the key is known");
    // The index has what a post says now, its history what it said.
    for place in ["first text, in the index", "first warning, in the index"] {
        words.0.retain(|(known, _)| known != place);
    }
    let edited = words.indexed("text after an edit");
    let path = format!("/api/v1/statuses/{}", posts[0].1);
    let change = json!({"status": format!("{edited} #{tag}"), "spoiler_text": words.indexed("warning after an edit")});
    wren.client.put(&path, change).await.ok();
    for visibility in ["unlisted", "private", "direct"] {
        let text = format!("{} @robin", words.indexed(visibility));
        let said = json!({"status": text, "visibility": visibility});
        posts.push((&wren, post(&wren.client, said, None).await));
    }
    // So long that it doesn't fit into a page of the database.
    let long = format!("{} ", words.indexed("long text")).repeat(25);
    posts.push((
        &wren,
        post(&wren.client, json!({"status": long}), None).await,
    ));
    // A tag is counted when two people use it.
    let second = json!({"status": format!("{} #{tag}", words.indexed("text of somebody else"))});
    posts.push((&tit, post(&tit.client, second, None).await));
    // What others wrote stays.
    let mut kept = Words::default();
    let answer = json!({"status": kept.indexed("answer"), "in_reply_to_id": posts[0].1});
    let answer = post(&robin, answer, None).await;
    for verb in ["reblog", "favourite", "bookmark"] {
        for (_, id) in posts
            .iter()
            .filter(|(_, id)| *id == posts[0].1 || *id == posts[5].1)
        {
            robin
                .post_empty(&format!("/api/v1/statuses/{id}/{verb}"))
                .await
                .ok();
        }
    }
    rig.pass_seconds(24 * 60 * 60);
    rig.count_statistics().await;

    let mut paths: Vec<String> = [
        "/api/v1/timelines/home",
        "/api/v1/timelines/public",
        "/api/v1/notifications",
        "/api/v1/favourites",
        "/api/v1/bookmarks",
        "/api/v1/admin/dimensions",
        "/stats",
        "/stats.csv",
        "/stats.json",
        "/local",
        "/",
    ]
    .map(str::to_owned)
    .to_vec();
    paths.extend([
        format!("/api/v1/timelines/tag/{tag}"),
        format!("/tags/{tag}"),
        format!("/api/v2/search?q={edited}"),
        format!("/api/v2/search?q=%23{tag}"),
        format!("/api/v1/statuses/{answer}/context"),
        format!("/@robin/{answer}"),
    ]);
    for person in [&wren, &tit] {
        paths.push(format!("/api/v1/accounts/{}/statuses", person.id));
        paths.push(format!("/@{}", person.name));
        paths.push(format!("/@{}/with_replies", person.name));
    }
    let mut own = Vec::new();
    for (person, id) in &posts {
        for end in [
            "",
            "/context",
            "/history",
            "/source",
            "/favourited_by",
            "/reblogged_by",
        ] {
            own.push(format!("/api/v1/statuses/{id}{end}"));
        }
        for end in ["", "/history"] {
            own.push(format!("/@{}/{id}{end}", person.name));
        }
    }
    let anonymous = rig.anonymous();
    let readers = [&wren.client, &tit.client, &robin, &anonymous];
    let mut shown = String::new();
    for path in paths.iter().chain(&own) {
        for client in readers {
            let answer = client.get(path).await;
            assert!(answer.status < 500, "{path}: {}", answer.text);
            shown.push_str(&answer.text);
        }
    }
    for (place, word) in &words.0 {
        let is_shown = shown.contains(word.as_str()) || place.ends_with("in the index");
        assert!(is_shown, "{place} is on no page");
    }
    words.require_all(&data).await;

    for (person, id) in &posts {
        person
            .client
            .delete(&format!("/api/v1/statuses/{id}"))
            .await
            .ok();
    }
    // At once, for everybody.
    read_everything(&rig, &readers, &paths, &words).await;
    for path in &own {
        for client in readers {
            let status = client.get(path).await.status;
            let may_be_asked = client.token().is_some() || !path.ends_with("/source");
            assert_eq!(status, if may_be_asked { 404 } else { 401 }, "{path}");
        }
    }
    words.until_gone(&data).await;
    kept.require_all(&data).await;
    // The key isn't known any more: the same words make another post, which goes as well.
    let again = post(&wren.client, said, Some("the key of a retry")).await;
    assert!(posts.iter().all(|(_, id)| *id != again));
    wren.client
        .delete(&format!("/api/v1/statuses/{again}"))
        .await
        .ok();
    rig.server.shutdown().await.expect("it stops");
    assert_eq!(words.found_in(&data), [], "after the stop");
    kept.require_all(&data).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_account_is_in_no_file_and_its_name_is_nobody_s() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let mut rig = rig(&data).await;
    let mut words = Words::default();
    let name = words.plain("name");
    let wren = rig.add(&name, Role::User).await;
    let robin = rig.client("robin").clone();
    let profile = json!({
        "display_name": words.indexed("display name"),
        "note": words.plain("bio"),
        "fields_attributes": [{"name": words.plain("name of a field"), "value": words.plain("value of a field")}],
    });
    wren.client
        .patch("/api/v1/accounts/update_credentials", profile)
        .await
        .ok();
    robin
        .post_empty(&format!("/api/v1/accounts/{}/follow", wren.id))
        .await
        .ok();
    let text = words.indexed("text");
    for number in 0..120 {
        let said = json!({"status": format!("{text} {number} {}", words.indexed(&format!("text {number}")))});
        post(&wren.client, said, None).await;
    }
    // Who is named by others is named by id; the letters of the name are theirs.
    let named = post(&robin, json!({"status": "@nobody and nobody else"}), None).await;
    let visitor = Visitor::new();
    let page = visitor.open(&format!("{}/login", rig.server.url())).await;
    let fields = [("login", &*name), ("password", &*password_of(&name))];
    let home = visitor.send(&page, "/login", &fields).await;
    assert_eq!(home.url.path(), "/", "{}", home.html);
    let account_page = format!("{}/settings/account", rig.server.url());
    let page = visitor.open(&account_page).await;
    let password = password_of(&name);
    let ask = [("archive_password", &*password)];
    visitor.send(&page, "/settings/archive", &ask).await;
    let archives = || fs::read_dir(data.join("archives")).map_or(0, Iterator::count);
    let made = async {
        while !visitor
            .open(&account_page)
            .await
            .html
            .contains("/settings/archive.zip")
        {
            sleep(LOOK_INTERVAL).await;
        }
    };
    timeout(PATIENCE, made).await.expect("the archive is made");
    assert_eq!(archives(), 1);

    let paths: Vec<String> = [
        "/api/v1/timelines/home".to_owned(),
        "/api/v1/timelines/public".to_owned(),
        "/api/v1/notifications".to_owned(),
        "/api/v1/directory".to_owned(),
        format!("/api/v1/accounts/{}", wren.id),
        format!("/api/v1/accounts/{}/statuses", wren.id),
        format!("/api/v1/accounts/{}/followers", wren.id),
        format!("/api/v1/accounts/lookup?acct={name}"),
        format!("/api/v1/accounts/search?q={name}"),
        format!("/api/v2/search?q={text}"),
        format!("/api/v2/search?q={}", &name[..6]),
        format!("/@{name}/with_replies"),
        format!("/api/v1/statuses/{named}"),
        "/".to_owned(),
        "/local".to_owned(),
        "/@robin/following".to_owned(),
    ]
    .to_vec();
    let anonymous = rig.anonymous();
    let mut shown = String::new();
    for path in &paths {
        for client in [&robin, &anonymous] {
            shown.push_str(&client.get(path).await.text);
        }
    }
    for place in [
        "name",
        "display name",
        "bio",
        "value of a field",
        "text",
        "text 119",
    ] {
        let (_, word) = words
            .0
            .iter()
            .find(|(known, _)| known == place)
            .expect("a word");
        assert!(shown.contains(word.as_str()), "{place} is on no page");
    }
    words.require_all(&data).await;

    let by = Authority::Operator;
    let delete = DeleteAccount {
        by,
        account: wren.id,
    };
    rig.server
        .instance()
        .actors
        .perform(delete)
        .await
        .expect("it is deleted");
    for path in &paths {
        for client in [&robin, &anonymous] {
            let answer = client.get(path).await;
            words.require_none(path, &answer.text);
        }
    }
    assert_eq!(wren.client.get("/api/v1/timelines/home").await.status, 401);
    words.until_gone(&data).await;
    assert_eq!(archives(), 0);
    check(rig.server.instance()).await;
    // Nobody gets the name, in whatever case; another one is free.
    for taken in [name.clone(), name.to_uppercase()] {
        let address = "somebody@example.org";
        let made = rig
            .server
            .create_account(&taken, address, "a long password", Role::User)
            .await;
        let refusal = made.expect_err("the name is taken").to_string();
        assert!(refusal.contains("already been taken"), "{refusal}");
    }
    let address = format!("{name}@example.org");
    let freed = rig
        .server
        .create_account("somebody", &address, "a long password", Role::User);
    freed.await.expect("the address is free");
    let instance = rig.server.instance();
    let task = RunTaskNow {
        by,
        task: "database".to_owned(),
    };
    instance
        .actors
        .perform(task)
        .await
        .expect("the task is there");
    rig.server.shutdown().await.expect("it stops");
    words.0.retain(|(place, _)| place != "name");
    assert_eq!(words.found_in(&data), [], "after the stop");
}

#[test]
fn a_deleted_name_stays_taken_wherever_the_instance_goes() {
    let place = Place::new();
    let create = |place: &Place, name: &str| {
        let address = format!("{}@example.org", name.to_lowercase());
        place.run(&["user", "create", name, "--email", &address])
    };
    let is_taken = |place: &Place, name: &str| {
        let output = create(place, name);
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.success() || complaint.contains("already been taken"),
            "{complaint}"
        );
        !output.status.success()
    };
    for name in ["robin", "before"] {
        assert!(!is_taken(&place, name));
    }
    let set = place.path().join("set");
    let set = set.to_str().expect("UTF-8");
    place.done(&["backup", set]);
    assert!(!is_taken(&place, "after"));
    for name in ["before", "after"] {
        place.done(&["user", "delete", name, "--yes"]);
    }
    for name in ["before", "After"] {
        assert!(is_taken(&place, name), "{name}");
    }
    // A backup that knows one of them alive and the other not at all.
    let old = place.path().join("old");
    fs::rename(place.data(), &old).expect("it is moved");
    let old = old.to_str().expect("UTF-8");
    place.done(&["restore", set, "--deletions-from", old]);
    for name in ["BEFORE", "after"] {
        assert!(is_taken(&place, name), "{name}");
    }
    let checked = place.done(&["check"]);
    assert!(checked.starts_with("every invariant holds\n"), "{checked}");
    // And the whole instance elsewhere.
    let packed = place.path().join("kinglet.tar.gz");
    let packed = packed.to_str().expect("UTF-8");
    place.done(&["export", "--instance", packed]);
    let elsewhere = Place::new();
    elsewhere.done(&["import", "--instance", packed]);
    for name in ["before", "AFTER"] {
        assert!(is_taken(&elsewhere, name), "{name}");
    }
    assert!(!is_taken(&elsewhere, "beforehand"));
}

#[test]
fn the_page_about_deleting_can_be_followed() {
    let place = Place::new();
    place.done(&["user", "create", "ada", "--email", "ada@example.org"]);
    let running = place.serve();
    let commands = commands(&part("## Deleting"));
    assert_eq!(commands.len(), 2);
    for command in &commands {
        let arguments: Vec<&str> = command.split(' ').skip(1).collect();
        place.done(&arguments);
    }
    let listed = place.done(&["user", "list"]);
    assert!(
        !listed.lines().any(|line| line.starts_with("ada ")),
        "{listed}"
    );
    assert!(running.stop().status.success());
    let checked = place.done(&["check"]);
    assert!(checked.starts_with("every invariant holds\n"), "{checked}");
}
