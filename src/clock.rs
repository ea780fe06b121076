//! Time, passed in: the system's clock in the binary, a manual one in tests.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since 1970.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This moment moved by `millis`, which may be negative.
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }

    /// The calendar date in UTC, `YYYY-MM-DD`, as `last_status_at` wants it.
    pub fn date(self) -> String {
        self.to_jiff().strftime("%Y-%m-%d").to_string()
    }

    /// The moment in a time zone, for people.
    pub fn in_zone(self, zone: jiff::tz::TimeZone) -> jiff::Zoned {
        self.to_jiff().to_zoned(zone)
    }

    /// How far clocks in a time zone are ahead of UTC at this moment, in milliseconds; negative west of Greenwich.
    pub fn utc_offset_millis(self, zone: &jiff::tz::TimeZone) -> i64 {
        i64::from(zone.to_offset(self.to_jiff()).seconds()) * 1000
    }

    /// The later moments at which the clocks of a time zone change, earliest first.
    pub fn clock_changes(self, zone: &jiff::tz::TimeZone) -> impl Iterator<Item = Self> + '_ {
        zone.following(self.to_jiff())
            .map(|change| Self(change.timestamp().as_millisecond()))
    }
}

/// `YYYY-MM-DDTHH:MM:SS.mmmZ`: some clients parse only this pattern and silently use "now" for any other.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{:03}Z",
            self.to_jiff().strftime("%Y-%m-%dT%H:%M:%S"),
            self.0.rem_euclid(1000)
        )
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where the time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The present moment; it may go back when the machine's clock is set.
    fn now(&self) -> Timestamp;
}

/// A clock that several rooms share.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the machine for the time"
    )]
    fn now(&self) -> Timestamp {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Timestamp(since_epoch.map_or(0, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// A clock that stands still until it is moved; for tests and reproducible instances.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `start`.
    pub fn at(start: Timestamp) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(start.millis())))
    }

    /// Moves the clock by `millis`, which may be negative.
    pub fn advance_millis(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }

    /// Sets the clock.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.millis(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_exactly_three_fraction_digits() {
        assert_eq!(
            Timestamp::from_millis(0).to_string(),
            "1970-01-01T00:00:00.000Z"
        );
        assert_eq!(
            Timestamp::from_millis(1_790_000_000_007).to_string(),
            "2026-09-21T14:13:20.007Z"
        );
    }
}
