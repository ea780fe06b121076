//! The facade's framework, driven over real connections.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use warp::Filter as _;

use super::extract::call::Call;
use super::health;
use super::limits::Standing;
use super::problem::Problem;
use super::reply::{self, Response};
use super::request_log::RequestIds;
use super::routing::{
    Access, Admission, Facade, Family, Render, RouteError, RouteInfo, Routes, render_json,
};
use super::serve::{Bounds, Drained, RequestContext, serve};
use crate::clock::{SystemClock, Timestamp};
use crate::domain::error_code::ErrorCode;
use crate::ids::AccountId;
use crate::telemetry::Telemetry;

/// Lets everybody in who says so; the caller is the `Authorization` header.
#[derive(Clone)]
struct Rig;

impl Facade for Rig {
    type Caller = Option<String>;

    async fn admit(
        &self,
        route: &RouteInfo,
        call: &Call,
    ) -> Result<Admission<Self::Caller>, Problem> {
        let caller = call.header("authorization").map(str::to_owned);
        if matches!(route.access, Access::User(_) | Access::Session) && caller.is_none() {
            return Err(Problem::unauthenticated("The access token is invalid"));
        }
        Ok(Admission {
            account: caller.as_ref().map(|_| AccountId(7)),
            caller,
            standing: Some(Standing {
                limit: 300,
                remaining: 299,
                reset: Timestamp::from_millis(0),
            }),
        })
    }
}

async fn echo(_: Rig, _: Option<String>, mut call: Call) -> Result<Response, Problem> {
    let form = call.form().await?;
    let text = form.required("status")?.to_owned();
    reply::json(&serde_json::json!({"status": text, "length": text.len()}))
}

async fn shown(_: Rig, _: Option<String>, call: Call) -> Result<Response, Problem> {
    let query = call.query()?;
    let ids = query.list("id")?;
    reply::json(&serde_json::json!({"id": call.param("id"), "ids": ids}))
}

async fn looked_up(_: Rig, _: Option<String>, _: Call) -> Result<Response, Problem> {
    reply::json(&serde_json::json!("lookup"))
}

async fn panics(_: Rig, _: Option<String>, call: Call) -> Result<Response, Problem> {
    assert!(call.param("id") == "never", "the dice fell wrong");
    Ok(reply::json_bytes("{}"))
}

async fn fails(_: Rig, _: Option<String>, _: Call) -> Result<Response, Problem> {
    Err(Problem::internal("the disk is on fire"))
}

async fn slow(_: Rig, _: Option<String>, call: Call) -> Result<Response, Problem> {
    let millis: u64 = call.id("ms")?;
    sleep(Duration::from_millis(millis)).await;
    Ok(reply::json_bytes("\"slow\""))
}

async fn written(_: Rig, _: Option<String>, _: Call) -> Result<Response, Problem> {
    Ok(reply::json_bytes("{}"))
}

fn page(_: &Rig, problem: &Problem, _: &RequestContext) -> Response {
    if problem.code() == ErrorCode::Unauthenticated {
        return reply::see_other("/log-in").expect("a path");
    }
    reply::html(format!("<h1>{}</h1>", problem.status()))
}

fn routes() -> Routes<Rig> {
    let api = Family::new("rig")
        .post("/api/echo", Access::Public, echo)
        .get("/api/things/:id", Access::Public, shown)
        .delete("/api/things/:id", Access::User("write:things"), written)
        .get("/api/things/lookup", Access::Public, looked_up)
        .get("/api/panic/:id", Access::Public, panics)
        .get("/api/failure", Access::Public, fails)
        .get("/api/slow/:ms", Access::Public, slow)
        .post("/api/unread", Access::Public, written);
    let site = Family::rendered("site", page as Render<Rig>)
        .get("/@:id", Access::Visitor, shown)
        .get("/home", Access::Session, shown);
    Routes::new([health::family(), api, site], page).expect("no route twice")
}

struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<Drained>,
}

