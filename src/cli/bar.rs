//! How far something is, for whoever waits in front of a terminal.

use std::io::{self, IsTerminal, Write as _};

/// Characters of the bar.
const BAR_CHARACTERS: usize = 32;
/// Clears the line from the cursor on.
const CLEAR: &str = "\x1b[K";

/// A bar on standard error, if that is a terminal.
pub(super) struct Bar {
    things: usize,
    is_watched: bool,
}

impl Bar {
    /// A bar of so many things.
    pub(super) fn of(things: usize) -> Self {
        Self {
            things,
            is_watched: io::stderr().is_terminal(),
        }
    }

    /// Shows that so many are done.
    pub(super) fn show(&self, done: usize) {
        self.show_at(done, "");
    }

    /// The same, and what is done now.
    pub(super) fn show_at(&self, done: usize, what: &str) {
        if self.is_watched {
            // Nobody misses it.
            let bar = line(done, self.things);
            drop(write!(io::stderr(), "\r{bar} {what}{CLEAR}"));
        }
    }

    /// Leaves the bar as it is.
    pub(super) fn end(&self) {
        if self.is_watched {
            drop(writeln!(io::stderr()));
        }
    }
}

fn line(done: usize, things: usize) -> String {
    let filled = BAR_CHARACTERS * done.min(things) / things.max(1);
    let (full, empty) = ("#".repeat(filled), ".".repeat(BAR_CHARACTERS - filled));
    format!("[{full}{empty}] {done} of {things}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_grows_with_what_is_done() {
        assert_eq!(line(0, 0), format!("[{}] 0 of 0", ".".repeat(32)));
        assert_eq!(
            line(1, 4),
            format!("[{}{}] 1 of 4", "#".repeat(8), ".".repeat(24))
        );
        assert_eq!(line(4, 4), format!("[{}] 4 of 4", "#".repeat(32)));
    }
}
