//! How an instance starts and stops, as a value in a program and as the binary; what its commands do meanwhile.

mod support;

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::time::{Duration, Instant};

use kinglet::Server;
use serde_json::Value as Json;
use support::process::{Place, Running};

/// A stop may not take longer: service managers kill what does.
const STOP_TIME_MAX: Duration = Duration::from_secs(10);

async fn health(url: &str) -> String {
    let answer = reqwest::get(format!("{url}/health")).await;
    answer.expect("an answer").text().await.expect("a text")
}

/// `GET /health` without a runtime, on a connection that stays open.
fn connect(url: &str) -> TcpStream {
    let address = url.strip_prefix("http://").expect("a URL");
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET /health HTTP/1.1\r\nHost: {address}\r\n\r\n").expect("it reads");
    let mut answer = [0; 15];
    stream.read_exact(&mut answer).expect("it answers");
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    stream
}

fn json(text: &str) -> Json {
    serde_json::from_str(text).expect("JSON")
}

/// A set-up link in what a server printed.
fn setup_link(errors: &str) -> Option<&str> {
    errors
        .lines()
        .map(str::trim)
        .find(|line| line.contains("/setup?code="))
}

#[tokio::test]
async fn a_throwaway_server_answers_and_leaves_nothing_behind() {
    let server = Server::builder().in_memory().start().await.expect("starts");
    assert_eq!(health(server.url()).await, "OK");
    let data_dir = server.data_dir().to_owned();
    assert!(data_dir.join("kinglet.db").exists());
    server.shutdown().await.expect("stops cleanly");
    assert!(!data_dir.exists());
}

#[test]
fn several_servers_live_in_one_process_and_a_dropped_one_ends() {
    let threads = || std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    let start = || {
        Server::builder()
            .in_memory()
            .start_blocking()
            .expect("starts")
    };
    drop(start());
    let threads_before = threads();
    for _ in 0..3 {
        let servers: Vec<Server> = (0..3).map(|_| start()).collect();
        let addresses: HashSet<_> = servers.iter().map(Server::addr).collect();
        assert_eq!(addresses.len(), 3);
        drop(servers);
        for address in addresses {
            TcpListener::bind(address).expect("the port is free again");
        }
    }
    // Other tests of this file run servers of their own meanwhile, but not a dozen more.
    if cfg!(target_os = "linux") {
        let servers_leaked = threads().saturating_sub(threads_before) / 9;
        assert!(
            servers_leaked < 6,
            "threads of {servers_leaked} servers are left"
        );
    }
}

#[tokio::test]
async fn a_directory_outlives_its_server_and_has_one_at_a_time() {
    let place = Place::new();
    let builder = || Server::builder().data_dir(place.data());
    let first = builder().start().await.expect("starts");
    let second = builder().start().await;
    let refusal = second.expect_err("the directory is taken").to_string();
    assert!(
        refusal.contains("another kinglet uses this data directory"),
        "{refusal}"
    );
    assert_eq!(health(first.url()).await, "OK");
    first.shutdown().await.expect("stops cleanly");
    let wal = std::fs::metadata(place.data().join("kinglet.db-wal")).map_or(0, |wal| wal.len());
    assert_eq!(wal, 0, "the last checkpoint has taken everything in");
    let third = builder().start().await.expect("starts again");
    assert_eq!(health(third.url()).await, "OK");
}

#[tokio::test]
async fn a_taken_port_is_waited_for_and_then_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    let builder = || Server::builder().in_memory().listen(address);
    let refusal = builder().start().await.expect_err("the port is taken");
    assert_eq!(refusal.to_string(), format!("can't listen on {address}"));
    let starting = tokio::spawn(builder().start());
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(taken);
    let server = starting.await.expect("no panic").expect("starts");
    assert_eq!(server.addr(), address);
}

