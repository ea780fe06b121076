//! A program in a terminal, with somebody who reads what it writes and types answers.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

/// Python's standard library opens a pseudo-terminal without any crate or unsafe code: what is piped into it is typed,
/// what the program shows comes out.
const OPEN_TERMINAL: &str =
    "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
/// How long somebody waits for the program to say something.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pieces of output that may wait to be read.
const PIECES_MAX: usize = 64;
/// Bytes of output taken at once.
const PIECE_BYTES_MAX: usize = 4096;

/// A program that runs in a terminal.
pub struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    screen: Receiver<Vec<u8>>,
    written: Vec<u8>,
    shown: String,
    read_up_to: usize,
}

impl Terminal {
    /// Starts `program` with `python`'s help; `settings` are added to the environment.
    pub fn start(
        python: &Path,
        program: &Path,
        arguments: &[&str],
        settings: &[(&str, &OsStr)],
    ) -> Self {
        let mut child = Command::new(python)
            .arg("-c")
            .arg(OPEN_TERMINAL)
            .arg(program)
            .args(arguments)
            .envs(settings.iter().copied())
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("Python runs");
        let keyboard = child.stdin.take().expect("it was piped");
        let mut output = child.stdout.take().expect("it was piped");
        let (pieces, screen) = sync_channel(PIECES_MAX);
        thread::spawn(move || {
            let mut piece = [0; PIECE_BYTES_MAX];
            while let Ok(length @ 1..) = output.read(&mut piece) {
                if pieces.send(piece[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            keyboard,
            screen,
            written: Vec::new(),
            shown: String::new(),
            read_up_to: 0,
        }
    }

    /// Waits until `text` is shown, below what was waited for before; gives back what stands above it.
    pub fn wait_for(&mut self, text: &str) -> String {
        loop {
            let unread = &self.shown[self.read_up_to..];
            if let Some(at) = unread.find(text) {
                let above = unread[..at].to_owned();
                self.read_up_to += at + text.len();
                return above;
            }
            match self.screen.recv_timeout(PATIENCE) {
                Ok(piece) => self.show(&piece),
                Err(reason) => panic!("{text:?} was not shown ({reason}), but:\n{}", self.shown),
            }
        }
    }

    /// Types a line.
    pub fn type_line(&mut self, line: &str) {
        writeln!(self.keyboard, "{line}").expect("somebody reads the keyboard");
        self.keyboard.flush().expect("somebody reads the keyboard");
    }

    /// Waits for the program's end; gives back everything that was shown, and whether it succeeded.
    pub fn end(mut self) -> (String, bool) {
        loop {
            match self.screen.recv_timeout(PATIENCE) {
                Ok(piece) => self.show(&piece),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("it doesn't end, having shown:\n{}", self.shown)
                }
            }
        }
        let status = self.child.wait().expect("it was started here");
        (std::mem::take(&mut self.shown), status.success())
    }

    fn show(&mut self, piece: &[u8]) {
        // All of it anew: a piece may end inside a character.
        self.written.extend_from_slice(piece);
        self.shown = without_colours(&String::from_utf8_lossy(&self.written));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // After a test that failed it still waits for somebody to type.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Text without the sequences that set colours (ECMA-48, `CSI ... m`), and with the line ends of files.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("\u{1b}[") {
        plain.push_str(&rest[..start]);
        let sequence = &rest[start + 2..];
        let end = sequence.find(|character: char| ('@'..='~').contains(&character));
        rest = end.map_or("", |end| &sequence[end + 1..]);
    }
    plain.push_str(rest);
    plain.replace('\r', "")
}
