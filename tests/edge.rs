//! Small machines at the end of a wire: a server without a network starts and serves, an idle one sleeps.

mod support;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use kinglet::clock::{Clock, SystemClock};
use support::process::{Place, Running};
use support::tools::not_tested;

/// How long an idle server is watched.
const WATCH_TIME: Duration = Duration::from_secs(20);
/// Tasks are due at minutes that five divides (`config.toml`).
const TASKS_SECS: i64 = 5 * 60;
/// How long it is left alone before: whatever follows the start is over then.
const SETTLE_TIME: Duration = Duration::from_secs(5);
/// How often all of its threads together may wake meanwhile. The clock of a task may tick once.
const WAKES_MAX: u64 = 2;

/// Where the server listens in a network of its own, in which every port is free.
const ADDRESS: &str = "127.0.0.1:8420";

/// The command in a network that has nobody in it but itself.
fn without_network(command: &Command) -> Command {
    let mut alone = Command::new("unshare");
    alone
        .args(["--user", "--map-root-user", "--net", "sh", "-c"])
        .arg(r#"ip link set lo up && exec "$0" "$@""#)
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(directory) = command.get_current_dir() {
        alone.current_dir(directory);
    }
    for (name, _) in command.get_envs() {
        alone.env_remove(name);
    }
    alone
}

fn networks_can_be_made() -> bool {
    let made = without_network(&Command::new("true")).status();
    made.is_ok_and(|status| status.success())
}

/// Asks the server whether it is well, from within its network.
fn is_well(place: &Place, running: &Running) -> bool {
    let process = running.id().to_string();
    let asking = place.command(&["health", "--address", ADDRESS]);
    let mut inside = Command::new("nsenter");
    inside
        .args([
            "--target",
            &process,
            "--user",
            "--net",
            "--preserve-credentials",
        ])
        .arg(asking.get_program())
        .args(asking.get_args())
        .current_dir(place.path());
    inside.status().expect("nsenter runs").success()
}

#[test]
fn without_a_network_it_starts_serves_and_says_that_no_mail_leaves() {
    if !networks_can_be_made() {
        // Containers often forbid it; the full run happens where it is allowed.
        not_tested(
            "a start without a network: none of its own can be made (unshare --user --net, ip)",
        );
        return;
    }
    let place = Place::new();
    place.configure(concat!(
        "[mail]\nurl = \"smtp://mail.example.org\"\ntimeout_secs = 5\n",
        "[tls]\nlisten = \"127.0.0.1:0\"\nacme_domains = [\"birds.example\"]\n",
        "[instance]\nurl = \"https://birds.example\"\n",
    ));
    let command = place.command(&["serve", "--listen", ADDRESS]);
    let running = Running::start(without_network(&command));
    assert!(is_well(&place, &running));
    place.done(&["user", "create", "alice", "--email", "alice@example.org"]);
    let letter = place.run(&["mail", "test", "alice@example.org"]);
    let said = String::from_utf8_lossy(&letter.stderr);
    assert!(said.contains("the mail didn't leave"), "{said}");
    assert!(is_well(&place, &running));
    let ended = running.stop();
    assert!(ended.status.success(), "{}", ended.errors);
}

/// How often each thread of a process gave up the processor by itself so far: each is a wake-up before.
fn wakes(process: u32) -> BTreeMap<OsString, u64> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).expect("it lives");
    threads
        .filter_map(|thread| {
            let thread = thread.ok()?;
            let status = fs::read_to_string(thread.path().join("status")).ok()?;
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
            Some((thread.file_name(), line.trim().parse().ok()?))
        })
        .collect()
}

/// What those came to since; a thread that ended meanwhile woke for that.
fn woken_since(before: &BTreeMap<OsString, u64>, now: &BTreeMap<OsString, u64>) -> u64 {
    let ended = before.keys().filter(|thread| !now.contains_key(*thread));
    let of_others = now
        .iter()
        .map(|(thread, count)| count - before.get(thread).unwrap_or(&0));
    ended.count() as u64 + of_others.sum::<u64>()
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "that nothing happens for a while can only be seen by waiting"
)]
fn an_idle_server_sleeps() {
    // Side by side, as it is time that they take.
    let servers = [
        "",
        "[storage]\nprofile = \"flash\"\n[mail]\nurl = \"smtp://mail.example.org\"\n",
    ]
    .map(|settings| {
        let place = Place::new();
        place.configure(settings);
        let running = place.serve();
        (settings, place, running)
    });
    std::thread::sleep(SETTLE_TIME);
    // What the clock starts isn't idleness.
    let since_task = SystemClock.now().seconds().rem_euclid(TASKS_SECS);
    let left = Duration::from_secs((TASKS_SECS - since_task).unsigned_abs());
    if left <= WATCH_TIME {
        std::thread::sleep(left + SETTLE_TIME);
    }
    let before = servers
        .each_ref()
        .map(|(_, _, running)| wakes(running.id()));
    std::thread::sleep(WATCH_TIME);
    for ((settings, _place, running), before) in servers.into_iter().zip(before) {
        let woken = woken_since(&before, &wakes(running.id()));
        println!("{woken} wake-ups in {} s", WATCH_TIME.as_secs());
        assert!(woken <= WAKES_MAX, "{woken} wake-ups with {settings:?}");
        assert!(running.stop().status.success());
    }
}
