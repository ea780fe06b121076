//! Counters, gauges and histograms: atomics, each told from any thread without a lock.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// A counter that counted nothing.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Counts one more.
    pub fn count(&self) {
        self.add(1);
    }

    /// Counts so many more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// Counts one more, where nobody else counts: what another thread counts at the same moment may be lost.
    pub fn count_alone(&self) {
        add_alone(&self.0, 1);
    }

    /// How many so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Adds without keeping others from adding, for which processors take several times as long.
fn add_alone(number: &AtomicU64, more: u64) {
    let sum = number.load(Ordering::Relaxed).wrapping_add(more);
    number.store(sum, Ordering::Relaxed);
}

/// A number that rises and falls.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// Raises it.
    pub fn rise(&self, by: usize) {
        self.0
            .fetch_add(i64::try_from(by).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// Lowers it.
    pub fn fall(&self, by: usize) {
        self.0
            .fetch_sub(i64::try_from(by).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// Its present value.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The most buckets of a histogram, the last one without a bound included.
const BUCKETS_MAX: usize = 16;

/// How a histogram's values are grouped and told.
#[derive(Debug)]
pub struct Scale {
    /// Upper bounds of the buckets, inclusive, growing; one bucket without a bound follows.
    pub bounds: &'static [u64],
    /// What a value is divided by when it is told.
    pub divisor: u64,
}

const MICRO: u64 = 1_000;
const MILLI: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;

/// Nanoseconds of what a person waits for, told in seconds.
pub static LATENCY: Scale = Scale {
    bounds: &[
        100 * MICRO,
        250 * MICRO,
        500 * MICRO,
        MILLI,
        2_500 * MICRO,
        5 * MILLI,
        10 * MILLI,
        25 * MILLI,
        50 * MILLI,
        100 * MILLI,
        250 * MILLI,
        500 * MILLI,
        SECOND,
        2_500 * MILLI,
        10 * SECOND,
    ],
    divisor: SECOND,
};

/// Nanoseconds of what happens inside, told in seconds.
pub static INNER_TIME: Scale = Scale {
    bounds: &[
        5 * MICRO,
        10 * MICRO,
        25 * MICRO,
        50 * MICRO,
        100 * MICRO,
        250 * MICRO,
        500 * MICRO,
        MILLI,
        2_500 * MICRO,
        5 * MILLI,
        10 * MILLI,
        25 * MILLI,
        100 * MILLI,
        500 * MILLI,
        2_500 * MILLI,
    ],
    divisor: SECOND,
};

/// Small numbers of things.
pub static SIZES: Scale = Scale {
    bounds: &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
    divisor: 1,
};

/// How often which values came.
#[derive(Debug)]
pub struct Histogram {
    scale: &'static Scale,
    buckets: [AtomicU64; BUCKETS_MAX],
    sum: AtomicU64,
}

impl Histogram {
    /// A histogram that saw nothing yet.
    pub fn new(scale: &'static Scale) -> Self {
        debug_assert!(scale.bounds.len() < BUCKETS_MAX);
        Self {
            scale,
            buckets: [const { AtomicU64::new(0) }; BUCKETS_MAX],
            sum: AtomicU64::new(0),
        }
    }

    /// Takes in a value, in the scale's own unit.
    pub fn observe(&self, value: u64) {
        if let Some(bucket) = self.bucket(value) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// As [`Histogram::observe`], where nobody else observes: what another thread takes in at the same moment may be lost.
    pub fn observe_alone(&self, value: u64) {
        if let Some(bucket) = self.bucket(value) {
            add_alone(bucket, 1);
        }
        add_alone(&self.sum, value);
    }

    fn bucket(&self, value: u64) -> Option<&AtomicU64> {
        let bucket = self.scale.bounds.partition_point(|bound| *bound < value);
        self.buckets.get(bucket)
    }

    /// Takes in all that another one of the same scale saw.
    pub fn absorb(&self, other: &Self) {
        for (bucket, more) in self.buckets.iter().zip(&other.buckets) {
            bucket.fetch_add(more.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        self.sum
            .fetch_add(other.sum.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// What it saw so far. Values that come meanwhile may be in the sum and not yet in a bucket or the other way round.
    pub fn read(&self) -> Seen {
        let bounds = self.scale.bounds;
        let mut count = 0;
        let up_to = self.buckets[..=bounds.len()].iter().map(|bucket| {
            count += bucket.load(Ordering::Relaxed);
            count
        });
        Seen {
            scale: self.scale,
            up_to: up_to.collect(),
            sum: self.sum.load(Ordering::Relaxed),
        }
    }
}

/// What a histogram saw.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its scale.
    pub scale: &'static Scale,
    /// How many values were within each bound, smaller ones included; the last: how many at all.
    pub up_to: Vec<u64>,
    /// Their sum, in the scale's own unit.
    pub sum: u64,
}

impl Seen {
    /// How many values.
    pub fn count(&self) -> u64 {
        self.up_to.last().copied().unwrap_or(0)
    }

    /// With what another histogram of the same scale saw.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        for (count, more) in self.up_to.iter_mut().zip(&other.up_to) {
            *count += more;
        }
        self.sum = self.sum.wrapping_add(other.sum);
        self
    }

    /// The bound within which this share of the values were, 0 to 1, in the unit that is told; `None` without any value.
    /// Values beyond the last bound count as that.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let wanted = share * count as f64;
        let at = self.up_to.partition_point(|up_to| (*up_to as f64) < wanted);
        let bounds = self.scale.bounds;
        let bound = bounds.get(at).or(bounds.last())?;
        Some(*bound as f64 / self.scale.divisor as f64)
    }

    /// The mean, in the unit that is told; `None` without any value.
    pub fn mean(&self) -> Option<f64> {
        let count = self.count();
        (count > 0).then(|| self.sum as f64 / count as f64 / self.scale.divisor as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_a_bound_is_within_it() {
        let histogram = Histogram::new(&SIZES);
        for value in [1, 2, 3, 512, 513] {
            histogram.observe(value);
        }
        let seen = histogram.read();
        assert_eq!(seen.up_to, [1, 2, 3, 3, 3, 3, 3, 3, 3, 4, 5]);
        assert_eq!((seen.sum, seen.count()), (1031, 5));
        assert_eq!(seen.quantile(0.5), Some(4.0));
        assert_eq!(seen.quantile(1.0), Some(512.0));
        assert_eq!(seen.mean(), Some(206.2));
    }

    #[test]
    fn what_one_alone_observed_is_absorbed() {
        let (alone, all) = (Histogram::new(&SIZES), Histogram::new(&SIZES));
        alone.observe_alone(3);
        alone.observe_alone(600);
        all.observe(1);
        all.absorb(&alone);
        let seen = all.read();
        assert_eq!(seen.up_to, [1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3]);
        assert_eq!(seen.sum, 604);
        let counter = Counter::new();
        counter.count_alone();
        counter.count();
        assert_eq!(counter.get(), 2);
    }

    #[test]
    fn every_scale_grows_and_fits() {
        for scale in [&LATENCY, &INNER_TIME, &SIZES] {
            assert!(scale.bounds.is_sorted());
            assert!(scale.bounds.len() < BUCKETS_MAX);
        }
        assert_eq!(Histogram::new(&LATENCY).read().quantile(0.5), None);
    }
}
