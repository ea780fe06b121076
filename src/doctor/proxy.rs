//! What stands between visitors and the server: a request with forged headers is sent to the public address, and the
//! server tells how it arrived.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use super::visit::{Target, VisitError, visit};
use super::{Finding, Server, Subject, ask};
use crate::config::InstanceUrl;
use crate::control::protocol::{Answer, Request};
use crate::instance::probes::Seen;

const SUBJECT: Subject = Subject::Proxy;
/// Who the request pretends to come from, in `X-Forwarded-For`. Addresses for documentation (RFC 5737) are nobody's.
const FORGED: &str = "192.0.2.1";
/// The same in `Forwarded`.
const FORGED_FORWARDED: &str = "192.0.2.2";
/// How each proxy is told to say itself who asks.
const OWN_WORD: &str = "have the proxy overwrite what visitors send: in nginx proxy_set_header X-Forwarded-For $remote_addr; and \
    proxy_set_header Forwarded \"\"; in Apache RequestHeader unset X-Forwarded-For early and RequestHeader unset Forwarded early; \
    Caddy does so unless its trusted_proxies are set (recipes: contrib/proxy)";
/// How each proxy is told to say who asks at all.
const SOME_WORD: &str = "have it say who asks: in nginx proxy_set_header X-Forwarded-For $remote_addr; Caddy and Apache's mod_proxy do \
    so by themselves (recipes: contrib/proxy); what passes on bytes has to speak the PROXY protocol (http.proxy_protocol = true)";

pub(super) async fn look(url: &InstanceUrl, server: &Server, data_dir: &Path) -> Vec<Finding> {
    let Server::Runs { nonce, standing } = server else {
        return vec![SUBJECT.unknown(
            "no server runs on this directory, so nobody sees how requests arrive",
            Some("start the server, and ask again".to_owned()),
        )];
    };
    let path = format!("/.well-known/kinglet-probe/{}", nonce.expose());
    let forged = format!("X-Forwarded-For: {FORGED}\r\nForwarded: for={FORGED_FORWARDED}\r\n");
    let visited = visit(&Target::of(url), &path, &forged).await;
    let nonce = nonce.clone();
    let seen = match ask(data_dir, Request::EndProbe { nonce }).await {
        Ok(Some(Answer::Probed { seen })) => seen,
        Ok(_) => return vec![SUBJECT.unknown("the server stopped meanwhile", None)],
        Err(reason) => {
            return vec![SUBJECT.unknown(format!("the server can't be asked: {reason}"), None)];
        }
    };
    match (visited, seen) {
        (Ok(visited), Some(seen)) => judge(&seen, visited.own, url, &standing.trusted_proxies),
        (Ok(visited), None) => vec![SUBJECT.fault(
            format!("{url} leads to something else: it answers {}, but the request didn't arrive at this server", visited.status),
            "let DNS and the proxy lead to http.listen of this server, or set instance.url to its real address",
        )],
        (Err(VisitError::Late), None) => vec![SUBJECT.unknown(
            format!("{url} gives no answer, so nothing can be said of what stands before the server"),
            None,
        )],
        (Err(_), _) => vec![SUBJECT.unknown(
            format!("{url} can't be asked: see address"),
            None,
        )],
    }
}

/// What the way of a request tells. `own` is the doctor's end of its connection.
fn judge(seen: &Seen, own: SocketAddr, url: &InstanceUrl, trusted: &[String]) -> Vec<Finding> {
    let mut found = vec![of_client(seen, own, trusted)];
    if let Some(host) = &seen.host
        && host != url.authority()
    {
        found.push(SUBJECT.warning(
            format!("requests for {} arrive with Host: {host}", url.authority()),
            "pass the name on: in nginx proxy_set_header Host $http_host; in Apache ProxyPreserveHost On; Caddy does so by itself",
        ));
    }
    found
}

fn of_client(seen: &Seen, own: SocketAddr, trusted: &[String]) -> Finding {
    let own = SocketAddr::new(own.ip().to_canonical(), own.port());
    let peer = seen.peer.parse::<SocketAddr>().ok();
    let peer_name = peer.map_or_else(|| "unix".to_owned(), |peer| peer.ip().to_string());
    let is_direct = peer == Some(own);
    let client = seen.client.as_str();
    let forged_for = seen.x_forwarded_for.as_deref();
    let forged_forwarded = format!("for={FORGED_FORWARDED}");
    let says_who = forged_for.is_some_and(|told| told != FORGED)
        || seen
            .forwarded
            .as_deref()
            .is_some_and(|told| told != forged_forwarded)
        || seen
            .other
            .iter()
            .any(|name| name == "x-real-ip" || name == "cf-connecting-ip");
    match (is_direct, seen.peer_trusted) {
        (true, false) => {
            SUBJECT.good("no proxy stands before the server, and forged headers aren't believed")
        }
        (true, true) => SUBJECT.unknown(
            format!("the doctor reached the server directly from {peer_name}, which is one of http.trusted_proxies"),
            Some("set instance.url to the address that visitors use, or http.trusted_proxies = [] if there is no proxy".to_owned()),
        ),
        (false, false) if says_who => SUBJECT.fault(
            format!("a proxy at {peer_name} says who asks, but isn't believed: all visitors count as one, and share its limits"),
            format!("set http.trusted_proxies = {}, and restart the server", with(trusted, &peer_name)),
        ),
        (false, false) if is_near(peer) => SUBJECT.warning(
            format!("requests arrive from {peer_name}, which doesn't say who asks: all who come that way share their limits"),
            format!("unless that is only your router: {SOME_WORD}; then set http.trusted_proxies = {}", with(trusted, &peer_name)),
        ),
        (false, false) => SUBJECT.good(format!("requests arrive from {peer_name}, and forged headers aren't believed")),
        (false, true) if client == FORGED || client == FORGED_FORWARDED => {
            // Entries that follow are those of proxies; the doctor may sit on the machine of one.
            let own_ip = own.ip().to_string();
            let is_told = forged_for.is_some_and(|told| told.split(',').skip(1).any(|hop| hop.trim() == own_ip));
            if client == FORGED && is_told {
                SUBJECT.good(format!("the proxy at {peer_name} adds who asks it, and is believed"))
            } else {
                let header = if client == FORGED { "X-Forwarded-For" } else { "Forwarded" };
                SUBJECT.fault(
                    format!("whoever sends a forged {header} is believed: {client} counted as the client's address, so limits can be evaded and others blamed"),
                    OWN_WORD,
                )
            }
        }
        (false, true) if forged_for.is_none() && seen.forwarded.is_none() => SUBJECT.warning(
            format!("the proxy at {peer_name} is trusted, but doesn't say who asks: all visitors count as one"),
            SOME_WORD,
        ),
        (false, true) => SUBJECT.good(format!(
            "the proxy at {peer_name} says itself who asks ({client}), and is believed"
        )),
    }
}

