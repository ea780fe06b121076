//! What a client got wrong, in sentences.

use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};

use crate::dev::recorder::Finding;
use crate::domain::error_code::ErrorCode;
use crate::inquiry::Notes;
use crate::routing::{Access, RouteInfo};

/// The longest part of what a client sent that is repeated to it, in characters.
const QUOTED_CHARS_MAX: usize = 80;
/// How like a known path an unknown one has to be to be taken for a slip of it (Damerau-Levenshtein, of 1).
const LIKENESS_MIN: f64 = 0.8;
/// The fewest characters of a sent text that it is taken for JSON by.
const JSON_BYTES_MIN: usize = 2;

/// What is known of the parameters of each route: all that its handler ever asked for. It is learned, not listed, so it
/// can't be out of date.
#[derive(Debug, Default)]
pub(super) struct Known(HashMap<(Method, &'static str), KnownRoute>);

#[derive(Debug, Default)]
struct KnownRoute {
    names: BTreeSet<String>,
    /// Whether a handler came to its end once: one that refuses may not have asked for everything yet.
    is_whole: bool,
}

/// A request and what came of it.
pub(super) struct Case<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a Bytes,
    /// Whether the handler read the body.
    pub(super) body_read: bool,
    /// The route that answered.
    pub(super) route: Option<&'a RouteInfo>,
    /// All routes.
    pub(super) routes: &'a [RouteInfo],
    /// What was noted meanwhile.
    pub(super) notes: &'a Notes,
    pub(super) status: u16,
    /// What the answer gives as the reason of a refusal.
    pub(super) refusal: Option<String>,
    /// The methods of the address, when this one isn't among them.
    pub(super) allow: Option<&'a str>,
}

fn finding(code: &'static str, sentence: impl Into<String>) -> Finding {
    Finding {
        code,
        sentence: sentence.into(),
    }
}

fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(QUOTED_CHARS_MAX).collect();
    if short.len() < text.len() {
        short.push_str("...");
    }
    short
}

