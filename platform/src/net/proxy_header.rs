//! The header of the PROXY protocol, versions 1 and 2, by which a proxy says for whom it connects
//! (<https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt>, sections 2.1 and 2.2).
//!
//! Not a byte more than the header is read: what follows belongs to whoever reads next.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str;

use tokio::io::{AsyncRead, AsyncReadExt};

/// What a header of version 2 begins with. No other protocol begins so.
const V2_SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// What a header of version 1 begins with.
const V1_BEGINNING: &[u8] = b"PROXY ";
/// The longest header of version 1 with its end of line, in bytes.
const V1_BYTES_MAX: usize = 107;
/// The most that a header of version 2 may carry after its first 16 bytes. Addresses take 36; the rest is for what the
/// proxy says beside them, which is read over. The specification asks for no more than 520.
const V2_REST_BYTES_MAX: usize = 2048;

/// Why there is no header.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// The connection broke or ended.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It begins with something else.
    #[error("the connection begins with something else")]
    Absent,
    /// It breaks the rules.
    #[error("the header is malformed: {0}")]
    Malformed(&'static str),
}

/// Reads the header; `None` when the proxy connects for itself.
///
/// # Errors
/// There is none, or it is broken: then nothing that follows can be believed.
pub async fn read(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Option<SocketAddr>, HeaderError> {
    let mut start = [0; V2_SIGNATURE.len()];
    // Byte for byte at first: whoever speaks HTTP sooner waits for an answer and doesn't send twelve.
    stream.read_exact(&mut start[..1]).await?;
    if start[0] != V2_SIGNATURE[0] && start[0] != V1_BEGINNING[0] {
        return Err(HeaderError::Absent);
    }
    stream.read_exact(&mut start[1..]).await?;
    if start == V2_SIGNATURE {
        read_v2(stream).await
    } else if start.starts_with(V1_BEGINNING) {
        read_v1(stream, &start).await
    } else {
        Err(HeaderError::Absent)
    }
}

async fn read_v1(
    stream: &mut (impl AsyncRead + Unpin),
    start: &[u8],
) -> Result<Option<SocketAddr>, HeaderError> {
    let mut line = start.to_vec();
    while line.last() != Some(&b'\n') {
        if line.len() == V1_BYTES_MAX {
            return Err(HeaderError::Malformed("the line is too long"));
        }
        line.push(stream.read_u8().await?);
    }
    parse_v1(&line)
}

/// `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n`
fn parse_v1(line: &[u8]) -> Result<Option<SocketAddr>, HeaderError> {
    let line = line
        .strip_suffix(b"\r\n")
        .ok_or(HeaderError::Malformed("the line doesn't end with CR LF"))?;
    let line = str::from_utf8(line).map_err(|_| HeaderError::Malformed("it isn't ASCII"))?;
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        // Whatever follows is to be ignored.
        ["PROXY", "UNKNOWN", ..] => Ok(None),
        [
            "PROXY",
            family @ ("TCP4" | "TCP6"),
            source,
            destination,
            source_port,
            destination_port,
        ] => {
            let address = |text: &str| -> Option<IpAddr> {
                match family {
                    "TCP4" => text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
                    _ => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
                }
            };
            let wrong = HeaderError::Malformed("an address or a port is none");
            match (
                address(source),
                address(destination),
                port(source_port),
                port(destination_port),
            ) {
                (Some(source), Some(_), Some(port), Some(_)) => {
                    Ok(Some(SocketAddr::new(source, port)))
                }
                _ => Err(wrong),
            }
        }
        _ => Err(HeaderError::Malformed("its words are others")),
    }
}

/// A port in decimal without a sign or zeros in front.
fn port(text: &str) -> Option<u16> {
    let plain = text == "0" || !text.starts_with('0');
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain && digits)
}

