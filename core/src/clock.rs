//! Time, passed in: the system's clock in the binary, a manual one in tests.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Span};
pub use kinglet_ticks::Tick;
use kinglet_ticks::kernel_nanos;

const DAY_MILLIS: i64 = 86_400_000;

thread_local! {
    /// The day whose digits this thread wrote last, since 1970.
    static LAST_DAY: Cell<(i64, [u8; 10])> = const { Cell::new((0, *b"1970-01-01")) };
}

/// The furthest from 1970 that a date is told, in days: six thousand years.
const DAYS_MAX: i32 = 6000 * 365;

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

    /// Whole hours since 1970.
    pub const fn hours(self) -> i64 {
        self.0.div_euclid(60 * 60 * 1000)
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

    /// As [`date`](Self::date), for those who write many of them, mostly of the same day.
    pub fn date_digits(self) -> [u8; 10] {
        let day = self.0.div_euclid(DAY_MILLIS);
        let (known_day, known) = LAST_DAY.get();
        if day == known_day {
            return known;
        }
        let digits = self.digits_of_date();
        LAST_DAY.set((day, digits));
        digits
    }

    fn digits_of_date(self) -> [u8; 10] {
        let date = Offset::UTC.to_datetime(self.to_jiff()).date();
        let mut digits = *b"0000-00-00";
        let mut write = |places: [usize; 2], number: i16| {
            for (place, digit) in places.into_iter().zip([number / 10 % 10, number % 10]) {
                digits[place] = b'0' + digit.unsigned_abs() as u8;
            }
        };
        write([0, 1], date.year() / 100);
        write([2, 3], date.year());
        write([5, 6], date.month().into());
        write([8, 9], date.day().into());
        digits
    }

    /// Reads what RFC 3339 or ISO 8601 write, with an offset: `2026-09-21T14:13:20Z`.
    pub fn parse(text: &str) -> Option<Self> {
        let moment: jiff::Timestamp = text.parse().ok()?;
        Some(Self(moment.as_millisecond()))
    }

    /// As HTTP writes it: `Mon, 21 Sep 2026 14:13:20 GMT` (RFC 9110, section 5.6.7).
    pub fn http_date(self) -> String {
        self.to_jiff()
            .strftime("%a, %d %b %Y %H:%M:%S GMT")
            .to_string()
    }

    /// The moment in a time zone, for people.
    pub fn in_zone(self, zone: TimeZone) -> jiff::Zoned {
        self.to_jiff().to_zoned(zone)
    }

    /// How far clocks in a time zone are ahead of UTC at this moment, in milliseconds; negative west of Greenwich.
    pub fn utc_offset_millis(self, zone: &TimeZone) -> i64 {
        i64::from(zone.to_offset(self.to_jiff()).seconds()) * 1000
    }

    /// The later moments at which the clocks of a time zone change, earliest first.
    pub fn clock_changes(self, zone: &TimeZone) -> impl Iterator<Item = Self> + '_ {
        zone.following(self.to_jiff())
            .map(|change| Self(change.timestamp().as_millisecond()))
    }

    /// The hour, 0 to 23, that clocks of the zone show.
    pub fn hour_in(self, zone: &TimeZone) -> usize {
        usize::try_from(zone.to_datetime(self.to_jiff()).hour()).unwrap_or(0)
    }

    /// The day that begins last before this moment or at it, in days since 1970-01-01 of the zone's calendar.
    pub fn day_in(self, zone: &TimeZone) -> i32 {
        let mut day = days_since_1970(zone.to_datetime(self.to_jiff()).date());
        // Clocks that are put back over midnight show yesterday's date again.
        while Self::midnight(day + 1, zone) <= self {
            day += 1;
        }
        day
    }

    /// When the day begins in the zone: the first moment at which its calendar shows this day or a later one. A midnight
    /// that clocks jump over is where they jump to, one that they show twice is the first.
    pub fn midnight(day: i32, zone: &TimeZone) -> Self {
        let midnight = date_of(day).at(0, 0, 0, 0);
        let local = zone.to_ambiguous_timestamp(midnight);
        let moment = match local.offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(midnight),
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(midnight),
            AmbiguousOffset::Gap { before, .. } => before.to_timestamp(midnight).map(|after| {
                let up_to = after + SignedDuration::from_millis(1);
                zone.preceding(up_to)
                    .next()
                    .map_or(after, |jump| jump.timestamp())
            }),
        };
        Self(
            moment.map_or(i64::from(day).saturating_mul(DAY_MILLIS), |moment| {
                moment.as_millisecond()
            }),
        )
    }
}

/// The calendar's date, `YYYY-MM-DD`, so many days after 1970-01-01.
pub fn format_day(day: i32) -> String {
    date_of(day).to_string()
}

/// Reads a date, `YYYY-MM-DD`; `None` when the calendar doesn't have it.
pub fn parse_day(text: &str) -> Option<i32> {
    let is_plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let date: Date = is_plain.then(|| text.parse().ok())??;
    Some(days_since_1970(date))
}

fn date_of(day: i32) -> Date {
    let first = jiff::civil::date(1970, 1, 1);
    first.saturating_add(Span::new().days(day.clamp(-DAYS_MAX, DAYS_MAX)))
}

fn days_since_1970(date: Date) -> i32 {
    let hours = date
        .duration_since(jiff::civil::date(1970, 1, 1))
        .as_hours();
    i32::try_from(hours / 24).unwrap_or(DAYS_MAX)
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

/// A point on the machine's monotonic clock: it says how long something took, never when it was.
/// Durations are measured by it even where the calendar's clock stands still. What is measured at every request is measured by
/// [`Tick`]s, which cost less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

impl Moment {
    /// The present point.
    pub fn now() -> Self {
        Self(kernel_nanos())
    }

    /// Nanoseconds from an earlier point to this one; 0 when that one is later.
    pub fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Nanoseconds from this point to the present one.
    pub fn elapsed_nanos(self) -> u64 {
        Self::now().nanos_since(self)
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

    #[test]
    fn moments_grow_and_tell_how_long() {
        let begun = Moment::now();
        let (_silent, nobody) = std::sync::mpsc::sync_channel::<()>(0);
        let waited = nobody.recv_timeout(std::time::Duration::from_millis(2));
        assert!(waited.is_err());
        let ended = Moment::now();
        assert!(ended.nanos_since(begun) >= 2_000_000);
        assert!(ended.nanos_since(begun) < 60_000_000_000);
        assert_eq!(begun.nanos_since(ended), 0);
    }

    #[test]
    fn digits_are_those_of_the_date() {
        for day in (0..60_000).step_by(13) {
            let noon = Timestamp::from_millis(day * DAY_MILLIS + 43_200_000);
            for hours in [0, 11, -12] {
                let moment = noon.plus_millis(hours * 3_600_000);
                let digits = moment.date_digits();
                assert_eq!(std::str::from_utf8(&digits), Ok(moment.date().as_str()));
            }
        }
    }

    #[test]
    fn http_writes_dates_in_its_own_way() {
        // RFC 9110, section 5.6.7.
        let example = Timestamp::from_millis(784_111_777_000);
        assert_eq!(example.http_date(), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
