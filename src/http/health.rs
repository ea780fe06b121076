//! `GET /health`: whether the server answers at all.

use http::header::{CACHE_CONTROL, HeaderValue};

use super::extract::call::Call;
use super::problem::Problem;
use super::reply::{self, Response};
use super::routing::{Access, Facade, Family};

/// The family's routes.
pub fn family<C: Facade>() -> Family<C> {
    Family::new("health").get("/health", Access::Public, health)
}

/// `GET /health`: `OK`, for load balancers and monitors. It asks nobody, so that it tells about this process alone.
async fn health<C: Facade>(_: C, _: C::Caller, _: Call) -> Result<Response, Problem> {
    let mut response = reply::typed("text/plain; charset=utf-8", "OK");
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
