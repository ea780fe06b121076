//! The pages that links in mails lead to, and where one is asked for.

use askama::Template;

use super::{Frame, filters};

/// `GET /confirm/CODE`: a button, as mail scanners follow links.
#[derive(Debug, Clone, Template)]
#[template(path = "confirm.html")]
pub struct ConfirmPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// The code of the link.
    pub code: String,
}

/// `GET /forgot`: asks for a link to a new password.
#[derive(Debug, Clone, Template)]
#[template(path = "forgot.html")]
pub struct ForgotPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// Whether this instance sends mail; without it there is no form.
    pub is_on: bool,
}

/// `GET /unsubscribe/TOKEN`: a button. Its form needs no `csrf`: the address itself is the right.
#[derive(Debug, Clone, Template)]
#[template(path = "unsubscribe.html")]
pub struct UnsubscribePage {
    /// What surrounds the page.
    pub frame: Frame,
    /// The signed token.
    pub token: String,
    /// What the mail is about: completes "mail about".
    pub about: String,
}
