//! `GET /health`: whether the server answers, and whether it can write.

use http::header::{CACHE_CONTROL, HeaderValue};

use super::extract::call::Call;
use super::problem::Problem;
use super::reply::{self, Response};
use super::routing::{Access, Facade, Family};

/// The family's routes.
pub fn family<C: Facade>() -> Family<C> {
    Family::new("health").get("/health", Access::Public, health)
}

/// `GET /health`: `OK`, for load balancers and monitors; 503 and a sentence on what is to be done while nothing can be
/// written or not everything be read. It asks no actor, so that it tells about this process and its disk alone.
async fn health<C: Facade>(app: C, _: C::Caller, _: Call) -> Result<Response, Problem> {
    let told = app.ailment().await;
    let text = told.as_deref().unwrap_or("OK").to_owned();
    let mut response = reply::typed("text/plain; charset=utf-8", text);
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(told) = told {
        Problem::unavailable(told).dress(&mut response);
    }
    Ok(response)
}
