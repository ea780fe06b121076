//! What clients need of the API, family by family: what succeeds and how it looks, what is refused and with which words, and every
//! peculiarity that some client depends on (`gotcha_NN_…`).

#![allow(
    clippy::panic,
    reason = "clippy takes only the test functions themselves for tests"
)]

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod bad_input;
mod instance;
mod notifications;
mod relationships;
mod search;
mod shape;
mod statuses;
mod timelines;
mod wire;
