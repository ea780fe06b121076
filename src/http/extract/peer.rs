//! Who is at the other end: the client's address, seen through proxies that are trusted.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use http::header::{FORWARDED, HeaderMap, HeaderName};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The most entries of a forwarding header that are looked at, from its end.
const HOPS_MAX: usize = 32;
/// How much of an IPv6 address names a household or a hosted machine; the rest is its own to choose.
const IPV6_GROUP_BITS: u32 = 64;

/// An address range such as `10.0.0.0/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

/// A text that is neither an address nor a range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is neither an IP address nor a range such as 10.0.0.0/8")]
pub struct InvalidNetwork(String);

impl Network {
    /// Whether the address lies in the range.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differing = u32::from(own) ^ u32::from(other);
                differing.leading_zeros() >= self.bits
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differing = u128::from(own) ^ u128::from(other);
                differing.leading_zeros() >= self.bits
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let invalid = || InvalidNetwork(text.chars().take(64).collect());
        let text = text.trim();
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().map_err(|_| invalid())?,
            None => bits_max,
        };
        if bits > bits_max {
            return Err(invalid());
        }
        Ok(Self { address, bits })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// The proxies whose word about their clients is believed.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<Network>);

impl TrustedProxies {
    /// From ranges.
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Whether this address is a trusted proxy.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// The client's address: the peer itself, or the last entry of `X-Forwarded-For` (without it, of `Forwarded`, RFC
    /// 7239) that is no trusted proxy. Entries before that one could be anybody's invention.
    pub fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.ip().to_canonical();
        if !self.contains(client) {
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
            if !self.contains(client) {
                break;
            }
        }
        client
    }
}

impl FromStr for TrustedProxies {
    type Err = InvalidNetwork;

    /// Reads ranges separated by commas or white space.
    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let words = text.split(|c: char| c == ',' || c.is_whitespace());
        let networks = words.filter(|word| !word.is_empty()).map(str::parse);
        networks.collect::<Result<_, _>>().map(Self)
    }
}

/// The header's entries from the last to the first, over all its lines.
fn hops(
    headers: &HeaderMap,
    name: &HeaderName,
    address_of: fn(&str) -> Option<&str>,
) -> Vec<Option<IpAddr>> {
    let lines: Vec<_> = headers.get_all(name).iter().collect();
    let entries = lines.into_iter().rev().flat_map(|line| {
        let entries: Vec<_> = line.to_str().unwrap_or("").split(',').rev().collect();
        entries
    });
    let hops = entries.take(HOPS_MAX);
    hops.map(|entry| address_of(entry.trim()).and_then(address))
        .collect()
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

    fn client(trusted: &str, peer: &str, lines: &[(&'static str, &'static str)]) -> String {
        let trusted: TrustedProxies = trusted.parse().expect("ranges");
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let peer = SocketAddr::new(peer.parse().expect("an address"), 1);
        trusted.client(peer, &headers).to_string()
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
    fn ranges_that_are_none_are_named() {
        for bad in ["10.0.0.0/33", "example.org", "10.0.0.0/-1", "::/129"] {
            let error = bad.parse::<TrustedProxies>().expect_err(bad);
            assert!(error.to_string().contains(bad));
        }
        assert!(
            "0.0.0.0/0, ::/0"
                .parse::<TrustedProxies>()
                .expect("ranges")
                .contains(IpAddr::from([8, 8, 8, 8]))
        );
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
