//! Who may reach an instance for developers: whoever calls it by a name of this machine, from a page of this machine.
//!
//! A page of any site can make a browser send requests to a loopback address. By a name that leads there (DNS rebinding)
//! it could even read the answers, so such names are refused.

use std::net::{IpAddr, Ipv6Addr};

use http::header::{HOST, HeaderMap, HeaderName, ORIGIN};

use crate::http::problem::Problem;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

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

/// Lets only programs and pages of this machine use the tools: a client that is being developed may run at another port.
///
/// # Errors
/// Forbidden.
pub(super) fn require_own_machine(headers: &HeaderMap) -> Result<(), Problem> {
    let mut origins = headers.get_all(ORIGIN).iter();
    let is_own = origins.all(|origin| {
        let origin = origin.to_str().unwrap_or_default();
        let host = origin.split_once("://").map(|(_, host)| host);
        host.is_some_and(is_loopback)
    });
    let comes_from_elsewhere = !headers.contains_key(ORIGIN)
        && headers
            .get(SEC_FETCH_SITE)
            .is_some_and(|site| site == "cross-site");
    if is_own && !comes_from_elsewhere {
        return Ok(());
    }
    Err(Problem::forbidden(
        "Pages of other machines may not use the developer's tools",
    ))
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
                require_own_machine(&from(origin)).is_ok(),
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
        assert!(require_own_machine(&program).is_ok());
        assert!(require_own_page(&program).is_err());
        let image = headers(&[(HOST, "localhost:8420"), (SEC_FETCH_SITE, "cross-site")]);
        assert!(require_own_machine(&image).is_err());
    }
}
