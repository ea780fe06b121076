//! `kinglet health`: asks the running server at its own door whether it answers, for containers and monitors.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use tokio::runtime;
use tokio::time::{sleep, timeout};

use super::CliError;
use crate::config::{Config, Http, ListenAddress};
use crate::net::peer::{Peer, TrustedProxies};

/// How long each step of the question may take: connecting, asking, reading.
const STEP_TIME_MAX: Duration = Duration::from_secs(5);
/// The pause before a server whose queue is full is tried again.
const QUEUE_PAUSE: Duration = Duration::from_millis(50);
/// The most of an answer that is read: the first line is enough.
const ANSWER_BYTES_MAX: u64 = 4096;

/// Options of `health`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Where to ask by plain HTTP: an address and port or a unix socket [default: the first of http.listen]
    #[arg(long, value_name = "ADDR")]
    pub address: Option<ListenAddress>,
}

/// What a trusted proxy that asks for itself says first (PROXY protocol, section 2.1).
const ASKS_FOR_ITSELF: &[u8] = b"PROXY UNKNOWN\r\n";

pub(super) fn run(asked: Health, config: &Config) -> Result<(), CliError> {
    let address = asked
        .address
        .or_else(|| config.http.listen.iter().next().cloned());
    let Some(address) = address else {
        let reason = "http.listen is empty, so there is nowhere to ask by plain HTTP: set it to 127.0.0.1:8420";
        return Err(CliError::Unusable(reason.to_owned()));
    };
    let (status, told) = ask(&address, &config.http).map_err(|source| CliError::Io {
        what: format!("{address} doesn't answer"),
        source,
    })?;
    if status == "200" {
        Ok(())
    } else {
        let answer = format!("{address} answers, but not that it is well: {status} {told}");
        Err(CliError::Unusable(answer))
    }
}

/// Where a server that listens on all addresses can be asked on the same machine.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let loopback = match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        address.set_ip(loopback);
    }
    address
}

/// `GET /health`; gives back the three digits of the answer's first line, and what it says.
fn ask(address: &ListenAddress, http: &Http) -> io::Result<(String, String)> {
    match address {
        ListenAddress::Tcp(address) => {
            let stream = TcpStream::connect_timeout(&reachable(*address), STEP_TIME_MAX)?;
            stream.set_read_timeout(Some(STEP_TIME_MAX))?;
            stream.set_write_timeout(Some(STEP_TIME_MAX))?;
            let own = stream.local_addr()?;
            converse(stream, own.into(), http)
        }
        ListenAddress::Unix(path) => {
            let stream = connect(path, STEP_TIME_MAX)?;
            stream.set_read_timeout(Some(STEP_TIME_MAX))?;
            stream.set_write_timeout(Some(STEP_TIME_MAX))?;
            converse(stream, Peer::Unix, http)
        }
    }
}

/// Connects to a socket of the file system, which of itself would wait for ever while the queue there is full.
fn connect(path: &Path, time_max: Duration) -> io::Result<UnixStream> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let connecting = async {
        loop {
            match tokio::net::UnixStream::connect(path).await {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    sleep(QUEUE_PAUSE).await;
                }
                connected => return connected?.into_std(),
            }
        }
    };
    let connected = runtime.block_on(async { timeout(time_max, connecting).await });
    let stream = connected.map_err(|_| {
        let reason = "somebody listens there, but is too busy to take one more connection";
        io::Error::new(io::ErrorKind::TimedOut, reason)
    })??;
    stream.set_nonblocking(false)?;
    Ok(stream)
}

fn converse(mut stream: impl Read + Write, own: Peer, http: &Http) -> io::Result<(String, String)> {
    let is_proxy = TrustedProxies::new(http.trusted_proxies.clone()).trusts(own);
    if http.proxy_protocol && is_proxy {
        stream.write_all(ASKS_FOR_ITSELF)?;
    }
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    let no_http = || io::Error::other("what comes back is no HTTP");
    Ok((status_of(&answer).ok_or_else(no_http)?, body_of(&answer)))
}

fn status_of(answer: &[u8]) -> Option<String> {
    let line = answer.split(|byte| *byte == b'\r').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let status = line.strip_prefix("HTTP/1.1 ")?.get(..3)?;
    Some(status.to_owned())
}

/// What stands after the headers, as one line that a terminal can show.
fn body_of(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let shown = |letter: &char| !letter.is_control();
    body.chars().filter(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_everywhere_is_asked_at_home() {
        for (listens, asked) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("192.0.2.1:80", "192.0.2.1:80"),
        ] {
            let listens = listens.parse().expect("an address");
            assert_eq!(reachable(listens).to_string(), asked);
        }
    }

    #[test]
    fn an_answer_has_a_status_or_is_none() {
        assert_eq!(
            status_of(b"HTTP/1.1 200 OK\r\ndate: now\r\n").as_deref(),
            Some("200")
        );
        assert_eq!(
            body_of(b"HTTP/1.1 503 Service Unavailable\r\na: b\r\n\r\nfull: \x1bfree some"),
            "full: free some"
        );
        assert_eq!(body_of(b"HTTP/1.1 200 OK\r\n"), "");
        for no_answer in [&b""[..], b"\x15\x03\x01", b"HTTP/1.1 20", b"SSH-2.0\r\n"] {
            assert_eq!(status_of(no_answer), None);
        }
    }

    #[test]
    fn a_server_with_a_full_queue_is_not_waited_for_for_ever() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("http.sock");
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let _entered = runtime.enter();
        let socket = tokio::net::UnixSocket::new_stream().expect("a socket");
        socket.bind(&path).expect("it is bound");
        let busy = socket.listen(1).expect("it listens");
        let mut queue = Vec::new();
        let full = loop {
            match std::thread::scope(|scope| {
                let connecting = scope.spawn(|| connect(&path, 2 * QUEUE_PAUSE));
                connecting.join().expect("no panic")
            }) {
                Ok(stream) => queue.push(stream),
                Err(error) => break error,
            }
        };
        assert_eq!(full.kind(), io::ErrorKind::TimedOut);
        assert!(!queue.is_empty());
        drop(busy);
        connect(&path, STEP_TIME_MAX).expect_err("nobody listens any more");
    }
}
