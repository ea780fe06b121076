//! Failures as answers: the only file that knows which kind of failure has which HTTP status.

use std::borrow::Cow;
use std::convert::Infallible;
use std::error::Error as StdError;

use bytes::Bytes;
use http::StatusCode;
use http::header::{
    ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use serde::Serialize;
use warp::Rejection;

use super::body::BodyError;
use super::reply::Response;
use super::request_log::{Failure, RequestId};
use crate::actors::door::DoorError;
use crate::actors::error::AskError;
use crate::domain::error_code::ErrorCode;
use crate::domain::refusal::Refusal;

/// When to come back after "full for the moment", in seconds.
const BUSY_RETRY_AFTER_S: u32 = 1;
/// When to come back while the store can't be reached, in seconds.
const UNAVAILABLE_RETRY_AFTER_S: u32 = 10;

/// An answer that says why a request failed: a sentence for the person, details for the operator.
#[derive(Debug, Clone)]
pub struct Problem {
    code: ErrorCode,
    status: StatusCode,
    sentence: Cow<'static, str>,
    oauth_error: Option<&'static str>,
    retry_after_s: Option<u32>,
    detail: Option<String>,
    headers: Option<Box<HeaderMap>>,
}

/// Kind of failure to status.
fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::Malformed => StatusCode::BAD_REQUEST,
        ErrorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden => StatusCode::FORBIDDEN,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::Conflict => StatusCode::CONFLICT,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::UnsupportedType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorCode::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Busy | ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn retry_after_of(code: ErrorCode) -> Option<u32> {
    match code {
        ErrorCode::Busy => Some(BUSY_RETRY_AFTER_S),
        ErrorCode::Unavailable => Some(UNAVAILABLE_RETRY_AFTER_S),
        _ => None,
    }
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

impl Problem {
    /// A problem of a kind, with the sentence that the person reads.
    pub fn new(code: ErrorCode, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            status: status_of(code),
            sentence: sentence.into(),
            oauth_error: None,
            retry_after_s: retry_after_of(code),
            detail: None,
            headers: None,
        }
    }

    /// The request can't be read.
    pub fn malformed(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::Malformed, sentence)
    }

    /// The request can be read and breaks a rule.
    pub fn invalid(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::Invalid, sentence)
    }

    /// Nobody is logged in, or the token doesn't hold.
    pub fn unauthenticated(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::Unauthenticated, sentence)
    }

    /// The caller may not do this.
    pub fn forbidden(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::Forbidden, sentence)
    }

    /// Not there, or not for this caller: the same answer for both.
    pub fn not_found() -> Self {
        Refusal::NotFound.into()
    }

    /// The route exists, but not for this method; `allow` lists those it has.
    pub fn method_not_allowed(allow: &str) -> Self {
        let problem = Self::new(
            ErrorCode::MethodNotAllowed,
            "This address can't be used with this method",
        );
        match HeaderValue::from_str(allow) {
            Ok(allow) if !allow.is_empty() => problem.with_header(ALLOW, allow),
            _ => problem,
        }
    }

    /// The body is larger than its bound.
    pub fn too_large() -> Self {
        Self::new(ErrorCode::TooLarge, "The request is too large")
    }

    /// The address is longer than its bound: 414, which RFC 9110 keeps apart from a long body.
    pub fn address_too_long() -> Self {
        Self {
            status: StatusCode::URI_TOO_LONG,
            ..Self::new(ErrorCode::TooLarge, "The address is too long")
        }
    }

    /// The request was meant for another host than this: 421 (RFC 9110, section 15.5.20).
    pub fn misdirected(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status: StatusCode::MISDIRECTED_REQUEST,
            ..Self::new(ErrorCode::Malformed, sentence)
        }
    }

    /// The body didn't arrive in time: 408, the sender's fault and not the service's.
    pub fn body_too_slow() -> Self {
        Self {
            status: StatusCode::REQUEST_TIMEOUT,
            ..Self::new(
                ErrorCode::Malformed,
                "The request didn't arrive completely in time",
            )
        }
    }

    /// The body has a type that is not understood.
    pub fn unsupported_type() -> Self {
        Self::new(
            ErrorCode::UnsupportedType,
            "The body must be JSON, a form, or multipart form data",
        )
    }

    /// Too often; the caller may come back after `retry_after_s` seconds.
    pub fn too_many_requests(retry_after_s: u32) -> Self {
        Self::new(ErrorCode::TooManyRequests, "Too many requests").with_retry_after_s(retry_after_s)
    }

    /// The service is full for the moment.
    pub fn busy() -> Self {
        Self::new(
            ErrorCode::Busy,
            "The server is busy. Please try again in a moment",
        )
    }

    /// Something that the service needs can't be reached.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(
            ErrorCode::Unavailable,
            "The server can't do this at the moment. Please try again later",
        )
        .with_detail(detail)
    }

    /// A fault of the program; the operator finds `detail` in the log beside the request id.
    pub fn internal(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::Internal, "Something went wrong on the server").with_detail(detail)
    }

    /// An OAuth error (RFC 6749, section 5.2): `error` is its code, the sentence its description. `invalid_client` is
    /// a 401, `unauthorized_client` a 403, a fault of the server a 500, every other a 400.
    pub fn oauth(error: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        let code = match error {
            "invalid_client" | "invalid_token" => ErrorCode::Unauthenticated,
            "unauthorized_client" => ErrorCode::Forbidden,
            "server_error" => ErrorCode::Internal,
            "temporarily_unavailable" => ErrorCode::Busy,
            _ => ErrorCode::Malformed,
        };
        Self {
            oauth_error: Some(error),
            ..Self::new(code, description)
        }
    }

    /// What became of reading a body.
    pub fn of_body(error: &(dyn StdError + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(current) = cause {
            match current.downcast_ref::<BodyError>() {
                Some(BodyError::TooLarge) => return Self::too_large(),
                Some(BodyError::TooSlow) => return Self::body_too_slow(),
                Some(BodyError::Broken(_)) | None => cause = current.source(),
            }
        }
        Self::malformed("The request's body is incomplete")
    }

    /// The same problem with what the operator should know.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The same problem with the time after which another try makes sense, in seconds.
    #[must_use]
    pub fn with_retry_after_s(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The same problem with one more header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.get_or_insert_default().insert(name, value);
        self
    }

    /// The kind of failure.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// The sentence for the person.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }

    /// The HTTP status as a number, for pages that show it.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// What the operator reads; never shown to the person.
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// The answer as Mastodon's clients expect it; a failure of the server carries the id that its log line has.
    pub fn to_json(&self, id: Option<RequestId>) -> Response {
        let (error, error_description) = match self.oauth_error {
            Some(error) => (error, Some(self.sentence())),
            None => (self.sentence(), None),
        };
        let body = Body {
            error,
            error_description,
            request_id: id
                .as_ref()
                .filter(|_| self.status.is_server_error())
                .map(RequestId::as_str),
        };
        let body = serde_json::to_vec(&body).expect("three texts always serialise");
        let mut response = Response::new(Bytes::from(body).into());
        response.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        );
        self.dress(&mut response);
        response
    }

    /// Gives a rendered answer this problem's status, headers and log note.
    pub fn dress(&self, response: &mut Response) {
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if let Some(more) = &self.headers {
            for (name, value) in more.iter() {
                headers.insert(name.clone(), value.clone());
            }
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if self.code == ErrorCode::Unauthenticated {
            headers
                .entry(WWW_AUTHENTICATE)
                .or_insert(HeaderValue::from_static("Bearer realm=\"kinglet\""));
        }
        if let Some(detail) = &self.detail {
            response.extensions_mut().insert(Failure(detail.clone()));
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let code = refusal.code();
        match refusal {
            Refusal::NotFound => Self::new(code, "Record not found"),
            Refusal::Invalid(sentence)
            | Refusal::Forbidden(sentence)
            | Refusal::Conflict(sentence)
            | Refusal::Unauthenticated(sentence) => Self::new(code, sentence),
        }
    }
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Refused(refusal) => refusal.into(),
            AskError::Busy => Self::busy(),
            AskError::Unavailable => Self::unavailable("an actor or the store is not there"),
            AskError::Internal(detail) => Self::internal(detail),
        }
    }
}

