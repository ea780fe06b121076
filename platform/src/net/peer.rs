//! Who is at the other end of a connection, and whether that is a proxy that is believed.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::config::TrustedProxy;

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// An address of the network; IPv4 addresses are written as such.
    Address(SocketAddr),
    /// The address that a trusted proxy said before HTTP, or its own when it named none. It is no proxy itself: what
    /// headers say about others isn't believed.
    Told(SocketAddr),
    /// Somebody on this machine, by a socket in the file system.
    Unix,
}

impl Peer {
    /// The address; who comes by a socket in the file system counts as this machine itself.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        match self {
            Self::Address(address) | Self::Told(address) => address.ip().to_canonical(),
            Self::Unix => Ipv4Addr::LOCALHOST.into(),
        }
    }

    /// Who is at the other end of a proxy's connection when the proxy has named this client, or none.
    #[must_use]
    pub fn connecting_for(&self, client: Option<SocketAddr>) -> Self {
        match (client, *self) {
            (Some(client), _) => {
                Self::Told(SocketAddr::new(client.ip().to_canonical(), client.port()))
            }
            (None, Self::Address(own) | Self::Told(own)) => Self::Told(own),
            (None, Self::Unix) => Self::Told(SocketAddr::new(self.ip(), 0)),
        }
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self::Address(SocketAddr::new(address.ip().to_canonical(), address.port()))
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) | Self::Told(address) => address.fmt(f),
            Self::Unix => f.write_str("a unix socket"),
        }
    }
}

/// The proxies whose word about their clients is believed.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<TrustedProxy>);

impl TrustedProxies {
    /// From the setting.
    #[must_use]
    pub fn new(proxies: Vec<TrustedProxy>) -> Self {
        Self(proxies)
    }

    /// Whether this peer is a trusted proxy.
    #[must_use]
    pub fn trusts(&self, peer: Peer) -> bool {
        match peer {
            Peer::Address(address) => self.contains(address.ip()),
            Peer::Told(_) => false,
            Peer::Unix => self.0.contains(&TrustedProxy::Unix),
        }
    }

    /// Whether this address is one of a trusted proxy.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|proxy| match proxy {
            TrustedProxy::Network(network) => network.contains(address),
            TrustedProxy::Unix => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_in_the_file_system_are_trusted_when_they_are_named() {
        let trusted = |words: &[&str]| {
            let proxies = words.iter().map(|word| word.parse().expect("a proxy"));
            TrustedProxies::new(proxies.collect())
        };
        assert!(!trusted(&["127.0.0.1", "0.0.0.0/0"]).trusts(Peer::Unix));
        let unix = trusted(&["unix"]);
        assert!(unix.trusts(Peer::Unix));
        let local: SocketAddr = "127.0.0.1:1".parse().expect("an address");
        assert!(!unix.trusts(local.into()));
        assert!(trusted(&["::1", "127.0.0.0/8"]).trusts(local.into()));
        let mapped: SocketAddr = "[::ffff:127.0.0.1]:1".parse().expect("an address");
        assert_eq!(Peer::from(mapped), Peer::from(local));
    }
}