async fn read_v2(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<SocketAddr>, HeaderError> {
    let version_and_command = stream.read_u8().await?;
    let family = stream.read_u8().await?;
    let length = usize::from(stream.read_u16().await?);
    if length > V2_REST_BYTES_MAX {
        return Err(HeaderError::Malformed("it is too long"));
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await?;
    parse_v2(version_and_command, family, &rest)
}

fn parse_v2(
    version_and_command: u8,
    family: u8,
    rest: &[u8],
) -> Result<Option<SocketAddr>, HeaderError> {
    match version_and_command {
        // LOCAL: the proxy asks for itself, mostly whether the server is well.
        0x20 => return Ok(None),
        0x21 => {}
        _ => return Err(HeaderError::Malformed("its version or command is unknown")),
    }
    let short = HeaderError::Malformed("it is too short for its addresses");
    match family {
        // TCP over IPv4: two addresses, two ports.
        0x11 => match rest {
            [a, b, c, d, _, _, _, _, high, low, _, _, ..] => {
                let port = u16::from_be_bytes([*high, *low]);
                Ok(Some(SocketAddr::from(([*a, *b, *c, *d], port))))
            }
            _ => Err(short),
        },
        // TCP over IPv6.
        0x21 => {
            let source: Option<[u8; 16]> = rest.get(..16).and_then(|s| s.try_into().ok());
            match (source, rest.get(32..36)) {
                (Some(source), Some([high, low, ..])) => {
                    let port = u16::from_be_bytes([*high, *low]);
                    Ok(Some(SocketAddr::from((source, port))))
                }
                _ => Err(short),
            }
        }
        // Unspecified, or a socket of the proxy's file system: "the receiver should ignore address information".
        0x00 | 0x31 => Ok(None),
        _ => Err(HeaderError::Malformed(
            "its addresses are of no TCP connection",
        )),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is read of these bytes, and what is left of them.
    fn heard(mut bytes: &[u8]) -> (Result<Option<SocketAddr>, HeaderError>, &[u8]) {
        use futures_util::FutureExt;
        let result = read(&mut bytes).now_or_never().expect("a slice is ready");
        (result, bytes)
    }

    fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let mut header = V2_SIGNATURE.to_vec();
        header.extend([command, family]);
        header.extend(u16::try_from(rest.len()).expect("short").to_be_bytes());
        header.extend(rest);
        header
    }

    /// The header as section 2.2 says to write it.
    fn v2_of(source: SocketAddr, destination: SocketAddr, tlvs: &[u8]) -> Vec<u8> {
        let (family, mut rest) = match (source.ip(), destination.ip()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (0x11, [a.octets(), b.octets()].concat()),
            (IpAddr::V6(a), IpAddr::V6(b)) => (0x21, [a.octets(), b.octets()].concat()),
            _ => unreachable!("both of one family"),
        };
        rest.extend(source.port().to_be_bytes());
        rest.extend(destination.port().to_be_bytes());
        rest.extend(tlvs);
        v2(0x21, family, &rest)
    }

    fn pair(v6: bool, a: u128, b: u128, ports: (u16, u16)) -> (SocketAddr, SocketAddr) {
        let ip = |bits: u128| -> IpAddr {
            if v6 {
                Ipv6Addr::from_bits(bits).into()
            } else {
                #[expect(clippy::cast_possible_truncation, reason = "any 32 bits will do")]
                Ipv4Addr::from_bits(bits as u32).into()
            }
        };
        (
            SocketAddr::new(ip(a), ports.0),
            SocketAddr::new(ip(b), ports.1),
        )
    }

    proptest! {
        #[test]
        fn what_a_proxy_writes_is_read_and_not_a_byte_more(
            v6: bool, a: u128, b: u128, ports: (u16, u16),
            tlvs in proptest::collection::vec(any::<u8>(), 0..300),
            following in proptest::collection::vec(any::<u8>(), 0..50),
        ) {
            let (source, destination) = pair(v6, a, b, ports);
            let family = if v6 { "TCP6" } else { "TCP4" };
            let v1 = format!(
                "PROXY {family} {} {} {} {}\r\n",
                source.ip(), destination.ip(), source.port(), destination.port()
            );
            for mut header in [v1.into_bytes(), v2_of(source, destination, &tlvs)] {
                for end in 0..header.len() {
                    prop_assert!(heard(&header[..end]).0.is_err(), "a part is no header");
                }
                header.extend(&following);
                let (result, left) = heard(&header);
                prop_assert_eq!(result.expect("a header"), Some(source));
                prop_assert_eq!(left, &following[..]);
            }
        }

        #[test]
        fn no_bytes_make_it_panic_or_read_on_without_a_bound(
            bytes in proptest::collection::vec(any::<u8>(), 0..200), command: u8, family: u8,
        ) {
            let _ = heard(&bytes);
            let _ = heard(&v2(command, family, &bytes));
            let line = [V1_BEGINNING, &bytes, &[b'a'; 5000]].concat();
            let (result, left) = heard(&line);
            prop_assert!(result.is_err());
            prop_assert!(line.len() - left.len() <= V1_BYTES_MAX);
        }
    }

    #[test]
    fn a_proxy_may_connect_for_itself() {
        for header in [
            b"PROXY UNKNOWN\r\n".to_vec(),
            b"PROXY UNKNOWN ffff:f...f:ffff 65535 what so ever\r\n".to_vec(),
            v2(0x20, 0x00, b""),
            v2(0x20, 0x11, &[1; 12]),
            v2(0x21, 0x00, b"ignored"),
            v2(0x21, 0x31, &[0; 216]),
        ] {
            assert_eq!(heard(&header).0.expect("a header"), None, "{header:?}");
        }
    }

    #[test]
    fn what_breaks_the_rules_is_refused() {
        for line in [
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 1\r\n",
            "PROXY TCP4  192.0.2.1 198.51.100.1 56324 443\r\n",
            "PROXY TCP4 2001:db8::1 198.51.100.1 56324 443\r\n",
            "PROXY TCP6 192.0.2.1 198.51.100.1 56324 443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 +1 443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 01 443\r\n",
            "PROXY UDP4 192.0.2.1 198.51.100.1 1 443\r\n",
            "PROXY \u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\r\n",
        ] {
            let refused = heard(line.as_bytes()).0.expect_err(line);
            assert!(matches!(refused, HeaderError::Malformed(_)), "{line}");
        }
        for header in [
            v2(0x11, 0x11, &[1; 12]),
            v2(0x22, 0x11, &[1; 12]),
            v2(0x21, 0x12, &[1; 12]),
            v2(0x21, 0x11, &[1; 11]),
            v2(0x21, 0x21, &[1; 35]),
            v2(0x21, 0x11, &[1; V2_REST_BYTES_MAX + 1]),
        ] {
            let refused = heard(&header).0.expect_err("it breaks a rule");
            assert!(matches!(refused, HeaderError::Malformed(_)), "{header:?}");
        }
        for other in [
            "GET / HTTP/1.1\r\n",
            "\u{16}\u{3}\u{1}",
            "POST / HTTP/1.1\r\n",
            "\r\n\r\nGET / HTTP",
        ] {
            let refused = heard(other.as_bytes()).0.expect_err(other);
            assert!(matches!(refused, HeaderError::Absent), "{other:?}");
        }
    }
}
