//! Clients that others wrote, used as they are.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::dev::DevServer;
use crate::support::terminal::Terminal;
use crate::support::tools::{in_package, python_programs};

#[test]
fn a_session_with_mastodon_py() {
    let dev = DevServer::start(&["--seed", "6"]);
    let output = Command::new(python_programs().join("python"))
        .arg(in_package("tests/dev/session.py"))
        .args([
            dev.url.as_str(),
            "alice@example.org",
            "the password of alice",
        ])
        .stdin(Stdio::null())
        .output()
        .expect("Python runs");
    let (said, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{said}{complained}");
    assert_eq!(said.trim(), "done");
}

/// Runs toot in a terminal, which has to succeed; gives back what it showed.
fn toot(computer: &TempDir, arguments: &[&str], typed: &[(&str, &str)]) -> String {
    let home = computer.path().as_os_str();
    let settings = [
        ("XDG_CONFIG_HOME", home),
        ("HOME", home),
        ("LC_ALL", OsStr::new("C.UTF-8")),
        ("COLUMNS", OsStr::new("200")),
        ("TZ", OsStr::new("UTC")),
    ];
    let programs = python_programs();
    let mut terminal = Terminal::start(
        &programs.join("python"),
        &programs.join("toot"),
        arguments,
        &settings,
    );
    for (prompt, line) in typed {
        terminal.wait_for(prompt);
        terminal.type_line(line);
    }
    let (shown, succeeded) = terminal.end();
    assert!(succeeded, "toot {arguments:?} failed:\n{shown}");
    shown
}

#[test]
fn toot_logs_in_by_password_reads_and_posts() {
    let dev = DevServer::start(&[]);
    let computer = TempDir::new().expect("a directory");
    let login = [
        "login_cli",
        "--instance",
        &dev.url,
        "--email",
        "alice@example.org",
    ];
    let password = [("Password", "the password of alice")];
    let shown = toot(&computer, &login, &password);
    assert!(shown.contains("Successfully logged in"), "{shown}");
    for (arguments, wanted) in [
        (&["whoami"][..], "Alice Liddell"),
        (&["post", "Through the terminal. #toot"], "Toot posted"),
        (
            &["timelines", "home", "--no-pager"],
            "Through the terminal.",
        ),
        (&["notifications"], "mentioned you"),
        (&["search", "goldcrest"], "goldcrest"),
        (&["bookmarks", "--once"], "Donaudampf"),
    ] {
        let shown = toot(&computer, arguments, &[]);
        assert!(
            shown.contains(wanted),
            "{arguments:?}: {wanted:?} is missing in:\n{shown}"
        );
    }
}
