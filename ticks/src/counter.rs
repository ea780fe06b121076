//! The time-stamp counter of x86-64 processors (Intel, Software Developer's Manual, volume 3, section 20.17).

use std::sync::atomic::{AtomicU64, Ordering};

use crate::kernel_nanos;

/// A counter and the kernel's clock were compared over at least so many nanoseconds: they are read within some fifty of each
/// other, so that a length is right within a hundredth from the first one on.
const COMPARED_NANOS_MIN: u64 = 20_000;
/// After so many nothing changes any more.
const COMPARED_NANOS_MAX: u64 = 10_000_000_000;
/// And between the two, whenever so many times as much has passed.
const COMPARED_GROWTH: u64 = 8;
/// A comparison is the closest of so many: between its two readings the thread may have had to wait.
const READINGS: usize = 3;
/// Binary digits after the point of nanoseconds per count.
const FRACTION_BITS: u32 = 32;

/// The counter's pace, compared with the kernel's clock more and more closely as time goes by: nobody waits for that.
#[derive(Debug)]
pub(crate) struct Counter {
    begun: Both,
    /// Nanoseconds per count, with [`FRACTION_BITS`]; 0 before the first comparison.
    pace: AtomicU64,
    /// The count from which on they are compared again.
    due: AtomicU64,
}

/// One moment on both clocks.
#[derive(Debug, Clone, Copy)]
struct Both {
    count: u64,
    nanos: u64,
}

impl Both {
    fn read() -> Self {
        let one = || {
            let (before, nanos, after) = (read(), kernel_nanos(), read());
            let apart = after.saturating_sub(before);
            let count = before + apart / 2;
            (apart, Self { count, nanos })
        };
        let mut best = one();
        for _ in 1..READINGS {
            let next = one();
            if next.0 < best.0 {
                best = next;
            }
        }
        best.1
    }
}

impl Counter {
    pub(crate) fn begin() -> Self {
        Self {
            begun: Both::read(),
            pace: AtomicU64::new(0),
            due: AtomicU64::new(0),
        }
    }

    /// The nanoseconds that so many counts take; the last of them was `at`.
    #[inline]
    pub(crate) fn nanos(&self, counts: u64, at: u64) -> u64 {
        if at >= self.due.load(Ordering::Relaxed) {
            self.compare();
        }
        scaled(counts, self.pace.load(Ordering::Relaxed))
    }

    /// Several threads may do so at once: each comes to the same within the bounds.
    #[cold]
    fn compare(&self) {
        let (counts, nanos) = loop {
            let now = Both::read();
            let nanos = now.nanos.saturating_sub(self.begun.nanos);
            let counts = now.count.saturating_sub(self.begun.count);
            if nanos >= COMPARED_NANOS_MIN {
                break (counts, nanos);
            }
            std::hint::spin_loop();
        };
        let pace = (u128::from(nanos) << FRACTION_BITS) / u128::from(counts.max(1));
        let pace = u64::try_from(pace).unwrap_or(u64::MAX);
        self.pace.store(pace, Ordering::Relaxed);
        let due = if nanos >= COMPARED_NANOS_MAX {
            u64::MAX
        } else {
            let counts = counts.saturating_mul(COMPARED_GROWTH);
            self.begun.count.saturating_add(counts)
        };
        self.due.store(due, Ordering::Relaxed);
    }
}

fn scaled(counts: u64, pace: u64) -> u64 {
    let nanos = (u128::from(counts) * u128::from(pace)) >> FRACTION_BITS;
    u64::try_from(nanos).unwrap_or(u64::MAX)
}

/// Whether the kernel goes by the counter: then it runs at one pace on all cores, and programs may read it.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub(crate) fn is_trusted() -> bool {
    const CLOCK_SOURCE: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    // Where it can't be read, the kernel's clock is the safe choice.
    std::fs::read(CLOCK_SOURCE).is_ok_and(|source| source.trim_ascii() == b"tsc")
}

/// The counter.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[inline]
pub(crate) fn read() -> u64 {
    // SAFETY: the instruction reads a register and touches no memory. Every x86-64 processor has it. It would be refused, with a
    // signal, where the kernel keeps programs from it, which happens only to a process that asks for that (prctl's
    // PR_SET_TSC), and kinglet doesn't.
    unsafe { core::arch::x86_64::_rdtsc() }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
pub(crate) fn is_trusted() -> bool {
    false
}

/// Nobody counts here.
#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
pub(crate) fn read() -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_scaled_without_losing_digits() {
        let three_gigahertz = (1u64 << FRACTION_BITS) / 3;
        assert_eq!(scaled(0, three_gigahertz), 0);
        assert_eq!(scaled(3_000, three_gigahertz), 999);
        let a_year = 365 * 86_400 * 3_000_000_000;
        let nanos = scaled(a_year, three_gigahertz);
        assert!(nanos.abs_diff(365 * 86_400 * 1_000_000_000) < 20_000_000);
        assert_eq!(scaled(u64::MAX, u64::MAX), u64::MAX);
    }

    #[test]
    fn the_two_clocks_are_compared_until_it_is_precise_enough() {
        let counter = Counter::begin();
        assert_eq!(counter.pace.load(Ordering::Relaxed), 0);
        if !is_trusted() {
            return;
        }
        counter.nanos(1, read());
        let first = counter.pace.load(Ordering::Relaxed);
        assert!(first > 0);
        let due = counter.due.load(Ordering::Relaxed);
        assert!(due > read() && due < u64::MAX);
        counter.nanos(1, due);
        let second = counter.pace.load(Ordering::Relaxed);
        assert!(second.abs_diff(first) <= first / 50, "{first} and {second}");
        let settled = Counter {
            begun: Both {
                count: 0,
                nanos: kernel_nanos().saturating_sub(COMPARED_NANOS_MAX),
            },
            ..counter
        };
        settled.compare();
        assert_eq!(settled.due.load(Ordering::Relaxed), u64::MAX);
    }
}
