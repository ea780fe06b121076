//! A kinglet without the feature `web` has no website: its front page tells people to take an app.

use askama::Template;

use super::context::Context;
use super::entrance::errors;
use super::entrance::frame::Visit;
use super::entrance::views::{Frame, Nav, filters};
use super::extract::auth::Guest;
use super::extract::call::Call;
use super::problem::Problem;
use super::reply::Response;
use super::routing::Access::Visitor;
use super::routing::Family;

/// `GET /`.
#[derive(Debug, Clone, Template)]
#[template(path = "front.html")]
struct FrontPage {
    frame: Frame,
    /// What apps call the server.
    host: String,
}

/// The family's routes.
pub fn family() -> Family<Context> {
    Family::rendered("website", errors::render).get("/", Visitor, front)
}

/// `GET /`: what this is, and how it is used.
async fn front(context: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let page = FrontPage {
        frame: visit.frame(Nav::Elsewhere).await?,
        host: visit.context.instance.url.authority().to_owned(),
    };
    visit.page(&page)
}
