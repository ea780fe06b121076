//! Sends finished traces to an OpenTelemetry collector, as OTLP over HTTP.
//!
//! A request leaves its trace in a bounded queue and doesn't wait: what finds no room is dropped and counted. One task
//! turns traces into spans and posts them in batches. Names and attributes follow OpenTelemetry's semantic conventions for
//! HTTP servers, but that no path is told: it may hold what only its reader may know.

use std::mem;
use std::pin::pin;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::timeout;

use super::metrics::Counter;
use super::trace::{Report, Slice, Span, Trace};

/// Traces that wait to be sent.
pub const TRACES_WAITING_MAX: usize = 2048;
/// Traces that are sent at once.
pub const TRACES_PER_BATCH_MAX: usize = 128;
/// How long a batch is waited for after its first trace.
const GATHER_TIME_MAX: Duration = Duration::from_secs(1);
/// How long a collector may take for a batch.
const SEND_TIME_MAX: Duration = Duration::from_secs(10);
/// By how much rounding may put a span's end behind that of the one that holds it, in microseconds.
const ROUNDING_US: u64 = 2;

/// Where requests leave their traces, and what became of them.
#[derive(Debug, Default)]
pub struct Outgoing {
    queue: OnceLock<Sender<Trace>>,
    /// Traces that the collector took.
    pub sent: Counter,
    /// Traces that found no room in the queue.
    pub dropped: Counter,
    /// Traces that the collector didn't take.
    pub failed: Counter,
}

impl Outgoing {
    /// Opens the queue, once; until then what is offered is forgotten.
    pub fn open(&self) -> Option<Receiver<Trace>> {
        let (queue, traces) = channel(TRACES_WAITING_MAX);
        self.queue.set(queue).is_ok().then_some(traces)
    }

    /// Leaves a finished trace to be sent; never waits.
    pub fn offer(&self, trace: &Trace) {
        if let Some(queue) = self.queue.get()
            && queue.try_send(trace.clone()).is_err()
        {
            self.dropped.count();
        }
    }
}

/// What is told of the instance with each batch.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The host that it is known by.
    pub host: String,
    /// Half of each trace's id: two instances have requests of the same id, but not traces. Not 0.
    pub salt: u64,
}

/// Makes spans of traces and posts them.
#[derive(Debug)]
pub struct Exporter {
    spans: SpanExporter,
    scope: InstrumentationScope,
    salt: u64,
}

impl Exporter {
    /// Sends to `url`, the whole address.
    ///
    /// # Errors
    /// When the address can't be used.
    pub fn new(url: &str, origin: &Origin) -> Result<Self, ExporterBuildError> {
        let mut spans = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(url)
            .with_timeout(SEND_TIME_MAX)
            .build()?;
        let version = env!("CARGO_PKG_VERSION");
        let attributes = [
            KeyValue::new("service.name", "kinglet"),
            KeyValue::new("service.version", version),
            KeyValue::new("service.instance.id", origin.host.clone()),
        ];
        let resource = Resource::builder_empty().with_attributes(attributes);
        spans.set_resource(&resource.build());
        Ok(Self {
            spans,
            scope: InstrumentationScope::builder("kinglet")
                .with_version(version)
                .build(),
            salt: origin.salt,
        })
    }

