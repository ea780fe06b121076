//! What this kinglet was built with, beside what the store knows of it.

pub use kinglet_core::features::*;

/// The website. Without it browsers find the log-in, the page on which apps ask to be let in, and what mails lead to.
pub const WEB: bool = cfg!(feature = "web");
/// Sending mail.
pub const MAIL: bool = cfg!(feature = "mail");
/// `kinglet serve` speaks TLS itself.
pub const TLS: bool = cfg!(feature = "tls");
/// Certificates by ACME.
pub const ACME: bool = cfg!(feature = "acme");
/// `kinglet profile` draws where the running server spends its time.
pub const PROFILE: bool = cfg!(feature = "profile");
