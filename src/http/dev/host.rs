//! Who may reach an instance for developers: whoever calls it by a name of this machine, from a page of this machine or of
//! a site that was named at the start.
//!
//! A page of any site can make a browser send requests to a loopback address. By a name that leads there (DNS rebinding)
//! it could even read the answers, so such names are refused.

use std::net::{IpAddr, Ipv6Addr};

use http::Method;
use http::header::{HOST, HeaderMap, HeaderName, ORIGIN, REFERER};
use url::Url;

use crate::dev::origin::Origin;
use crate::problem::Problem;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Lets only requests through whose `Host` is this machine.
///
/// # Errors
/// Misdirected (421).
pub(super) fn require_loopback(headers: &HeaderMap) -> Result<(), Problem> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    if host.is_some_and(is_loopback) && hosts.next().is_none() {
        return Ok(());
    }
    Err(Problem::misdirected(
        "kinglet dev answers to localhost and loopback addresses only",
    ))
}

/// Whether a host, with or without a port, is this machine by name (RFC 6761, section 6.3) or by address.
fn is_loopback(host: &str) -> bool {
    let host = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    if let Some(address) = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        return address.parse::<Ipv6Addr>().is_ok_and(|v6| v6.is_loopback());
    }
    let name = host.to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.is_ipv4() && ip.is_loopback())
}

/// Lets only programs, pages of this machine and pages of `allowed` origins in: with the passwords that everybody knows, a
/// script of any other site could be everybody. A client that is being developed may run at another port. Whoever follows
/// a link gets the page that it leads to.
///
/// # Errors
/// Forbidden, with how to let the page in.
pub(super) fn require_known_page(
    method: &Method,
    headers: &HeaderMap,
    allowed: &[Origin],
) -> Result<(), Problem> {
    if comes_from_known_page(method, headers, allowed) {
        return Ok(());
    }
    Err(Problem::forbidden(
        "Pages of other sites may not use this instance. Start it with `kinglet dev --allow-origin URL` to let one in, such as https://elk.zone",
    ))
}

/// Lets only programs and pages of this machine use the tools.
///
/// # Errors
/// Forbidden.
pub(super) fn require_own_machine(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    if comes_from_known_page(method, headers, &[]) {
        return Ok(());
    }
    Err(Problem::forbidden(
        "Pages of other machines may not use the developer's tools",
    ))
}

fn comes_from_known_page(method: &Method, headers: &HeaderMap, allowed: &[Origin]) -> bool {
    let is_known = |origin: &str| {
        let host = origin.split_once("://").map(|(_, host)| host);
        host.is_some_and(is_loopback) || allowed.iter().any(|known| known.as_str() == origin)
    };
    let mut origins = headers.get_all(ORIGIN).iter().peekable();
    if origins.peek().is_some() {
        return origins.all(|origin| is_known(origin.to_str().unwrap_or_default()));
    }
    // Browsers send no Origin with pictures and links. No script can set what they send instead.
    let is = |name: HeaderName, value: &str| headers.get(name).is_some_and(|is| is == value);
    if !is(SEC_FETCH_SITE, "cross-site") {
        return true;
    }
    let is_link =
        method.is_safe() && is(SEC_FETCH_MODE, "navigate") && is(SEC_FETCH_DEST, "document");
    let referrer = headers.get(REFERER).and_then(|url| url.to_str().ok());
    let referrer = referrer.and_then(|url| Origin::of(&Url::parse(url).ok()?));
    is_link || referrer.is_some_and(|origin| is_known(origin.as_str()))
}

