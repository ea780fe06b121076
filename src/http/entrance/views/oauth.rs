//! OAuth: consent and the code to copy.

use askama::Template;

use super::{Frame, filters};

/// A parameter that the consent form carries unchanged.
#[derive(Debug, Clone)]
pub struct Carried {
    /// Its name, such as `client_id`.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}

/// One thing that an application asks for.
#[derive(Debug, Clone)]
pub struct ScopeLine {
    /// The scope, such as `write:statuses`.
    pub scope: String,
    /// In words, such as `Publish posts in your name`.
    pub words: String,
    /// Whether it lets the application change something.
    pub writes: bool,
}

/// `GET /oauth/authorize` for the signed-in.
///
/// The answer's `Content-Security-Policy` must admit the validated redirect target in
/// `form-action`, or Chromium blocks the redirect.
#[derive(Debug, Clone, Template)]
#[template(path = "oauth_consent.html")]
pub struct ConsentPage {
    /// What surrounds the page; `viewer` must be set and is the account that is shown.
    pub frame: Frame,
    /// The application's name.
    pub app_name: String,
    /// Its website, only if it is `http` or `https`.
    pub website: Option<String>,
    /// Where the answer goes, in words: a host, a custom scheme, or "a code to copy".
    pub target: String,
    /// What it asks for.
    pub scopes: Vec<ScopeLine>,
    /// `client_id`, `redirect_uri`, `response_type`, `scope`, `state`, `code_challenge`,
    /// `code_challenge_method`: those the request had.
    pub carried: Vec<Carried>,
}

/// `POST /oauth/authorize` for `urn:ietf:wg:oauth:2.0:oob`: the code, to copy by hand.
#[derive(Debug, Clone, Template)]
#[template(path = "oauth_code.html")]
pub struct CodePage {
    /// What surrounds the page.
    pub frame: Frame,
    /// The application's name.
    pub app_name: String,
    /// The code.
    pub code: String,
    /// How long it is good for, in minutes.
    pub minutes: u32,
}
