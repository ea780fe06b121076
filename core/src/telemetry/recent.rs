//! The last minute of requests: a ring of seconds, written by the requests themselves, so that an idle server does
//! nothing for it. Exact counts are the metrics' business: a count may be lost where two threads begin a second at once.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use crate::clock::Timestamp;
use crate::domain::live::{COURSE_SECONDS, NOW_SECONDS, Traffic};

/// Seconds in the ring; a power of two beyond those that are told of.
const SECONDS: usize = 64;
const _: () = assert!(COURSE_SECONDS < SECONDS && NOW_SECONDS <= COURSE_SECONDS);
/// Lengths are sorted into four steps for each doubling, so a percentile is told within a quarter.
const STEPS_PER_DOUBLING: usize = 4;
/// Lengths up to 2^26 microseconds, 67 seconds, are told apart.
const LENGTHS: usize = 26 * STEPS_PER_DOUBLING;

/// The last minute of requests.
#[derive(Debug)]
pub struct Recent {
    seconds: Box<[Second]>,
}

#[derive(Debug)]
struct Second {
    /// Which second this is, since 1970.
    stamp: AtomicI64,
    refused: AtomicU32,
    failed: AtomicU32,
    lengths: [AtomicU32; LENGTHS],
}

impl Default for Second {
    fn default() -> Self {
        Self {
            stamp: AtomicI64::new(i64::MIN),
            refused: AtomicU32::new(0),
            failed: AtomicU32::new(0),
            lengths: [const { AtomicU32::new(0) }; LENGTHS],
        }
    }
}

impl Second {
    fn requests(&self) -> u32 {
        let counts = self.lengths.iter();
        counts.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    fn begin(&self, stamp: i64) {
        let before = self.stamp.load(Ordering::Acquire);
        if before == stamp {
            return;
        }
        let exchanged =
            self.stamp
                .compare_exchange(before, stamp, Ordering::AcqRel, Ordering::Relaxed);
        if exchanged.is_ok() {
            let counts = self.lengths.iter().chain([&self.refused, &self.failed]);
            for count in counts {
                count.store(0, Ordering::Relaxed);
            }
        }
    }
}

impl Default for Recent {
    fn default() -> Self {
        let mut seconds = Vec::new();
        seconds.resize_with(SECONDS, Second::default);
        Self {
            seconds: seconds.into(),
        }
    }
}

impl Recent {
    /// Notes a request that was answered at `now` after `length_us` microseconds with a status.
    pub fn note(&self, now: Timestamp, length_us: u64, status: u16) {
        let second = self.at(now.seconds());
        second.begin(now.seconds());
        match status {
            500.. => drop(second.failed.fetch_add(1, Ordering::Relaxed)),
            400..500 => drop(second.refused.fetch_add(1, Ordering::Relaxed)),
            _ => {}
        }
        second.lengths[step_of(length_us)].fetch_add(1, Ordering::Relaxed);
    }

    /// What the last seconds were about; totals and what is at work are left to others. A server that runs for fewer
    /// seconds than "now" spans has its rate by those.
    #[must_use]
    pub fn traffic(&self, now: Timestamp, uptime_seconds: u64) -> Traffic {
        let now = now.seconds();
        let told = |back: usize| {
            let stamp = now - i64::try_from(back).unwrap_or(i64::MAX);
            let second = self.at(stamp);
            (second.stamp.load(Ordering::Acquire) == stamp).then_some(second)
        };
        let read = |count: &AtomicU32| u64::from(count.load(Ordering::Relaxed));
        let mut traffic = Traffic::default();
        let mut lengths = [0u64; LENGTHS];
        for second in (0..NOW_SECONDS).filter_map(told) {
            traffic.refused += read(&second.refused);
            traffic.failed += read(&second.failed);
            for (sum, count) in lengths.iter_mut().zip(&second.lengths) {
                *sum += read(count);
            }
        }
        let span = (NOW_SECONDS as u64).min(uptime_seconds.saturating_add(1));
        let requests: u64 = lengths.iter().sum();
        traffic.per_second = requests as f64 / span as f64;
        traffic.p50_ms = percentile(&lengths, 50);
        traffic.p99_ms = percentile(&lengths, 99);
        let course = (0..COURSE_SECONDS)
            .rev()
            .map(|back| told(back).map_or(0, Second::requests));
        traffic.course = course.collect();
        traffic
    }

