//! About the instance.

use askama::Template;

use super::account::AccountRow;
use super::{Frame, filters};

/// `GET /about`.
#[derive(Debug, Clone, Template)]
#[template(path = "about.html")]
pub struct AboutPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// Host of the instance.
    pub host: String,
    /// The long description as sanitised HTML; empty for none.
    pub description_html: String,
    /// The rules, in order.
    pub rules: Vec<String>,
    /// Who answers for the instance.
    pub contact: Option<AccountRow>,
    /// Mail address for questions.
    pub contact_email: Option<String>,
    /// Number of accounts.
    pub accounts: u64,
    /// Number of posts.
    pub posts: u64,
    /// Version of kinglet.
    pub version: &'static str,
}
