//! Ranges of IP addresses.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// An address or a range of addresses in CIDR notation (RFC 4632), such as `10.0.0.0/8` or `::1`.
///
/// IPv4 addresses mapped into IPv6 (`::ffff:10.0.0.1`) count as the IPv4 addresses they are, since a
/// socket that listens on both kinds reports them so.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IpNetwork {
    address: IpAddr,
    prefix_bits: u8,
}

/// Why a text is not an [`IpNetwork`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IpNetworkError {
    /// What stands before the slash is not an IP address.
    #[error("is not an IP address or range such as 10.0.0.0/8 or ::1")]
    Address,
    /// What stands after the slash is not a number of bits that the address has.
    #[error("has a prefix that is not a number of bits from 0 to {bits_max}")]
    Prefix {
        /// Bits in an address of this kind: 32 or 128.
        bits_max: u8,
    },
    /// The address has bits set beyond the prefix, so it is unclear what was meant.
    #[error("has bits set after its first {prefix_bits}: write the first address of the range")]
    HostBits {
        /// Length of the prefix in bits.
        prefix_bits: u8,
    },
}

impl IpNetwork {
    /// Whether `address` lies in this range.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4()
            && first_bits(address, self.prefix_bits) == first_bits(self.address, self.prefix_bits)
    }
}

const fn address_bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The leading `count` bits of `address`, as a number.
fn first_bits(address: IpAddr, count: u8) -> u128 {
    let value = match address {
        IpAddr::V4(ip) => u128::from(ip.to_bits()),
        IpAddr::V6(ip) => ip.to_bits(),
    };
    // A shift by all 128 bits is the one that `>>` refuses.
    value
        .checked_shr(u32::from(address_bits(address) - count))
        .unwrap_or(0)
}

impl FromStr for IpNetwork {
    type Err = IpNetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| IpNetworkError::Address)?;
        let bits_max = address_bits(address);
        let prefix_bits = match prefix {
            None => bits_max,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits
                .parse()
                .ok()
                .filter(|bits| *bits <= bits_max)
                .ok_or(IpNetworkError::Prefix { bits_max })?,
            Some(_) => return Err(IpNetworkError::Prefix { bits_max }),
        };
        let host_bits = u32::from(bits_max - prefix_bits);
        let kept = first_bits(address, prefix_bits).checked_shl(host_bits);
        if kept.unwrap_or(0) != first_bits(address, bits_max) {
            return Err(IpNetworkError::HostBits { prefix_bits });
        }
        let canonical = address.to_canonical();
        let mapped = canonical.is_ipv4() != address.is_ipv4();
        Ok(if mapped && prefix_bits >= 96 {
            Self {
                address: canonical,
                prefix_bits: prefix_bits - 96,
            }
        } else {
            Self {
                address,
                prefix_bits,
            }
        })
    }
}

impl fmt::Display for IpNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix_bits == address_bits(self.address) {
            write!(f, "{}", self.address)
        } else {
            write!(f, "{}/{}", self.address, self.prefix_bits)
        }
    }
}

impl fmt::Debug for IpNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IpNetwork({self})")
    }
}

/// Somebody between clients and the server whose word about its clients is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustedProxy {
    /// Whoever connects from these addresses.
    Network(IpNetwork),
    /// Whoever connects to a socket in the file system: its mode says who may.
    Unix,
}

impl FromStr for TrustedProxy {
    type Err = IpNetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "unix" => Ok(Self::Unix),
            _ => text.parse().map(Self::Network),
        }
    }
}

impl fmt::Display for TrustedProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => network.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn network(text: &str) -> IpNetwork {
        text.parse().expect(text)
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect(text)
    }

    #[test]
    fn ranges_hold_what_lies_between_their_ends() {
        for (range, inside, outside) in [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.0/31", "192.0.2.1", "192.0.2.2"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "ffff::1", "127.0.0.1"),
            ("::1", "::1", "::2"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.1.2.3"),
            ("::ffff:10.0.0.0/104", "10.1.2.3", "11.1.2.3"),
        ] {
            let range = network(range);
            assert!(range.contains(address(inside)), "{range} {inside}");
            assert!(!range.contains(address(outside)), "{range} {outside}");
        }
    }

    #[test]
    fn each_defect_has_its_reason() {
        for (text, reason) in [
            ("", IpNetworkError::Address),
            ("localhost", IpNetworkError::Address),
            ("10.0.0/8", IpNetworkError::Address),
            ("10.0.0.0/", IpNetworkError::Prefix { bits_max: 32 }),
            ("10.0.0.0/+8", IpNetworkError::Prefix { bits_max: 32 }),
            ("10.0.0.0/33", IpNetworkError::Prefix { bits_max: 32 }),
            ("::/129", IpNetworkError::Prefix { bits_max: 128 }),
            ("10.0.0.1/8", IpNetworkError::HostBits { prefix_bits: 8 }),
            ("1.0.0.0/0", IpNetworkError::HostBits { prefix_bits: 0 }),
            (
                "2001:db8::1/64",
                IpNetworkError::HostBits { prefix_bits: 64 },
            ),
            ("1::/0", IpNetworkError::HostBits { prefix_bits: 0 }),
        ] {
            assert_eq!(text.parse::<IpNetwork>(), Err(reason), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_to_the_same(bits: u32, prefix in 0u8..=32) {
            let first = bits.checked_shr(u32::from(32 - prefix)).unwrap_or(0)
                .checked_shl(u32::from(32 - prefix)).unwrap_or(0);
            let range = network(&format!("{}/{prefix}", Ipv4Addr::from_bits(first)));
            prop_assert_eq!(network(&range.to_string()), range);
            prop_assert!(range.contains(IpAddr::V4(Ipv4Addr::from_bits(bits))));
        }

        #[test]
        fn containing_agrees_with_comparing_bit_by_bit(range: u128, other: u128, prefix in 0u8..=128) {
            let binary = |value: u128| format!("{value:0128b}");
            let first: String = binary(range).chars().take(usize::from(prefix)).collect();
            let start = u128::from_str_radix(&format!("{first:0<128}"), 2).expect("128 binary digits");
            let start = Ipv6Addr::from_bits(start);
            prop_assume!(start.to_ipv4_mapped().is_none());
            prop_assume!(Ipv6Addr::from_bits(other).to_ipv4_mapped().is_none());
            let network = network(&format!("{start}/{prefix}"));
            prop_assert_eq!(
                network.contains(IpAddr::V6(Ipv6Addr::from_bits(other))),
                binary(other).starts_with(&first)
            );
            prop_assert!(network.contains(IpAddr::V6(Ipv6Addr::from_bits(range))));
        }
    }
}
