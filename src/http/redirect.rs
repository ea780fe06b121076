//! The listener beside HTTPS: whatever is asked there is sent on to the instance's own address.

use std::convert::Infallible;
use std::sync::Arc;

use http::header::{HeaderValue, LOCATION};
use warp::Filter;
use warp::filters::BoxedFilter;

use super::problem;
use super::reply::Response;
use super::serve::RequestContext;
use crate::config::InstanceUrl;

/// Answers every request with the same path at the instance's address, never at the one that `Host` names: that is the
/// client's to invent.
pub fn filter(url: &Arc<InstanceUrl>) -> BoxedFilter<(Response,)> {
    let url = Arc::clone(url);
    warp::ext::get::<RequestContext>()
        .and_then(move |request: RequestContext| {
            let location = format!("{url}{}", request.target);
            async move {
                let mut response = problem::permanent_redirect_status();
                // What was a request's target can stand in a header.
                if let Ok(location) = HeaderValue::from_str(&location) {
                    response.headers_mut().insert(LOCATION, location);
                }
                Ok::<_, Infallible>(response)
            }
        })
        .boxed()
}