impl Server {
    async fn start(bounds: Bounds) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(serve(
            vec![listener.into()],
            routes().filter(Rig).boxed(),
            bounds,
            Arc::new(SystemClock),
            Telemetry::new(1000),
            Arc::new(RequestIds::seeded(42)),
            async {
                let _ = stopped.await;
            },
        ));
        Self {
            address,
            stop: Some(stop),
            running,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address)
            .await
            .expect("a connection")
    }

    /// Sends bytes and reads until the server closes.
    async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.expect("sent");
        read_to_end(&mut stream).await
    }

    async fn stop(mut self) -> Drained {
        drop(self.stop.take());
        self.running.await.expect("no panic")
    }
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    timeout(Duration::from_secs(10), stream.read_to_end(&mut answer))
        .await
        .expect("the server closes")
        .expect("readable to the end");
    String::from_utf8(answer).expect("text")
}

/// Reads until `count` answers have begun and the last of them holds `end`.
async fn read_answers(stream: &mut TcpStream, count: usize, end: &str) -> String {
    let mut answer = String::new();
    let mut buffer = [0; 4096];
    while answer.matches("HTTP/1.1 ").count() < count || !answer.ends_with(end) {
        let read = timeout(Duration::from_secs(10), stream.read(&mut buffer))
            .await
            .expect("an answer in time")
            .expect("readable");
        assert!(read > 0, "closed after {answer:?}");
        answer.push_str(std::str::from_utf8(&buffer[..read]).expect("text"));
    }
    answer
}

fn hasty() -> Bounds {
    Bounds {
        header_timeout: Duration::from_millis(200),
        body_timeout: Duration::from_millis(200),
        idle_timeout: Duration::from_millis(800),
        drain_timeout: Duration::from_millis(400),
        body_bytes_max: 100_000,
        ..Bounds::default()
    }
}

#[tokio::test]
async fn health_answers_get_and_head_with_date_and_request_id() {
    let server = Server::start(Bounds::default()).await;
    let got = reqwest::get(server.url("/health")).await.expect("answer");
    assert_eq!(got.status(), 200);
    let id = got.headers()["x-request-id"].to_str().expect("text");
    assert_eq!(id.len(), 16);
    assert!(got.headers().contains_key("date"));
    assert_eq!(got.text().await.expect("body"), "OK");
    let head = b"HEAD /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let head = server.raw(head).await.to_lowercase();
    assert!(head.starts_with("http/1.1 200") && head.contains("content-length: 2\r\n"));
    assert!(head.ends_with("\r\n\r\n"), "{head:?}");
    assert_eq!(server.stop().await, Drained { aborted: 0 });
}

#[tokio::test]
async fn unknown_routes_and_methods_say_so_in_the_tongue_of_their_caller() {
    let server = Server::start(Bounds::default()).await;
    let client = reqwest::Client::new();
    let unknown = client
        .get(server.url("/api/v9/x"))
        .send()
        .await
        .expect("answer");
    assert_eq!(unknown.status(), 404);
    assert_eq!(unknown.headers()["access-control-allow-origin"], "*");
    assert_eq!(
        unknown.text().await.expect("body"),
        r#"{"error":"Record not found"}"#
    );
    let method = client
        .put(server.url("/api/things/1"))
        .send()
        .await
        .expect("answer");
    assert_eq!(method.status(), 405);
    assert_eq!(method.headers()["allow"], "GET, HEAD, DELETE");
    let website = client
        .get(server.url("/nowhere"))
        .send()
        .await
        .expect("answer");
    assert_eq!(website.status(), 404);
    assert_eq!(website.text().await.expect("body"), "<h1>404</h1>");
    let no_text = client
        .get(server.url("/api/things/%FF"))
        .send()
        .await
        .expect("answer");
    assert_eq!(no_text.status(), 400);
}

