//! A member uploads an archive on the website; it is taken in by the server, whatever happens to that meanwhile.
//!
//! `KINGLET_IMPORT_SEED` repeats the moments of the kills; `KINGLET_IMPORT_KILLS` says how many there are (3).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use kinglet::config::Config;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rusqlite::Connection;
use serde_json::Value as Json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::asked::{logged_in, until};
use crate::packing::{actor, collection, create, uri, zip};
use crate::support::process::Place;
use crate::support::server::{Rig, password_of};
use crate::support::website::{Page, Visitor};
use crate::{instance, serve};

const PAGE: &str = "/settings/import";
const MIB: usize = 1024 * 1024;
const PASSWORD: &str = "the password of alice";
/// Posts of the archive that takes a while.
const MANY: i64 = 20_000;
/// The longest time that a server is left alone before it is killed, in milliseconds.
const ALONE_MILLIS_MAX: u64 = 1500;

/// An archive of a thread as long as it.
fn thread(posts: i64) -> Vec<(&'static str, String)> {
    let posts = u64::try_from(posts).expect("a count");
    let items: Vec<Json> = (1..=posts)
        .map(|id| {
            let date = format!(
                "2023-04-05T{:02}:{:02}:{:02}Z",
                id / 3600,
                id / 60 % 60,
                id % 60
            );
            create(id, &date, &format!("<p>Number {id} #row</p>"), |note| {
                if id > 1 {
                    note["inReplyTo"] = uri(id - 1).into();
                }
            })
        })
        .collect();
    vec![
        ("outbox.json", collection("outbox.json", &items)),
        ("actor.json", actor()),
        ("following_accounts.csv", "bob@there.example\n".to_owned()),
    ]
}

fn packed(files: &[(&str, String)]) -> Vec<u8> {
    let place = Place::new();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, &**text)).collect();
    fs::read(zip(&place.path().join("archive.zip"), &files)).expect("it is packed")
}

fn uploads(rig: &Rig) -> Vec<PathBuf> {
    match fs::read_dir(rig.server.data_dir().join("uploads")) {
        Ok(entries) => entries
            .map(|entry| entry.expect("an entry").path())
            .collect(),
        Err(_) => Vec::new(),
    }
}