/// Lets a form through that was sent by a page of this instance: its origin is the host that it is sent to.
///
/// # Errors
/// Forbidden.
pub(super) fn require_own_page(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text(ORIGIN).and_then(|origin| origin.strip_prefix("http://"));
    if origin.is_some() && origin == text(HOST) {
        return Ok(());
    }
    Err(Problem::forbidden(
        "This form was not sent from a page of this instance. Programs use /api/kinglet/v1/dev/",
    ))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for good in [
            "localhost",
            "LocalHost:8420",
            "app.localhost:1",
            "127.0.0.1",
            "127.1.2.3:80",
            "[::1]:8420",
            "[::1]",
        ] {
            assert!(is_loopback(good), "{good}");
        }
        for bad in [
            "",
            "example.org",
            "localhost.example.org",
            "notlocalhost",
            "127.0.0.1.example.org",
            "128.0.0.1",
            "0.0.0.0:8420",
            "[::2]",
            "::1",
            "localhost:80@example.org",
            "localhost:",
        ] {
            assert!(!is_loopback(bad), "{bad}");
        }
    }

    #[test]
    fn a_request_has_one_host() {
        let twice = headers(&[(HOST, "localhost"), (HOST, "example.org")]);
        assert!(require_loopback(&headers(&[(HOST, "localhost:1")])).is_ok());
        assert!(require_loopback(&twice).is_err());
        assert_eq!(
            require_loopback(&headers(&[])).map_err(|p| p.status()),
            Err(421)
        );
    }

    #[test]
    fn tools_are_for_pages_of_this_machine_and_forms_for_this_instance() {
        let from = |origin| headers(&[(HOST, "localhost:8420"), (ORIGIN, origin)]);
        for (origin, may_use, may_send) in [
            ("http://localhost:8420", true, true),
            ("http://localhost:5173", true, false),
            ("https://localhost:8420", true, false),
            ("https://example.org", false, false),
            ("null", false, false),
        ] {
            assert_eq!(
                require_own_machine(&Method::POST, &from(origin)).is_ok(),
                may_use,
                "{origin}"
            );
            assert_eq!(
                require_own_page(&from(origin)).is_ok(),
                may_send,
                "{origin}"
            );
        }
        let program = headers(&[(HOST, "localhost:8420")]);
        assert!(require_own_machine(&Method::POST, &program).is_ok());
        assert!(require_own_page(&program).is_err());
        let image = headers(&[(HOST, "localhost:8420"), (SEC_FETCH_SITE, "cross-site")]);
        assert!(require_own_machine(&Method::GET, &image).is_err());
    }

    #[test]
    fn pages_of_named_sites_are_let_in_and_links_followed() {
        let elk: Origin = "https://elk.zone".parse().expect("an origin");
        let may = |method: &Method, pairs: &[(HeaderName, &'static str)]| {
            let mut pairs = pairs.to_vec();
            pairs.push((HOST, "127.0.0.1:8420"));
            let allowed = std::slice::from_ref(&elk);
            require_known_page(method, &headers(&pairs), allowed).is_ok()
        };
        for (origin, is_let_in) in [
            ("http://localhost:5173", true),
            ("http://[::1]:5173", true),
            ("http://127.0.0.1", true),
            ("tauri://localhost", true),
            ("https://elk.zone", true),
            ("http://elk.zone", false),
            ("https://elk.zone:8443", false),
            ("https://elk.zone.evil.example", false),
            ("https://evil.example", false),
            ("http://localhost.evil.example", false),
            ("null", false),
            ("", false),
        ] {
            for method in [Method::GET, Method::POST, Method::OPTIONS] {
                assert_eq!(may(&method, &[(ORIGIN, origin)]), is_let_in, "{origin}");
            }
        }
        assert!(!may(
            &Method::POST,
            &[
                (ORIGIN, "http://localhost:1"),
                (ORIGIN, "https://evil.example")
            ]
        ));
        let site = |site| (SEC_FETCH_SITE, site);
        assert!(may(&Method::POST, &[]));
        assert!(may(&Method::GET, &[site("same-origin")]));
        assert!(may(&Method::GET, &[site("none")]));
        assert!(!may(&Method::GET, &[site("cross-site")]));
        let link = [
            site("cross-site"),
            (SEC_FETCH_MODE, "navigate"),
            (SEC_FETCH_DEST, "document"),
        ];
        assert!(may(&Method::GET, &link));
        assert!(!may(&Method::POST, &link));
        let frame = [
            site("cross-site"),
            (SEC_FETCH_MODE, "navigate"),
            (SEC_FETCH_DEST, "iframe"),
        ];
        assert!(!may(&Method::GET, &frame));
        // A picture of http://127.0.0.1 in a page of http://localhost is one of another site as well.
        for (referrer, is_let_in) in [
            ("http://localhost:5173/", true),
            ("https://elk.zone/home", true),
            ("https://evil.example/http://localhost/", false),
            ("localhost", false),
        ] {
            let picture = [site("cross-site"), (REFERER, referrer)];
            assert_eq!(may(&Method::GET, &picture), is_let_in, "{referrer}");
        }
    }
}
