//! The accept loop: connections with limits and deadlines, HTTP/1.1 on each, a drain that ends.
//!
//! It stands in for `warp::serve`, which has neither timeouts nor bounds on connections and bodies.

use std::any::Any;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::{CONNECTION, DATE, EXPECT, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};
use tower_service::Service;
use warp::filters::BoxedFilter;

use super::body::{Allowance, BodyError};
use super::greeting::{Greetings, greet};
use super::observe::{Observed, OpenConnection};
use super::problem::Problem;
use super::reply::Response;
use super::request_log::{self, RequestId, RequestIds};
use crate::clock::SharedClock;
use crate::net::listener::{Greeting, Listener};
use crate::net::peer::Peer;
use crate::net::stream::Stream;
use crate::telemetry::Telemetry;

/// How much of a body that nobody wants is read and dropped, so that its sender sees the answer, in bytes.
const LINGER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How long such a body is read and dropped.
const LINGER_TIME_MAX: Duration = Duration::from_secs(5);
/// How long a rest is waited for that is so small that hyper has mostly read over it already.
const LINGER_BRIEFLY: Duration = Duration::from_millis(500);
/// Unread rests up to here don't end the connection; hyper reads over them, in bytes.
const UNREAD_KEPT_OPEN_BYTES_MAX: u64 = 8 * 1024;
/// Connections over the limit that are told so at any time; more are closed without a word.
const REFUSALS_MAX: usize = 64;
/// How long a refused connection may take to read its refusal.
const REFUSAL_TIME_MAX: Duration = Duration::from_secs(1);
/// The pause after `accept` failed, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Timeouts are looked after this many times within the shortest of them.
const TICKS_PER_TIMEOUT: u32 = 4;
/// The smallest buffer that hyper takes, in bytes.
const BUFFER_BYTES_MIN: usize = 8 * 1024;

/// The header by which an answer is found in the log.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What one server accepts.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Connections open at once; more are answered 503.
    pub connections_max: usize,
    /// A request's line and headers, and hyper's buffers for one connection, in bytes; at least 8,192.
    pub head_bytes_max: usize,
    /// A request's path and query, in bytes.
    pub uri_bytes_max: usize,
    /// A request's body, in bytes.
    pub body_bytes_max: u64,
    /// From a head's first byte to its last.
    pub header_timeout: Duration,
    /// From a body's first byte that is waited for to its last.
    pub body_timeout: Duration,
    /// A connection on which nothing moves and nothing is being worked on.
    pub idle_timeout: Duration,
    /// From the signal to stop to the end of the last request.
    pub drain_timeout: Duration,
    /// Whether the `Date` of answers is what the instance's clock shows, and not the machine's.
    pub dates_by_clock: bool,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections_max: 4096,
            head_bytes_max: 16 * 1024,
            uri_bytes_max: 8 * 1024,
            body_bytes_max: 1024 * 1024,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(8),
            dates_by_clock: false,
        }
    }
}

/// A request's extension: who sent it, where to, and what it is called.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// Joins log and answer.
    pub id: RequestId,
    /// The method as sent.
    pub method: Method,
    /// The other end of the connection; behind a proxy, the proxy, unless it spoke the PROXY protocol.
    pub peer: Peer,
    /// The path and query as sent.
    pub target: PathAndQuery,
    /// What its body may be beyond what all may.
    pub allowance: Arc<Allowance>,
}

/// A response's extension in place of an answer: the connection is closed without one.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("hung up without an answer")]
pub struct HungUp;

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were still busy at the deadline and were cut off.
    pub aborted: usize,
}

