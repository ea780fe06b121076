//! `kinglet bench` as somebody runs it: small, so that what counts is whether the figures add up, not what they are.

mod support;

use std::path::Path;

use kinglet::Server;
use kinglet::bench::Report;
use kinglet::bench::report::LoadReport;
use support::process::Place;

/// Options that make a run short.
const SHORT: [&str; 8] = [
    "--seconds",
    "1",
    "--warm-up",
    "0",
    "--connections",
    "4",
    "--posts",
    "60",
];

fn read(path: &Path) -> Report {
    Report::read(path).expect("a report")
}

fn load<'r>(report: &'r Report, name: &str) -> &'r LoadReport {
    let found = report.loads.iter().find(|load| load.name == name);
    found.expect("the load is told")
}

fn value(report: &Report, name: &str) -> f64 {
    let found = report.figures.iter().find(|figure| figure.name == name);
    found.expect("the figure is told").value
}

fn done(load: &LoadReport, kind: &str) -> u64 {
    load.kind(kind).map_or(0, |kind| kind.done)
}

#[test]
fn a_throwaway_instance_is_measured_compared_and_drawn() {
    let place = Place::new();
    std::fs::write(place.path().join("edges"), "1 2\n2 3\n3 1\n3 9\n").expect("a file");
    std::fs::create_dir(place.path().join("throwaway")).expect("a directory");
    let mut arguments = vec!["bench", "--graph", "edges", "--dir", "throwaway"];
    arguments.extend([
        "--json",
        "one.json",
        "--rate",
        "150",
        "--set",
        "instance.title=Bench",
    ]);
    arguments.extend(SHORT);
    let table = place.done(&arguments);
    for part in [
        "4 people, 8 follows (edges)",
        "durability full",
        "lag.p99",
        "disk.per_post",
    ] {
        assert!(table.contains(part), "{part}: {table}");
    }

    let report = read(&place.path().join("one.json"));
    assert_eq!(report.failures(), None);
    let posts = load(&report, "posts");
    assert_eq!((done(posts, "post"), done(posts, "all")), (60, 60));
    let open = load(&report, "open");
    // 150 a second for a second; a slow machine is late, but gives none up.
    assert_eq!((done(open, "all"), open.unsent), (150, 0));
    let closed = load(&report, "closed");
    for load in [open, closed] {
        let kinds = ["home", "account", "public", "post"].map(|kind| done(load, kind));
        assert_eq!(
            kinds.iter().sum::<u64>(),
            done(load, "all"),
            "{}",
            load.name
        );
        assert!(kinds[0] > kinds[3], "{}: {kinds:?}", load.name);
        let all = load.kind("all").expect("all of them");
        assert!(all.p50_ms <= all.p99_ms && all.p99_ms <= all.p999_ms);
    }
    assert!(
        (value(&report, "lag.seen_at_once") - 100.0).abs() < 1e-9,
        "acked means visible"
    );
    assert!(value(&report, "start.first_home") > 0.0);
    assert!(value(&report, "memory.after") > 1.0);
    let written = report.loads.iter().map(|load| load.posts).sum::<u64>();
    assert!((value(&report, "disk.posts") - written as f64).abs() < 0.5);
    let server = posts.server.expect("its process is known");
    assert!(server.written.units >= 60 && server.written.commits <= server.written.units);
    let left = std::fs::read_dir(place.path().join("throwaway")).expect("it is there");
    assert_eq!(
        left.count(),
        0,
        "something of the throwaway instance is left"
    );

    let compared = place.done(&["bench", "--compare", "one.json", "one.json"]);
    let line = compared
        .lines()
        .find(|line| line.starts_with("posts.per_second"));
    assert!(
        line.expect("it is compared").ends_with("1.00"),
        "{compared}"
    );
    if cfg!(feature = "web") {
        place.done(&["bench", "--plot", "one.json", "--svg", "one.svg"]);
        let svg = std::fs::read_to_string(place.path().join("one.svg")).expect("a picture");
        assert!(svg.starts_with("<svg ") && svg.contains("home"), "{svg}");
    }
}

