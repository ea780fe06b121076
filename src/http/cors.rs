//! Headers that tell browsers what other sites and the page itself may do.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, CONTENT_SECURITY_POLICY, HeaderMap,
    HeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};

use super::problem;
use super::reply::Response;

/// Addresses that scripts of any site may use: they know only tokens, never cookies.
const OPEN_TO_OTHER_SITES: &[&str] = &[
    "/api",
    "/oauth/token",
    "/oauth/revoke",
    "/.well-known",
    "/nodeinfo",
];

const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Link, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id",
);

/// Whether scripts of other sites may use this path.
pub fn applies(path: &str) -> bool {
    OPEN_TO_OTHER_SITES.iter().any(|prefix| {
        path.strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Lets any site read the answer. Credentials stay out: with `*` browsers send no cookies.
pub fn allow(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}

/// The answer to the browser's question before a request; nobody has to be logged in to ask it.
pub fn preflight() -> Response {
    let mut response = problem::no_content();
    let headers = response.headers_mut();
    allow(headers);
    headers.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
    );
    headers.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("Authorization, Content-Type, Idempotency-Key"),
    );
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}

/// The headers of every page of the website: no inline script or style, no frames, no address to other sites. `https` is
/// whether the instance's own URL is, whatever this connection is; `form_target` one more place (an origin, or `scheme:`)
/// that forms may lead to. A target that can't stand in a header is left out, which blocks it.
pub fn protect_page(headers: &mut HeaderMap, https: bool, form_target: Option<&str>) {
    const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
        font-src 'self'; media-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; \
        frame-ancestors 'none'; form-action 'self'";
    // A semicolon, comma or space would begin another rule.
    let safe = |target: &&str| {
        !target.is_empty()
            && target
                .bytes()
                .all(|b| b.is_ascii_graphic() && b != b';' && b != b',')
    };
    let policy = form_target
        .filter(safe)
        .and_then(|target| HeaderValue::from_str(&format!("{POLICY} {target}")).ok());
    headers.insert(
        CONTENT_SECURITY_POLICY,
        policy.unwrap_or(HeaderValue::from_static(POLICY)),
    );
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if https {
        headers.insert(
            STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_is_open_and_the_website_is_not() {
        for open in [
            "/api/v1/apps",
            "/api",
            "/oauth/token",
            "/oauth/revoke/",
            "/.well-known/nodeinfo",
        ] {
            assert!(applies(open), "{open}");
        }
        for closed in ["/", "/apiary", "/oauth/authorize", "/oauth/tokens", "/@ada"] {
            assert!(!applies(closed), "{closed}");
        }
    }

    #[test]
    fn a_form_target_can_add_a_place_but_no_rule() {
        let policy = |target| {
            let mut headers = HeaderMap::new();
            protect_page(&mut headers, false, target);
            assert!(!headers.contains_key(STRICT_TRANSPORT_SECURITY));
            let policy = headers[CONTENT_SECURITY_POLICY].to_str();
            policy.expect("text").to_owned()
        };
        assert!(policy(Some("https://elk.zone")).ends_with("form-action 'self' https://elk.zone"));
        assert!(policy(Some("x:; script-src *")).ends_with("form-action 'self'"));
        assert!(policy(None).contains("frame-ancestors 'none'"));
        assert!(!policy(None).contains("unsafe-inline"));
    }

    #[test]
    fn only_an_https_instance_insists_on_https() {
        let mut headers = HeaderMap::new();
        protect_page(&mut headers, true, None);
        assert!(headers.contains_key(STRICT_TRANSPORT_SECURITY));
    }
}
