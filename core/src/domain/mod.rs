//! Pure values and rules: no I/O, no async, no framework.

pub mod access;
pub mod account;
pub mod account_name;
pub mod error_code;
pub mod event;
pub mod home;
pub mod idempotency;
pub mod job;
pub mod job_words;
pub mod live;
pub mod mail;
pub mod marker;
pub mod notification;
pub mod oauth;
pub mod overview;
pub mod page;
pub mod pixels;
pub mod post;
pub mod refusal;
pub mod relationship;
pub mod rendered;
pub mod schedule;
pub mod scope;
pub mod statistics;
pub mod text;
pub mod visibility;
