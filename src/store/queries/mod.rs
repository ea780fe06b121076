//! One file per subject that is asked about.

pub mod access;
pub mod home;
pub mod posts;
pub mod relations;
