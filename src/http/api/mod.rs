//! Mastodon's REST API, one family of routes per file.
//!
//! Source: <https://docs.joinmastodon.org/methods/>. Every handler is a story of a few lines: decode, ask, render.

pub mod statuses;
pub mod timelines;