impl From<DoorError> for Problem {
    fn from(error: DoorError) -> Self {
        AskError::from(error).into()
    }
}

impl From<&Rejection> for Problem {
    fn from(rejection: &Rejection) -> Self {
        use warp::reject;
        if rejection.is_not_found() {
            Self::not_found()
        } else if rejection.find::<reject::MethodNotAllowed>().is_some() {
            Self::method_not_allowed("")
        } else if rejection.find::<reject::PayloadTooLarge>().is_some() {
            Self::too_large()
        } else if rejection.find::<reject::UnsupportedMediaType>().is_some() {
            Self::unsupported_type()
        } else if rejection.find::<reject::InvalidQuery>().is_some()
            || rejection.find::<reject::MissingHeader>().is_some()
            || rejection.find::<reject::InvalidHeader>().is_some()
            || rejection.find::<reject::LengthRequired>().is_some()
        {
            Self::malformed("The request can't be read")
        } else {
            Self::internal(format!("a filter rejected: {rejection:?}"))
        }
    }
}

impl warp::Reply for Problem {
    fn into_response(self) -> Response {
        self.to_json(None)
    }
}

/// Answers a rejection of any filter as JSON; for `Filter::recover` at the end of a tree.
///
/// # Errors
/// None; the type is what `recover` asks for.
pub async fn recover_json(rejection: Rejection) -> Result<Response, Infallible> {
    Ok(Problem::from(&rejection).to_json(None))
}

