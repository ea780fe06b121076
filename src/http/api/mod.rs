//! Mastodon's REST API, one family of routes per file.
//!
//! Source: <https://docs.joinmastodon.org/methods/>. Every handler is a story of a few lines: decode, ask, render.

pub mod accounts;
pub mod admin_metrics;
pub mod apps;
pub mod discovery;
pub mod emails;
pub mod empty;
pub mod instance;
pub mod lists_of_accounts;
pub mod missing;
pub mod notifications;
pub mod profile;
pub mod relationships;
pub mod search;
pub mod sign_up;
pub mod statistics;
pub mod statuses;
pub mod timelines;
