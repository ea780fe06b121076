//! What this kinglet was built with, beside what its packages know of that.

pub use kinglet_http::features::*;

/// `kinglet profile` draws where the running server spends its time.
pub const PROFILE: bool = cfg!(feature = "profile");
