//! Ready-made successful answers.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LOCATION};
use serde::Serialize;

use super::problem::Problem;
use crate::telemetry::{Span, Stretch};

/// What every handler answers with.
pub type Response = warp::reply::Response;

/// A value as JSON, 200.
///
/// # Errors
/// An internal fault when the value can't be serialised, such as a map whose keys are no strings.
pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Response, Problem> {
    let _render = Stretch::begin(Span::Render, "json");
    let body = serde_json::to_vec(value)
        .map_err(|error| Problem::internal(format!("an entity can't be serialised: {error}")))?;
    Ok(json_bytes(body))
}

/// JSON that `render` joins, 200.
pub fn joined_json(render: impl FnOnce() -> Vec<u8>) -> Response {
    let rendering = Stretch::begin(Span::Render, "json");
    let json = render();
    rendering.end();
    json_bytes(json)
}

/// JSON that is rendered already, 200.
pub fn json_bytes(body: impl Into<Bytes>) -> Response {
    typed("application/json; charset=utf-8", body)
}

/// A page, 200.
pub fn html(body: impl Into<Bytes>) -> Response {
    typed("text/html; charset=utf-8", body)
}

/// A body of a media type, 200.
pub fn typed(content_type: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(body.into().into());
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Sends the browser to another page by GET, whatever the method was: 303.
///
/// # Errors
/// An internal fault when the location can't stand in a header; callers encode what people typed.
pub fn see_other(location: &str) -> Result<Response, Problem> {
    let location = HeaderValue::from_str(location)
        .map_err(|_| Problem::internal("a redirect to what is not a URL"))?;
    let mut response = super::problem::see_other_status();
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

/// Forbids every cache to keep an answer that holds a secret.
pub fn forbid_storing(response: &mut Response) {
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
}
