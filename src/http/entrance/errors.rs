//! What the website says when it can't do what it was asked.

use http::Method;

use super::frame::{answer, plain_frame, query_value, sentence};
use super::views::Nav;
use super::views::error::ErrorPage;
use crate::context::Context;
use crate::domain::error_code::ErrorCode;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::serve::RequestContext;

fn heading(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Malformed => "That can't be read",
        ErrorCode::Unauthenticated => "Please log in",
        ErrorCode::Forbidden => "Not allowed",
        ErrorCode::NotFound => "Not found",
        ErrorCode::MethodNotAllowed => "Not this way",
        ErrorCode::Conflict => "Not any more",
        ErrorCode::TooLarge => "Too large",
        ErrorCode::UnsupportedType => "Not this kind",
        ErrorCode::Invalid => "That didn't work",
        ErrorCode::TooManyRequests => "Slow down a little",
        ErrorCode::Busy | ErrorCode::Unavailable => "Busy at the moment",
        ErrorCode::Internal => "Something went wrong",
    }
}

fn message(problem: &Problem) -> String {
    let known = match problem.code() {
        ErrorCode::NotFound => "There is nothing here, or nothing that you may see.",
        ErrorCode::MethodNotAllowed => "This address only takes forms from another page.",
        ErrorCode::TooManyRequests => "That was too often. Wait a moment and try again.",
        ErrorCode::Internal => {
            "The fault is on this side. Whoever runs the site finds it in the log by the number below."
        }
        _ => return with_stop(sentence(problem)),
    };
    known.to_owned()
}

fn with_stop(mut sentence: String) -> String {
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

/// Shows a problem as a page. Who isn't logged in and would have to be is sent to the log-in page, and from there back.
pub fn render(context: &Context, problem: &Problem, request: &RequestContext) -> Response {
    if problem.code() == ErrorCode::Unauthenticated {
        // What takes only forms is no place to go back to.
        let here = match request.method {
            Method::GET | Method::HEAD => query_value(request.target.as_str()),
            _ => query_value("/"),
        };
        let login = reply::see_other(&format!("/login?return_to={here}"));
        return login.unwrap_or_else(|broken| broken.to_json(Some(request.id)));
    }
    let page = ErrorPage {
        frame: plain_frame(context, Nav::Elsewhere, "/"),
        status: problem.status(),
        heading: heading(problem.code()).to_owned(),
        message: message(problem),
        request_id: request.id.to_string(),
    };
    let page = answer(context, &page, false);
    page.unwrap_or_else(|broken| broken.to_json(Some(request.id)))
}
