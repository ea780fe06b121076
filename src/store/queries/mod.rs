//! One file per subject that is asked about.

pub mod home;
pub mod instance;
pub mod posts;
pub mod relations;
