//! Requests whose course is kept: the last ones, those that were slow, and the slowest of late.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::trace::{Past, Report, Trace};
use crate::clock::Tick;

/// The most requests over the bound that are kept.
pub const SLOW_MAX: usize = 64;
/// The most of the slowest that are kept.
pub const SLOWEST_MAX: usize = 16;
/// How long a request is one of late, in nanoseconds: ten minutes.
const LATE_NANOS: u64 = 10 * 60 * 1_000_000_000;
/// How many of the last requests are kept, however fast they were. Of those that end within one second no more than these are,
/// and the first of them: a busy server would overwrite each within milliseconds, and pay for memory that is far away.
pub const LAST_MAX: usize = 256;
/// How long such a second is, in nanoseconds.
const SECOND_NANOS: u64 = 1_000_000_000;

/// The courses that are kept.
#[derive(Debug)]
pub struct SlowRequests {
    slow_nanos: AtomicU64,
    begun: Tick,
    /// A request that took no longer than this is none of the slowest, until the second: nanoseconds, and nanoseconds since
    /// the beginning.
    floor: AtomicU64,
    floor_until: AtomicU64,
    slow: Mutex<VecDeque<Trace>>,
    slowest: Mutex<Vec<Slowest>>,
    /// A place is taken by one request in turn: nobody waits for its lock.
    last: Vec<Mutex<Option<Box<Past>>>>,
    next: AtomicUsize,
    /// When the present second is over, in nanoseconds since the beginning, and the first place that isn't for its requests.
    second_until: AtomicU64,
    places_until: AtomicUsize,
}

#[derive(Debug)]
struct Slowest {
    nanos: u64,
    ended: u64,
    trace: Trace,
}