#[test]
fn the_first_start_says_how_to_get_a_set_up_link_but_prints_none_where_it_is_kept() {
    let place = Place::new();
    place.configure("[log]\nlevel = \"trace\"\nformat = \"json\"\n");
    let running = place.serve();
    let printed = place.done(&["setup-link"]);
    let ended = running.stop();
    assert!(ended.status.success());
    assert_eq!(ended.output, "");
    // Standard error is no terminal here, but what a service manager or a container keeps.
    assert_eq!(setup_link(&ended.errors), None);
    let hint = "There is no owner yet. `kinglet setup-link` prints a link";
    assert!(ended.errors.contains(hint), "{}", ended.errors);
    let code = printed.trim().split_once("code=").expect("a code").1;
    assert!(code.len() >= 22, "128 bits have 22 characters: {code}");
    assert!(!ended.errors.contains(code), "{}", ended.errors);
    place.done(&[
        "user",
        "create",
        "alice",
        "--email",
        "a@example.org",
        "--role",
        "owner",
    ]);
    assert_eq!(
        place.fails(1, &["setup-link"]),
        "kinglet: This instance has an owner already\n"
    );
    let ended = place.serve().stop();
    assert_eq!(setup_link(&ended.errors), None);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "another process takes real time")]
fn a_second_server_is_refused_in_a_sentence() {
    let place = Place::new();
    let running = place.serve();
    let began = Instant::now();
    let refusal = place.fails(1, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(
        began.elapsed() >= Duration::from_millis(1500),
        "it waits a while"
    );
    assert!(
        refusal.contains("another kinglet uses this data directory"),
        "{refusal}"
    );
    connect(&running.url);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "another process takes real time")]
fn a_start_waits_for_the_server_that_it_replaces() {
    let place = Place::new();
    let old = place.serve();
    let starting = std::thread::spawn({
        let command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
        move || Running::start(command)
    });
    std::thread::sleep(Duration::from_millis(300));
    assert!(old.stop().status.success());
    let new = starting.join().expect("it starts");
    connect(&new.url);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "another process takes real time")]
fn both_signals_drain_and_stop_in_time() {
    for signal in ["TERM", "INT"] {
        let place = Place::new();
        place.configure("[http]\ndrain_timeout_secs = 1\n");
        let running = place.serve();
        let mut idle = connect(&running.url);
        let mut half_said = connect(&running.url);
        half_said.write_all(b"GET /hea").expect("it reads");
        let began = Instant::now();
        running.signal(signal);
        let ended = running.end();
        assert!(began.elapsed() < STOP_TIME_MAX);
        assert!(ended.status.success(), "{signal}: {}", ended.errors);
        let mut rest = Vec::new();
        idle.read_to_end(&mut rest)
            .expect("it is closed, not reset");
        assert!(!place.data().join("kinglet.sock").exists());
    }
}

#[test]
fn a_killed_server_hinders_nobody() {
    let place = Place::new();
    let running = place.serve();
    running.signal("KILL");
    assert!(!running.end().status.success());
    assert!(
        place.data().join("kinglet.sock").exists(),
        "nobody removed it"
    );
    assert!(
        place
            .done(&["check"])
            .starts_with("every invariant holds\n")
    );
    connect(&place.serve().url);
}

#[test]
fn every_fault_of_the_configuration_is_told_with_exit_code_78() {
    let place = Place::new();
    place.configure("[http]\nlisten = \"here\"\n\n[registration]\nmodee = \"open\"\n");
    for arguments in [&["serve"][..], &["check"], &["config", "show"]] {
        let errors = place.fails(78, arguments);
        for expected in [
            "config.toml:2",
            "http.listen",
            "config.toml:5",
            "registration.mode",
        ] {
            assert!(errors.contains(expected), "{expected}: {errors}");
        }
    }
    assert!(!place.data().exists(), "nothing is touched");
    assert!(place.fails(2, &["srve"]).contains("serve"));
}

#[test]
fn config_init_and_show_agree() {
    let place = Place::new();
    place.done(&["config", "init", "config.toml"]);
    assert!(
        place
            .fails(1, &["config", "init", "config.toml"])
            .contains("config.toml")
    );
    let shown = json(&place.done(&["config", "show", "--json"]));
    assert_eq!(shown["http"]["listen"], "127.0.0.1:8420");
    assert!(
        place
            .done(&["config", "show"])
            .contains("listen = \"127.0.0.1:8420\"")
    );
}

