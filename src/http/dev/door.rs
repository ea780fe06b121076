//! The door before all routes: lets only this machine in, strikes with the faults that were ordered, records.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};
use http::header::{ALLOW, DATE, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use http::{Method, response};
use http_body_util::BodyExt;
use warp::Filter;
use warp::filters::BoxedFilter;

use super::findings::Case;
use super::{Desk, Play, api, forms, host, pages};
use crate::clock::{Clock as _, Timestamp};
use crate::cors;
use crate::dev::faults::FaultKind;
use crate::dev::recorder::{Excerpt, Finding, Record};
use crate::dev::settle::settled;
use crate::domain::error_code::ErrorCode;
use crate::extract::form;
use crate::inquiry::{self, Inquiry, Notes};
use crate::limits::{Exceeded, Kind, Standing};
use crate::problem::Problem;
use crate::reply::Response;
use crate::request_log::RouteNote;
use crate::routing::{RouteError, RouteInfo, Routes, render_json};
use crate::serve::{HungUp, RequestContext, X_REQUEST_ID};

/// Addresses of the tools themselves: neither recorded nor struck.
const TOOLS: &[&str] = &["/dev", "/api/kinglet/v1/dev"];
/// Routes of which nobody wants to read: what pages are made of.
const UNRECORDED: &[&str] = &["/assets/:file", "/favicon.ico"];

/// The filter that answers every request to an instance for developers.
///
/// # Errors
/// The tools' routes contradict each other: a fault of the program.
pub fn filter(desk: Desk) -> Result<BoxedFilter<(Response,)>, RouteError> {
    let families = [api::family(), pages::family(), forms::family()];
    let tools = Arc::new(Routes::new(families, render_json)?);
    Ok(warp::ext::get::<RequestContext>()
        .and(warp::method())
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .then(move |context, method, headers, body| {
            let (desk, tools) = (desk.clone(), Arc::clone(&tools));
            async move { desk.answer(&tools, context, method, headers, body).await }
        })
        .boxed())
}

fn is_of_tools(path: &str) -> bool {
    TOOLS.iter().any(|prefix| {
        path.strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// A request whose body was read to its end.
struct Whole {
    context: RequestContext,
    method: Method,
    headers: HeaderMap,
    body: Result<Bytes, Problem>,
}

/// What a request came to.
struct Outcome {
    parts: response::Parts,
    body: Bytes,
    findings: Vec<Finding>,
    fault: Option<FaultKind>,
}

impl Outcome {
    /// An answer whose body is read to its end, which those of this server never fail to have.
    async fn of(response: Response, request: &Whole) -> Self {
        let (parts, body) = response.into_parts();
        let (parts, body) = match body.collect().await {
            Ok(collected) => (parts, collected.to_bytes()),
            Err(error) => {
                let problem = Problem::internal(format!("an answer broke off: {error}"));
                let (parts, _) = problem.to_json(Some(request.context.id)).into_parts();
                (parts, Bytes::new())
            }
        };
        Self {
            parts,
            body,
            findings: Vec::new(),
            fault: None,
        }
    }

    /// The reason that a refusal gives.
    fn refusal(&self) -> Option<String> {
        let json: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        let sentence = json.get("error_description").or(json.get("error"))?;
        sentence.as_str().map(str::to_owned)
    }
}

/// Reads a body to its end; the accept loop holds it to its bounds.
async fn collected<S, B>(body: S) -> Result<Bytes, Problem>
where
    S: Stream<Item = Result<B, warp::Error>> + Send,
    B: Buf,
{
    let mut body = std::pin::pin!(body);
    let mut whole = BytesMut::new();
    while let Some(piece) = body.next().await {
        whole.put(piece.map_err(|error| Problem::of_body(&error))?);
    }
    Ok(whole.freeze())
}

impl Desk {
    async fn answer<S, B>(
        &self,
        tools: &Routes<Self>,
        context: RequestContext,
        method: Method,
        headers: HeaderMap,
        body: S,
    ) -> Response
    where
        S: Stream<Item = Result<B, warp::Error>> + Send + Sync + 'static,
        B: Buf + Send + 'static,
    {
        if let Err(problem) = host::require_loopback(&headers) {
            return problem.to_json(Some(context.id));
        }
        if is_of_tools(context.target.path()) {
            return match host::require_own_machine(&method, &headers) {
                Ok(()) => {
                    tools
                        .answer(self.clone(), context, method, headers, body)
                        .await
                }
                Err(problem) => problem.to_json(Some(context.id)),
            };
        }
        let begun = self.clock.now();
        let known = host::require_known_page(&method, &headers, &self.allow_origins);
        let request = Whole {
            body: match known {
                Ok(()) => collected(body).await,
                Err(_) => Ok(Bytes::new()),
            },
            context,
            method,
            headers,
        };
        let outcome = match known {
            Ok(()) => self.done(&request).await,
            // Recorded, so that whoever develops the page finds the reason, which its browser keeps to itself.
            Err(problem) => refused(&problem, &request).await,
        };
        let note = outcome.parts.extensions.get::<RouteNote>().copied();
        if note.is_none_or(|note| !UNRECORDED.contains(&note.pattern)) {
            self.recorder
                .add(self.record(request, &outcome, note, begun));
        }
        Response::from_parts(outcome.parts, outcome.body.into())
    }

    fn record(
        &self,
        request: Whole,
        outcome: &Outcome,
        note: Option<RouteNote>,
        begun: Timestamp,
    ) -> Record {
        let has_hung_up = outcome.parts.extensions.get::<HungUp>().is_some();
        let account = note.and_then(|note| note.account);
        // What the accept loop is about to add.
        let mut answer_headers = outcome.parts.headers.clone();
        answer_headers.insert(X_REQUEST_ID, request.context.id.to_header());
        if let Ok(date) = HeaderValue::from_str(&begun.http_date()) {
            answer_headers.insert(DATE, date);
        }
        Record {
            number: 0,
            id: request.context.id.to_string(),
            at: begun,
            duration_ms: (self.clock.now().millis() - begun.millis()).max(0),
            method: request.method,
            target: request.context.target.to_string(),
            headers: request.headers,
            body: request
                .body
                .map(|body| Excerpt::of(&body))
                .unwrap_or_default(),
            route: note.map(|note| note.pattern),
            who: account.map(|account| self.name_of(&account.to_string())),
            status: (!has_hung_up).then_some(outcome.parts.status.as_u16()),
            answer_headers,
            answer_body: Excerpt::of(&outcome.body),
            findings: outcome.findings.clone(),
            fault: outcome.fault,
        }
    }

    async fn done(&self, request: &Whole) -> Outcome {
        let path = request.context.target.path();
        // A browser's question before a request is none of the client's.
        let fault = match request.method {
            Method::OPTIONS => None,
            _ => self.faults.strike(&request.method, path),
        };
        let struck = match fault {
            Some(fault) => self.struck(fault, request).await,
            None => None,
        };
        let outcome = match struck {
            Some(mut response) => {
                if cors::applies(path) {
                    cors::allow(response.headers_mut());
                }
                Outcome::of(response, request).await
            }
            None => self.played(request).await,
        };
        Outcome { fault, ..outcome }
    }

    /// What a fault answers; `None` when it only takes its time.
    async fn struck(&self, fault: FaultKind, request: &Whole) -> Option<Response> {
        let problem = match fault {
            FaultKind::Delay { ms } => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                return None;
            }
            FaultKind::DroppedSocket => {
                let mut response = Response::new(Bytes::new().into());
                response.extensions_mut().insert(HungUp);
                return Some(response);
            }
            FaultKind::RateLimited { retry_after } => {
                let reset = self.clock.now().plus_millis(i64::from(retry_after) * 1000);
                let standing = Standing {
                    limit: Kind::Api.limit().requests_max,
                    remaining: 0,
                    reset,
                };
                Problem::from(Exceeded {
                    standing,
                    retry_after_s: retry_after,
                })
            }
            FaultKind::Unavailable { retry_after } => Problem::new(
                ErrorCode::Unavailable,
                "The server can't do this at the moment. Please try again later",
            )
            .with_retry_after_s(retry_after),
            FaultKind::ExpiredToken => {
                // RFC 6750, section 3.1.
                let scheme = HeaderValue::from_static(
                    "Bearer realm=\"kinglet\", error=\"invalid_token\", error_description=\"The access token expired\"",
                );
                Problem::unauthenticated("The access token expired")
                    .with_header(WWW_AUTHENTICATE, scheme)
            }
        };
        Some(problem.to_json(Some(request.context.id)))
    }

    /// Has the instance answer, and judges what was asked.
    async fn played(&self, request: &Whole) -> Outcome {
        let body = match &request.body {
            Ok(body) => body.clone(),
            Err(problem) => {
                let sentence = problem.sentence().to_owned();
                let answer = problem.to_json(Some(request.context.id));
                let mut outcome = Outcome::of(answer, request).await;
                outcome.findings.push(Finding {
                    code: "malformed_body",
                    sentence,
                });
                return outcome;
            }
        };
        // Held until the end: whoever exchanges the play waits for it.
        let play = self.play.read().await;
        let Some(play) = &*play else {
            let problem = Problem::unavailable("there is no instance at the moment");
            return Outcome::of(problem.to_json(Some(request.context.id)), request).await;
        };
        let inquiry = Arc::new(Inquiry::default());
        let was_read = Arc::new(AtomicBool::new(false));
        let response = inquiry::within(
            Arc::clone(&inquiry),
            ask(play, request, body.clone(), Arc::clone(&was_read)),
        )
        .await;
        if self.clock.stands() && !request.method.is_safe() {
            // What follows from the request is done before its answer, so that the next one can't overtake it.
            settled(&play.context.instance).await;
        }
        let mut outcome = Outcome::of(response, request).await;
        if request.method != Method::OPTIONS {
            let notes = inquiry.notes();
            let body_read = was_read.load(Ordering::Relaxed);
            outcome.findings = self.judged(play, request, &outcome, &notes, (&body, body_read));
        }
        outcome
    }

    fn judged(
        &self,
        play: &Play,
        request: &Whole,
        outcome: &Outcome,
        notes: &Notes,
        (body, body_read): (&Bytes, bool),
    ) -> Vec<Finding> {
        // HEAD is answered by the route of GET.
        let method = match &request.method {
            &Method::HEAD => &Method::GET,
            other => other,
        };
        let note = outcome.parts.extensions.get::<RouteNote>();
        let is_route = |route: &&RouteInfo| {
            note.is_some_and(|note| note.pattern == route.pattern) && route.method == method
        };
        let routes = play.routes.list();
        let allow = outcome.parts.headers.get(ALLOW);
        let case = Case {
            method,
            path: request.context.target.path(),
            headers: &request.headers,
            body,
            body_read,
            route: routes.iter().find(is_route),
            routes,
            notes,
            status: outcome.parts.status.as_u16(),
            refusal: outcome.refusal(),
            allow: allow.and_then(|allow| allow.to_str().ok()),
        };
        case.findings(&mut self.known())
    }
}

/// The answer to a page that isn't let in.
async fn refused(problem: &Problem, request: &Whole) -> Outcome {
    let answer = problem.to_json(Some(request.context.id));
    let mut outcome = Outcome::of(answer, request).await;
    outcome.findings.push(Finding {
        code: "foreign_page",
        sentence: problem.sentence().to_owned(),
    });
    outcome
}

/// Asks the instance, with a body that tells when it is read.
async fn ask(play: &Play, request: &Whole, body: Bytes, was_read: Arc<AtomicBool>) -> Response {
    let context = request.context.clone();
    let query = context.target.query().unwrap_or("");
    if let Ok(query) = form::from_urlencoded(query.as_bytes()) {
        inquiry::given(&query);
    }
    let body = stream::once(async move {
        was_read.store(true, Ordering::Relaxed);
        Ok(body)
    });
    let (method, headers) = (request.method.clone(), request.headers.clone());
    play.routes
        .answer(play.context.clone(), context, method, headers, body)
        .await
}