/// Serves `filter` on `listeners` until `shutdown` is ready, then drains.
///
/// Rejections that reach the top are answered by warp itself; trees end in a `recover`.
///
/// Boxed on both sides, so that all of what connections are made of is compiled here and once: with this package's
/// optimisations, not with those of whoever starts to serve.
pub fn serve(
    listeners: Vec<Listener>,
    filter: BoxedFilter<(Response,)>,
    bounds: Bounds,
    clock: SharedClock,
    telemetry: Arc<Telemetry>,
    ids: Arc<RequestIds>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> BoxFuture<'static, Drained> {
    let house = Arc::new(House {
        bounds,
        clock,
        telemetry,
        ids,
    });
    serve_until(listeners, filter, house, Box::pin(shutdown))
}

fn serve_until(
    listeners: Vec<Listener>,
    filter: BoxedFilter<(Response,)>,
    house: Arc<House>,
    shutdown: BoxFuture<'static, ()>,
) -> BoxFuture<'static, Drained> {
    Box::pin(accept_until(listeners, filter, house, shutdown))
}

async fn accept_until(
    listeners: Vec<Listener>,
    filter: BoxedFilter<(Response,)>,
    house: Arc<House>,
    shutdown: BoxFuture<'static, ()>,
) -> Drained {
    let bounds = &house.bounds;
    let room = Arc::new(Semaphore::new(bounds.connections_max));
    let refusals = Arc::new(Semaphore::new(REFUSALS_MAX));
    let greetings = Greetings::new(bounds.connections_max);
    let drain_timeout = bounds.drain_timeout;
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    let mut turn = 0;
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listeners, &mut turn) => accepted,
        };
        let (stream, peer, greeting) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(target: "kinglet::http", %error, "a connection can't be accepted");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        match room.clone().try_acquire_owned() {
            Ok(seat) if greeting.is_empty() => {
                let connection =
                    connection(stream, peer, filter.clone(), house.clone(), stopped.clone());
                let open = OpenConnection::new(Arc::clone(&house.telemetry));
                connections.spawn(async move {
                    connection.await;
                    drop(open);
                    drop(seat);
                });
            }
            Ok(seat) => {
                let Some(guest) = greetings.enter(&greeting, peer) else {
                    house.telemetry.http.refused.count();
                    tracing::debug!(target: "kinglet::http", %peer, "too many connections that haven't begun");
                    continue;
                };
                let (filter, house, stopped) = (filter.clone(), house.clone(), stopped.clone());
                let open = OpenConnection::new(Arc::clone(&house.telemetry));
                connections.spawn(async move {
                    let time_max = house.bounds.header_timeout;
                    let refused = &house.telemetry.http.refused;
                    let greeted =
                        greet(&greeting, stream, guest, time_max, refused, stopped.clone());
                    if let Some((stream, peer)) = greeted.await {
                        connection(stream, peer, filter, house, stopped).await;
                    }
                    drop(open);
                    drop(seat);
                });
            }
            Err(_) => {
                house.telemetry.http.refused.count();
                // Before TLS nothing can be said.
                if greeting.is_empty()
                    && let Ok(permit) = refusals.clone().try_acquire_owned()
                {
                    connections.spawn(async move {
                        // A client that doesn't read its refusal loses nothing but that.
                        let _ = timeout(REFUSAL_TIME_MAX, refuse(stream)).await;
                        drop(permit);
                    });
                }
            }
        }
    }
    drop(listeners);
    // Every connection may have ended already; then nobody needs to hear of it.
    let _ = stop.send(true);
    let drained = timeout(drain_timeout, async {
        while connections.join_next().await.is_some() {}
    });
    if drained.await.is_ok() {
        return Drained { aborted: 0 };
    }
    let aborted = connections.len();
    connections.shutdown().await;
    Drained { aborted }
}

/// What all connections share.
struct House {
    bounds: Bounds,
    clock: SharedClock,
    telemetry: Arc<Telemetry>,
    ids: Arc<RequestIds>,
}

