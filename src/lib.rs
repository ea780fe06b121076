//! kinglet: a complete microblog server in one binary.

pub mod clock;
pub mod domain;
pub mod http;
pub mod ids;
