//! The programs beside kinglet that tests need: `tests/install` brings them. Where one is missing the test fails and
//! says so, for a test that was left out in silence proves nothing.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A path inside the package.
pub fn in_package(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A program or folder that `tests/install` makes inside the package.
fn installed(path: &str) -> PathBuf {
    let found = in_package(path);
    assert!(found.exists(), "{path} is missing: run tests/install first");
    found
}

/// The folder with the client `toot` and the Python that it runs on.
pub fn python_programs() -> PathBuf {
    let programs = installed("tests/.venv/bin");
    installed("tests/.venv/bin/toot");
    programs
}

/// The Python that pytest and all else that the tests take from PyPI are installed for.
pub fn python() -> PathBuf {
    installed("tests/.venv/bin/pytest");
    installed("tests/.venv/bin/python")
}

/// The program vitest, beside the set-up that it tries out.
pub fn vitest() -> PathBuf {
    installed("integrations/vitest/node_modules/masto");
    installed("integrations/vitest/node_modules/.bin/vitest")
}

/// The program Litestream for this machine.
pub fn litestream() -> PathBuf {
    let machine = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    installed(&format!(
        "tests/litestream/node_modules/@flydotio/litestream-{system}-{machine}/litestream"
    ))
}

/// A command of the system, such as `tests/install` takes from Debian. Those of administrators are found by everybody.
pub fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|program| program.exists())
        .unwrap_or_else(|| panic!("the command {name} is missing: run tests/install first"))
}

/// Prometheus' promtool: a command of this name, else what `tests/install` took out of Debian's package.
pub fn promtool() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join("promtool"))
        .find(|program| program.exists())
        .unwrap_or_else(|| installed("tests/.promtool/promtool"))
}

/// Runs `tests/browser/SCRIPT` in Node, with Chromium at hand, and gives back what it printed. Its complaints go to
/// the test's own.
pub fn run_script(script: &str, arguments: &[&str]) -> Output {
    installed("tests/browser/node_modules/playwright-core");
    Command::new("node")
        .arg(in_package("tests/browser").join(script))
        .args(arguments)
        .env("KINGLET_CHROMIUM", program("chromium"))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .expect("Node runs; version 20 or newer is needed")
}

/// Says what can't be tried on this machine: past the test harness, which hides what passing tests print, and where
/// `tests/run` tells of it at its end.
pub fn not_tested(what: &str) {
    // Nobody is left to be told when the terminal is gone.
    drop(writeln!(std::io::stderr(), "NOT TESTED: {what}"));
    if let Some(list) = std::env::var_os("KINGLET_NOT_TESTED") {
        let list = OpenOptions::new().append(true).open(list);
        let mut list = list.expect("tests/run made the file");
        writeln!(list, "{what}").expect("it can be written");
    }
}

/// An address of this machine at which nobody listens: one for programs that can't be asked for theirs.
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("it is bound")
}

/// A program that helps a test; killed with this value.
pub struct Helper(pub Child);

impl Drop for Helper {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
