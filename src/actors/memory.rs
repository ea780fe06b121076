//! What owners hold in memory, for whoever watches them.

use std::time::Duration;

use actix::Message;
use tokio::time::timeout;

use super::Actors;
use super::cache::CacheFigures;

/// How long an owner may take to describe itself; one that doesn't is left out.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);

/// What an owner holds at the moment.
#[derive(Debug, Clone, Copy)]
pub struct DescribeMemory;

impl Message for DescribeMemory {
    type Result = Option<Vec<CacheFigures>>;
}

impl Actors {
    /// What the caches of all owners hold, and what is remembered beside them.
    pub async fn caches(&self) -> Vec<CacheFigures> {
        // All at once: those who look don't wait for one hung owner after the other.
        let (users, posts, timelines) = tokio::join!(
            timeout(ANSWER_TIME_MAX, self.users.send(DescribeMemory)),
            timeout(ANSWER_TIME_MAX, self.posts.send(DescribeMemory)),
            timeout(ANSWER_TIME_MAX, self.timelines.send(DescribeMemory)),
        );
        let mut caches = Vec::new();
        for asked in [users, posts, timelines] {
            if let Ok(Ok(Some(described))) = asked {
                caches.extend(described);
            }
        }
        caches.push(self.guests.figures());
        caches.push(self.readers.figures());
        caches
    }
}

/// Lets an owner say what its caches hold.
macro_rules! describes_memory {
    ($owner:ty, $field:ident) => {
        impl actix::Handler<$crate::memory::DescribeMemory> for $owner {
            type Result = Option<Vec<$crate::cache::CacheFigures>>;

            fn handle(
                &mut self,
                _: $crate::memory::DescribeMemory,
                _: &mut actix::Context<Self>,
            ) -> Self::Result {
                Some(self.$field.figures())
            }
        }
    };
}
pub(super) use describes_memory;
