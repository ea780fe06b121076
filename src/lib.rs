//! kinglet: a complete microblog server in one binary.

pub mod actors;
pub mod boot;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod dev;
pub mod domain;
pub mod features;
pub mod http;
pub mod ids;
pub mod instance;
pub mod letter_box;
pub mod logging;
#[cfg(feature = "mail")]
pub mod mail;
pub mod randomness;
pub mod secret;
pub mod server;
pub mod store;
pub mod unsubscribe;

pub use server::{Seeding, Server, ServerBuilder};
