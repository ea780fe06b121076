//! Profiles of the running server.

use super::protocol::{Answer, Failure};

/// Looks at the server for a while, which this waits for.
#[cfg(feature = "profile")]
pub(super) async fn profile(seconds: u32, frequency: u32) -> Result<Answer, Failure> {
    let profile = crate::profiling::record(seconds, frequency).await;
    let profile = profile.map_err(super::sentence)?;
    tracing::info!(
        seconds,
        frequency,
        samples = profile.samples,
        "a profile was taken"
    );
    Ok(Answer::Profiled { profile })
}

/// Says that it can't.
#[cfg(not(feature = "profile"))]
pub(super) async fn profile(_seconds: u32, _frequency: u32) -> Result<Answer, Failure> {
    Err(Failure::new(
        "this kinglet was built without the feature \"profile\"",
    ))
}
