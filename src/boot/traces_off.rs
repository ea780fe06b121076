//! Nothing, in a build that can't send traces: a configuration that asks for it is refused before.

use super::BootError;
use crate::instance::Instance;

pub(super) struct Traces;

impl Traces {
    #[expect(
        clippy::unnecessary_wraps,
        reason = "the twin that sends traces may fail"
    )]
    pub(super) fn start(_: &Instance) -> Result<Self, BootError> {
        Ok(Self)
    }

    pub(super) async fn stop(self) {}
}
