//! One request to a public address, as a visitor makes it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::clock::Timestamp;
use crate::config::InstanceUrl;
#[cfg(feature = "tls")]
use crate::net::tls::client::{Distrust, TlsClient, distrust, validity};

/// How long one request may take, connecting included.
const VISIT_TIME_MAX: Duration = Duration::from_secs(8);
/// The most of an answer that is read, in bytes: its head is enough.
const HEAD_BYTES_MAX: u64 = 64 * 1024;

/// Where a URL leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// Name or address, without brackets.
    pub host: String,
    pub port: u16,
    pub is_https: bool,
    /// What `Host` says.
    pub authority: String,
}

impl Target {
    pub(super) fn of(url: &InstanceUrl) -> Self {
        let bare = url.host().trim_start_matches('[').trim_end_matches(']');
        let port = url.authority().strip_prefix(url.host());
        let port = port.and_then(|port| port.strip_prefix(':')?.parse().ok());
        let default = if url.is_https() { 443 } else { 80 };
        Self {
            host: bare.to_owned(),
            port: port.unwrap_or(default),
            is_https: url.is_https(),
            authority: url.authority().to_owned(),
        }
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Visit {
    /// The three digits.
    pub status: u16,
    /// Where it sends on to.
    pub location: Option<String>,
    /// The own end of the connection.
    pub own: SocketAddr,
    /// The last second of the certificate.
    pub not_after: Option<Timestamp>,
}

/// Why nothing came back.
#[derive(Debug)]
pub(super) enum VisitError {
    /// No connection.
    Unreachable(io::Error),
    /// A certificate that isn't believed.
    #[cfg(feature = "tls")]
    Untrusted(Distrust),
    /// No encryption.
    #[cfg(feature = "tls")]
    NoTls(io::Error),
    /// This kinglet speaks no TLS.
    #[cfg(not(feature = "tls"))]
    LeftOut,
    /// What came back is no HTTP, or the connection broke.
    NoHttp,
    /// Nothing came in time.
    Late,
}

/// `GET` of a path with more header lines, each with its end.
pub(super) async fn visit(target: &Target, path: &str, more: &str) -> Result<Visit, VisitError> {
    timeout(VISIT_TIME_MAX, go(target, path, more))
        .await
        .unwrap_or(Err(VisitError::Late))
}

async fn go(target: &Target, path: &str, more: &str) -> Result<Visit, VisitError> {
    let connected = TcpStream::connect((target.host.as_str(), target.port)).await;
    let stream = connected.map_err(VisitError::Unreachable)?;
    let own = stream.local_addr().map_err(VisitError::Unreachable)?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: kinglet-doctor/{}\r\nAccept: */*\r\n{more}Connection: close\r\n\r\n",
        target.authority,
        env!("CARGO_PKG_VERSION")
    );
    let (head, not_after) = if target.is_https {
        encrypted(target, stream, &request).await?
    } else {
        (exchange(stream, &request).await?, None)
    };
    let status = head.lines().next().and_then(status_of);
    let location = head.lines().skip(1).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("location")
            .then(|| value.trim().to_owned())
    });
    Ok(Visit {
        status: status.ok_or(VisitError::NoHttp)?,
        location,
        own,
        not_after,
    })
}

fn status_of(line: &str) -> Option<u16> {
    let rest = line.strip_prefix("HTTP/1.")?;
    rest.split(' ').nth(1)?.parse().ok()
}

#[cfg(feature = "tls")]
async fn encrypted(
    target: &Target,
    stream: TcpStream,
    request: &str,
) -> Result<(String, Option<Timestamp>), VisitError> {
    let client =
        TlsClient::new(None).map_err(|error| VisitError::NoTls(io::Error::other(error)))?;
    let connected = client.connect(&target.host, stream).await;
    let stream = connected.map_err(|error| match distrust(&error) {
        Some(distrust) => VisitError::Untrusted(distrust),
        None => VisitError::NoTls(error),
    })?;
    let not_after = validity(&stream).map(|validity| validity.not_after);
    Ok((exchange(stream, request).await?, not_after))
}

#[cfg(not(feature = "tls"))]
async fn encrypted(
    _: &Target,
    _: TcpStream,
    _: &str,
) -> Result<(String, Option<Timestamp>), VisitError> {
    Err(VisitError::LeftOut)
}

/// The head of the answer.
async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &str,
) -> Result<String, VisitError> {
    let asked = stream.write_all(request.as_bytes()).await;
    asked.map_err(|_| VisitError::NoHttp)?;
    let mut head = Vec::new();
    let mut answer = stream.take(HEAD_BYTES_MAX);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        // Whoever closes without a word of TLS has answered all the same.
        match answer.read_buf(&mut head).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_leads_somewhere() {
        for (url, host, port) in [
            ("https://example.org", "example.org", 443),
            ("http://example.org", "example.org", 80),
            ("http://127.0.0.1:8420", "127.0.0.1", 8420),
            ("https://[::1]:8443", "::1", 8443),
            ("https://[::1]", "::1", 443),
        ] {
            let target = Target::of(&url.parse().expect("a URL"));
            assert_eq!((target.host.as_str(), target.port), (host, port), "{url}");
        }
        assert_eq!(status_of("HTTP/1.1 301 Moved"), Some(301));
        assert_eq!(status_of("HTTP/1.0 200"), Some(200));
        assert_eq!(status_of("SSH-2.0 200"), None);
    }
}
