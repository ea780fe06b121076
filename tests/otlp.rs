//! Traces of requests arrive at a collector; a collector that doesn't answer costs traces, never a request.
#![cfg(feature = "otlp")]
#![expect(
    clippy::panic,
    reason = "clippy takes only the test functions themselves for tests"
)]

mod support;

use std::collections::HashMap;
use std::time::Duration;

use kinglet::config::Config;
use serde_json::json;
use support::server::Rig;
use support::tools::free_address;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// How long traces may take to arrive.
const SOON: Duration = Duration::from_secs(30);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);
/// Batches that may wait to be looked at.
const BATCHES_MAX: usize = 64;
/// Batches of a test have no more bytes than this.
const BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A span as a collector sees it.
#[derive(Debug, Clone)]
struct Span {
    trace: Vec<u8>,
    id: Vec<u8>,
    parent: Vec<u8>,
    name: String,
    kind: u64,
    start: u64,
    end: u64,
    attributes: HashMap<String, String>,
    is_error: bool,
}

/// A field of a protobuf message (protobuf.dev, "Encoding").
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message, by their numbers in the order in which they stand.
fn fields(mut message: &[u8]) -> Vec<(u64, Field<'_>)> {
    fn varint(message: &mut &[u8]) -> u64 {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = message.split_first().expect("a number ends");
            *message = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return number;
            }
        }
        panic!("a number has 64 bits")
    }
    let mut found = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message);
        let field = match key & 7 {
            0 => Field::Number(varint(&mut message)),
            1 => {
                let (number, rest) = message.split_first_chunk().expect("eight bytes");
                message = rest;
                Field::Number(u64::from_le_bytes(*number))
            }
            2 => {
                let length = usize::try_from(varint(&mut message)).expect("a length");
                let (bytes, rest) = message.split_at(length);
                message = rest;
                Field::Bytes(bytes)
            }
            5 => {
                let (number, rest) = message.split_first_chunk::<4>().expect("four bytes");
                message = rest;
                Field::Number(u64::from(u32::from_le_bytes(*number)))
            }
            other => panic!("no wire type: {other}"),
        };
        found.push((key >> 3, field));
    }
    found
}

fn within(message: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    let all = fields(message).into_iter();
    all.filter_map(move |(found, field)| match field {
        Field::Bytes(bytes) if found == number => Some(bytes),
        _ => None,
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// `KeyValue` with a text or a whole number.
fn attribute(message: &[u8]) -> (String, String) {
    let name = within(message, 1).next().map(text).expect("a name");
    let value = within(message, 2).next().expect("a value");
    let value = match fields(value).into_iter().next().expect("one") {
        (1, Field::Bytes(value)) => text(value),
        (3, Field::Number(value)) => value.to_string(),
        (number, _) => panic!("{name} has another kind of value: {number}"),
    };
    (name, value)
}

/// `Span` of opentelemetry/proto/trace/v1/trace.proto.
fn span(message: &[u8]) -> Span {
    let bytes = |number| within(message, number).next().unwrap_or_default().to_vec();
    let number = |wanted| {
        let mut all = fields(message).into_iter();
        let found = all.find_map(|(number, field)| match field {
            Field::Number(value) if number == wanted => Some(value),
            _ => None,
        });
        found.unwrap_or(0)
    };
    let status = bytes(15);
    Span {
        trace: bytes(1),
        id: bytes(2),
        parent: bytes(4),
        name: text(&bytes(5)),
        kind: number(6),
        start: number(7),
        end: number(8),
        attributes: within(message, 9).map(attribute).collect(),
        is_error: fields(&status)
            .iter()
            .any(|(number, field)| *number == 3 && matches!(field, Field::Number(2))),
    }
}

/// The attributes of the resource, and the spans, of an `ExportTraceServiceRequest`.
fn batch(message: &[u8]) -> (HashMap<String, String>, Vec<Span>) {
    let mut resource = HashMap::new();
    let mut spans = Vec::new();
    for of_resource in within(message, 1) {
        for described in within(of_resource, 1) {
            resource.extend(within(described, 1).map(attribute));
        }
        for of_scope in within(of_resource, 2) {
            spans.extend(within(of_scope, 2).map(span));
        }
    }
    (resource, spans)
}

/// A collector: takes what is posted to it, and answers that it was taken.
struct Collector {
    url: String,
    batches: Receiver<(String, Vec<u8>)>,
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (sender, batches) = channel(BATCHES_MAX);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(take(stream, sender.clone()));
            }
        });
        Self { url, batches }
    }

    /// Waits for the spans of a request; all of a request's come at once.
    async fn spans_of(&mut self, request: &str) -> (HashMap<String, String>, Vec<Span>) {
        let wanted = async {
            loop {
                let (head, body) = self.batches.recv().await.expect("it runs");
                assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
                let head = head.to_ascii_lowercase();
                assert!(
                    head.contains("content-type: application/x-protobuf"),
                    "{head}"
                );
                let (resource, spans) = batch(&body);
                let of_request = |span: &&Span| {
                    span.trace
                        .iter()
                        .map(|byte| format!("{byte:02x}"))
                        .collect::<String>()[16..]
                        == *request
                };
                let spans: Vec<Span> = spans.iter().filter(of_request).cloned().collect();
                if !spans.is_empty() {
                    return (resource, spans);
                }
            }
        };
        tokio::time::timeout(SOON, wanted)
            .await
            .expect("the trace arrives")
    }
}

