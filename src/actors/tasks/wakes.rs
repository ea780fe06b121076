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
    long_schedule: Notify,
}

impl WakeUps {
    /// The bell of a lane.
    pub(super) fn lane(&self, lane: Lane) -> &Notify {
        match lane {
            Lane::House => &self.0.house,
            Lane::Mail => &self.0.mail,
        }
    }

    /// The bell of a schedule: that of the tasks that may take long, or of the others.
    pub(super) fn schedule(&self, is_long: bool) -> &Notify {
        if is_long {
            &self.0.long_schedule
        } else {
            &self.0.schedule
        }
    }

    fn ring_schedules(&self) {
        for is_long in [false, true] {
            self.schedule(is_long).notify_one();
        }
    }

    /// Makes everybody look at the clock and at the store again.
    pub fn ring_all(&self) {
        for lane in Lane::ALL {
            self.lane(lane).notify_one();
        }
        self.ring_schedules();
    }
}

impl EventSink for WakeUps {
    fn deliver(&self, batch: &Arc<EventBatch>) {
        for event in &batch.events {
            match event {
                Event::JobAdded(lane) => self.lane(*lane).notify_one(),
                Event::SchedulesChanged => self.ring_schedules(),
                _ => {}
            }
        }
    }
}
