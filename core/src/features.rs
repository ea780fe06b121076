//! What this kinglet was built with: the features of `Cargo.toml`, as values.
//!
//! Where a feature only decides what is done, code asks these constants, so that every build checks all of it and leaves
//! out what is never called. Where it decides which crates come along, whole modules have a twin without them.

/// Home timelines in memory outlive a restart.
pub const SNAPSHOTS: bool = cfg!(feature = "sled");
/// Traces are sent to an OpenTelemetry collector.
pub const OTLP: bool = cfg!(feature = "otlp");
/// Posts are found by their words.
pub const SEARCH: bool = cfg!(feature = "search");