impl Case<'_> {
    /// Everything that is wrong with it, the gravest first.
    pub(super) fn findings(&self, known: &mut Known) -> Vec<Finding> {
        let mut findings = Vec::new();
        let Some(route) = self.route else {
            findings.extend(self.stray());
            return findings;
        };
        findings.extend(self.access(route));
        let body = self.body();
        // Of a body that is taken for something else the names mean nothing.
        let is_misread = body
            .as_ref()
            .is_some_and(|found| found.code != "unread_body");
        findings.extend(body);
        let parameters = self.parameters(route, known);
        if !is_misread {
            findings.extend(parameters);
        }
        if findings.is_empty()
            && (400..500).contains(&self.status)
            && let Some(refusal) = &self.refusal
        {
            findings.push(finding("refused", refusal.clone()));
        }
        findings
    }

    /// No route answered.
    fn stray(&self) -> Option<Finding> {
        if let Some(allow) = self.allow {
            return Some(finding(
                "wrong_method",
                format!(
                    "{} can't be used with {}: it takes {allow}",
                    quoted(self.path),
                    self.method
                ),
            ));
        }
        if self.status != 404 {
            let refusal = self.refusal.clone()?;
            return Some(finding("refused", refusal));
        }
        let mut sentence = format!("There is no route {}", quoted(self.path));
        if let Some(near) = self.nearest() {
            sentence.push_str(&format!(": did you mean {near}?"));
        }
        Some(finding("unknown_route", sentence))
    }

    fn nearest(&self) -> Option<&str> {
        let likeness = |route: &RouteInfo| {
            let mut likeness = strsim::normalized_damerau_levenshtein(route.pattern, self.path);
            // Ids and names count for nothing.
            let filled = filled_in(route.pattern, self.path);
            if let Some(filled) = filled {
                likeness = likeness.max(strsim::normalized_damerau_levenshtein(&filled, self.path));
            }
            likeness
        };
        let ranked = self.routes.iter().map(|route| (likeness(route), route));
        let best = ranked.max_by(|one, other| one.0.total_cmp(&other.0))?;
        (best.0 >= LIKENESS_MIN).then_some(best.1.pattern)
    }

    fn access(&self, route: &RouteInfo) -> Option<Finding> {
        if let Some(missing) = &self.notes.missing_scope {
            let needed = missing.needed.split_whitespace().collect::<Vec<_>>();
            return Some(finding(
                "missing_scope",
                format!(
                    "The token needs the scope {}; it has {}",
                    needed.join(" or "),
                    missing.held
                ),
            ));
        }
        if self.status != 401 {
            return None;
        }
        let Some(shown) = self.headers.get(AUTHORIZATION) else {
            let sentence = match route.access {
                Access::User(scope) | Access::Anyone(scope) => format!(
                    "No token was sent: this needs \"Authorization: Bearer ...\" with the scope {}",
                    scope.split_whitespace().collect::<Vec<_>>().join(" or ")
                ),
                Access::Client => "No token was sent: any token that holds will do".to_owned(),
                Access::Public | Access::Visitor | Access::Session => return None,
            };
            return Some(finding("missing_token", sentence));
        };
        let scheme = shown.to_str().ok().and_then(|shown| shown.split_once(' '));
        let is_bearer = scheme.is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        Some(if is_bearer {
            finding(
                "unknown_token",
                "The token is unknown or revoked: after a restart without --seed tokens are others",
            )
        } else {
            finding(
                "unknown_token",
                "The header has to be \"Authorization: Bearer TOKEN\"",
            )
        })
    }

    fn body(&self) -> Option<Finding> {
        let declared = self.headers.get(CONTENT_TYPE);
        let declared = declared.and_then(|value| value.to_str().ok()).unwrap_or("");
        let is_json = self.body.len() >= JSON_BYTES_MIN
            && self.body.trim_ascii_start().starts_with(b"{")
            && serde_json::from_slice::<serde_json::Value>(self.body).is_ok();
        if is_json && !declared.to_ascii_lowercase().contains("json") {
            let declared = match declared {
                "" => "nothing".to_owned(),
                declared => quoted(declared),
            };
            return Some(finding(
                "wrong_body_type",
                format!("The body is JSON, but Content-Type says {declared}"),
            ));
        }
        if let Some((code, sentence)) = &self.notes.unreadable {
            let code = match code {
                ErrorCode::UnsupportedType => "wrong_body_type",
                _ => "malformed_body",
            };
            let said = match declared {
                "" => "there is no Content-Type".to_owned(),
                declared => format!("Content-Type says {}", quoted(declared)),
            };
            return Some(finding(code, format!("{sentence} ({said})")));
        }
        let is_done = self.status < 400;
        (is_done && !self.body_read && !self.body.is_empty()).then(|| {
            finding(
                "unread_body",
                "The body was not read: this route takes its parameters after the question mark, or none",
            )
        })
    }

    fn parameters(&self, route: &RouteInfo, known: &mut Known) -> Vec<Finding> {
        let known = known
            .0
            .entry((self.method.clone(), route.pattern))
            .or_default();
        known.names.extend(self.notes.asked.iter().cloned());
        let is_done = self.status < 400;
        known.is_whole |= is_done;
        if !known.is_whole || (self.notes.unreadable.is_some()) {
            return Vec::new();
        }
        let mut told = BTreeSet::new();
        let mut findings = Vec::new();
        for path in &self.notes.given {
            let Some(depth) = path
                .iter()
                .position(|name| !self.notes.asked.contains(name))
            else {
                continue;
            };
            let name = written(&path[..=depth]);
            if !told.insert(name.clone()) {
                continue;
            }
            if !known.names.contains(&path[depth]) {
                findings.push(finding(
                    "unknown_parameter",
                    format!(
                        "This route of kinglet doesn't know the parameter {}",
                        quoted(&name)
                    ),
                ));
            } else if is_done {
                findings.push(finding(
                    "unused_parameter",
                    format!("The parameter {} had no effect here", quoted(&name)),
                ));
            }
        }
        findings
    }
}

/// A pattern with the parts of the path in place of its parameters, where both have as many parts.
fn filled_in(pattern: &str, path: &str) -> Option<String> {
    let (wanted, found): (Vec<_>, Vec<_>) =
        (pattern.split('/').collect(), path.split('/').collect());
    (wanted.len() == found.len()).then(|| {
        let parts = wanted.iter().zip(found);
        let parts = parts.map(|(wanted, found)| match wanted.strip_prefix(':') {
            Some(_) => found,
            None => wanted,
        });
        parts.collect::<Vec<_>>().join("/")
    })
}

