//! What this kinglet was built with, as far as HTTP is concerned, beside what those below know of that.

pub use kinglet_platform::features::*;

/// The website. Without it browsers find the log-in, the page on which apps ask to be let in, and what mails lead to.
pub const WEB: bool = cfg!(feature = "web");
