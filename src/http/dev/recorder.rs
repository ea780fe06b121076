//! The last requests with their answers, for whoever develops a client.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Method};

use super::faults::FaultKind;
use crate::clock::Timestamp;

/// Requests that are kept; one more pushes out the oldest.
pub const RECORDS_MAX: usize = 200;
/// How much is kept of each body, in bytes.
pub const BODY_KEPT_BYTES_MAX: usize = 16 * 1024;

/// The beginning of a body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// At most [`BODY_KEPT_BYTES_MAX`] of it.
    pub kept: Bytes,
    /// How long it was, in bytes.
    pub whole: usize,
}

impl Excerpt {
    /// Of a whole body. What is cut off is given back to the memory.
    #[must_use]
    pub fn of(body: &Bytes) -> Self {
        let kept = if body.len() > BODY_KEPT_BYTES_MAX {
            Bytes::copy_from_slice(&body[..BODY_KEPT_BYTES_MAX])
        } else {
            body.clone()
        };
        Self {
            kept,
            whole: body.len(),
        }
    }

    /// As text: what isn't UTF-8 is replaced, what was cut off is said.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.kept).into_owned();
        if self.whole > self.kept.len() {
            text.push_str(&format!("\n... {} bytes in all", self.whole));
        }
        text
    }
}

/// Something that a client got wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of mistake, for programs: `unknown_parameter`.
    pub code: &'static str,
    /// A sentence for people.
    pub sentence: String,
}

/// A request with its answer.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its place among all requests, from 1 on; given when it is added.
    pub number: u64,
    /// What the answer's `X-Request-Id` says.
    pub id: String,
    /// When its head was read.
    pub at: Timestamp,
    /// How long the answer took by the instance's clock, in milliseconds.
    pub duration_ms: i64,
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Excerpt,
    /// The pattern of the route that answered; `None` when there is none.
    pub route: Option<&'static str>,
    /// Who asked, as far as that is known.
    pub who: Option<String>,
    /// The status; `None` when the connection was closed without an answer.
    pub status: Option<u16>,
    /// The answer's headers.
    pub answer_headers: HeaderMap,
    /// The answer's body.
    pub answer_body: Excerpt,
    /// What the client got wrong.
    pub findings: Vec<Finding>,
    /// The fault that was ordered for it.
    pub fault: Option<FaultKind>,
}

/// Keeps the newest [`RECORDS_MAX`] requests.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<Ring>);

#[derive(Debug, Default)]
struct Ring {
    records: VecDeque<Arc<Record>>,
    last_number: u64,
}

impl Recorder {
    /// Adds a request; its number is given here.
    pub fn add(&self, mut record: Record) {
        let mut ring = self.ring();
        ring.last_number += 1;
        record.number = ring.last_number;
        if ring.records.len() == RECORDS_MAX {
            ring.records.pop_front();
        }
        ring.records.push_back(Arc::new(record));
    }

    /// All that are kept, the newest first.
    pub fn list(&self) -> Vec<Arc<Record>> {
        self.ring().records.iter().rev().cloned().collect()
    }

    /// One of them.
    pub fn find(&self, number: u64) -> Option<Arc<Record>> {
        let ring = self.ring();
        let found = ring.records.iter().find(|record| record.number == number);
        found.cloned()
    }

    /// Forgets all; the numbers go on.
    pub fn clear(&self) {
        self.ring().records.clear();
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // A list of whole records is sound after a panic as well.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(target: &str) -> Record {
        Record {
            number: 0,
            id: String::new(),
            at: Timestamp::default(),
            duration_ms: 0,
            method: Method::GET,
            target: target.to_owned(),
            headers: HeaderMap::new(),
            body: Excerpt::default(),
            route: None,
            who: None,
            status: Some(200),
            answer_headers: HeaderMap::new(),
            answer_body: Excerpt::default(),
            findings: Vec::new(),
            fault: None,
        }
    }

    #[test]
    fn the_newest_are_kept_and_numbers_go_on() {
        let recorder = Recorder::default();
        for number in 0..RECORDS_MAX + 5 {
            recorder.add(record(&format!("/{number}")));
        }
        let kept = recorder.list();
        assert_eq!(kept.len(), RECORDS_MAX);
        assert_eq!(kept[0].number, RECORDS_MAX as u64 + 5);
        assert!(recorder.find(5).is_none());
        assert_eq!(
            recorder.find(6).map(|r| r.target.clone()),
            Some("/5".into())
        );
        recorder.clear();
        recorder.add(record("/again"));
        assert_eq!(recorder.list()[0].number, RECORDS_MAX as u64 + 6);
    }

    #[test]
    fn a_long_body_is_cut_and_says_so() {
        let body = Bytes::from(vec![b'x'; BODY_KEPT_BYTES_MAX + 1]);
        let excerpt = Excerpt::of(&body);
        assert_eq!(excerpt.kept.len(), BODY_KEPT_BYTES_MAX);
        assert!(excerpt.text().ends_with("16385 bytes in all"));
        assert_eq!(Excerpt::of(&Bytes::from_static(b"{}")).text(), "{}");
    }
}