/// The next connection of any listener; they take turns, so that a busy one doesn't silence the others.
async fn accept(
    listeners: &[Listener],
    turn: &mut usize,
) -> std::io::Result<(Stream, Peer, Arc<Greeting>)> {
    poll_fn(|cx| {
        for step in 0..listeners.len() {
            let index = (*turn + step) % listeners.len();
            let listener = &listeners[index];
            if let Poll::Ready(accepted) = listener.poll_accept(cx) {
                *turn = index + 1;
                let accepted =
                    accepted.map(|(stream, peer)| (stream, peer, Arc::clone(&listener.greeting)));
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    })
    .await
}

async fn refuse(mut stream: Stream) -> std::io::Result<()> {
    const ANSWER: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n\
        Retry-After: 1\r\nConnection: close\r\nContent-Length: 52\r\n\r\n\
        {\"error\":\"The server has too many open connections\"}";
    stream.write_all(ANSWER).await?;
    stream.shutdown().await?;
    // Closing with the request unread would reset the connection under the answer.
    let mut unread = [0; 1024];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}

/// Serves one connection to its end.
async fn connection(
    stream: Stream,
    peer: Peer,
    filter: BoxedFilter<(Response,)>,
    house: Arc<House>,
    mut stopped: watch::Receiver<bool>,
) {
    let bounds = &house.bounds;
    let seat = Arc::new(Seat::default());
    let wire = Wire {
        stream,
        seat: seat.clone(),
        linger: None,
    };
    let tick = bounds.header_timeout.min(bounds.idle_timeout) / TICKS_PER_TIMEOUT;
    let mut watchdog = Watchdog::default();
    let (header_timeout, idle_timeout) = (bounds.header_timeout, bounds.idle_timeout);
    let mut builder = http1::Builder::new();
    builder
        // `pipeline_flush` stays off: with it hyper 1.12 keeps a finished answer back as long as its read buffer holds a
        // part of the next request or of a body that nobody wants, and buffers streamed bodies without a bound.
        .auto_date_header(!bounds.dates_by_clock)
        .max_buf_size(bounds.head_bytes_max.max(BUFFER_BYTES_MIN))
        // hyper's own timeout arms a timer for every request; the watchdog has one for the connection's whole life.
        .header_read_timeout(None);
    let service = service_fn({
        let seat = seat.clone();
        move |request| answer(filter.clone(), house.clone(), seat.clone(), peer, request)
    });
    let mut http = pin!(
        builder
            .serve_connection(TokioIo::new(wire), service)
            .with_upgrades()
    );
    let mut next_tick = pin!(sleep(tick));
    let mut stopping = *stopped.borrow();
    if stopping {
        http.as_mut().graceful_shutdown();
    }
    loop {
        tokio::select! {
            biased;
            ended = http.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(target: "kinglet::http", %error, "a connection broke");
                }
                return;
            }
            _ = stopped.changed(), if !stopping => {
                stopping = true;
                http.as_mut().graceful_shutdown();
            }
            () = next_tick.as_mut() => {
                if watchdog.overdue(&seat, tick, header_timeout, idle_timeout) {
                    return;
                }
                let deadline = next_tick.deadline() + tick;
                next_tick.as_mut().reset(deadline);
            }
        }
    }
}

/// What a connection's parts tell each other. One task drives them all, so no order between the fields is needed.
#[derive(Default)]
struct Seat {
    /// Bytes that went either way.
    moved: AtomicU64,
    /// Something was read since the last request began: the next head is on its way.
    head_begun: AtomicBool,
    /// A handler is at work.
    answering: AtomicBool,
    /// The last request's body was given up before its end.
    body_unread: AtomicBool,
    /// And so much of it may follow that the connection is better closed.
    much_unread: AtomicBool,
}

impl Seat {
    /// The client may still be sending: a body that was given up, or a head that hyper refused half-way.
    fn something_unread(&self) -> bool {
        self.body_unread.load(Ordering::Relaxed) || self.head_begun.load(Ordering::Relaxed)
    }

    fn linger_time(&self) -> Duration {
        let little =
            self.body_unread.load(Ordering::Relaxed) && !self.much_unread.load(Ordering::Relaxed);
        if little {
            LINGER_BRIEFLY
        } else {
            LINGER_TIME_MAX
        }
    }

    fn moved(&self, bytes: usize) {
        self.moved.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// Finds connections on which a head takes too long or nothing happens.
#[derive(Default)]
struct Watchdog {
    moved: u64,
    in_head: Duration,
    idle: Duration,
}

impl Watchdog {
    fn overdue(
        &mut self,
        seat: &Seat,
        tick: Duration,
        header_timeout: Duration,
        idle_timeout: Duration,
    ) -> bool {
        if seat.answering.load(Ordering::Relaxed) {
            (self.in_head, self.idle) = (Duration::ZERO, Duration::ZERO);
            return false;
        }
        if seat.head_begun.load(Ordering::Relaxed) {
            self.in_head += tick;
        } else {
            self.in_head = Duration::ZERO;
        }
        let moved = seat.moved.load(Ordering::Relaxed);
        if moved == self.moved {
            self.idle += tick;
        } else {
            self.idle = Duration::ZERO;
        }
        self.moved = moved;
        self.in_head >= header_timeout || self.idle >= idle_timeout
    }
}

/// The socket, which tells its seat what moves and lingers at the end when a body was given up.
struct Wire {
    stream: Stream,
    seat: Arc<Seat>,
    linger: Option<Linger>,
}

struct Linger {
    deadline: Pin<Box<Sleep>>,
    bytes_left: usize,
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let read = buffer.filled().len() - before;
        if read > 0 {
            self.seat.moved(read);
            self.seat.head_begun.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.seat.moved(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, slices))?;
        self.seat.moved(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let wire = &mut *self;
        if wire.linger.is_none() {
            ready!(Pin::new(&mut wire.stream).poll_shutdown(cx))?;
            if !wire.seat.something_unread() {
                return Poll::Ready(Ok(()));
            }
        }
        // Closing a socket with unread bytes resets it, and the reset can overtake the answer.
        let seat = &wire.seat;
        let linger = wire.linger.get_or_insert_with(|| Linger {
            deadline: Box::pin(sleep(seat.linger_time())),
            bytes_left: LINGER_BYTES_MAX,
        });
        let mut dropped = [0; 4096];
        while linger.bytes_left > 0 {
            let mut buffer = ReadBuf::new(&mut dropped);
            match Pin::new(&mut wire.stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    wire.seat.moved(buffer.filled().len());
                    linger.bytes_left = linger.bytes_left.saturating_sub(buffer.filled().len());
                }
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return linger.deadline.as_mut().poll(cx).map(Ok),
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// A request's body with its bounds.
struct Received {
    incoming: Incoming,
    seat: Arc<Seat>,
    allowance: Arc<Allowance>,
    bytes_max: u64,
    /// Those that were read.
    bytes: u64,
    timeout: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
    /// The client sends its body only when asked for it, and nobody did.
    awaits_invitation: bool,
}

impl Body for Received {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let body = &mut *self;
        if let Some((bytes_max, time_max)) = body.allowance.get() {
            body.bytes_max = body.bytes_max.max(bytes_max);
            body.timeout = body.timeout.max(time_max);
        }
        let bytes_left = body.bytes_max.saturating_sub(body.bytes);
        if body.incoming.size_hint().lower() > bytes_left {
            return Poll::Ready(Some(Err(BodyError::TooLarge)));
        }
        body.awaits_invitation = false;
        match Pin::new(&mut body.incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let length = frame.data_ref().map_or(0, Bytes::len) as u64;
                if length > bytes_left {
                    return Poll::Ready(Some(Err(BodyError::TooLarge)));
                }
                body.bytes += length;
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(BodyError::Broken(error)))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                let timeout = body.timeout;
                let deadline = body
                    .deadline
                    .get_or_insert_with(|| Box::pin(sleep(timeout)));
                ready!(deadline.as_mut().poll(cx));
                Poll::Ready(Some(Err(BodyError::TooSlow)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        if self.incoming.is_end_stream() || self.awaits_invitation {
            return;
        }
        let rest = self.incoming.size_hint().upper();
        let much = rest.is_none_or(|rest| rest > UNREAD_KEPT_OPEN_BYTES_MAX);
        self.seat.body_unread.store(true, Ordering::Relaxed);
        self.seat.much_unread.store(much, Ordering::Relaxed);
    }
}

/// Answers one request, whatever the filter does, and logs it.
async fn answer(
    filter: BoxedFilter<(Response,)>,
    house: Arc<House>,
    seat: Arc<Seat>,
    peer: Peer,
    request: Request<Incoming>,
) -> Result<Response, HungUp> {
    let begun = house.clock.now();
    let id = house.ids.next();
    let mut observed = Observed::begin(&house.telemetry, id, begun);
    seat.head_begun.store(false, Ordering::Relaxed);
    seat.answering.store(true, Ordering::Relaxed);
    seat.body_unread.store(false, Ordering::Relaxed);
    seat.much_unread.store(false, Ordering::Relaxed);
    let method = request.method().clone();
    let mut response = match unroutable(&request, &house.bounds) {
        Some(problem) => problem.to_json(Some(id)),
        None => {
            let (mut parts, incoming) = request.into_parts();
            let target = parts.uri.path_and_query().cloned();
            let target = target.unwrap_or_else(|| PathAndQuery::from_static("/"));
            let method = parts.method.clone();
            let allowance = Arc::<Allowance>::default();
            parts.extensions.insert(RequestContext {
                id,
                method,
                peer,
                target,
                allowance: Arc::clone(&allowance),
            });
            let body = Received {
                awaits_invitation: parts.headers.contains_key(EXPECT),
                incoming,
                seat: seat.clone(),
                allowance,
                bytes_max: house.bounds.body_bytes_max,
                bytes: 0,
                timeout: house.bounds.body_timeout,
                deadline: None,
            };
            let request = Request::from_parts(parts, body);
            let routed = async { warp::service(filter).call(request).await };
            let routed = AssertUnwindSafe(routed).catch_unwind();
            match observed.follow(routed).await {
                Ok(Ok(response)) if response.extensions().get::<HungUp>().is_some() => {
                    return Err(HungUp);
                }
                Ok(Ok(response)) => response,
                Err(panic) => {
                    let detail = format!("the handler panicked: {}", panic_message(&*panic));
                    Problem::internal(detail).to_json(Some(id))
                }
            }
        }
    };
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, id.to_header());
    if house.bounds.dates_by_clock
        && let Ok(date) = HeaderValue::from_str(&begun.http_date())
    {
        headers.insert(DATE, date);
    }
    if seat.much_unread.load(Ordering::Relaxed) {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    seat.head_begun.store(false, Ordering::Relaxed);
    seat.answering.store(false, Ordering::Relaxed);
    let took = observed.end(&method, &response);
    request_log::record(id, &method, &response, || match took {
        Some(took) => i64::try_from(took.as_millis()).unwrap_or(i64::MAX),
        None => (house.clock.now().millis() - begun.millis()).max(0),
    });
    Ok(response)
}

/// Requests that no route may see: some of warp's path filters panic on `CONNECT host:port` and `OPTIONS *`.
fn unroutable(request: &Request<Incoming>, bounds: &Bounds) -> Option<Problem> {
    let uri = request.uri();
    if request.method() == Method::CONNECT {
        return Some(Problem::method_not_allowed(
            "GET, HEAD, POST, PUT, PATCH, DELETE",
        ));
    }
    let target_length = uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if target_length > bounds.uri_bytes_max {
        return Some(Problem::address_too_long());
    }
    if !uri.path().starts_with('/') {
        return Some(Problem::malformed("The address must begin with a slash"));
    }
    None
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