/// Reads requests with a `Content-Length` until the connection ends.
async fn take(mut stream: TcpStream, batches: Sender<(String, Vec<u8>)>) {
    let mut read = Vec::new();
    loop {
        let head_end = read.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(head_end) = head_end {
            let head = text(&read[..head_end + 2]);
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse().ok())?
            });
            let end = head_end + 4 + length.unwrap_or(0);
            assert!(end < BATCH_BYTES_MAX);
            if read.len() >= end {
                let body = read[head_end + 4..end].to_vec();
                read.drain(..end);
                if batches.send((head, body)).await.is_err() {
                    return;
                }
                let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
                if stream.write_all(answer).await.is_err() {
                    return;
                }
                continue;
            }
        }
        match stream.read_buf(&mut read).await {
            Ok(1..) => {}
            _ => return,
        }
    }
}

async fn rig(collector: &str) -> Rig {
    let mut config = Config::default();
    config.http.listen = "127.0.0.1:0".parse().expect("an address");
    config.limits.rate_limits = false;
    config.otlp.url = Some(collector.parse().expect("an address"));
    Rig::start_configured(config, &["ada"], |builder| builder).await
}

fn id_of(answer: &support::server::Answer) -> String {
    let id = answer.headers["x-request-id"].to_str();
    id.expect("digits").to_owned()
}

#[tokio::test]
async fn a_request_arrives_with_its_parts() {
    let mut collector = Collector::start().await;
    let rig = rig(&collector.url).await;
    let status = json!({ "status": "a secret thought" });
    let answer = rig
        .client("ada")
        .post("/api/v1/statuses?why=hidden", status)
        .await;
    assert_eq!(answer.status, 200);
    let (resource, spans) = collector.spans_of(&id_of(&answer)).await;
    assert_eq!(resource["service.name"], "kinglet");
    assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
    assert!(!resource["service.instance.id"].is_empty());

    let whole = spans.iter().find(|span| span.parent.is_empty());
    let whole = whole.expect("the request itself");
    const SERVER: u64 = 2;
    const INTERNAL: u64 = 1;
    assert_eq!(
        (whole.name.as_str(), whole.kind),
        ("POST /api/v1/statuses", SERVER)
    );
    assert_eq!(whole.attributes["http.request.method"], "POST");
    assert_eq!(whole.attributes["http.route"], "/api/v1/statuses");
    assert_eq!(whole.attributes["http.response.status_code"], "200");
    assert_eq!(whole.attributes["kinglet.request_id"], id_of(&answer));
    assert!(!whole.is_error);
    let parts: Vec<&Span> = spans
        .iter()
        .filter(|span| !span.parent.is_empty())
        .collect();
    for part in &parts {
        assert_eq!((part.kind, &part.trace), (INTERNAL, &whole.trace));
        let parent = spans
            .iter()
            .find(|span| span.id == part.parent)
            .expect("it is there");
        let rounding = 2_000;
        assert!(
            parent.start <= part.start && part.end <= parent.end + rounding,
            "{part:?}"
        );
    }
    for name in ["gate", "mailbox posts", "handler WritePost"] {
        assert!(
            parts.iter().any(|part| part.name == name),
            "{name}: {parts:?}"
        );
    }
    let commit = parts.iter().find(|part| part.name.starts_with("commit"));
    assert_eq!(
        commit.expect("it was committed").attributes["db.system.name"],
        "sqlite"
    );
    let told = format!("{spans:?}{resource:?}");
    assert!(
        !told.contains("secret") && !told.contains("hidden"),
        "{told}"
    );
}

#[tokio::test]
async fn whoever_waits_for_the_server_to_answer_is_the_first_to_be_traced() {
    let mut collector = Collector::start().await;
    let address = free_address();
    // It is connected as soon as somebody listens, long before the database is open and anybody answers.
    let first = tokio::spawn(async move {
        let mut stream = loop {
            match TcpStream::connect(address).await {
                Ok(stream) => break stream,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        let request = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await.expect("it waits");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        let mut lines = answer.lines();
        let id = lines.find_map(|line| line.strip_prefix("x-request-id: "));
        id.expect("digits").to_owned()
    });
    let mut config = Config::default();
    config.http.listen = address.to_string().parse().expect("an address");
    config.otlp.url = Some(collector.url.parse().expect("an address"));
    let rig = Rig::start_configured(config, &[], |builder| builder).await;
    let (_, spans) = collector.spans_of(&first.await.expect("no panic")).await;
    assert_eq!(spans[0].name, "GET /health");
    rig.server.shutdown().await.expect("it stops");
}

#[tokio::test]
async fn what_waits_is_sent_when_the_server_stops() {
    let mut collector = Collector::start().await;
    let rig = rig(&collector.url).await;
    let id = id_of(&rig.anonymous().get("/api/v1/instance").await);
    rig.server.shutdown().await.expect("it stops");
    let (_, spans) = collector.spans_of(&id).await;
    assert_eq!(
        spans.iter().filter(|span| span.parent.is_empty()).count(),
        1
    );
}

#[tokio::test]
async fn a_collector_that_is_not_there_is_counted_and_holds_nobody_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let rig = rig(&format!("http://{address}")).await;
    let asked = 20;
    for _ in 0..asked {
        assert_eq!(rig.anonymous().get("/health").await.status, 200);
    }
    let outgoing = &rig.server.instance().telemetry.otlp;
    let counted = async {
        while outgoing.failed.get() < asked {
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        }
    };
    tokio::time::timeout(SOON, counted)
        .await
        .expect("every trace is told of");
    assert_eq!((outgoing.sent.get(), outgoing.dropped.get()), (0, 0));
    rig.server.shutdown().await.expect("it stops");
}
