//! What the website says when it can't do what it was asked.

use askama::Template;

use super::{Frame, filters};

/// Any failed request of a browser.
#[derive(Debug, Clone, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// What surrounds the page. When the reader could not be found out, `viewer` is `None`.
    pub frame: Frame,
    /// HTTP status.
    pub status: u16,
    /// Heading, such as `Not found`.
    pub heading: String,
    /// A sentence that a person understands.
    pub message: String,
    /// The request's id, which the log has too.
    pub request_id: String,
}
