//! Stands in for [`plot`](self) where kinglet is built without `web`, which brings what draws.

use super::{BenchError, Report};

/// Answers that this build can't draw.
///
/// # Errors
/// Always.
pub fn latencies(_: &Report) -> Result<String, BenchError> {
    Err(BenchError::Unusable(
        "this kinglet was built without the feature `web`, so it can't draw".to_owned(),
    ))
}