#[test]
fn a_server_that_is_there_is_measured_by_its_api_alone() {
    let server = Server::builder()
        .in_memory()
        .configure(|config| config.limits.rate_limits = false)
        .start_blocking()
        .expect("a server");
    let seed = server.seed();
    let tokens = server.block_on(async {
        let mut tokens = String::new();
        for name in ["alice", "bob", "carol"] {
            let person = seed.person(name).await.expect("a person");
            tokens.push_str(person.token());
            tokens.push('\n');
        }
        tokens
    });
    let place = Place::new();
    std::fs::write(place.path().join("tokens"), tokens).expect("a file");
    let url = server.url().to_owned();
    let mut arguments = vec!["bench", "--url", &url, "--tokens", "tokens"];
    arguments.extend(["--json", "one.json", "--mix", "home=1,public=1,post=1"]);
    arguments.extend(SHORT);
    let table = place.done(&arguments);
    assert!(table.contains("isn't this program's child"), "{table}");
    assert!(table.contains("durability unknown"), "{table}");
    let report = read(&place.path().join("one.json"));
    assert_eq!(report.server.url.as_deref(), Some(url.as_str()));
    assert!(report.server.version.is_some(), "it says what it is");
    assert_eq!((report.load.people, report.load.follows), (3, 6));
    assert!(report.loads.iter().all(|load| load.server.is_none()));
    let names = report.figures.iter().map(|figure| figure.name.as_str());
    let own: Vec<_> = names
        .filter(|name| name.starts_with("memory.") || name.starts_with("disk."))
        .collect();
    assert!(own.is_empty(), "{own:?}");
    assert!((value(&report, "lag.lost")).abs() < 1e-9);

    std::fs::write(place.path().join("tokens"), "wrong\n").expect("a file");
    let error = place.fails(1, &["bench", "--url", &url, "--tokens", "tokens"]);
    assert!(error.contains("token 1 isn't good: 401"), "{error}");
}

#[test]
fn what_makes_no_sense_is_told_before_anything_is_measured() {
    let place = Place::new();
    std::fs::write(place.path().join("edges"), "1 2\nx\n").expect("a file");
    std::fs::write(place.path().join("empty.json"), "{}").expect("a file");
    for (code, arguments, said) in [
        (1, &["bench", "--graph", "edges"][..], "line 2"),
        (1, &["bench", "--graph", "none"], "can't be read"),
        (1, &["bench", "--dir", "nowhere"], "can't be used"),
        (
            1,
            &["bench", "--compare", "empty.json", "empty.json"],
            "no report",
        ),
        (2, &["bench", "--mix", "home=0"], "every weight is 0"),
        (2, &["bench", "--url", "http://127.0.0.1:1"], "--tokens"),
        (2, &["bench", "--load", "3"], "no number from"),
        (2, &["bench", "figures", "--only", "speed"], "fanout"),
    ] {
        let error = place.fails(code, arguments);
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
}

#[test]
fn rows_of_figures_are_measured_alone() {
    let place = Place::new();
    let mut arguments = vec![
        "bench",
        "figures",
        "--only",
        "home,posts,mix,fanout,disk,cold",
    ];
    arguments.extend(["--rounds", "1", "--seconds", "1", "--json", "figures.json"]);
    arguments.extend([
        "--graph",
        "edges",
        "--posts",
        "400",
        "--followers",
        "20",
        "--dir",
        ".",
    ]);
    std::fs::write(place.path().join("edges"), "1 2\n2 3\n3 1\n").expect("a file");
    let table = place.done(&arguments);
    let report = read(&place.path().join("figures.json"));
    for name in [
        "home.share_of_static",
        "home.favourites_meanwhile",
        "posts_16.share_of_bare",
        "posts_64.per_commit",
        "mix.p99",
        "fanout.lag.p99",
        "disk.per_post",
        "cold.home.p99",
        "start.killed",
    ] {
        assert!(value(&report, name) > 0.0, "{name}: {table}");
    }
    assert!(table.contains("at least 55.0: "), "{table}");
}

#[test]
fn a_run_that_is_interrupted_leaves_nothing_behind() {
    let place = Place::new();
    std::fs::create_dir(place.path().join("throwaway")).expect("a directory");
    let arguments = [
        "bench",
        "--users",
        "5",
        "--seconds",
        "60",
        "--dir",
        "throwaway",
    ];
    let mut child = place.command(&arguments).spawn().expect("it runs");
    let data = || {
        let mut found = std::fs::read_dir(place.path().join("throwaway")).expect("it is there");
        found.next().map(|entry| entry.expect("an entry").path())
    };
    let begins = std::time::Duration::from_secs(60);
    let log = wait_for(begins, || data().map(|data| data.join("server.log")));
    wait_for(begins, || log.exists().then_some(()));
    let sent = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(sent.expect("kill runs").success());
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(1));
    assert_eq!(data(), None, "the directory is still there");
}

fn wait_for<T>(time: std::time::Duration, mut look: impl FnMut() -> Option<T>) -> T {
    const PAUSE: std::time::Duration = std::time::Duration::from_millis(20);
    for _ in 0..time.as_millis() / PAUSE.as_millis() {
        if let Some(found) = look() {
            return found;
        }
        std::thread::park_timeout(PAUSE);
    }
    unreachable!("it doesn't come");
}
