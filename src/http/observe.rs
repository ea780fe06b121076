//! What the accept loop tells the telemetry.

use std::sync::Arc;
use std::time::Duration;

use http::Method;

use super::reply::Response;
use super::request_log::{RequestId, RouteNote};
use super::slow_log;
use crate::clock::Timestamp;
use crate::telemetry::http::method_name;
use crate::telemetry::{Telemetry, Trace};

/// What whoever asks too often is answered (RFC 6585, section 4).
const TOO_MANY_REQUESTS: u16 = 429;

/// Counts a connection as long as it lives, however it ends.
pub(super) struct OpenConnection(Arc<Telemetry>);

impl OpenConnection {
    pub(super) fn new(telemetry: Arc<Telemetry>) -> Self {
        telemetry.http.accepted.count();
        telemetry.http.connections.rise(1);
        Self(telemetry)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.http.connections.fall(1);
    }
}

/// A request that is worked on; told to the telemetry when it is answered.
pub(super) struct Observed<'a> {
    telemetry: &'a Telemetry,
    begun: Timestamp,
    trace: Option<Trace>,
}

impl<'a> Observed<'a> {
    pub(super) fn begin(telemetry: &'a Telemetry, id: RequestId, begun: Timestamp) -> Self {
        telemetry.http.in_flight.rise(1);
        telemetry.http.quiet.stir();
        Self {
            telemetry,
            begun,
            trace: telemetry
                .is_on()
                .then(|| Trace::begin(id.to_bytes(), begun)),
        }
    }

    /// Works for the request.
    pub(super) async fn follow<F: Future>(&mut self, work: F) -> F::Output {
        Trace::follow(&mut self.trace, work).await
    }

    /// It was answered. Answers how long that took; where nothing is measured, nobody knows it.
    pub(super) fn end(mut self, method: &Method, response: &Response) -> Option<Duration> {
        let trace = self.trace.take()?;
        let note = response.extensions().get::<RouteNote>();
        let route = note.map(|note| note.pattern);
        let method = method_name(method.as_str());
        let status = response.status().as_u16();
        let nanos = trace.finish(method, route, status);
        if status == TOO_MANY_REQUESTS {
            self.telemetry.http.limited.count();
        }
        self.telemetry.http.record(route, method, status, nanos);
        let now = self.begun.plus_millis((nanos / 1_000_000).cast_signed());
        self.telemetry.recent.note(now, nanos / 1000, status);
        #[cfg(feature = "otlp")]
        self.telemetry.otlp.offer(&trace);
        if let Some(slow) = self.telemetry.slow.note(trace, nanos) {
            slow_log::record(&slow.report(), note.and_then(|note| note.account));
        }
        Some(Duration::from_nanos(nanos))
    }
}

impl Drop for Observed<'_> {
    /// Also when the connection is gone before its answer is there.
    fn drop(&mut self) {
        self.telemetry.http.in_flight.fall(1);
    }
}