#[tokio::test]
async fn paths_are_decoded_literals_win_and_queries_may_repeat() {
    let server = Server::start(Bounds::default()).await;
    let get = async |path: &str| {
        let answer = reqwest::get(server.url(path)).await.expect("answer");
        answer.text().await.expect("body")
    };
    assert_eq!(
        get("/api/things/a%2Fb/?id[]=1&id[]=2").await,
        r#"{"id":"a/b","ids":["1","2"]}"#
    );
    assert_eq!(get("/api/things/lookup/").await, "\"lookup\"");
    assert_eq!(get("/@ada").await, r#"{"id":"ada","ids":[]}"#);
}

#[tokio::test]
async fn access_is_checked_before_the_handler_and_told_with_the_limits() {
    let server = Server::start(Bounds::default()).await;
    let client = reqwest::Client::new();
    let delete = || client.delete(server.url("/api/things/1"));
    let refused = delete().send().await.expect("answer");
    assert_eq!(refused.status(), 401);
    assert!(refused.headers().contains_key("www-authenticate"));
    let done = delete().bearer_auth("x").send().await.expect("answer");
    assert_eq!(done.status(), 200);
    assert_eq!(done.headers()["x-ratelimit-remaining"], "299");
    assert_eq!(
        done.headers()["x-ratelimit-reset"],
        "1970-01-01T00:00:00.000Z"
    );
    let preflight = client
        .request(http::Method::OPTIONS, server.url("/api/things/1"))
        .send()
        .await
        .expect("answer");
    assert_eq!(preflight.status(), 204);
    let methods = preflight.headers()["access-control-allow-methods"].to_str();
    assert!(methods.expect("text").contains("DELETE"));
}

#[tokio::test]
async fn a_family_may_answer_a_problem_with_another_page() {
    let server = Server::start(Bounds::default()).await;
    let request = b"GET /home HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = server.raw(request).await;
    assert!(answer.starts_with("HTTP/1.1 303") && answer.contains("location: /log-in\r\n"));
}

#[tokio::test]
async fn a_small_body_that_comes_after_its_answer_does_not_spoil_it() {
    let server = Server::start(Bounds::default()).await;
    let mut stream = server.connect().await;
    let head = b"POST /api/unread HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n";
    stream.write_all(head).await.expect("sent");
    sleep(Duration::from_millis(50)).await;
    stream.write_all(b"abcd").await.expect("sent");
    sleep(Duration::from_millis(50)).await;
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn chunked_bodies_and_all_encodings_are_read() {
    let server = Server::start(Bounds::default()).await;
    let chunked = server
        .raw(b"POST /api/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{\"status\"\r\n5\r\n:\"a\"}\r\n0\r\n\r\n")
        .await;
    assert!(
        chunked.ends_with(r#"{"length":1,"status":"a"}"#),
        "{chunked}"
    );
    let client = reqwest::Client::new();
    let form = reqwest::multipart::Form::new().text("status", "hé");
    let request = client.post(server.url("/api/echo")).multipart(form);
    let answer = request.send().await.expect("answer");
    assert_eq!(
        answer.text().await.expect("body"),
        r#"{"length":3,"status":"hé"}"#
    );
    let query = client
        .post(server.url("/api/echo?status=q"))
        .send()
        .await
        .expect("answer");
    assert_eq!(
        query.text().await.expect("body"),
        r#"{"length":1,"status":"q"}"#
    );
    let blank = client
        .post(server.url("/api/echo"))
        .form(&[("status", " ")]);
    assert_eq!(blank.send().await.expect("answer").status(), 422);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = Server::start(Bounds::default()).await;
    let mut stream = server.connect().await;
    let mut requests = String::new();
    for number in 1..=20 {
        requests.push_str(&format!(
            "GET /api/things/{number} HTTP/1.1\r\nHost: x\r\n\r\n"
        ));
    }
    stream.write_all(requests.as_bytes()).await.expect("sent");
    let answers = read_answers(&mut stream, 20, r#"{"id":"20","ids":[]}"#).await;
    let places = (1..=20).map(|number| answers.find(&format!("\"id\":\"{number}\"")));
    let places: Vec<_> = places.map(|place| place.expect("answered")).collect();
    assert!(places.is_sorted());
}

#[tokio::test]
async fn an_answer_does_not_wait_for_what_comes_after_its_request() {
    let server = Server::start(Bounds::default()).await;
    let mut stream = server.connect().await;
    let one_and_a_half = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /health HT";
    stream.write_all(one_and_a_half).await.expect("sent");
    read_answers(&mut stream, 1, "OK").await;
    stream
        .write_all(b"TP/1.1\r\nHost: x\r\n\r\n")
        .await
        .expect("sent");
    read_answers(&mut stream, 1, "OK").await;
    let mut stream = server.connect().await;
    let chunks = b"POST /api/nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\nabc\r\n";
    stream.write_all(chunks).await.expect("sent");
    let answer = read_answers(&mut stream, 1, "}").await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}

#[tokio::test]
async fn an_oversize_body_gets_413_and_its_sender_sees_it() {
    let server = Server::start(hasty()).await;
    // Larger than all socket buffers together, by length and by chunks, read by a handler and not read at all.
    let body = vec![b'a'; 4_000_000];
    for path in ["/api/echo", "/api/unread"] {
        let mut stream = server.connect().await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        stream
            .write_all(&body)
            .await
            .expect("the rest is read and dropped");
        let answer = read_to_end(&mut stream).await;
        let status = if path == "/api/echo" { "413" } else { "200" };
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
        assert!(answer.contains("connection: close"));
    }
    let mut stream = server.connect().await;
    stream
        .write_all(b"POST /api/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await
        .expect("sent");
    for _ in 0..40 {
        stream.write_all(b"186a0\r\n").await.expect("sent");
        stream.write_all(&body[..100_000]).await.expect("sent");
        stream.write_all(b"\r\n").await.expect("sent");
    }
    stream.write_all(b"0\r\n\r\n").await.expect("sent");
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn a_body_that_was_announced_too_large_is_not_asked_for() {
    let server = Server::start(hasty()).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"POST /api/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 200000\r\n\r\n")
        .await
        .expect("sent");
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn a_small_body_that_nobody_reads_keeps_the_connection() {
    let server = Server::start(hasty()).await;
    let mut stream = server.connect().await;
    let request = b"POST /api/unread HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd";
    for _ in 0..3 {
        stream.write_all(request).await.expect("sent");
        let answer = read_answers(&mut stream, 1, "{}").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[tokio::test]
async fn slow_heads_slow_bodies_and_idle_connections_end() {
    let server = Server::start(hasty()).await;
    let mut slow_head = server.connect().await;
    let dripping = async {
        for byte in b"GET /health HTTP/1.1\r\nHost: a-name-that-takes-for-ever" {
            if slow_head.write_all(&[*byte]).await.is_err() {
                return true;
            }
            sleep(Duration::from_millis(30)).await;
        }
        false
    };
    let closed = timeout(Duration::from_secs(5), dripping).await;
    assert_eq!(closed, Ok(true), "a head may not drip for ever");
    let slow_body = server
        .raw(b"POST /api/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{")
        .await;
    assert!(slow_body.starts_with("HTTP/1.1 408"), "{slow_body}");
    assert_eq!(server.raw(b"").await, "", "an idle connection is closed");
    // What is worked on is not idle.
    let mut busy = server.connect().await;
    let request = b"GET /api/slow/1500 HTTP/1.1\r\nHost: x\r\n\r\n";
    busy.write_all(request).await.expect("sent");
    read_answers(&mut busy, 1, "\"slow\"").await;
}

#[tokio::test]
async fn strange_targets_never_reach_a_route() {
    let server = Server::start(hasty()).await;
    for (request, status) in [
        (
            "CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
            "405",
        ),
        (
            "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
            "400",
        ),
        (
            "TRACE /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
            "405",
        ),
        (
            "GET http://x/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
            "200",
        ),
        (
            format!(
                "GET /{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                "a".repeat(9000)
            ),
            "414",
        ),
        (
            format!(
                "GET /health HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n",
                "a".repeat(40_000)
            ),
            "431",
        ),
        ("nonsense\r\n\r\n".to_owned(), "400"),
    ] {
        let answer = server.raw(request.as_bytes()).await;
        let line: String = request.chars().take(30).collect();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{line}: {answer}"
        );
    }
}

#[tokio::test]
async fn connections_over_the_limit_are_told_so() {
    let server = Server::start(Bounds {
        connections_max: 2,
        ..Bounds::default()
    })
    .await;
    let request = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut seated = Vec::new();
    for _ in 0..2 {
        let mut stream = server.connect().await;
        stream.write_all(request).await.expect("sent");
        read_answers(&mut stream, 1, "OK").await;
        seated.push(stream);
    }
    let refused = server.raw(request).await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.ends_with("connections\"}"));
    drop(seated);
    let freed = async {
        while reqwest::get(server.url("/health"))
            .await
            .map(|answer| answer.status().as_u16())
            .ok()
            != Some(200)
        {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(5), freed)
        .await
        .expect("a seat is free again");
}

#[tokio::test]
async fn a_drain_finishes_what_is_begun_and_ends() {
    let server = Server::start(hasty()).await;
    let mut idle = server.connect().await;
    let mut quick = server.connect().await;
    let mut endless = server.connect().await;
    quick
        .write_all(b"GET /api/slow/150 HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .expect("sent");
    endless
        .write_all(b"GET /api/slow/60000 HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .expect("sent");
    sleep(Duration::from_millis(50)).await;
    let address = server.address;
    let drained = timeout(Duration::from_secs(3), server.stop()).await;
    assert_eq!(drained.expect("ends"), Drained { aborted: 1 });
    assert!(read_to_end(&mut quick).await.ends_with("\"slow\""));
    assert_eq!(read_to_end(&mut idle).await, "");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens");
}

/// Collects what is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn every_request_is_one_line_without_secrets_and_failures_name_their_cause() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    // As long as a process has one subscriber, records that are met on another thread for the first time are taken to
    // interest nobody; other tests run on others.
    let _another = tracing::Dispatch::new(tracing_subscriber::registry());
    let _guard = tracing::subscriber::set_default(subscriber);
    let server = Server::start(Bounds::default()).await;
    let client = reqwest::Client::new();
    let things = server.url("/api/things/hidden?token=hidden");
    client
        .get(&things)
        .bearer_auth("hidden")
        .send()
        .await
        .expect("answer");
    client
        .get(server.url("/hidden"))
        .send()
        .await
        .expect("answer");
    let failed = client
        .get(server.url("/api/failure"))
        .send()
        .await
        .expect("answer");
    assert_eq!(failed.status(), 500);
    let id = failed.headers()["x-request-id"]
        .to_str()
        .expect("text")
        .to_owned();
    let body = failed.text().await.expect("body");
    assert!(body.contains(&id) && !body.contains("fire"));
    let panicked = client
        .get(server.url("/api/panic/1"))
        .send()
        .await
        .expect("answer");
    assert_eq!(panicked.status(), 500);
    assert_eq!(server.stop().await, Drained { aborted: 0 });
    let log = log.0.lock().expect("no panic").clone();
    let log = String::from_utf8(log).expect("text");
    let lines = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    let lines = lines.filter(|line: &serde_json::Value| line["target"] == "kinglet::http");
    let lines: Vec<serde_json::Value> = lines
        .filter(|line| line["fields"]["message"] == "request")
        .collect();
    let field = |at: usize, name: &str| lines[at]["fields"][name].clone();
    assert_eq!(lines.len(), 4);
    assert_eq!(
        (field(0, "route"), field(0, "account")),
        ("/api/things/:id".into(), 7.into())
    );
    assert_eq!(
        (field(1, "route"), field(1, "status")),
        ("-".into(), 404.into())
    );
    assert_eq!(
        (field(2, "id"), field(2, "failure")),
        (id.into(), "the disk is on fire".into())
    );
    assert_eq!(lines[2]["level"], "ERROR");
    assert!(
        field(3, "failure")
            .as_str()
            .is_some_and(|failure| failure.contains("the dice fell wrong"))
    );
    assert!(
        !log.lines()
            .filter(|line| line.contains("kinglet"))
            .any(|line| line.contains("hidden"))
    );
}

#[test]
fn the_list_of_routes_is_what_was_declared() {
    let routes = routes();
    let delete = routes
        .list()
        .iter()
        .find(|route| route.method == http::Method::DELETE);
    let delete = delete.expect("declared");
    assert_eq!((delete.family, delete.pattern), ("rig", "/api/things/:id"));
    assert_eq!(delete.access, Access::User("write:things"));
    assert_eq!(routes.list().len(), 11);
}

#[test]
fn two_routes_of_one_shape_are_refused() {
    let family = |name: &'static str, pattern: &'static str| {
        Family::new(name).get(pattern, Access::Public, shown)
    };
    let twice = Routes::new(
        [family("a", "/x/:id"), family("b", "/x/:name")],
        render_json,
    );
    assert_eq!(
        twice.err(),
        Some(RouteError::Twice {
            method: http::Method::GET,
            pattern: "/x/:name",
            first: "a",
            second: "b",
        })
    );
}
