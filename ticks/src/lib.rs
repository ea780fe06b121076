//! Points in time that cost little to take.
//!
//! A request is measured at a dozen points, and the kernel's clock takes 25 ns or more for each, half of what telemetry costs in
//! all. Where the kernel itself goes by the processor's time-stamp counter, that is read here instead, in a third of the time;
//! elsewhere it is the kernel's clock. A counter may begin anew while the machine sleeps: what has to be right then, such as
//! when to try again, isn't for ticks.

use std::sync::OnceLock;

mod counter;

use counter::Counter;

/// A point in time: it says how long something took, never when it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tick(u64);

impl Tick {
    /// The present point.
    #[inline]
    pub fn now() -> Self {
        Self(match counter() {
            Some(_) => counter::read(),
            None => kernel_nanos(),
        })
    }

    /// Nanoseconds from an earlier point to this one, right within a hundredth; 0 when that one is later.
    #[inline]
    pub fn nanos_since(self, earlier: Self) -> u64 {
        let ticks = self.0.saturating_sub(earlier.0);
        match counter() {
            Some(counter) => counter.nanos(ticks, self.0),
            None => ticks,
        }
    }

    /// Nanoseconds from this point to the present one.
    #[inline]
    pub fn elapsed_nanos(self) -> u64 {
        Self::now().nanos_since(self)
    }
}

/// The processor's counter, where the kernel trusts it.
#[inline]
fn counter() -> Option<&'static Counter> {
    static COUNTER: OnceLock<Option<Counter>> = OnceLock::new();
    COUNTER
        .get_or_init(|| counter::is_trusted().then(Counter::begin))
        .as_ref()
}

/// Nanoseconds on the kernel's monotonic clock, which counts from the machine's start: less than 584 years.
pub fn kernel_nanos() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let nanos = now.tv_sec.wrapping_mul(1_000_000_000);
    nanos.wrapping_add(now.tv_nsec).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn wait(time: Duration) {
        let (_silent, nobody) = std::sync::mpsc::sync_channel::<()>(0);
        assert!(nobody.recv_timeout(time).is_err());
    }

    #[test]
    fn ticks_tell_what_the_kernel_tells() {
        for millis in [1, 3, 20, 60] {
            let (outer, begun, inner) = (kernel_nanos(), Tick::now(), kernel_nanos());
            wait(Duration::from_millis(millis));
            let (inner_end, ended, outer_end) = (kernel_nanos(), Tick::now(), kernel_nanos());
            let told = ended.nanos_since(begun);
            let (least, most) = (inner_end - inner, outer_end - outer);
            let (least, most) = (least - least / 100, most + most / 100);
            assert!(
                (least..=most).contains(&told),
                "{told}, not {least} to {most}"
            );
            assert_eq!(begun.nanos_since(ended), 0);
        }
    }

    #[test]
    fn points_of_one_thread_come_after_those_of_another_that_it_heard_of() {
        let (there, here) = std::sync::mpsc::sync_channel(0);
        let sending = std::thread::spawn(move || {
            for _ in 0..10_000 {
                there.send(Tick::now()).expect("somebody listens");
            }
        });
        for sent in here {
            // Processors work ahead of themselves, but not far.
            assert!(sent.nanos_since(Tick::now()) < 1_000);
        }
        sending.join().expect("all was sent");
    }
}