/// An empty redirect (303); the caller adds where to.
pub(super) fn see_other_status() -> Response {
    empty(StatusCode::SEE_OTHER)
}

/// An empty redirect (308) that asks for the same again elsewhere; the caller adds where.
pub(super) fn permanent_redirect_status() -> Response {
    empty(StatusCode::PERMANENT_REDIRECT)
}

/// An empty success (204).
pub(super) fn no_content() -> Response {
    empty(StatusCode::NO_CONTENT)
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Bytes::new().into());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn json_of(response: Response) -> serde_json::Value {
        let body = response.into_body().collect().await.expect("a full body");
        serde_json::from_slice(&body.to_bytes()).expect("JSON")
    }

    #[tokio::test]
    async fn an_oauth_problem_names_code_and_description() {
        let response = Problem::oauth("invalid_grant", "The code has expired").to_json(None);
        assert_eq!(response.status(), 400);
        let body = json_of(response).await;
        assert_eq!(
            body,
            serde_json::json!({"error": "invalid_grant", "error_description": "The code has expired"})
        );
        assert_eq!(Problem::oauth("invalid_client", "no").status(), 401);
    }

    #[tokio::test]
    async fn only_failures_of_the_server_carry_the_request_id() {
        let id = super::super::request_log::RequestIds::seeded(1).next();
        let failure = Problem::internal("secret detail").to_json(Some(id));
        assert_eq!(failure.status(), 500);
        let body = json_of(failure).await;
        assert_eq!(body["request_id"], id.as_str());
        assert!(!body.to_string().contains("secret detail"));
        let refusal = Problem::not_found().to_json(Some(id));
        assert_eq!(
            json_of(refusal).await,
            serde_json::json!({"error": "Record not found"})
        );
    }

    #[tokio::test]
    async fn statuses_come_with_the_headers_that_explain_them() {
        let busy = Problem::busy().to_json(None);
        assert_eq!(
            (busy.status().as_u16(), &busy.headers()[RETRY_AFTER]),
            (503, &HeaderValue::from(1))
        );
        let unknown = Problem::unauthenticated("The access token is invalid").to_json(None);
        assert_eq!(unknown.status(), 401);
        assert!(unknown.headers().contains_key(WWW_AUTHENTICATE));
        let method = Problem::method_not_allowed("GET, HEAD").to_json(None);
        assert_eq!(
            (
                method.status().as_u16(),
                method.headers()[ALLOW].to_str().ok()
            ),
            (405, Some("GET, HEAD"))
        );
    }

    #[tokio::test]
    async fn rejections_of_plain_filters_become_json() {
        use tower_service::Service;
        use warp::Filter;
        let tree = warp::path!("known")
            .and(warp::get())
            .map(|| "here")
            .recover(recover_json);
        let mut service = warp::service(tree);
        let mut ask = async |method: &str, path: &str| {
            let request = http::Request::builder().method(method).uri(path);
            let request = request.body(http_body_util::Empty::<Bytes>::new());
            let answer = service.call(request.expect("a request")).await;
            answer.expect("infallible")
        };
        assert_eq!(ask("GET", "/known").await.status(), 200);
        assert_eq!(ask("POST", "/known").await.status(), 405);
        let missing = ask("GET", "/unknown").await;
        assert_eq!(missing.status(), 404);
        assert_eq!(json_of(missing).await["error"], "Record not found");
    }
}
