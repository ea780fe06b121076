//! One file per subject that is asked about.

pub mod access;
pub mod accounts;
pub mod archive;
mod filling;
pub mod home;
pub mod inspection;
pub mod instance;
pub mod jobs;
pub mod lists;
pub mod mail;
pub mod notifications;
pub mod posts;
pub mod relations;
pub mod residue;
pub mod search;
pub mod series;
pub mod statistics;
pub mod tasks;
pub mod threads;

#[cfg(test)]
mod tests;
