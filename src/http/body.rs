//! What a request's body may be, and what can be wrong with it.

use std::sync::OnceLock;
use std::time::Duration;

/// What a request's body may be beyond what all may; its handler allows it before it reads.
#[derive(Debug, Default)]
pub struct Allowance(OnceLock<(u64, Duration)>);

impl Allowance {
    /// Lets the body have so many bytes and take so long, from its first byte that is waited for to its last. The second call
    /// changes nothing.
    pub fn allow(&self, bytes_max: u64, time_max: Duration) {
        self.0.get_or_init(|| (bytes_max, time_max));
    }

    /// What was allowed.
    pub fn get(&self) -> Option<(u64, Duration)> {
        self.0.get().copied()
    }
}

/// Why a body can't be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Longer than its bound.
    #[error("the body is longer than its bound")]
    TooLarge,
    /// Slower than its deadline.
    #[error("the body didn't arrive in time")]
    TooSlow,
    /// The connection or its framing broke.
    #[error("the body broke off")]
    Broken(#[source] hyper::Error),
}
