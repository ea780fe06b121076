//! kinglet: a complete microblog server in one binary.

pub mod domain;
pub mod http;
