//! Wake-up calls: a commit that leaves work says so, and whoever does it needn't look all the time.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::domain::event::Event;
use crate::domain::job::Lane;
use crate::store::writer::{EventBatch, EventSink};

/// The bells that commits ring; clones share them.
#[derive(Debug, Clone, Default)]
pub struct WakeUps(Arc<Bells>);

#[derive(Debug, Default)]
struct Bells {
    house: Notify,
    mail: Notify,
    schedule: Notify,
}

impl WakeUps {
    /// The bell of a lane.
    pub(super) fn lane(&self, lane: Lane) -> &Notify {
        match lane {
            Lane::House => &self.0.house,
            Lane::Mail => &self.0.mail,
        }
    }

    /// The bell of the schedule.
    pub(super) fn schedule(&self) -> &Notify {
        &self.0.schedule
    }

    /// Makes everybody look at the clock and at the store again.
    pub fn ring_all(&self) {
        for lane in Lane::ALL {
            self.lane(lane).notify_one();
        }
        self.schedule().notify_one();
    }
}

impl EventSink for WakeUps {
    fn deliver(&self, batch: &Arc<EventBatch>) {
        for event in &batch.events {
            match event {
                Event::JobAdded(lane) => self.lane(*lane).notify_one(),
                Event::SchedulesChanged => self.schedule().notify_one(),
                _ => {}
            }
        }
    }
}