    fn at(&self, stamp: i64) -> &Second {
        &self.seconds[usize::try_from(stamp.rem_euclid(SECONDS as i64)).unwrap_or(0)]
    }
}

/// Which step a length belongs to.
fn step_of(length_us: u64) -> usize {
    let length = length_us.max(1);
    let doubling = length.ilog2() as usize;
    // The two digits behind the first tell the step within the doubling.
    let step = if doubling >= 2 {
        (length >> (doubling - 2)) as usize & 3
    } else {
        (length << (2 - doubling)) as usize & 3
    };
    (doubling * STEPS_PER_DOUBLING + step).min(LENGTHS - 1)
}

/// The longest length of a step, in microseconds.
fn end_of(step: usize) -> f64 {
    let doubling = (step / STEPS_PER_DOUBLING) as f64;
    let part = (step % STEPS_PER_DOUBLING + 1) as f64 / STEPS_PER_DOUBLING as f64;
    doubling.exp2() * (1.0 + part)
}

fn percentile(lengths: &[u64; LENGTHS], percent: u64) -> Option<f64> {
    let total: u64 = lengths.iter().sum();
    let rank = (total * percent).div_ceil(100);
    let mut seen = 0;
    let step = lengths.iter().position(|count| {
        seen += count;
        seen >= rank && rank > 0
    })?;
    Some(end_of(step) / 1000.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000 + 500)
    }

    #[test]
    fn now_is_the_last_seconds_and_older_ones_are_forgotten() {
        let recent = Recent::default();
        for second in 0..200 {
            recent.note(at(second), 1000, 200);
            recent.note(at(second), 1000, 404);
            recent.note(at(second), 1000, 503);
        }
        let traffic = recent.traffic(at(199), 500);
        assert_eq!(traffic.per_second, 3.0);
        assert_eq!((traffic.refused, traffic.failed), (10, 10));
        assert_eq!(traffic.course, [3; COURSE_SECONDS]);
        let traffic = recent.traffic(at(204), 500);
        assert_eq!(traffic.per_second, 1.5);
        assert_eq!(traffic.course[COURSE_SECONDS - 6..], [3, 0, 0, 0, 0, 0]);
        let traffic = recent.traffic(at(1000), 500);
        assert_eq!((traffic.per_second, traffic.p50_ms), (0.0, None));
        assert_eq!(traffic.course, [0; COURSE_SECONDS]);
    }

    #[test]
    fn a_young_server_has_its_rate_by_its_age() {
        let recent = Recent::default();
        for _ in 0..8 {
            recent.note(at(1), 1000, 200);
        }
        assert_eq!(recent.traffic(at(2), 1).per_second, 4.0);
    }

    #[test]
    fn a_percentile_is_told_within_a_quarter() {
        let recent = Recent::default();
        for length in 1..=1000 {
            recent.note(at(5), length * 100, 200);
        }
        let traffic = recent.traffic(at(5), 100);
        let near = |told: Option<f64>, truth: f64| {
            told.is_some_and(|told| (truth..=truth * 1.25).contains(&told))
        };
        assert!(near(traffic.p50_ms, 50.0), "{traffic:?}");
        assert!(near(traffic.p99_ms, 99.0), "{traffic:?}");
    }

    proptest! {
        #[test]
        fn every_length_lies_in_its_step(length in 1u64..1 << 26) {
            let step = step_of(length);
            prop_assert!((length as f64) < end_of(step), "{step}");
            prop_assert!(step == 0 || length as f64 >= end_of(step - 1) || end_of(step - 1) < 2.0);
        }

        #[test]
        fn any_length_has_a_step(length: u64) {
            prop_assert!(step_of(length) < LENGTHS);
        }
    }
}