/// A nested name as forms write it.
fn written(path: &[String]) -> String {
    let mut name = path.first().cloned().unwrap_or_default();
    for part in path.iter().skip(1) {
        name.push('[');
        name.push_str(part);
        name.push(']');
    }
    name
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::inquiry::MissingScope;

    const STATUSES: RouteInfo = RouteInfo {
        family: "statuses",
        method: Method::POST,
        pattern: "/api/v1/statuses",
        access: Access::User("write:statuses"),
        limit: None,
    };
    const CONTEXT: RouteInfo = RouteInfo {
        pattern: "/api/v1/statuses/:id/context",
        ..STATUSES
    };

    struct Sent {
        headers: HeaderMap,
        body: Bytes,
        body_read: bool,
        notes: Notes,
        status: u16,
        route: Option<&'static RouteInfo>,
        path: &'static str,
        allow: Option<&'static str>,
    }

    impl Default for Sent {
        fn default() -> Self {
            Self {
                headers: HeaderMap::new(),
                body: Bytes::new(),
                body_read: true,
                notes: Notes::default(),
                status: 200,
                route: Some(&STATUSES),
                path: "/api/v1/statuses",
                allow: None,
            }
        }
    }

    impl Sent {
        fn findings(&self, known: &mut Known) -> Vec<(&'static str, String)> {
            let case = Case {
                method: &Method::POST,
                path: self.path,
                headers: &self.headers,
                body: &self.body,
                body_read: self.body_read,
                route: self.route,
                routes: &[STATUSES, CONTEXT],
                notes: &self.notes,
                status: self.status,
                refusal: Some("No.".to_owned()),
                allow: self.allow,
            };
            let findings = case.findings(known).into_iter();
            findings.map(|found| (found.code, found.sentence)).collect()
        }
    }

    fn notes(given: &[&[&str]], asked: &[&str]) -> Notes {
        let owned = |path: &&[&str]| path.iter().map(|name| (*name).to_owned()).collect();
        Notes {
            given: given.iter().map(owned).collect(),
            asked: asked.iter().map(|name| (*name).to_owned()).collect(),
            ..Notes::default()
        }
    }

    #[test]
    fn what_no_handler_asked_for_is_unknown_at_any_depth() {
        let sent = Sent {
            notes: notes(
                &[
                    &["status"],
                    &["visibilty"],
                    &["poll", "options"],
                    &["poll", "colour"],
                ],
                &["status", "visibility", "poll", "options"],
            ),
            ..Sent::default()
        };
        let sentences: Vec<_> = sent
            .findings(&mut Known::default())
            .into_iter()
            .map(|(code, sentence)| format!("{code}: {sentence}"))
            .collect();
        assert_eq!(
            sentences,
            [
                "unknown_parameter: This route of kinglet doesn't know the parameter visibilty",
                "unknown_parameter: This route of kinglet doesn't know the parameter poll[colour]",
            ]
        );
    }

    #[test]
    fn a_refusal_says_nothing_of_parameters_until_the_route_is_known() {
        let mut known = Known::default();
        let refused = Sent {
            status: 422,
            notes: notes(&[&["status"], &["language"], &["nonsense"]], &["status"]),
            ..Sent::default()
        };
        let code = |sent: &Sent, known: &mut Known| -> Vec<&'static str> {
            sent.findings(known)
                .into_iter()
                .map(|(code, _)| code)
                .collect()
        };
        assert_eq!(code(&refused, &mut known), ["refused"]);
        let done = Sent {
            notes: notes(&[&["status"]], &["status", "language"]),
            ..Sent::default()
        };
        assert_eq!(code(&done, &mut known), [""; 0]);
        assert_eq!(code(&refused, &mut known), ["unknown_parameter"]);
        let ignored = Sent {
            notes: notes(&[&["language"]], &["status"]),
            ..Sent::default()
        };
        assert_eq!(code(&ignored, &mut known), ["unused_parameter"]);
    }

    #[test]
    fn tokens_and_bodies_are_judged() {
        let known = &mut Known::default();
        let missing = Sent {
            status: 401,
            ..Sent::default()
        };
        assert_eq!(missing.findings(known)[0].0, "missing_token");
        assert!(missing.findings(known)[0].1.contains("write:statuses"));
        let mut basic = Sent {
            status: 401,
            ..Sent::default()
        };
        let value = HeaderValue::from_static("Basic eDp5");
        basic.headers.insert(AUTHORIZATION, value);
        assert_eq!(basic.findings(known)[0].0, "unknown_token");
        let weak = Sent {
            status: 403,
            notes: Notes {
                missing_scope: Some(MissingScope {
                    needed: "profile read:accounts".to_owned(),
                    held: "write".to_owned(),
                }),
                ..Notes::default()
            },
            ..Sent::default()
        };
        let sentence = "The token needs the scope profile or read:accounts; it has write";
        assert_eq!(
            weak.findings(known),
            [("missing_scope", sentence.to_owned())]
        );
        let mut json = Sent {
            body: Bytes::from_static(b"{\"status\": \"x\"}"),
            ..Sent::default()
        };
        let value = HeaderValue::from_static("application/x-www-form-urlencoded");
        json.headers.insert(CONTENT_TYPE, value);
        assert_eq!(json.findings(known)[0].0, "wrong_body_type");
        let unread = Sent {
            body: Bytes::from_static(b"a=1"),
            body_read: false,
            ..Sent::default()
        };
        assert_eq!(unread.findings(known)[0].0, "unread_body");
    }

    #[test]
    fn a_stray_request_is_shown_the_way() {
        let known = &mut Known::default();
        let slip = Sent {
            route: None,
            status: 404,
            path: "/api/v1/statuses/123/contxt",
            ..Sent::default()
        };
        let sentence = "There is no route /api/v1/statuses/123/contxt: did you mean /api/v1/statuses/:id/context?";
        assert_eq!(
            slip.findings(known),
            [("unknown_route", sentence.to_owned())]
        );
        let far = Sent {
            path: "/zzz",
            ..slip
        };
        assert_eq!(far.findings(known)[0].1, "There is no route /zzz");
        let method = Sent {
            allow: Some("POST"),
            ..far
        };
        assert_eq!(method.findings(known)[0].0, "wrong_method");
    }
}
