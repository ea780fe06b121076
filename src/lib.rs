//! kinglet: a complete microblog server in one binary.

pub mod actors;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod http;
pub mod ids;
pub mod logging;
pub mod secret;
pub mod store;