fn open<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is kept is whole whenever somebody could panic.
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SlowRequests {
    /// Keeps those that take `slow_ms` or longer.
    pub fn new(slow_ms: u64) -> Self {
        Self {
            slow_nanos: AtomicU64::new(slow_ms.saturating_mul(1_000_000)),
            begun: Tick::now(),
            floor: AtomicU64::new(0),
            floor_until: AtomicU64::new(u64::MAX),
            slow: Mutex::default(),
            slowest: Mutex::default(),
            last: (0..LAST_MAX).map(|_| Mutex::default()).collect(),
            next: AtomicUsize::new(0),
            second_until: AtomicU64::new(0),
            places_until: AtomicUsize::new(0),
        }
    }

    /// From where on a request is slow, in milliseconds.
    pub fn slow_ms(&self) -> u64 {
        self.slow_nanos.load(Ordering::Relaxed) / 1_000_000
    }

    /// Takes in a request that was answered and took so many nanoseconds; answers with it when it was slow.
    pub fn note(&self, trace: Trace, nanos: u64) -> Option<Trace> {
        let is_slow = nanos >= self.slow_nanos.load(Ordering::Relaxed);
        let slow = is_slow.then(|| trace.clone());
        if is_slow {
            let mut slow = open(&self.slow);
            if slow.len() == SLOW_MAX {
                slow.pop_front();
            }
            slow.push_back(trace.clone());
        }
        let ended = trace.begun().nanos_since(self.begun).saturating_add(nanos);
        let is_floor_old = ended > self.floor_until.load(Ordering::Relaxed);
        if is_floor_old || nanos > self.floor.load(Ordering::Relaxed) {
            self.rank(&trace, nanos, ended);
        }
        self.remember(&trace, ended);
        trace.recycle();
        slow
    }

    /// Keeps one of the last. Where two threads begin a second at once, it may have some places more.
    fn remember(&self, trace: &Trace, ended: u64) {
        let mut places_until = self.places_until.load(Ordering::Relaxed);
        if ended >= self.second_until.load(Ordering::Relaxed) {
            let second_until = ended.saturating_add(SECOND_NANOS);
            self.second_until.store(second_until, Ordering::Relaxed);
            places_until = self.next.load(Ordering::Relaxed).wrapping_add(LAST_MAX);
            self.places_until.store(places_until, Ordering::Relaxed);
        }
        let places = places_until.wrapping_sub(self.next.load(Ordering::Relaxed));
        if !(1..=LAST_MAX).contains(&places) {
            return;
        }
        let place = self.next.fetch_add(1, Ordering::Relaxed) % LAST_MAX;
        if let Some(place) = self.last.get(place) {
            let mut place = open(place);
            let past = place.get_or_insert_with(|| Box::new(Past::new()));
            past.take_in(trace);
        }
    }

    fn rank(&self, trace: &Trace, nanos: u64, ended: u64) {
        let mut slowest = open(&self.slowest);
        slowest.retain(|one| ended.saturating_sub(one.ended) < LATE_NANOS);
        let at = slowest.partition_point(|one| one.nanos >= nanos);
        if at < SLOWEST_MAX {
            slowest.insert(
                at,
                Slowest {
                    nanos,
                    ended,
                    trace: trace.clone(),
                },
            );
            slowest.truncate(SLOWEST_MAX);
        }
        let is_full = slowest.len() == SLOWEST_MAX;
        let floor = slowest
            .last()
            .filter(|_| is_full)
            .map_or(0, |one| one.nanos);
        let first_to_go = slowest.iter().map(|one| one.ended).min();
        self.floor.store(floor, Ordering::Relaxed);
        self.floor_until.store(
            first_to_go.map_or(u64::MAX, |ended| ended.saturating_add(LATE_NANOS)),
            Ordering::Relaxed,
        );
    }

    /// Those that were slow, newest first.
    pub fn recent(&self) -> Vec<Report> {
        let slow: Vec<Trace> = open(&self.slow).iter().rev().cloned().collect();
        slow.iter().map(Trace::report).collect()
    }

    /// The slowest of the last ten minutes, slowest first, whether slow or not.
    pub fn slowest(&self) -> Vec<Report> {
        let now = Tick::now().nanos_since(self.begun);
        let of_late = |one: &&Slowest| now.saturating_sub(one.ended) < LATE_NANOS;
        let slowest: Vec<Trace> = open(&self.slowest)
            .iter()
            .filter(of_late)
            .map(|one| one.trace.clone())
            .collect();
        slowest.iter().map(Trace::report).collect()
    }

    /// The last requests, newest first.
    pub fn last(&self) -> Vec<Report> {
        let next = self.next.load(Ordering::Relaxed);
        let places = (1..=LAST_MAX).map(|back| next.wrapping_sub(back) % LAST_MAX);
        let report = |place: usize| Some(open(self.last.get(place)?).as_ref()?.report());
        places.filter_map(report).collect()
    }

    /// A request by its id, as long as it is kept.
    pub fn find(&self, id: &str) -> Option<Report> {
        let is_it = |trace: &&Trace| trace.id() == id;
        let slow = || open(&self.slow).iter().find(is_it).cloned();
        let slowest = || {
            let slowest = open(&self.slowest);
            let mut traces = slowest.iter().map(|one| &one.trace);
            traces.find(is_it).cloned()
        };
        let last = || {
            let mut places = self.last.iter();
            let report = |past: &Past| (past.id() == id).then(|| past.report());
            places.find_map(|place| open(place).as_deref().and_then(report))
        };
        let kept = slow().or_else(slowest);
        kept.map(|trace| trace.report()).or_else(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn trace(number: u64) -> Trace {
        let id = format!("{number:016x}");
        let id = id.as_bytes().try_into().expect("sixteen digits");
        Trace::begin(id, Timestamp::from_millis(0))
    }

    fn numbers(reports: &[Report]) -> Vec<u64> {
        let number = |report: &Report| u64::from_str_radix(&report.id, 16).expect("a number");
        reports.iter().map(number).collect()
    }

    #[test]
    fn the_slow_are_kept_newest_first_and_no_more_than_so_many() {
        let kept = SlowRequests::new(5);
        let count = SLOW_MAX as u64 + 10;
        for number in 0..count {
            assert!(kept.note(trace(number), 5_000_000 + number).is_some());
        }
        assert!(kept.note(trace(count), 4_999_999).is_none());
        let recent = numbers(&kept.recent());
        assert_eq!(recent.len(), SLOW_MAX);
        assert_eq!(recent.first(), Some(&(count - 1)));
        let slowest: Vec<u64> = (count - SLOWEST_MAX as u64..count).rev().collect();
        assert_eq!(numbers(&kept.slowest()), slowest);
        assert_eq!(numbers(&kept.last())[..2], [count, count - 1]);
    }

    #[test]
    fn a_request_is_found_by_its_id_while_it_is_kept() {
        let kept = SlowRequests::new(1000);
        let count = LAST_MAX as u64;
        kept.note(trace(1), 9_000_000);
        for number in 2..count + 20 {
            // So many in two seconds.
            kept.remember(&trace(number), number / 200 * 2 * SECOND_NANOS);
        }
        let find = |number: u64| kept.find(&format!("{number:016x}")).is_some();
        assert!(find(1), "one of the slowest");
        assert!(find(count), "one of the last");
        assert!(!find(3), "neither");
        assert_eq!(kept.last().len(), LAST_MAX);
    }

    #[test]
    fn of_a_busy_second_the_first_are_kept() {
        let kept = SlowRequests::new(10_000);
        let count = LAST_MAX as u64;
        let until = count + 20;
        for number in 0..until {
            kept.note(trace(number), 1000 - number);
        }
        let first: Vec<u64> = (0..count).rev().collect();
        assert_eq!(numbers(&kept.last()), first);
        kept.note(trace(until), SECOND_NANOS + 1000);
        assert_eq!(numbers(&kept.last())[..2], [until, count - 1]);
    }

    #[test]
    fn what_was_slow_long_ago_makes_room() {
        let kept = SlowRequests::new(1000);
        for number in 0..SLOWEST_MAX as u64 {
            kept.note(trace(number), 1_000_000);
        }
        kept.note(trace(99), 10);
        assert!(!numbers(&kept.slowest()).contains(&99), "it was faster");
        // As if it had ended ten minutes later.
        kept.note(trace(100), LATE_NANOS + 2_000_000);
        assert_eq!(numbers(&kept.slowest()), [100]);
    }
}
