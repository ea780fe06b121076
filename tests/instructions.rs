//! `tests/instructions` fails where a hot part takes more instructions than it did. The counting itself is left to it.

use std::process::{Command, Output};

use support::tools::in_package;

mod support;

/// What `tests/instructions` says when these counts are held against `past`.
fn compared(present: &str, past: &str) -> Output {
    let place = tempfile::tempdir().expect("a directory");
    let (counted, baselines) = (place.path().join("now"), place.path().join("past"));
    std::fs::write(&counted, present).expect("a file");
    let machine = Command::new(in_package("tests/instructions"))
        .arg("--machine")
        .output()
        .expect("Python is there");
    let machine = String::from_utf8(machine.stdout).expect("text");
    assert!(machine.starts_with("rustc 1."), "{machine}");
    let baseline = format!("{{{:?}: {past}}}", machine.trim());
    std::fs::write(&baselines, baseline).expect("a file");
    Command::new(in_package("tests/instructions"))
        .args(["--counted".as_ref(), counted.as_os_str()])
        .args(["--baselines".as_ref(), baselines.as_os_str()])
        .output()
        .expect("Python is there")
}

#[test]
fn more_instructions_than_the_bound_allows_fail() {
    let grown = compared(
        r#"{"parse": 10600, "merge": 100}"#,
        r#"{"parse": 10000, "merge": 100}"#,
    );
    assert_eq!(grown.status.code(), Some(1));
    let told = String::from_utf8_lossy(&grown.stdout);
    assert!(
        told.contains("FAILED: more than 5 % more instructions: parse\n"),
        "{told}"
    );
}

#[test]
fn what_stays_within_the_bound_passes() {
    let same = compared(
        r#"{"parse": 10400, "merge": 50, "push": 7}"#,
        r#"{"parse": 10000, "merge": 100}"#,
    );
    let told = String::from_utf8_lossy(&same.stdout);
    assert_eq!(same.status.code(), Some(0), "{told}");
    assert!(told.contains("better"), "{told}");
    assert!(told.contains("new"), "{told}");
}
