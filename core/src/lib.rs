//! What kinglet is without actors and without HTTP: the rules of a microblog ([`domain`]) and the one place that keeps
//! its data ([`store`]), with the values both are made of.
//!
//! A package of its own, so that the compiler holds what ARCHITECTURE.md says of it, and so that a machine with little memory
//! can build kinglet. Use the crate `kinglet`, which has all of it under the same names.

pub mod clock;
pub mod domain;
pub mod features;
pub mod ids;
pub mod randomness;
pub mod secret;
pub mod store;
pub mod telemetry;
pub mod unsubscribe;
