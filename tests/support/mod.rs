//! What several test targets share: the model, histories to drive it with, the follower graph.
//!
//! The model uses none of the crate's rules: only its ids and the names of the visibilities. What the server does is
//! compared with what stands here, so an error would have to be made twice to stay unseen.
#![allow(
    dead_code,
    reason = "each test target compiles this module for itself and uses another part of it"
)]
#![allow(
    clippy::panic,
    reason = "clippy takes only the test functions themselves for tests"
)]

pub mod curl;
pub mod dev;
pub mod disk;
pub mod graph;
pub mod history;
pub mod model;
pub mod operations;
pub mod process;
pub mod program;
pub mod secrets;
pub mod server;
pub mod session;
pub mod shell;
pub mod smtp;
pub mod terminal;
pub mod tools;
pub mod town;
pub mod village;
pub mod website;
pub mod writing;