/// Whether a connection from there was made by something of this machine or this network.
fn is_near(peer: Option<SocketAddr>) -> bool {
    peer.is_none_or(|peer| match peer.ip() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
    })
}

/// The setting with one more.
fn with(trusted: &[String], peer: &str) -> String {
    let all = trusted.iter().map(String::as_str).chain([peer]);
    let all: Vec<_> = all.map(|proxy| format!("\"{proxy}\"")).collect();
    format!("[{}]", all.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    fn seen(peer: &str, trusted: bool, client: &str, told: Option<&str>) -> Seen {
        Seen {
            peer: peer.to_owned(),
            peer_trusted: trusted,
            client: client.to_owned(),
            x_forwarded_for: told.map(str::to_owned),
            forwarded: Some(format!("for={FORGED_FORWARDED}")),
            host: Some("example.org".to_owned()),
            other: Vec::new(),
        }
    }

    fn told(seen: &Seen) -> Vec<(State, String)> {
        let own = "203.0.113.9:40000".parse().expect("an address");
        let url = "https://example.org".parse().expect("a URL");
        let found = judge(seen, own, &url, &["10.0.0.1".to_owned()]);
        found
            .into_iter()
            .map(|finding| (finding.state, finding.fix.unwrap_or_default()))
            .collect()
    }

    fn one(seen: &Seen) -> (State, String) {
        let mut told = told(seen);
        assert_eq!(told.len(), 1, "{told:?}");
        told.remove(0)
    }

    #[test]
    fn without_a_proxy_nobody_is_believed() {
        let direct = seen("203.0.113.9:40000", false, "203.0.113.9", Some(FORGED));
        assert_eq!(one(&direct).0, State::Good);
        let trusted = seen("203.0.113.9:40000", true, FORGED, Some(FORGED));
        assert_eq!(one(&trusted).0, State::Unknown);
    }

    #[test]
    fn a_proxy_that_is_not_trusted_is_named() {
        let appended = seen(
            "127.0.0.1:5",
            false,
            "127.0.0.1",
            Some("192.0.2.1, 203.0.113.9"),
        );
        let (state, fix) = one(&appended);
        assert_eq!(state, State::Fault);
        assert!(
            fix.contains("http.trusted_proxies = [\"10.0.0.1\", \"127.0.0.1\"]"),
            "{fix}"
        );
        let by_socket = seen("unix", false, "127.0.0.1", Some("203.0.113.9"));
        assert!(one(&by_socket).1.contains("\"unix\"]"));
        let silent = seen("127.0.0.1:5", false, "127.0.0.1", Some(FORGED));
        assert_eq!(one(&silent).0, State::Warning);
    }

    #[test]
    fn a_proxy_that_passes_forged_headers_on_is_a_fault() {
        let (state, fix) = one(&seen("127.0.0.1:5", true, FORGED, Some(FORGED)));
        assert_eq!(state, State::Fault);
        assert!(
            fix.contains("contrib/proxy") && fix.contains("proxy_set_header"),
            "{fix}"
        );
        assert_eq!(
            one(&seen("127.0.0.1:5", true, FORGED_FORWARDED, None)).0,
            State::Fault
        );
    }

    #[test]
    fn a_proxy_that_says_who_asks_is_good() {
        let replaced = seen("127.0.0.1:5", true, "203.0.113.9", Some("203.0.113.9"));
        assert_eq!(one(&replaced).0, State::Good);
        let appended = seen(
            "127.0.0.1:5",
            true,
            "203.0.113.9",
            Some("192.0.2.1, 203.0.113.9"),
        );
        assert_eq!(one(&appended).0, State::Good);
        // On the proxy's machine the doctor is believed as well, and what it says is what it forged.
        let at_home = seen("127.0.0.1:5", true, FORGED, Some("192.0.2.1, 203.0.113.9"));
        assert_eq!(one(&at_home).0, State::Good);
        let mut silent = seen("127.0.0.1:5", true, "127.0.0.1", None);
        silent.forwarded = None;
        assert_eq!(one(&silent).0, State::Warning);
    }

    #[test]
    fn another_host_is_told() {
        let mut other = seen("127.0.0.1:5", true, "203.0.113.9", Some("203.0.113.9"));
        other.host = Some("127.0.0.1:8420".to_owned());
        let told = told(&other);
        assert!(told[1].1.contains("ProxyPreserveHost On"), "{told:?}");
    }
}
