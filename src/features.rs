//! What this kinglet was built with: the features of `Cargo.toml`, as values.
//!
//! Where a feature only decides what is done, code asks these constants, so that every build checks all of it and leaves
//! out what is never called. Where it decides which crates come along, whole modules have a twin without them.

/// The website. Without it browsers find the log-in, the page on which apps ask to be let in, and what mails lead to.
pub const WEB: bool = cfg!(feature = "web");
/// Sending mail.
pub const MAIL: bool = cfg!(feature = "mail");
/// Home timelines in memory outlive a restart.
pub const SNAPSHOTS: bool = cfg!(feature = "sled");
/// Traces are sent to an OpenTelemetry collector.
pub const OTLP: bool = cfg!(feature = "otlp");
/// Posts are found by their words.
pub const SEARCH: bool = cfg!(feature = "search");
/// `kinglet serve` speaks TLS itself.
pub const TLS: bool = cfg!(feature = "tls");
/// Certificates by ACME.
pub const ACME: bool = cfg!(feature = "acme");
/// `kinglet profile` draws where the running server spends its time.
pub const PROFILE: bool = cfg!(feature = "profile");
