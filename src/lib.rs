//! kinglet: a complete microblog server in one binary.

pub mod actors;
pub mod boot;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod dev;
pub mod domain;
pub mod http;
pub mod ids;
pub mod instance;
pub mod logging;
pub mod mail;
pub mod randomness;
pub mod secret;
pub mod server;
pub mod store;

pub use server::{Server, ServerBuilder};
