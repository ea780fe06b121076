//! What this kinglet was built with, as far as it concerns its surroundings, beside what the store knows of it.

pub use kinglet_core::features::*;

/// Sending mail.
pub const MAIL: bool = cfg!(feature = "mail");
/// `kinglet serve` speaks TLS itself.
pub const TLS: bool = cfg!(feature = "tls");
/// Certificates by ACME.
pub const ACME: bool = cfg!(feature = "acme");
