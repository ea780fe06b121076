//! The store: the only room that knows SQLite and sled.
//!
//! SQLite holds everything that must survive. One thread writes ([`writer`]): it takes what waits, applies each user
//! action as a *unit*, whole or not at all, commits them together, and answers only then. Readers ([`reader`])
//! have read-only connections and see committed snapshots.

pub mod backup;
pub mod bulk;
pub mod check;
pub mod error;
mod growth;
pub mod invariants;
pub mod migrate;
pub mod open;
#[cfg(test)]
mod plans;
pub mod population;
pub mod portable;
pub mod queries;
pub mod reader;
pub mod repair;
mod residue;
pub mod snapshots;
pub mod soundness;
mod sql;
#[cfg(test)]
mod statistics_tests;
mod tables;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod units;
pub mod upgrade;
mod watch;
pub mod writer;
