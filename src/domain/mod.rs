//! Pure values and rules: no I/O, no async, no framework.

pub mod account_name;
pub mod pixels;
pub mod text;
