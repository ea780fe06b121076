//! `kinglet bench`: how fast, how small and how quick to wake a server is, measured by whoever wants to know.
//!
//! It makes a throwaway instance, a process of its own, or asks a server that is there; loads people who follow each
//! other, has them write, and then drives a mix of reads and posts, first as fast as answers come
//! ([`closed_loop`]), then at a pace that doesn't wait for them ([`open_loop`]). `docs/bench.md` says what each figure
//! means and how it is made to look better than it is.

pub mod client;
pub mod closed_loop;
pub mod compare;
pub mod cores;
pub mod error;
pub mod figures;
pub mod graph;
pub mod histogram;
pub mod lag;
pub mod machine;
pub mod mix;
pub mod open_loop;
pub mod pacer;
pub mod plan;
#[cfg(feature = "web")]
pub mod plot;
#[cfg(not(feature = "web"))]
#[path = "plot_off.rs"]
pub mod plot;
pub mod population;
pub mod process;
pub mod progress;
pub mod repeat;
pub mod report;
pub mod run;
pub mod server;
pub mod table;
pub mod tally;
pub mod target;
pub mod text;
pub mod throwaway;
pub mod worker;

pub use self::error::BenchError;
pub use self::plan::{Aim, Plan};
pub use self::progress::Progress;
pub use self::report::Report;
pub use self::run::run;
