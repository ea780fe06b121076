//! The website.

pub mod pictures;
