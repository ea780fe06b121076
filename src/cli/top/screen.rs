//! The terminal: taken for a while, and given back as it was.

use std::io::{self, Read, Write};
use std::thread;

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};
use tokio::sync::mpsc::{Receiver, channel};

/// Keys that may wait to be looked at.
const KEYS_MAX: usize = 16;
/// The size of a terminal that doesn't tell.
const SIZE: (usize, usize) = (80, 24);

/// Takes the second screen and hides the cursor (xterm's private modes 1049 and 25).
const TAKE: &[u8] = b"\x1b[?1049h\x1b[?25l";
const GIVE_BACK: &[u8] = b"\x1b[?25h\x1b[?1049l";
const TO_THE_TOP: &str = "\x1b[H";
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

/// The terminal as long as it is taken; dropped, it is as before.
pub(super) struct Screen {
    /// How the keyboard was set; none where it is no terminal.
    before: Option<Termios>,
}

impl Screen {
    pub(super) fn take() -> io::Result<Self> {
        let before = tcgetattr(io::stdin()).ok();
        if let Some(before) = &before {
            let mut keys_at_once = before.clone();
            keys_at_once
                .local_modes
                .remove(LocalModes::ICANON | LocalModes::ECHO);
            keys_at_once.special_codes[SpecialCodeIndex::VMIN] = 1;
            keys_at_once.special_codes[SpecialCodeIndex::VTIME] = 0;
            tcsetattr(io::stdin(), OptionalActions::Now, &keys_at_once)?;
        }
        let screen = Self { before };
        write(TAKE)?;
        Ok(screen)
    }

    /// Columns and lines.
    pub(super) fn size(&self) -> (usize, usize) {
        match tcgetwinsize(io::stdout()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                (usize::from(size.ws_col), usize::from(size.ws_row))
            }
            _ => SIZE,
        }
    }

    /// Replaces what is shown.
    pub(super) fn show(&mut self, lines: &[String]) -> io::Result<()> {
        write(picture(lines).as_bytes())
    }
}

/// Lines over what was there, at once, so that nothing flickers. The last line ends without a new one, which would
/// scroll.
fn picture(lines: &[String]) -> String {
    let mut out = String::from(TO_THE_TOP);
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            out.push_str("\r\n");
        }
        out.push_str(line);
        out.push_str(CLEAR_LINE);
    }
    out.push_str(CLEAR_BELOW);
    out
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Nobody is left to be told when the terminal is gone.
        drop(write(GIVE_BACK));
        if let Some(before) = &self.before {
            // As above.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}

/// What somebody pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// Enough.
    End,
    /// Nothing that means anything.
    Other,
}

/// What is pressed. The thread that waits for it ends with the process.
pub(super) fn keys() -> Receiver<Key> {
    let (pressed, keys) = channel(KEYS_MAX);
    thread::spawn(move || {
        let mut byte = [0];
        while let Ok(1) = io::stdin().read(&mut byte) {
            let key = match byte {
                [b'q' | b'Q'] => Key::End,
                _ => Key::Other,
            };
            if pressed.blocking_send(key).is_err() {
                break;
            }
        }
    });
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_replaces_the_one_before() {
        let lines = ["one".to_owned(), "two".to_owned()];
        assert_eq!(picture(&lines), "\x1b[Hone\x1b[K\r\ntwo\x1b[K\x1b[J");
    }
}
