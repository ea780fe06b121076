//! How long things took, in buckets that grow with the time, so that any percentile is known to better than a hundredth.
//!
//! The layout is that of [HdrHistogram](http://hdrhistogram.org/): each doubling is cut into [`STEPS`] equal buckets.
//! It is sixty lines here, and one crate less.

/// Buckets of each doubling: a value is known to one part in so many.
const STEPS: u64 = 128;
const STEP_BITS: u32 = STEPS.ilog2();
/// Times from here on count as this one: 18 minutes, in nanoseconds.
const NANOS_MAX: u64 = (1 << 40) - 1;
const BUCKETS: usize = ((40 - STEP_BITS as usize) + 1) * STEPS as usize;

/// Times and how often each occurred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    most: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: vec![0; BUCKETS],
            count: 0,
            most: 0,
        }
    }
}

impl Histogram {
    /// Takes down a time, in nanoseconds.
    pub fn record(&mut self, nanos: u64) {
        let nanos = nanos.min(NANOS_MAX);
        self.buckets[bucket_of(nanos)] += 1;
        self.count += 1;
        self.most = self.most.max(nanos);
    }

    /// Takes over all that another one knows.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.most = self.most.max(other.most);
    }

    /// How many times were taken down.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The time within which this share of them, 0 to 1, lay, in nanoseconds: at most a hundredth above the exact one,
    /// never below it. 0 when there are none.
    pub fn nanos_at(&self, share: f64) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of the count is no larger than it"
        )]
        let rank = ((self.count as f64 * share.clamp(0.0, 1.0)).ceil() as u64).max(1);
        let mut seen = 0;
        for (bucket, times) in self.buckets.iter().enumerate() {
            seen += times;
            if seen >= rank {
                return last_of(bucket).min(self.most);
            }
        }
        self.most
    }

    /// As [`nanos_at`](Self::nanos_at), in milliseconds.
    pub fn ms_at(&self, share: f64) -> f64 {
        self.nanos_at(share) as f64 / 1e6
    }
}

fn bucket_of(nanos: u64) -> usize {
    let shift = (u64::BITS - nanos.leading_zeros()).saturating_sub(STEP_BITS + 1);
    let bucket = u64::from(shift) * STEPS + (nanos >> shift);
    usize::try_from(bucket).unwrap_or(BUCKETS - 1)
}

/// The longest time that falls into a bucket.
fn last_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let shift = (bucket / STEPS).saturating_sub(1);
    let step = bucket - shift * STEPS;
    ((step + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_largest_time_has_a_bucket() {
        assert!(bucket_of(NANOS_MAX) < BUCKETS);
        let mut histogram = Histogram::default();
        histogram.record(u64::MAX);
        assert_eq!(histogram.nanos_at(1.0), NANOS_MAX);
        assert_eq!(Histogram::default().nanos_at(0.5), 0);
    }

    proptest! {
        #[test]
        fn a_bucket_holds_what_falls_into_it(nanos in 0..=NANOS_MAX) {
            let last = last_of(bucket_of(nanos));
            prop_assert!(last >= nanos);
            prop_assert!(last - nanos <= nanos / (STEPS / 2));
            prop_assert_eq!(bucket_of(last), bucket_of(nanos));
        }

        #[test]
        fn percentiles_are_those_of_the_sorted_times(
            mut times in prop::collection::vec(0..10_000_000_u64, 1..400),
            cut in 0_usize..400,
            percent in 0..=1000_u32,
        ) {
            let share = f64::from(percent) / 1000.0;
            let (one, other) = times.split_at(cut.min(times.len()));
            let mut histogram = Histogram::default();
            one.iter().for_each(|time| histogram.record(*time));
            let mut rest = Histogram::default();
            other.iter().for_each(|time| rest.record(*time));
            histogram.add(&rest);
            prop_assert_eq!(histogram.count(), times.len() as u64);
            times.sort_unstable();
            let rank = ((times.len() as f64 * share).ceil() as usize).max(1);
            let exact = times[rank - 1];
            let told = histogram.nanos_at(share);
            prop_assert!(told >= exact, "{} < {}", told, exact);
            prop_assert!(told - exact <= exact / (STEPS / 2), "{} for {}", told, exact);
        }
    }
}
