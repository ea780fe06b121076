//! What a running instance tells of itself.

pub mod recent;