    /// Sends what comes until `stop` is ready, and then what waits.
    pub async fn run(
        self,
        mut traces: Receiver<Trace>,
        outgoing: &Outgoing,
        stop: impl Future<Output = ()>,
    ) {
        let mut stop = pin!(stop);
        let mut is_stopping = false;
        let mut is_failing = false;
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                () = gather(&mut traces, &mut batch) => {}
                () = &mut stop, if !is_stopping => {
                    traces.close();
                    is_stopping = true;
                    continue;
                }
            }
            if batch.is_empty() {
                break;
            }
            let batch = mem::take(&mut batch);
            let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
            let spans = batch
                .iter()
                .flat_map(|trace| self.spans_of(&trace.report()));
            let sending = self.spans.export(spans.collect());
            let outcome = match timeout(SEND_TIME_MAX, sending).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("it took too long".to_owned()),
            };
            match outcome {
                None => {
                    outgoing.sent.add(count);
                    if is_failing {
                        tracing::info!(target: "kinglet::telemetry::otlp", "the collector takes traces again");
                    }
                    is_failing = false;
                }
                Some(error) => {
                    outgoing.failed.add(count);
                    // Once for all that fail in a row: the counter says how many.
                    if !is_failing {
                        tracing::warn!(target: "kinglet::telemetry::otlp", error, "the collector takes no traces");
                    }
                    is_failing = true;
                }
            }
        }
    }

    /// The request's own span, then its parts, each in the innermost that holds it.
    fn spans_of(&self, report: &Report) -> Vec<SpanData> {
        let request = u64::from_str_radix(&report.id, 16).unwrap_or(0);
        let trace_id =
            TraceId::from_bytes((u128::from(self.salt) << 64 | u128::from(request)).to_be_bytes());
        let begun = moment(report.at);
        let micros = Duration::from_micros;
        let span = |number: u64, parent, kind, name: String, start_us, length_us| SpanData {
            span_context: SpanContext::new(
                trace_id,
                span_id(request, number),
                TraceFlags::SAMPLED,
                false,
                TraceState::default(),
            ),
            parent_span_id: parent,
            parent_span_is_remote: false,
            span_kind: kind,
            name: name.into(),
            start_time: begun + micros(start_us),
            end_time: begun + micros(start_us + length_us),
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: self.scope.clone(),
        };
        let whole = SpanData {
            attributes: attributes_of(report),
            status: match report.status {
                500.. => Status::error(""),
                _ => Status::Unset,
            },
            ..span(
                0,
                SpanId::INVALID,
                SpanKind::Server,
                name_of(report),
                0,
                report.total_us,
            )
        };
        let mut spans = vec![whole];
        // The spans that hold the present one, the innermost last: number and end.
        let mut holding: Vec<(u64, u64)> = Vec::new();
        for (number, slice) in (1..).zip(&report.spans) {
            let (start, length) = (u64::from(slice.start_us), u64::from(slice.length_us));
            let end = start + length;
            holding.retain(|(_, holds_until)| end <= holds_until.saturating_add(ROUNDING_US));
            let parent = holding.last().map_or(0, |(number, _)| *number);
            let name = match &*slice.detail {
                "" => slice.kind.name().to_owned(),
                detail => format!("{} {detail}", slice.kind.name()),
            };
            spans.push(SpanData {
                attributes: attributes_of_part(slice),
                ..span(
                    number,
                    span_id(request, parent),
                    SpanKind::Internal,
                    name,
                    start,
                    length,
                )
            });
            holding.push((number, end));
        }
        spans
    }
}

/// Adds what waits, and what comes within a while after the first that comes; nothing when no more will come. What was
/// added stays when this is given up.
async fn gather(traces: &mut Receiver<Trace>, batch: &mut Vec<Trace>) {
    let add = async |traces: &mut Receiver<Trace>, batch: &mut Vec<Trace>| {
        let room = TRACES_PER_BATCH_MAX.saturating_sub(batch.len());
        // Without room nothing is added, at once.
        traces.recv_many(batch, room).await > 0
    };
    if batch.is_empty() && !add(traces, batch).await {
        return;
    }
    let gathering = async { while add(traces, batch).await {} };
    // What has come is sent, whether more came or not.
    drop(timeout(GATHER_TIME_MAX, gathering).await);
}

fn moment(millis: i64) -> SystemTime {
    let millis = u64::try_from(millis).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
}

/// Ids that differ within a trace, told by the request's. They can't be 0, which means none.
fn span_id(request: u64, number: u64) -> SpanId {
    // An odd factor keeps them apart; the request's own span has its id, but for one in 2^64.
    let id = request.wrapping_add(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    SpanId::from_bytes(id.max(1).to_be_bytes())
}

/// The convention's word for a method that isn't known.
fn method_of(report: &Report) -> &str {
    match &*report.method {
        "other" | "-" => "_OTHER",
        method => method,
    }
}

fn name_of(report: &Report) -> String {
    let method = match method_of(report) {
        "_OTHER" => "HTTP",
        method => method,
    };
    match &report.route {
        Some(route) => format!("{method} {route}"),
        None => method.to_owned(),
    }
}

fn attributes_of(report: &Report) -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new("http.request.method", method_of(report).to_owned()),
        KeyValue::new("http.response.status_code", i64::from(report.status)),
        KeyValue::new("kinglet.request_id", report.id.clone()),
    ];
    if let Some(route) = &report.route {
        attributes.push(KeyValue::new("http.route", route.to_string()));
    }
    if report.status >= 500 {
        attributes.push(KeyValue::new("error.type", report.status.to_string()));
    }
    if report.spans_lost > 0 {
        attributes.push(KeyValue::new(
            "kinglet.spans_lost",
            i64::from(report.spans_lost),
        ));
    }
    attributes
}

