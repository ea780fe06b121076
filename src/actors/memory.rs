//! What owners hold in memory, for whoever watches them.

use actix::Message;

use super::cache::CacheFigures;

/// What an owner holds at the moment.
#[derive(Debug, Clone, Copy)]
pub struct DescribeMemory;

impl Message for DescribeMemory {
    type Result = Option<Vec<CacheFigures>>;
}

/// Lets an owner say what its caches hold.
macro_rules! describes_memory {
    ($owner:ty, $field:ident) => {
        impl actix::Handler<$crate::actors::memory::DescribeMemory> for $owner {
            type Result = Option<Vec<$crate::actors::cache::CacheFigures>>;

            fn handle(
                &mut self,
                _: $crate::actors::memory::DescribeMemory,
                _: &mut actix::Context<Self>,
            ) -> Self::Result {
                Some(self.$field.figures())
            }
        }
    };
}
pub(super) use describes_memory;
