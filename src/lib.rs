//! kinglet: a complete microblog server in one binary.

pub mod cli;
pub mod config;
pub mod domain;
pub mod logging;
pub mod secret;
