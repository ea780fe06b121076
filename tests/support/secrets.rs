//! What a test gave away in confidence, to be looked for where it must not be.

use serde_json::Value as Json;

use super::server::Answer;

/// What shorter texts would prove nothing: they could be anywhere.
const SECRET_BYTES_MIN: usize = 8;

/// What must not be found, each with its name.
#[derive(Default)]
pub struct Secrets(pub Vec<(&'static str, String)>);

impl Secrets {
    /// Keeps one, and gives it back.
    pub fn keep(&mut self, name: &'static str, secret: impl Into<String>) -> String {
        let secret = secret.into();
        assert!(secret.len() >= SECRET_BYTES_MIN, "{name}: {secret:?}");
        self.0.push((name, secret.clone()));
        secret
    }

    /// Keeps what an entity has in a field.
    pub fn keep_field(&mut self, name: &'static str, entity: &Json, field: &str) -> String {
        self.keep(name, entity[field].as_str().expect("a text"))
    }

    /// All cookies that an answer sets, joined as a browser sends them.
    pub fn keep_cookies(&mut self, answer: &Answer) -> String {
        let set = answer.headers.get_all("set-cookie").iter();
        let pairs = set.filter_map(|value| value.to_str().ok()?.split(';').next());
        let pairs: Vec<&str> = pairs.filter(|pair| !pair.ends_with('=')).collect();
        for pair in &pairs {
            let (name, value) = pair.split_once('=').expect("a name and a value");
            if !name.ends_with("notice") {
                self.keep("a cookie", value);
            }
        }
        pairs.join("; ")
    }

    /// Keeps the token of a page's form.
    pub fn keep_form_token(&mut self, page: &str) -> String {
        let (_, rest) = page.split_once("name=\"csrf\" value=\"").expect("a form");
        self.keep("a form's token", rest.split('"').next().expect("a value"))
    }
}
