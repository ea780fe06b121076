//! The same request again and again, on several connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::BenchError;
use super::client::{Answer, Connection};
use super::mix::Kind;
use super::tally::Tally;
use crate::clock::Moment;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Repeated {
    /// Whom.
    pub address: SocketAddr,
    /// The whole request.
    pub request: Arc<[u8]>,
    /// On how many connections.
    pub connections: usize,
    /// How long.
    pub time: Duration,
    /// The newest post that was answered to its author, by its id: each page has to be as new as this was when the page was
    /// asked for.
    pub promised: Option<Arc<AtomicI64>>,
}

impl Repeated {
    /// Asks.
    ///
    /// # Errors
    /// When the server can't be reached or breaks off, answers anything but a 200, or a page that is older than promised.
    pub async fn run(&self) -> Result<Tally, BenchError> {
        let failed = || BenchError::io(format!("http://{}: the load broke off", self.address));
        let mut connections = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            let opened = Connection::open(self.address).await;
            connections.push(opened.map_err(failed())?);
        }
        let begun = Moment::now();
        let mut tasks = JoinSet::new();
        for mut connection in connections {
            let this = self.clone();
            tasks.spawn(async move {
                let mut tally = Tally::default();
                while u128::from(begun.elapsed_nanos()) < this.time.as_nanos() {
                    let promised = this.promised.as_ref();
                    let promised = promised.map(|newest| newest.load(Ordering::SeqCst));
                    let asked = Moment::now();
                    let answer = connection.ask(&this.request).await?;
                    tally.record(Kind::Home, asked.elapsed_nanos(), Ok(()));
                    check(&answer, promised).map_err(io::Error::other)?;
                }
                tally.nanos = begun.elapsed_nanos();
                Ok::<_, io::Error>(tally)
            });
        }
        let mut all = Tally::default();
        while let Some(ended) = tasks.join_next().await {
            let tally = ended.map_err(io::Error::other).and_then(|tally| tally);
            all.add(tally.map_err(failed())?);
        }
        Ok(all)
    }
}

fn check(answer: &Answer<'_>, promised: Option<i64>) -> Result<(), String> {
    if !answer.is_ok() {
        return Err(answer.told());
    }
    let Some(promised) = promised else {
        return Ok(());
    };
    match first_id(answer.body) {
        Some(shown) if shown >= promised => Ok(()),
        Some(shown) => Err(format!(
            "a page begins with {shown}, but {promised} was answered before it was asked for"
        )),
        None if promised == 0 => Ok(()),
        None => Err("an empty page".to_owned()),
    }
}

/// The id that a post, or the first of a page of them, begins with: kinglet's JSON has it in front, and its ids are numbers.
pub fn first_id(json: &[u8]) -> Option<i64> {
    let post = json.strip_prefix(b"[").unwrap_or(json);
    let digits = post.strip_prefix(b"{\"id\":\"")?;
    let digits = digits.split(|byte| *byte == b'"').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_older_than_promised_is_a_fault() {
        let page = |body: &'static [u8]| Answer { status: 200, body };
        let newest = page(b"[{\"id\":\"7\",\"x\":1},{\"id\":\"6\"}]");
        assert_eq!(check(&newest, None), Ok(()));
        assert_eq!(check(&newest, Some(7)), Ok(()));
        assert!(check(&newest, Some(8)).is_err());
        assert!(check(&page(b"[]"), Some(1)).is_err());
        assert_eq!(check(&page(b"[]"), Some(0)), Ok(()));
        let refused = Answer {
            status: 503,
            body: b"busy",
        };
        assert_eq!(check(&refused, None), Err("503: busy".to_owned()));
    }
}
