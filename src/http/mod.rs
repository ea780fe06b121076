//! The facade: match, authenticate, decode, send a message, render.

pub mod site;
