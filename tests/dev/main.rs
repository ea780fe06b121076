//! `kinglet dev`: the instance for whoever develops a client.

#[path = "../support/mod.rs"]
mod support;

mod clients;
mod faults;
mod findings;
mod pages;
mod same_bytes;
mod tools;
mod walls;