/// `kinglet tasks`, with and without a server.
fn tasks_are_looked_after(place: &Place) {
    let queue = |name: &str| {
        let report = json(&place.done(&["tasks", "--json"]));
        let queues = report["queues"].as_array().cloned().unwrap_or_default();
        let found = queues.into_iter().find(|queue| queue["name"] == name);
        found.expect("a queue of this name")
    };
    assert_eq!(queue("mail")["state"], "works");
    assert_eq!(place.done(&["tasks", "pause", "mail"]), "");
    assert_eq!(queue("mail")["state"], "paused");
    let text = place.done(&["tasks"]);
    let mail = text.lines().find(|line| line.starts_with("mail "));
    assert!(mail.is_some_and(|line| line.contains("paused")), "{text}");
    assert!(text.contains("\nidempotency_keys  "), "{text}");
    place.done(&["tasks", "resume", "mail"]);
    assert_eq!(queue("mail")["state"], "works");
    assert_eq!(place.done(&["tasks", "dead"]), "no job was given up\n");
    assert_eq!(
        json(&place.done(&["tasks", "dead", "--json"])),
        serde_json::json!({"dead": [], "total": 0})
    );
    assert_eq!(
        place.done(&["tasks", "retry", "--all"]),
        "0 jobs are tried again\n"
    );
    for arguments in [["tasks", "retry", "999"], ["tasks", "drop", "999"]] {
        assert!(place.fails(1, &arguments).contains("no such job"));
    }
    let errors = place.fails(1, &["tasks", "run", "dishes"]);
    assert!(errors.contains("there is no task dishes"), "{errors}");
    let errors = place.fails(1, &["tasks", "pause", "fax"]);
    assert!(errors.contains("no queue and no task fax"), "{errors}");
}

/// What every command does, with and without a server.
fn commands_work(place: &Place) {
    let created = place.run_with_input(
        &[
            "user",
            "create",
            "alice",
            "--email",
            "alice@example.org",
            "--role",
            "owner",
            "--password-stdin",
        ],
        "correct horse battery\n",
    );
    assert!(created.status.success());
    assert_eq!(created.stdout, b"@alice is made, as owner\n");
    let made = json(&place.done(&[
        "user",
        "create",
        "bob",
        "--email",
        "bob@example.org",
        "--json",
    ]));
    assert_eq!(made["name"], "bob");
    assert!(
        made["password"]
            .as_str()
            .is_some_and(|password| password.len() >= 22)
    );
    let errors = place.fails(1, &["user", "create", "ALICE", "--email", "c@example.org"]);
    assert!(errors.contains("already been taken"), "{errors}");
    let weak = place.run_with_input(
        &[
            "user",
            "create",
            "carol",
            "--email",
            "c@example.org",
            "--password-stdin",
        ],
        "short\n",
    );
    assert_eq!(weak.status.code(), Some(1));

    let token = place.done(&["token", "create", "alice", "--scopes", "read write follow"]);
    assert_eq!(token.trim_end().len(), 43, "the token and nothing else");
    assert!(token.ends_with('\n') && !token.trim_end().contains(char::is_whitespace));
    assert!(
        place
            .fails(1, &["token", "create", "nobody", "--scopes", "read"])
            .contains("nobody")
    );
    assert!(
        place
            .fails(1, &["token", "create", "alice", "--scopes", "fly"])
            .contains("fly")
    );

    assert!(
        place
            .done(&["invite", "create", "--uses", "3"])
            .contains("/invite/")
    );
    tasks_are_looked_after(place);
    let link = json(&place.done(&["user", "reset-link", "bob", "--json"]));
    assert!(
        link["url"]
            .as_str()
            .is_some_and(|url| url.contains("/reset/"))
    );

    assert!(
        place
            .fails(1, &["user", "suspend", "alice"])
            .contains("last owner")
    );
    assert!(
        place
            .fails(1, &["user", "role", "alice", "user"])
            .contains("last owner")
    );
    assert!(
        place
            .fails(1, &["user", "delete", "alice", "--yes"])
            .contains("last owner")
    );
    place.fails(2, &["user", "delete", "bob"]);
    let state = |name: &str| {
        let accounts = json(&place.done(&["user", "list", "--json"]));
        let accounts = accounts.as_array().expect("a list").clone();
        let found = accounts.into_iter().find(|account| account["name"] == name);
        found.expect("it is listed")["state"]
            .as_str()
            .map(str::to_owned)
    };
    place.done(&["user", "suspend", "bob"]);
    assert_eq!(state("bob").as_deref(), Some("suspended"));
    place.done(&["user", "unsuspend", "bob"]);
    assert_eq!(state("bob").as_deref(), Some("active"));
    place.done(&["user", "role", "bob", "moderator"]);
    assert!(
        place
            .done(&["user", "list"])
            .contains("bob    moderator  active")
    );
    place.done(&["user", "delete", "bob", "--yes"]);
    let listed = json(&place.done(&["user", "list", "--json"]));
    let listed = listed.as_array().expect("a list");
    let deleted = listed.iter().find(|account| account["state"] == "deleted");
    let mark = deleted.expect("it is listed")["name"].as_str();
    assert!(mark.is_some_and(|mark| mark.starts_with('~')), "{mark:?}");
    assert!(listed.iter().all(|account| account["name"] != "bob"));
    assert!(place.fails(1, &["user", "suspend", "bob"]).contains("bob"));

    assert!(
        place
            .done(&["check"])
            .starts_with("every invariant holds\n")
    );
    assert_eq!(
        json(&place.done(&["check", "--json"]))["broken"],
        serde_json::json!([])
    );

    let backup = json(&place.done(&["backup", "copy", "--json"]));
    assert_eq!(backup["manifest"]["files"][0]["name"], "kinglet.db");
    let copy = place.path().join("copy");
    let mode = |path: &std::path::Path| {
        let found = std::fs::metadata(path).expect("it is there");
        found.permissions().mode() & 0o777
    };
    assert_eq!(mode(&copy), 0o700);
    assert_eq!(mode(&copy.join("kinglet.db")), 0o600);
    assert_eq!(mode(&copy.join("manifest.json")), 0o600);
    assert!(place.fails(1, &["backup", "copy"]).contains("is not empty"));
    let restored = place.done(&["--data", "copy", "user", "list"]);
    assert!(restored.contains("alice"), "{restored}");
}

