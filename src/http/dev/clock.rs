//! A clock that can be set, moved and stopped while others read it.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::{Clock, SystemClock, Timestamp};

/// Stands for "it runs" where otherwise the moment is at which it stands.
const RUNS: i64 = i64::MIN;
/// The earliest moment that it can be set to, in milliseconds since 1970: 2000-01-01T00:00:00Z.
const EARLIEST_MILLIS: i64 = 946_684_800_000;
/// The latest moment, in milliseconds since 1970: 2999-12-31T00:00:00Z. Ids hold the time in 47 bits.
const LATEST_MILLIS: i64 = 32_503_593_600_000;

/// The clock of an instance for developers.
#[derive(Debug)]
pub struct DevClock {
    machine: SystemClock,
    /// How far it is ahead of the machine's when it runs, in milliseconds.
    ahead: AtomicI64,
    /// What it shows when it stands, in milliseconds since 1970.
    stands_at: AtomicI64,
}

/// What a clock can be set back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// It runs so many milliseconds ahead of the machine's.
    Ahead(i64),
    /// It stands.
    Stands(Timestamp),
}

/// A moment that no clock here shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the clock goes from the year 2000 to the year 2999")]
pub struct OutOfRange;

impl DevClock {
    /// A clock that is set like this.
    #[must_use]
    pub fn new(setting: Setting) -> Self {
        let clock = Self {
            machine: SystemClock,
            ahead: AtomicI64::new(0),
            stands_at: AtomicI64::new(RUNS),
        };
        clock.put(setting);
        clock
    }

    /// How it is set.
    pub fn setting(&self) -> Setting {
        match self.stands_at.load(Ordering::SeqCst) {
            RUNS => Setting::Ahead(self.ahead.load(Ordering::SeqCst)),
            at => Setting::Stands(Timestamp::from_millis(at)),
        }
    }

    /// Sets it like this.
    pub fn put(&self, setting: Setting) {
        match setting {
            Setting::Ahead(millis) => {
                self.ahead.store(millis, Ordering::SeqCst);
                self.stands_at.store(RUNS, Ordering::SeqCst);
            }
            Setting::Stands(at) => self.stands_at.store(at.millis(), Ordering::SeqCst),
        }
    }

    /// Whether it stands still.
    pub fn stands(&self) -> bool {
        matches!(self.setting(), Setting::Stands(_))
    }

    /// Makes it show this moment, and go on from there if it runs.
    ///
    /// # Errors
    /// A moment before 2000 or after 2999.
    pub fn set(&self, now: Timestamp) -> Result<(), OutOfRange> {
        if !(EARLIEST_MILLIS..=LATEST_MILLIS).contains(&now.millis()) {
            return Err(OutOfRange);
        }
        self.put(match self.setting() {
            Setting::Stands(_) => Setting::Stands(now),
            Setting::Ahead(_) => Setting::Ahead(now.millis() - self.machine.now().millis()),
        });
        Ok(())
    }

    /// Stops it where it is, or lets it go on from there.
    pub fn stop(&self, stop: bool) {
        let now = self.now();
        self.put(if stop {
            Setting::Stands(now)
        } else {
            Setting::Ahead(now.millis() - self.machine.now().millis())
        });
    }
}

impl Clock for DevClock {
    fn now(&self) -> Timestamp {
        match self.setting() {
            Setting::Stands(at) => at,
            Setting::Ahead(millis) => self.machine.now().plus_millis(millis),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    #[test]
    fn a_clock_that_stands_shows_what_it_was_set_to() {
        let clock = DevClock::new(Setting::Stands(NOON));
        assert_eq!(clock.now(), NOON);
        let later = NOON.plus_millis(5);
        assert_eq!(clock.set(later), Ok(()));
        assert_eq!((clock.now(), clock.stands()), (later, true));
        let before = Timestamp::from_millis(EARLIEST_MILLIS - 1);
        assert_eq!(clock.set(before), Err(OutOfRange));
        assert_eq!(clock.now(), later);
    }

    #[test]
    fn a_clock_that_runs_goes_on_from_what_it_was_set_to() {
        let clock = DevClock::new(Setting::Ahead(0));
        assert_eq!(clock.set(NOON), Ok(()));
        assert!(!clock.stands());
        let shown = clock.now().millis() - NOON.millis();
        assert!((0..60_000).contains(&shown), "{shown}");
        clock.stop(true);
        assert_eq!(clock.now(), clock.now());
        clock.stop(false);
        assert!(!clock.stands());
    }
}
