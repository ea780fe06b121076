//! What a running instance says about itself: figures, and where the time of each request went.
//!
//! Every instance has its own [`Telemetry`]; several live in one process. It is told by all rooms and asks none of them.
//! On the way of a request it takes the room of a [`Trace`], which goes from request to request, plain atomics, numbers that one
//! thread alone writes, and locks that nobody else wants at that moment.

pub mod exposition;
mod hashing;
pub mod http;
pub mod log;
pub mod mailbox;
pub mod metrics;
#[cfg(feature = "otlp")]
pub mod otlp;
pub mod panics;
pub mod process;
pub mod quiet;
pub mod recent;
pub mod slow;
pub mod statements;
mod tell;
pub mod trace;
pub mod writer;

use std::sync::Arc;

use self::http::HttpFigures;
use self::mailbox::{ActorFigures, ActorName, Watch};
use self::metrics::Counter;
use self::recent::Recent;
use self::slow::SlowRequests;
use self::statements::Statements;
pub use self::trace::{Report, Slice, Span, Stretch, Trace};
use self::writer::WriterFigures;

/// Attempts to send mail, by how they ended.
#[derive(Debug, Default)]
pub struct MailFigures {
    /// A mail server took it.
    pub sent: Counter,
    /// It is tried again later.
    pub later: Counter,
    /// It was refused for good.
    pub refused: Counter,
}

/// The figures and traces of one instance.
#[derive(Debug)]
pub struct Telemetry {
    is_on: bool,
    /// Requests and connections.
    pub http: HttpFigures,
    /// The writer's lane, its units and commits.
    pub writer: Arc<WriterFigures>,
    /// Attempts to send mail.
    pub mail: MailFigures,
    /// Requests whose course is kept.
    pub slow: SlowRequests,
    /// The last minute of requests.
    pub recent: Recent,
    /// Traces on their way to a collector.
    #[cfg(feature = "otlp")]
    pub otlp: otlp::Outgoing,
    /// SQL statements, while somebody watches them.
    pub statements: Arc<Statements>,
    actors: Vec<Arc<ActorFigures>>,
}

impl Telemetry {
    /// Telemetry that keeps the course of every request that takes `slow_ms` or longer; of none where that is 0.
    pub fn new(slow_ms: u64) -> Arc<Self> {
        let slow_ms = match slow_ms {
            0 => u64::MAX,
            bound => bound,
        };
        Arc::new(Self::with(true, slow_ms))
    }

    /// Telemetry that nobody tells anything: for commands, and to measure what telemetry costs.
    pub fn disabled() -> Arc<Self> {
        Arc::new(Self::with(false, u64::MAX))
    }

    fn with(is_on: bool, slow_ms: u64) -> Self {
        Self {
            is_on,
            http: HttpFigures::default(),
            writer: Arc::default(),
            mail: MailFigures::default(),
            slow: SlowRequests::new(slow_ms),
            recent: Recent::default(),
            #[cfg(feature = "otlp")]
            otlp: otlp::Outgoing::default(),
            statements: Arc::default(),
            actors: ActorName::ALL
                .map(|name| Arc::new(ActorFigures::new(name)))
                .into(),
        }
    }

    /// Whether anything is measured.
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// The figures of every actor or pool.
    pub fn actors(&self) -> &[Arc<ActorFigures>] {
        &self.actors
    }

    /// The figures of an actor. How many messages wait for it is known also where nothing is measured.
    pub fn actor(&self, name: ActorName) -> Arc<ActorFigures> {
        Arc::clone(&self.actors[name as usize])
    }

    /// What an actor notes its messages with.
    pub fn watch(&self, name: ActorName) -> Watch {
        Watch::new(self.actor(name), self.is_on)
    }
}
