//! What kinglet needs of its surroundings: the settings, the log, places to listen at, TLS, and mail.
//!
//! It knows the rules and the store's types by `kinglet-core`, and neither actors nor HTTP's pages. Its records are logged
//! under the targets of the program, such as `kinglet::net`, so that an operator needn't know how the sources are divided.

pub mod config;
pub mod features;
pub mod letter_box;
pub mod logging;
#[cfg(feature = "mail")]
pub mod mail;
pub mod memory;
pub mod net;
pub mod redact;
pub mod threads;

#[cfg(feature = "acme")]
use kinglet_core::randomness;
use kinglet_core::{clock, domain, ids, secret, telemetry};