async fn send(visitor: &Visitor, base: &str, password: &str, name: &str, bytes: Vec<u8>) -> Page {
    let page = visitor.open(&format!("{base}{PAGE}")).await;
    let filled = [("import_password", password)];
    visitor
        .upload(&page, PAGE, &filled, ("archive", name, bytes))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_uploaded_with_the_password_and_taken_in_once() {
    let rig = Rig::start(&["ada", "bob"]).await;
    let (base, password) = (rig.server.url(), password_of("ada"));
    let ada = logged_in(&rig, "ada").await;
    let archive = packed(&thread(5));
    let refused = send(&ada, base, "not the password", "a.zip", archive.clone()).await;
    assert_eq!(refused.status, 403);
    assert!(
        refused.html.contains("password is wrong"),
        "{}",
        refused.html
    );
    // A browser that sends no file, and a form of nobody's.
    let empty = send(&ada, base, &password, "", Vec::new()).await;
    assert_eq!(empty.status, 422);
    assert!(empty.html.contains("Choose a file"), "{}", empty.html);
    let bob = logged_in(&rig, "bob").await;
    let page = bob.open(&format!("{base}{PAGE}")).await;
    let file = ("archive", "a.zip", archive.clone());
    let foreign = ada
        .upload(&page, PAGE, &[("import_password", &password)], file)
        .await;
    assert_eq!(foreign.status, 403);
    assert_eq!(uploads(&rig), [""; 0].map(PathBuf::from), "nothing is kept");

    let sent = send(&ada, base, &password, "../x/archive.zip", archive.clone()).await;
    assert_eq!(
        (sent.status.as_u16(), sent.url.path()),
        (200, PAGE),
        "{}",
        sent.html
    );
    let shown = async || ada.open(&format!("{base}{PAGE}")).await.html;
    until("the import", async || {
        shown().await.contains("It is taken in.")
    })
    .await;
    let html = shown().await;
    for told in [
        "archive.zip, ",
        "posts and boosts: 5 imported",
        "profile: 1 imported",
        "follows: 1 skipped: the account is not one of this instance",
        "bob@there.example",
        "<p>6 imported.</p>",
    ] {
        assert!(html.contains(told), "{told}: {html}");
    }
    assert!(
        !html.contains("http-equiv=\"refresh\"") && !html.contains("../x"),
        "{html}"
    );
    until("the file to go", async || uploads(&rig).is_empty()).await;
    // They are Ada's, with their dates, in a thread.
    let id = rig.person("ada").id;
    let posts = rig
        .client("ada")
        .get(&format!("/api/v1/accounts/{id}/statuses"))
        .await
        .json();
    let posts = posts.as_array().expect("a list");
    assert_eq!(posts.len(), 5);
    assert_eq!(posts[0]["created_at"], "2023-04-05T00:00:05.000Z");
    assert_eq!(posts[0]["in_reply_to_id"], posts[1]["id"]);
    // Nobody else sees the report.
    assert!(
        !bob.open(&format!("{base}{PAGE}"))
            .await
            .html
            .contains("imported.")
    );

    // Once more, and one of its lists alone.
    send(&ada, base, &password, "archive.zip", archive).await;
    until("the import", async || {
        shown().await.contains("5 were imported before")
    })
    .await;
    let list = b"bob@".to_vec();
    let list = [
        list,
        rig.server
            .url()
            .trim_start_matches("http://")
            .as_bytes()
            .to_vec(),
    ]
    .concat();
    send(&ada, base, &password, "following_accounts.csv", list).await;
    until("the import", async || {
        shown().await.contains("follows: 1 imported")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_archive_or_too_large_is_refused_and_leaves_nothing() {
    let start = async |import_max_mib| {
        let mut config = Config::default();
        config.http.listen = "127.0.0.1:0".parse().expect("an address");
        config.limits.rate_limits = false;
        config.limits.import_max_mib = import_max_mib;
        Rig::start_configured(config, &["ada"], |builder| builder).await
    };
    let rig = start(1).await;
    let (base, password) = (rig.server.url(), password_of("ada"));
    let ada = logged_in(&rig, "ada").await;
    let large = send(&ada, base, &password, "a.zip", vec![b'P'; 4 << 20]).await;
    assert_eq!(large.status, 413, "{}", large.html);
    assert!(uploads(&rig).is_empty());
    // More than any other body may have, and no archive.
    let much = send(&ada, base, &password, "a.zip", vec![b'P'; 1 << 20]).await;
    assert_eq!(much.url.path(), PAGE, "{}", much.html);
    let shown = async || ada.open(&format!("{base}{PAGE}")).await.html;
    until("the end", async || {
        shown().await.contains("could not be taken in")
    })
    .await;
    assert!(
        shown().await.contains("neither a ZIP nor a tar.gz"),
        "{}",
        shown().await
    );
    until("the file to go", async || uploads(&rig).is_empty()).await;
    // One that is bad in the middle: nothing of it is there.
    let mut files = thread(80);
    files[0].1 = files[0]
        .1
        .replacen("\"Create\"", "7", 70)
        .replacen("7", "\"Create\"", 69);
    send(&ada, base, &password, "bad.zip", packed(&files)).await;
    until("the end", async || {
        let html = shown().await;
        html.contains("bad.zip") && html.contains("could not be taken in")
    })
    .await;
    let id = rig.person("ada").id;
    let posts = rig
        .client("ada")
        .get(&format!("/api/v1/accounts/{id}/statuses"))
        .await
        .json();
    assert_eq!(posts.as_array().map(Vec::len), Some(0), "{}", shown().await);

    let closed = start(0).await;
    let ada = logged_in(&closed, "ada").await;
    let page = ada.open(&format!("{}{PAGE}", closed.server.url())).await;
    assert!(page.html.contains("only the operator") && !page.html.contains("type=\"file\""));
    let posted = ada
        .post(&format!("{}{PAGE}", closed.server.url()), &[])
        .await;
    assert_eq!(posted.status, 404);
}

/// A form with files that is sent as browsers do: all of it goes out before anybody looks for an answer.
struct Upload {
    socket: TcpStream,
    rest: Vec<u8>,
}

impl Upload {
    /// Sends so many bytes of the form.
    async fn begin(visitor: &Visitor, base: &str, files: &[&[u8]], begin_bytes: usize) -> Self {
        let page = visitor.open(&format!("{base}{PAGE}")).await;
        let mut fields = page.hidden_fields(PAGE);
        fields.push(("import_password".to_owned(), password_of("ada")));
        let mut body = Vec::new();
        for (name, value) in fields {
            let part = format!(
                "--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
            body.extend_from_slice(part.as_bytes());
        }
        for file in files {
            body.extend_from_slice(b"--x\r\nContent-Disposition: form-data; name=\"archive\"; filename=\"a.zip\"\r\n\r\n");
            body.extend_from_slice(file);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--x--\r\n");
        let host = page.url.authority();
        let head = format!(
            "POST {PAGE} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nCookie: {}\r\nConnection: close\r\n\
             Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {}\r\n\r\n",
            visitor.cookies(&page.url),
            body.len()
        );
        let mut socket = TcpStream::connect(host).await.expect("a connection");
        let rest = body.split_off(begin_bytes.min(body.len()));
        for part in [head.into_bytes(), body] {
            socket.write_all(&part).await.expect("it is taken");
        }
        Self { socket, rest }
    }

    /// Sends the rest, and only then looks for an answer.
    async fn answer(mut self) -> String {
        self.socket
            .write_all(&self.rest)
            .await
            .expect("it is taken");
        let mut answer = Vec::new();
        self.socket
            .read_to_end(&mut answer)
            .await
            .expect("an answer");
        String::from_utf8(answer).expect("it is text")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_all_before_they_look_sees_why_it_was_refused() {
    let mut config = Config::default();
    config.http.listen = "127.0.0.1:0".parse().expect("an address");
    config.limits.rate_limits = false;
    config.limits.import_max_mib = 32;
    let rig = Rig::start_configured(config, &["ada"], |builder| builder).await;
    let ada = logged_in(&rig, "ada").await;
    let answer = async |files: &[&[u8]]| {
        let upload = Upload::begin(&ada, rig.server.url(), files, 0).await;
        upload.answer().await
    };
    let much = vec![b'P'; 24 * MIB];
    let followed = answer(&[b"PK", &much]).await;
    assert!(followed.starts_with("HTTP/1.1 400 "), "{followed}");
    assert!(followed.contains("last field"), "{followed}");
    let large = answer(&[&vec![b'P'; 48 * MIB]]).await;
    assert!(large.starts_with("HTTP/1.1 413 "), "{large}");
    assert!(large.contains("The request is too large."), "{large}");
    assert!(uploads(&rig).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_stays_until_it_is_known_that_nobody_needs_it() {
    let rig = Rig::start(&["ada"]).await;
    let base = rig.server.url();
    let ada = logged_in(&rig, "ada").await;
    let file = vec![b'P'; MIB];
    let upload = Upload::begin(&ada, base, &[&file], MIB / 2).await;
    until("the upload", async || !uploads(&rig).is_empty()).await;
    // Nothing can be written where the database was: nobody says whether this is.
    let database = rig.server.data_dir().join("kinglet.db");
    let away = database.with_extension("away");
    fs::rename(&database, &away).expect("it is moved");
    let answer = upload.answer().await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert_eq!(uploads(&rig).len(), 1);
    fs::rename(&away, &database).expect("it is put back");
}

async fn alice_at(base: &str) -> Visitor {
    let visitor = Visitor::new();
    let page = visitor.open(&format!("{base}/login")).await;
    let fields = [("login", "alice"), ("password", PASSWORD)];
    visitor.send(&page, "/login", &fields).await;
    visitor
}

fn with_alice() -> Place {
    let place = instance(&[]);
    let mut create = vec!["user", "create", "alice", "--email", "alice@example.org"];
    create.push("--password-stdin");
    let made = place.run_with_input(&create, &format!("{PASSWORD}\n"));
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    // What is sent over HTTP to an address that says HTTPS has no cookies.
    place.configure("[instance]\nurl = \"http://here.example\"\n[limits]\nrate_limits = false\n");
    place
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_again_and_again_takes_an_archive_in_whole_and_once() {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .map(|text| text.parse().expect("a number"))
    };
    let seed = number("KINGLET_IMPORT_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    println!("KINGLET_IMPORT_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let place = with_alice();
    let (mut server, mut base) = serve(&place);
    let alice = alice_at(&base).await;
    let mut files = thread(MANY);
    if seed % 2 == 1 {
        // The newest first, as others write them.
        let mut outbox: Json = serde_json::from_str(&files[0].1).expect("JSON");
        outbox["orderedItems"]
            .as_array_mut()
            .expect("a list")
            .reverse();
        files[0].1 = outbox.to_string();
    }
    let archive = packed(&files);
    let before = alice.open(&format!("{base}{PAGE}")).await;
    let sent = send(&alice, &base, PASSWORD, "archive.zip", archive.clone()).await;
    assert!(sent.html.contains("On its way in"), "{}", sent.html);
    let [file] = &fs::read_dir(place.data().join("uploads"))
        .expect("there")
        .collect::<Vec<_>>()[..]
    else {
        panic!("there is one file");
    };
    let file = file.as_ref().expect("an entry");
    assert_eq!(
        file.metadata().expect("a file").permissions().mode() & 0o777,
        0o600
    );
    // One at a time.
    let filled = [("import_password", PASSWORD)];
    let file = ("archive", "archive.zip", archive);
    let second = alice.upload(&before, PAGE, &filled, file).await;
    assert_eq!(second.status, 422);
    assert!(
        second.html.contains("is being taken in: wait"),
        "{}",
        second.html
    );
    for _ in 0..number("KINGLET_IMPORT_KILLS").unwrap_or(3) {
        sleep(Duration::from_millis(rng.random_range(0..ALONE_MILLIS_MAX))).await;
        server.signal("KILL");
        server.end();
        (server, base) = serve(&place);
    }
    let alice = alice_at(&base).await;
    let shown = async || alice.open(&format!("{base}{PAGE}")).await.html;
    until("the import", async || {
        shown().await.contains("It is taken in.")
    })
    .await;
    let html = shown().await;
    assert!(
        html.contains(&format!("{MANY} of {MANY}")) || !html.contains("<progress"),
        "{html}"
    );
    server.stop();
    place.done(&["check"]);
    let database = Connection::open(place.data().join("kinglet.db")).expect("a database");
    let count = |query: &str| -> i64 {
        database
            .query_row(query, (), |row| row.get(0))
            .expect("a number")
    };
    assert_eq!(count("SELECT count(*) FROM posts"), MANY);
    assert_eq!(count("SELECT count(*) FROM imports"), MANY);
    assert_eq!(count("SELECT count(DISTINCT text) FROM posts"), MANY);
    assert_eq!(
        count("SELECT count(*) FROM posts WHERE reply_to IS NOT NULL"),
        MANY - 1
    );
    assert_eq!(count("SELECT count(*) FROM jobs"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_cancelled_ends_and_leaves_what_is_in() {
    let place = with_alice();
    let (server, base) = serve(&place);
    let alice = alice_at(&base).await;
    send(
        &alice,
        &base,
        PASSWORD,
        "archive.zip",
        packed(&thread(MANY)),
    )
    .await;
    let shown = async || alice.open(&format!("{base}{PAGE}")).await;
    until("the beginning", async || {
        shown().await.html.contains("posts and boosts: ")
    })
    .await;
    let cancelled = alice
        .send(&shown().await, &format!("{PAGE}/cancel"), &[])
        .await;
    assert!(
        cancelled.html.contains("You cancelled it"),
        "{}",
        cancelled.html
    );
    assert!(
        cancelled.html.contains("type=\"file\""),
        "another one may come"
    );
    let jobs = async || {
        let database = Connection::open(place.data().join("kinglet.db")).expect("a database");
        let count = |query: &str| -> i64 {
            database
                .query_row(query, (), |row| row.get(0))
                .expect("a number")
        };
        (
            count("SELECT count(*) FROM jobs"),
            count("SELECT count(*) FROM posts"),
        )
    };
    until("the job to end", async || jobs().await.0 == 0).await;
    let (_, posts) = jobs().await;
    assert!((1..MANY).contains(&posts), "{posts}");
    assert_eq!(
        fs::read_dir(place.data().join("uploads"))
            .expect("there")
            .count(),
        0
    );
    server.stop();
    place.done(&["check"]);
}
