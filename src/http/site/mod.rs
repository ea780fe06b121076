//! The website: server-rendered pages, complete without JavaScript.

pub mod assets;
#[cfg(test)]
mod gallery;
pub mod views;
