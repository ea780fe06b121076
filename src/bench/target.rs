//! Whom the load asks, and as whom: an address and people with tokens.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;

use serde::Deserialize;
use url::Url;

use super::BenchError;
use super::client::Connection;
use crate::secret::Secret;

/// The most tokens of a file.
pub const TOKENS_MAX: usize = 100_000;
/// The largest file of tokens, in bytes.
const TOKENS_FILE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Entries on a page that is read: what clients get who don't say.
pub const PAGE_ENTRIES: usize = 20;

/// Somebody who reads and writes.
#[derive(Debug, Clone)]
pub struct Member {
    /// The account's id, as the API tells it.
    pub id: String,
    /// An access token.
    pub token: Secret<String>,
}

/// A server and people on it.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it is called.
    pub host: String,
    /// People, at least one.
    pub members: Vec<Member>,
}

/// Of whatever the API answers, the id.
#[derive(Debug, Deserialize)]
pub(super) struct Identified {
    pub(super) id: String,
}

impl Target {
    /// A server at an address, by which it is called.
    pub fn new(address: SocketAddr, members: Vec<Member>) -> Self {
        Self {
            address,
            host: address.to_string(),
            members,
        }
    }

    /// A request without a body.
    pub fn get(&self, path: &str, member: &Member) -> Vec<u8> {
        let (host, token) = (&self.host, member.token.expose());
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n")
            .into_bytes()
    }

    /// A request with a form, whose `key` makes it one request however often it is sent.
    pub fn post(&self, path: &str, member: &Member, form: &str, key: &str) -> Vec<u8> {
        let (host, token, length) = (&self.host, member.token.expose(), form.len());
        format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}"
        )
        .into_bytes()
    }

    /// Reading one's home.
    pub fn home(&self, member: &Member) -> Vec<u8> {
        self.get(
            &format!("/api/v1/timelines/home?limit={PAGE_ENTRIES}"),
            member,
        )
    }
}

/// A server that is there already: `http://HOST[:PORT]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl {
    address: SocketAddr,
    host: String,
}

impl ServerUrl {
    /// Looks the address up.
    ///
    /// # Errors
    /// When it is no `http` address of a host, or nobody knows the host.
    pub fn resolve(text: &str) -> Result<Self, BenchError> {
        let wrong = |reason: &str| BenchError::Unusable(format!("{text}: {reason}"));
        let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
        if url.scheme() != "http" {
            return Err(wrong(
                "only http:// is measured: aim at the server itself, not at what encrypts in front of it",
            ));
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() {
            return Err(wrong("an address of a server has no path"));
        }
        let host = url.host_str().ok_or_else(|| wrong("it names no host"))?;
        let port = url.port_or_known_default().unwrap_or(80);
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let mut found = (name, port)
            .to_socket_addrs()
            .map_err(BenchError::io(format!("{text}: can't be found")))?;
        let address = found
            .next()
            .ok_or_else(|| wrong("nobody knows where it is"))?;
        let host = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Ok(Self { address, host })
    }

    /// Finds out who the holders of tokens are.
    ///
    /// # Errors
    /// When the server doesn't answer, or doesn't know a token.
    pub async fn enter(self, tokens: Vec<Secret<String>>) -> Result<Target, BenchError> {
        let mut target = Target {
            address: self.address,
            host: self.host,
            members: Vec::with_capacity(tokens.len()),
        };
        let unreachable = || BenchError::io(format!("http://{} can't be asked", target.host));
        let connecting = Connection::open(target.address).await;
        let mut connection = connecting.map_err(unreachable())?;
        for (number, token) in (1..).zip(tokens) {
            let mut member = Member {
                id: String::new(),
                token,
            };
            let request = target.get("/api/v1/accounts/verify_credentials", &member);
            let answer = connection.ask(&request).await.map_err(unreachable())?;
            let refused =
                || BenchError::Unusable(format!("token {number} isn't good: {}", answer.told()));
            if !answer.is_ok() {
                return Err(refused());
            }
            let told: Identified = serde_json::from_slice(answer.body).map_err(|_| refused())?;
            member.id = told.id;
            target.members.push(member);
        }
        Ok(target)
    }
}

/// Reads a file with one token a line.
///
/// # Errors
/// When it can't be read, is too large, holds none, or something that is no token.
pub fn read_tokens(path: &Path) -> Result<Vec<Secret<String>>, BenchError> {
    let failed = || BenchError::io(format!("{}: can't be read", path.display()));
    let size = std::fs::metadata(path).map_err(failed())?.len();
    let wrong = |reason: String| BenchError::Unusable(format!("{}: {reason}", path.display()));
    if size > TOKENS_FILE_BYTES_MAX {
        return Err(wrong("it is too large".to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(failed())?;
    let mut tokens = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let token = line.trim();
        if token.is_empty() {
            continue;
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong(format!("line {number} is no token")));
        }
        tokens.push(Secret::new(token.to_owned()));
    }
    match tokens.len() {
        0 => Err(wrong("it holds no token".to_owned())),
        count if count > TOKENS_MAX => Err(wrong(format!("more than {TOKENS_MAX} tokens"))),
        _ => Ok(tokens),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_by_its_address() {
        let url = ServerUrl::resolve("http://127.0.0.1:8420/").expect("an address");
        assert_eq!(url.address.to_string(), "127.0.0.1:8420");
        assert_eq!(url.host, "127.0.0.1:8420");
        let url = ServerUrl::resolve("http://[::1]").expect("an address");
        assert_eq!(url.address.to_string(), "[::1]:80");
        for (text, said) in [
            ("https://127.0.0.1", "only http://"),
            ("http://127.0.0.1/api", "no path"),
            ("127.0.0.1:80", ""),
        ] {
            let error = ServerUrl::resolve(text).expect_err(text).to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn tokens_stand_one_a_line() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("tokens");
        for (text, outcome) in [
            ("abc\n\n  def  \n", Ok(2)),
            ("\n", Err("no token")),
            ("abc\nd e\n", Err("line 2")),
        ] {
            std::fs::write(&path, text).expect("it is written");
            match (read_tokens(&path), outcome) {
                (Ok(tokens), Ok(count)) => assert_eq!(tokens.len(), count),
                (Err(error), Err(said)) => assert!(error.to_string().contains(said), "{error}"),
                (found, _) => assert!(outcome.is_err() && found.is_err(), "{text:?}"),
            }
        }
    }
}
