//! kinglet: a complete microblog server in one binary, and in one value.
//!
//! The binary is described in the README. As a crate it is a real server with the Mastodon API for your tests, for a
//! prototype, or inside a larger program: it needs nothing else, keeps to itself and leaves nothing behind.
//!
//! ```toml
//! [dev-dependencies]
//! kinglet = { path = "../kinglet" }
//! ```
//!
//! The path is the one to your checkout of kinglet. `{ git = "URL", rev = "HASH" }` does without one: fill in where the
//! repository is, and one of its commits.
//!
//! # A server for a test
//!
//! ```
//! use kinglet::Server;
//!
//! # async fn answers(_: &str, _: &str) -> bool { true }
//! # let runtime = tokio::runtime::Runtime::new()?;
//! # runtime.block_on(async {
//! // In an asynchronous test, for example one with #[tokio::test]:
//! let server = Server::builder().in_memory().start().await?;
//! let seed = server.seed();
//! let alice = seed.person("alice").await?;
//! let post = seed.post(&alice, "Hello #world").publish().await?;
//!
//! // Now point your client at it.
//! assert!(answers(server.url(), alice.token()).await);
//!
//! server.shutdown().await?;
//! # let _ = post;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Without asynchronous code it is [`start_blocking`](ServerBuilder::start_blocking), [`Server::block_on`] around calls that
//! are awaited, and `drop(server)`.
//!
//! | you want | see |
//! |---|---|
//! | people, posts, follows and all the rest to be there | [`Server::seed`], [`server::seeding`] |
//! | another limit, open registration, no rate limits, a title | [`ServerBuilder::configure`] |
//! | links as on the real site | [`ServerBuilder::url`] |
//! | to move the time | [`ServerBuilder::clock`] with a [`ManualClock`](clock::ManualClock), [`Server::wake`] |
//! | two runs that are alike | [`ServerBuilder::seed`] |
//! | state that outlives the program | [`ServerBuilder::data_dir`] |
//! | to read the mail that the server sends | [`ServerBuilder::letter_box`], [`letter_box::LetterBox`] |
//! | to see what it logged | [`ServerBuilder::subscriber`] with a [`logging::LogSink`] |
//! | to ask without HTTP | [`Server::instance`] |
//!
//! The examples of the repository are programs to start from: `bot` answers mentions through the API, `embed` is a site with
//! a microblog inside, `client_test` tests a client.
//!
//! # What is logged
//!
//! A server writes its records by [`tracing`](https://docs.rs/tracing) and installs no subscriber: where the program has one,
//! they go there, under targets that begin with `kinglet`; where it has none, nowhere. To read in a test what was logged, give
//! the server a subscriber of its own ([`ServerBuilder::subscriber`]) that writes into a [`LogSink`](logging::LogSink); other
//! servers of the process don't meddle with it.
//!
//! # Inside
//!
//! ARCHITECTURE.md tells how it is built. In short: [`http`] turns requests into messages to [`actors`], which own the state
//! and keep it by [`store`]; [`domain`] has the rules; [`boot`] starts and stops all of it.

pub mod bench;
pub mod boot;
pub mod cli;
pub mod control;
pub mod dev;
pub mod doctor;
pub mod features;
pub mod profiling;
pub mod server;

pub use kinglet_actors::{self as actors, archives, backups, instance};
pub use kinglet_core::{clock, domain, ids, randomness, secret, store, telemetry, unsubscribe};
pub use kinglet_http as http;
#[cfg(feature = "mail")]
pub use kinglet_platform::mail;
pub use kinglet_platform::{config, letter_box, logging, net, redact};
use kinglet_platform::{memory, threads};
pub use server::{Seeding, Server, ServerBuilder};
