//! The HTTP facade: match, authenticate, decode, send a message, render.

pub mod api;
pub mod body;
pub mod context;
pub mod cors;
pub mod csv;
pub mod dev;
pub mod entities;
pub mod entrance;
pub mod extract;
pub mod features;
mod greeting;
pub mod health;
pub mod inquiry;
pub mod limits;
pub mod metrics;
pub mod oauth;
mod observe;
pub mod pages;
pub mod pictures;
mod probe;
pub mod problem;
pub mod redirect;
pub mod reply;
pub mod request_log;
pub mod routes;
pub mod routing;
pub mod serve;
#[cfg(feature = "web")]
pub mod site;
#[cfg(not(feature = "web"))]
#[path = "site_off.rs"]
pub mod site;
mod slow_log;
pub mod statistics;

use kinglet_actors::{self as actors, instance};
#[cfg(feature = "web")]
use kinglet_actors::{archives, backups};
use kinglet_core::{clock, domain, ids, secret, store, telemetry};
use kinglet_platform::{config, letter_box, net};

#[cfg(test)]
mod tests;
