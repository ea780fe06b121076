//! Who is at the other end: the client's address, seen through proxies that are trusted.

use std::net::{IpAddr, SocketAddr};

use http::header::{FORWARDED, HeaderMap, HeaderName};

use crate::net::peer::{Peer, TrustedProxies};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The most entries of a forwarding header that are looked at, from its end.
const HOPS_MAX: usize = 32;
/// How much of an IPv6 address names a household or a hosted machine; the rest is its own to choose.
const IPV6_GROUP_BITS: u32 = 64;

/// The client's address: the peer itself, or the last entry of `X-Forwarded-For` (without it, of `Forwarded`, RFC 7239) that
/// is no trusted proxy. Entries before that one could be anybody's invention.
pub fn client_address(trusted: &TrustedProxies, peer: Peer, headers: &HeaderMap) -> IpAddr {
    let mut client = peer.ip();
    if !trusted.trusts(peer) {
        return client;
    }
    let hops = if headers.contains_key(X_FORWARDED_FOR) {
        hops(headers, &X_FORWARDED_FOR, |entry| Some(entry))
    } else {
        hops(headers, &FORWARDED, forwarded_for)
    };
    for hop in hops {
        // A proxy that was believed says it doesn't know: the last address that is known is its own.
        let Some(address) = hop else { break };
        client = address;
        if !trusted.contains(client) {
            break;
        }
    }
    client
}

/// The header's entries from the last to the first, over all its lines.
fn hops(
    headers: &HeaderMap,
    name: &HeaderName,
    address_of: fn(&str) -> Option<&str>,
) -> Vec<Option<IpAddr>> {
    let lines: Vec<_> = headers.get_all(name).iter().collect();
    let entries = lines.into_iter().rev().flat_map(|line| {
        // Byte for byte: what a client wrote in front of a proxy's entry may be no text.
        line.as_bytes().rsplit(|byte| *byte == b',')
    });
    let hops = entries.take(HOPS_MAX).map(|entry| {
        let entry = str::from_utf8(entry).ok()?;
        address_of(entry.trim()).and_then(address)
    });
    hops.collect()
}

fn forwarded_for(entry: &str) -> Option<&str> {
    entry.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for")
            .then(|| value.trim_matches('"'))
    })
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let address = bare.parse::<IpAddr>().ok();
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))?;
    Some(address.to_canonical())
}

/// The addresses that count as one client for limits: an IPv4 address, or an IPv6 /64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressGroup(IpAddr);

impl From<IpAddr> for AddressGroup {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) => {
                let group = u128::from(v6) & (u128::MAX << IPV6_GROUP_BITS);
                Self(IpAddr::V6(group.into()))
            }
            v4 => Self(v4),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::header::HeaderValue;

    use super::*;

    fn trusted_proxies(words: &str) -> TrustedProxies {
        let words = words.split(',').filter(|word| !word.is_empty());
        let proxies = words.map(|word| word.trim().parse().expect("a proxy"));
        TrustedProxies::new(proxies.collect())
    }

    fn client(trusted: &str, peer: &str, lines: &[(&'static str, &'static str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let peer = SocketAddr::new(peer.parse().expect("an address"), 1);
        client_address(&trusted_proxies(trusted), peer.into(), &headers).to_string()
    }

    #[test]
    fn nobody_but_a_trusted_proxy_is_believed() {
        let claim = [("x-forwarded-for", "192.0.2.9")];
        assert_eq!(client("", "198.51.100.1", &claim), "198.51.100.1");
        assert_eq!(client("10.0.0.0/8", "11.0.0.1", &claim), "11.0.0.1");
        assert_eq!(client("10.0.0.0/8", "10.9.9.9", &claim), "192.0.2.9");
        assert_eq!(client("10.0.0.0/8", "::ffff:10.1.1.1", &claim), "192.0.2.9");
    }

    #[test]
    fn the_last_untrusted_entry_counts_over_all_lines() {
        let lines = [
            ("x-forwarded-for", "1.1.1.1, 192.0.2.9"),
            ("x-forwarded-for", "10.0.0.3, 10.0.0.2"),
        ];
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &lines), "192.0.2.9");
        let unknown = [("x-forwarded-for", "1.1.1.1, unknown, 10.0.0.2")];
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &unknown), "10.0.0.2");
        let ports = [("x-forwarded-for", "[2001:db8::1]:443")];
        assert_eq!(client("::1", "::1", &ports), "2001:db8::1");
    }

    #[test]
    fn forwarded_is_read_where_the_older_header_is_absent() {
        let lines = [(
            "forwarded",
            "for=1.1.1.1, For=\"[2001:db8::7]\";proto=https",
        )];
        assert_eq!(client("127.0.0.1", "127.0.0.1", &lines), "2001:db8::7");
        assert_eq!(client("127.0.0.1", "127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn a_unix_socket_counts_as_this_machine_until_it_is_trusted() {
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", HeaderValue::from_static("192.0.2.9"));
        let client =
            |trusted: &str| client_address(&trusted_proxies(trusted), Peer::Unix, &headers);
        assert_eq!(client("127.0.0.1").to_string(), "127.0.0.1");
        assert_eq!(client("unix").to_string(), "192.0.2.9");
    }

    #[test]
    fn an_entry_that_is_no_text_spoils_no_other() {
        let mut headers = HeaderMap::new();
        let line = HeaderValue::from_bytes(b"\xff, 192.0.2.9").expect("a header");
        headers.append("x-forwarded-for", line);
        let proxy: SocketAddr = "10.0.0.1:1".parse().expect("an address");
        let trusted = trusted_proxies("10.0.0.1");
        let client = client_address(&trusted, proxy.into(), &headers);
        assert_eq!(client.to_string(), "192.0.2.9");
    }

    #[test]
    fn after_a_header_of_the_proxy_protocol_forwarding_headers_are_not_believed() {
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", HeaderValue::from_static("192.0.2.9"));
        let proxy: SocketAddr = "10.0.0.1:1".parse().expect("an address");
        let told: SocketAddr = "[::ffff:198.51.100.1]:2".parse().expect("an address");
        let trusted = trusted_proxies("10.0.0.0/8,unix");
        let client = |peer: Peer| client_address(&trusted, peer, &headers).to_string();
        let peer = Peer::from(proxy);
        assert_eq!(client(peer), "192.0.2.9");
        assert_eq!(client(peer.connecting_for(None)), "10.0.0.1");
        assert_eq!(client(peer.connecting_for(Some(told))), "198.51.100.1");
        assert_eq!(client(peer.connecting_for(Some(proxy))), "10.0.0.1");
        assert_eq!(client(Peer::Unix.connecting_for(None)), "127.0.0.1");
    }

    #[test]
    fn a_household_is_one_client() {
        let group = |text: &str| AddressGroup::from(text.parse::<IpAddr>().expect("an address"));
        assert_eq!(group("2001:db8:1:2::1"), group("2001:db8:1:2:ffff::2"));
        assert_ne!(group("2001:db8:1:2::1"), group("2001:db8:1:3::1"));
        assert_eq!(group("::ffff:192.0.2.1"), group("192.0.2.1"));
        assert_ne!(group("192.0.2.1"), group("192.0.2.2"));
    }
}
