//! One line of log per request, and the id that joins it with what the client saw.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use http::Method;
use http::header::HeaderValue;

use super::reply::Response;
use crate::ids::AccountId;

/// Characters of a request id.
const REQUEST_ID_LENGTH: usize = 16;

/// Names one request in the log, in `X-Request-Id` and in the body of a failure.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId([u8; REQUEST_ID_LENGTH]);

impl RequestId {
    fn from_number(number: u64) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        Self(std::array::from_fn(|i| {
            DIGITS[(number >> (60 - 4 * i)) as usize & 15]
        }))
    }

    /// Sixteen hexadecimal digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hexadecimal digits are ASCII")
    }

    /// Its digits.
    pub fn to_bytes(self) -> [u8; REQUEST_ID_LENGTH] {
        self.0
    }

    /// For `X-Request-Id`.
    pub fn to_header(self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).expect("hexadecimal digits fit a header")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

/// Hands out request ids: no two alike within 2^64, and not in an order that tells how busy the server is.
#[derive(Debug)]
pub struct RequestIds {
    next: AtomicU64,
}

impl RequestIds {
    /// Starts at a seed, which the caller draws at random once.
    pub fn seeded(seed: u64) -> Self {
        Self {
            next: AtomicU64::new(seed),
        }
    }

    /// The next id.
    pub fn next(&self) -> RequestId {
        // SplitMix64 (Steele, Lea, Flood 2014): a bijection of a counter, so without repeats and without a lock.
        let mut z = self
            .next
            .fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        RequestId::from_number(z ^ (z >> 31))
    }
}

/// A response's extension: which route answered, for whom.
#[derive(Debug, Clone, Copy)]
pub struct RouteNote {
    /// The route's pattern, such as `/api/v1/statuses/:id`; never the path that was asked for.
    pub pattern: &'static str,
    /// The account that asked, if any.
    pub account: Option<AccountId>,
}

/// A response's extension: what the operator should read about a failure.
#[derive(Debug, Clone)]
pub struct Failure(pub String);

/// Writes the request's one line. `duration_ms` is from the end of its head to the start of its answer.
pub(super) fn record(
    id: RequestId,
    method: &Method,
    response: &Response,
    duration_ms: impl FnOnce() -> i64,
) {
    let status = response.status();
    // Most requests of a quiet instance end here, without a look at the extensions.
    if status.is_server_error() {
        if !tracing::enabled!(target: "kinglet::http", tracing::Level::ERROR) {
            return;
        }
    } else if !tracing::enabled!(target: "kinglet::http", tracing::Level::INFO) {
        return;
    }
    let note = response.extensions().get::<RouteNote>();
    let route = note.map_or("-", |note| note.pattern);
    let account = note.and_then(|note| note.account).map(|account| account.0);
    let method = loggable(method);
    let (id, code, duration_ms) = (id.as_str(), status.as_u16(), duration_ms());
    let failure = response
        .extensions()
        .get::<Failure>()
        .map(|Failure(detail)| detail.as_str());
    match code {
        503 => {
            tracing::warn!(target: "kinglet::http", id, method, route, status = code, duration_ms, account, failure, "request");
        }
        500.. => {
            tracing::error!(target: "kinglet::http", id, method, route, status = code, duration_ms, account, failure, "request");
        }
        _ => {
            tracing::info!(target: "kinglet::http", id, method, route, status = code, duration_ms, account, failure, "request");
        }
    }
}

/// Method names can be any token, also a secret typed at the wrong place: only known ones are logged.
fn loggable(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::PATCH
        | Method::DELETE
        | Method::OPTIONS
        | Method::CONNECT
        | Method::TRACE => method.as_str(),
        _ => "-",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_sixteen_hexadecimal_digits_and_differ() {
        let ids = RequestIds::seeded(7);
        let seen: HashSet<_> = (0..10_000).map(|_| ids.next()).collect();
        assert_eq!(seen.len(), 10_000);
        assert!(seen.iter().all(|id| {
            id.as_str().len() == 16
                && id
                    .as_str()
                    .bytes()
                    .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        }));
    }

    #[test]
    fn the_number_is_written_from_its_highest_digit() {
        assert_eq!(
            RequestId::from_number(0x0123_4567_89ab_cdef).as_str(),
            "0123456789abcdef"
        );
    }
}
