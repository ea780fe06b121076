//! The HTTP facade: it matches, authenticates, decodes, asks an actor and renders.

pub mod site;
