//! The real program, started as its operator would.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use kinglet::clock::Moment;

/// How long somebody waits for a line on standard error.
const PATIENCE: Duration = Duration::from_secs(30);
/// Lines that may wait to be read; more are dropped, so that the server never waits for a test.
const LINES_MAX: usize = 256;

/// `kinglet serve`, killed when this is dropped.
pub struct Program {
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    /// Where the program is.
    pub const PATH: &'static str = env!("CARGO_BIN_EXE_kinglet");

    /// Serves `data` on a free port; `settings` are variables such as `KINGLET_LOG__LEVEL`.
    pub fn serve(data: &Path, settings: &[(&str, &str)]) -> Self {
        let mut child = Command::new(Self::PATH)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            // A configuration that happens to lie around where the tests run is not part of this.
            .current_dir(data.parent().expect("a directory lies in another"))
            .env_remove("KINGLET_CONFIG")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let output = BufReader::new(child.stderr.take().expect("it was piped"));
        let (sender, lines) = sync_channel(LINES_MAX);
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // Nobody reads any more, or not fast enough.
                let _ = sender.try_send(line);
            }
        });
        Self { child, lines }
    }

    /// As [`Self::wait_for`], but only for so long.
    pub fn wait_until(&self, text: &str, patience: Duration) -> Option<String> {
        let begun = Moment::now();
        loop {
            let left = patience.saturating_sub(Duration::from_nanos(begun.elapsed_nanos()));
            let line = self.lines.recv_timeout(left).ok()?;
            if let Some((_, rest)) = line.split_once(text) {
                return Some(rest.to_owned());
            }
        }
    }

    /// Waits for a line on standard error that contains `text`, and gives back what comes after it there.
    pub fn wait_for(&self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.expect("the line comes before the program ends");
            if let Some((_, rest)) = line.split_once(text) {
                return rest.to_owned();
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
