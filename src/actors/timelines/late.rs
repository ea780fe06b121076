//! What windows take in only when they are read: the events that concern too many windows to go to each of them at once.
//!
//! One list for all. Every window knows how much of it it has taken in, so that an event costs nobody anything but those who
//! read. A window that missed more than the list holds is no longer true.

use std::collections::VecDeque;

use crate::domain::event::Event;

/// The most events that are kept: taking in so many (a quarter of a microsecond each) costs a reader about as much as a merge.
const EVENTS_MAX: usize = 4096;

/// An event with its commit.
#[derive(Debug)]
pub(super) struct LateEvent {
    pub(super) event: Event,
    pub(super) commit: i64,
}

/// The newest such events.
#[derive(Debug, Default)]
pub(super) struct Late {
    /// How many were dropped before the first.
    dropped: u64,
    events: VecDeque<LateEvent>,
}

impl Late {
    /// Adds the newest; the oldest makes room.
    pub(super) fn add(&mut self, event: &Event, commit: i64) {
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
            self.dropped += 1;
        }
        let event = event.clone();
        self.events.push_back(LateEvent { event, commit });
    }

    /// Where the next one comes.
    pub(super) fn end(&self) -> u64 {
        self.dropped + self.events.len() as u64
    }

    /// Whether everything from a place on is still there.
    pub(super) fn reaches(&self, place: u64) -> bool {
        place >= self.dropped
    }

    /// Those from a place on, oldest first.
    pub(super) fn since(&self, place: u64) -> impl Iterator<Item = &LateEvent> {
        let skipped = usize::try_from(place.saturating_sub(self.dropped)).unwrap_or(usize::MAX);
        self.events.range(skipped.min(self.events.len())..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_finds_what_came_after_it_until_too_much_came() {
        let mut late = Late::default();
        for commit in 0..10 {
            late.add(&Event::SchedulesChanged, commit);
        }
        let place = late.end();
        assert_eq!(late.since(place).count(), 0);
        for commit in 10..EVENTS_MAX as i64 + 10 {
            late.add(&Event::SchedulesChanged, commit);
        }
        assert!(late.reaches(place));
        assert_eq!(late.since(place).next().map(|late| late.commit), Some(10));
        assert_eq!(late.since(place).count(), EVENTS_MAX);
        late.add(&Event::SchedulesChanged, 0);
        assert!(!late.reaches(place) && late.reaches(place + 1));
    }
}