fn attributes_of_part(slice: &Slice) -> Vec<KeyValue> {
    match slice.kind {
        Span::Reader | Span::Apply => vec![
            KeyValue::new("db.system.name", "sqlite"),
            KeyValue::new("db.operation.name", slice.detail.to_string()),
        ],
        Span::Commit => vec![
            KeyValue::new("db.system.name", "sqlite"),
            KeyValue::new("db.operation.name", "COMMIT"),
        ],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::clock::Timestamp;

    fn exporter() -> Exporter {
        let origin = Origin {
            host: "kinglet.example".to_owned(),
            salt: 7,
        };
        Exporter::new("http://127.0.0.1:1/v1/traces", &origin).expect("an address")
    }

    fn report(spans: &[(Span, &'static str, u32, u32)]) -> Report {
        Report {
            id: "0123456789abcdef".to_owned(),
            at: 1_790_000_000_000,
            method: Cow::Borrowed("POST"),
            route: Some(Cow::Borrowed("/api/v1/statuses")),
            status: 503,
            total_us: 1000,
            spans: spans
                .iter()
                .map(|(kind, detail, start_us, length_us)| Slice {
                    kind: *kind,
                    detail: Cow::Borrowed(detail),
                    start_us: *start_us,
                    length_us: *length_us,
                })
                .collect(),
            spans_lost: 0,
        }
    }

    #[test]
    fn each_part_lies_in_the_innermost_that_holds_it() {
        let report = report(&[
            (Span::Gate, "", 0, 100),
            (Span::Handler, "WritePost", 150, 800),
            (Span::Queue, "PublishPost", 160, 200),
            (Span::Commit, "", 400, 551),
            (Span::Render, "json", 960, 20),
        ]);
        let spans = exporter().spans_of(&report);
        let parents: Vec<_> = spans
            .iter()
            .map(|span| {
                let parent = spans
                    .iter()
                    .find(|one| one.span_context.span_id() == span.parent_span_id);
                (&*span.name, parent.map(|parent| &*parent.name))
            })
            .collect();
        let whole = Some("POST /api/v1/statuses");
        assert_eq!(
            parents,
            [
                ("POST /api/v1/statuses", None),
                ("gate", whole),
                ("handler WritePost", whole),
                ("queue PublishPost", Some("handler WritePost")),
                ("commit", Some("handler WritePost")),
                ("render json", whole),
            ]
        );
        let trace = spans[0].span_context.trace_id();
        assert_eq!(trace.to_string(), "00000000000000070123456789abcdef");
        assert!(
            spans
                .iter()
                .all(|span| span.span_context.trace_id() == trace)
        );
        assert!(spans.iter().all(|span| span.span_context.is_valid()));
        assert_eq!(spans[0].status, Status::error(""));
        let took = spans[3].end_time.duration_since(spans[3].start_time);
        assert_eq!(took.expect("it grows"), Duration::from_micros(200));
    }

    #[test]
    fn what_finds_no_room_is_dropped_and_counted() {
        let trace = Trace::begin(*b"0123456789abcdef", Timestamp::from_millis(0));
        let outgoing = Outgoing::default();
        outgoing.offer(&trace);
        assert_eq!(outgoing.dropped.get(), 0, "nobody wants traces");
        let traces = outgoing.open().expect("the first time");
        assert!(outgoing.open().is_none());
        for _ in 0..TRACES_WAITING_MAX + 5 {
            outgoing.offer(&trace);
        }
        assert_eq!(outgoing.dropped.get(), 5);
        assert_eq!(traces.len(), TRACES_WAITING_MAX);
        drop(traces);
        outgoing.offer(&trace);
        assert_eq!(outgoing.dropped.get(), 6);
    }
}
