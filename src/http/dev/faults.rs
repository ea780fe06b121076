//! Faults on order: which requests are answered badly, how, and how often.

use std::sync::{Mutex, MutexGuard, PoisonError};

use http::Method;
use serde::Serialize;

/// The most faults that wait at once.
pub const FAULTS_MAX: usize = 64;
/// The longest delay, in milliseconds.
pub const DELAY_MS_MAX: u64 = 60_000;
/// The longest pattern of a path, in bytes.
pub const PATTERN_BYTES_MAX: usize = 256;
/// The longest time that clients are told to wait, in seconds.
pub const RETRY_AFTER_S_MAX: u32 = 86_400;
/// The most requests that one fault can be ordered for.
pub const TIMES_MAX: u32 = 1_000_000;

/// What happens to a request instead of what it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// 429 with Mastodon's headers.
    RateLimited {
        /// When to come back, in seconds.
        retry_after: u32,
    },
    /// 503.
    Unavailable {
        /// When to come back, in seconds.
        retry_after: u32,
    },
    /// The answer comes later; the request is done all the same.
    Delay {
        /// By how much, in milliseconds.
        ms: u64,
    },
    /// The connection is closed without an answer.
    DroppedSocket,
    /// 401, as for a token that held until just now.
    ExpiredToken,
}

/// Which requests something happens to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Its number.
    pub id: u64,
    /// The method; `None` for any.
    #[serde(serialize_with = "method_name")]
    pub method: Option<Method>,
    /// The path: `*` or `:name` for one part, `**` at the end for all that follows.
    pub path: String,
    /// How many requests are left that it happens to; `None` for all.
    pub times: Option<u32>,
    /// What happens.
    #[serde(flatten)]
    pub kind: FaultKind,
}

fn method_name<S: serde::Serializer>(
    method: &Option<Method>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match method {
        Some(method) => serializer.serialize_some(method.as_str()),
        None => serializer.serialize_none(),
    }
}

/// Too many faults wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are {FAULTS_MAX} faults already: clear some first")]
pub struct TooMany;

/// The faults that wait, in the order in which they were ordered.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    faults: Vec<Fault>,
    last_id: u64,
}

impl Faults {
    /// Orders a fault; its number is given here.
    ///
    /// # Errors
    /// There are [`FAULTS_MAX`] already.
    pub fn add(&self, mut fault: Fault) -> Result<Fault, TooMany> {
        let mut waiting = self.waiting();
        if waiting.faults.len() == FAULTS_MAX {
            return Err(TooMany);
        }
        waiting.last_id += 1;
        fault.id = waiting.last_id;
        waiting.faults.push(fault.clone());
        Ok(fault)
    }

    /// All that wait.
    pub fn list(&self) -> Vec<Fault> {
        self.waiting().faults.clone()
    }

    /// Takes one back; answers whether it was there.
    pub fn remove(&self, id: u64) -> bool {
        let mut waiting = self.waiting();
        let before = waiting.faults.len();
        waiting.faults.retain(|fault| fault.id != id);
        waiting.faults.len() < before
    }

    /// Takes all back.
    pub fn clear(&self) {
        self.waiting().faults.clear();
    }

    /// What happens to this request: the fault that was ordered first of those that fit, one time less from now on.
    pub fn strike(&self, method: &Method, path: &str) -> Option<FaultKind> {
        let mut waiting = self.waiting();
        let at = waiting.faults.iter().position(|fault| {
            let is_method = fault.method.as_ref().is_none_or(|known| known == method);
            is_method && fits(&fault.path, path)
        })?;
        let fault = &mut waiting.faults[at];
        let kind = fault.kind;
        if let Some(times) = &mut fault.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                waiting.faults.remove(at);
            }
        }
        Some(kind)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // A list of whole faults is sound after a panic as well.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a path fits a pattern, part by part.
fn fits(pattern: &str, path: &str) -> bool {
    fn parts(text: &str) -> impl Iterator<Item = &str> {
        text.split('/').filter(|part| !part.is_empty())
    }
    let (mut wanted, mut found) = (parts(pattern), parts(path));
    loop {
        match (wanted.next(), found.next()) {
            (Some("**"), _) => return true,
            (None, None) => return true,
            (Some(part), Some(_)) if part == "*" || part.starts_with(':') => {}
            (Some(part), Some(other)) if part == other => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(method: Option<Method>, path: &str, times: Option<u32>) -> Fault {
        Fault {
            id: 0,
            method,
            path: path.to_owned(),
            times,
            kind: FaultKind::DroppedSocket,
        }
    }

    #[test]
    fn a_pattern_fits_part_by_part() {
        for (pattern, path, expected) in [
            ("/api/v1/statuses", "/api/v1/statuses", true),
            ("/api/v1/statuses", "/api/v1/statuses/", true),
            ("/api/v1/statuses", "/api/v1/statuses/1", false),
            ("/api/v1/statuses/:id", "/api/v1/statuses/1", true),
            ("/api/v1/statuses/*", "/api/v1/statuses/1/context", false),
            (
                "/api/v1/statuses/*/context",
                "/api/v1/statuses/1/context",
                true,
            ),
            ("/api/**", "/api/v1/statuses/1/context", true),
            ("/api/**", "/oauth/token", false),
            ("**", "/", true),
            ("/", "/", true),
            ("/", "/about", false),
        ] {
            assert_eq!(fits(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_fault_strikes_as_often_as_it_was_ordered() {
        let faults = Faults::default();
        let twice = fault(Some(Method::GET), "/api/**", Some(2));
        assert_eq!(faults.add(twice).map(|fault| fault.id), Ok(1));
        assert_eq!(faults.strike(&Method::POST, "/api/v1/x"), None);
        for _ in 0..2 {
            assert!(faults.strike(&Method::GET, "/api/v1/x").is_some());
        }
        assert_eq!(faults.strike(&Method::GET, "/api/v1/x"), None);
        assert_eq!(faults.list(), []);
    }

    #[test]
    fn only_so_many_faults_wait() {
        let faults = Faults::default();
        for _ in 0..FAULTS_MAX {
            assert!(faults.add(fault(None, "**", None)).is_ok());
        }
        assert_eq!(faults.add(fault(None, "**", None)), Err(TooMany));
        assert!(faults.remove(3) && !faults.remove(3));
        faults.clear();
        assert_eq!(faults.add(fault(None, "**", None)).map(|f| f.id), Ok(65));
    }
}