#[test]
fn commands_reach_the_running_server() {
    let place = Place::new();
    let running = place.serve();
    let socket = std::fs::metadata(place.data().join("kinglet.sock")).expect("it is there");
    assert!(socket.file_type().is_socket());
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
    commands_work(&place);
    let ended = running.stop();
    assert!(ended.status.success());
    assert!(!ended.errors.contains("correct horse"), "{}", ended.errors);
}

#[test]
fn commands_work_without_a_server() {
    let place = Place::new();
    for arguments in [
        &["check"][..],
        &["backup", "copy"],
        &["user", "list"],
        &["token", "create", "alice", "--scopes", "read"],
    ] {
        let errors = place.fails(1, arguments);
        assert!(errors.contains("no instance"), "{errors}");
    }
    assert!(!place.data().exists(), "nothing is made by looking");
    commands_work(&place);
    let mode = |name: &str| {
        let found = std::fs::metadata(place.data().join(name)).expect("it is there");
        found.permissions().mode() & 0o777
    };
    assert_eq!(mode(""), 0o700);
    assert_eq!(mode("kinglet.db"), 0o600);
    assert_eq!(mode("kinglet.lock"), 0o600);
}

#[test]
fn a_directory_with_a_long_name_has_a_socket_all_the_same() {
    let place = Place::new();
    let runtime = tempfile::tempdir().expect("a directory");
    let data = "d".repeat(120);
    let mut command = place.command(&["--data", &data, "serve", "--listen", "127.0.0.1:0"]);
    command.env("XDG_RUNTIME_DIR", runtime.path());
    let running = Running::start(command);
    // The command has another environment than the server, as a shell and a service have.
    place.done(&[
        "--data",
        &data,
        "user",
        "create",
        "alice",
        "--email",
        "a@example.org",
    ]);
    assert!(
        place
            .done(&["--data", &data, "user", "list"])
            .contains("alice")
    );
    assert!(running.stop().status.success());
    let left = std::fs::read_dir(runtime.path())
        .expect("it is there")
        .count();
    assert_eq!(left, 0);
}

#[test]
fn a_broken_store_is_found_by_check() {
    let place = Place::new();
    place.done(&["user", "create", "alice", "--email", "a@example.org"]);
    let database = rusqlite::Connection::open(place.data().join("kinglet.db")).expect("it opens");
    database
        .execute("UPDATE accounts SET followers_count = 7", ())
        .expect("it is changed");
    drop(database);
    let output = place.run(&["check", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let found = json(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(found["broken"][0]["invariant"], "followers_count");
    assert!(
        place
            .fails(1, &["backup", "copy"])
            .contains("followers_count")
    );
}
