//! Requests that show how requests arrive: the doctor has one waited for, sends it to the public address, and is told
//! what came of it behind all proxies.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::secret::{Secret, same_bytes};

/// The most requests that are waited for at once; the oldest makes room.
const PROBES_MAX: usize = 8;
/// How long one is waited for, in milliseconds.
const WAIT_MILLIS_MAX: i64 = 60_000;
/// The most of a header that is told, in bytes.
pub const HEADER_BYTES_MAX: usize = 1024;

/// How a request arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The other end of the connection, with its port; `unix` for a socket in the file system.
    pub peer: String,
    /// Whether it is believed about the client (`http.trusted_proxies`).
    pub peer_trusted: bool,
    /// The address that counts as the client's.
    pub client: String,
    /// `X-Forwarded-For`, all lines joined.
    pub x_forwarded_for: Option<String>,
    /// `Forwarded`, all lines joined.
    pub forwarded: Option<String>,
    /// `Host`.
    pub host: Option<String>,
    /// Names of other headers that only proxies add.
    pub other: Vec<String>,
}

struct Probe {
    nonce: Secret<String>,
    begun: Timestamp,
    seen: Option<Seen>,
}

/// The requests that are waited for.
#[derive(Default)]
pub struct Probes(Mutex<Vec<Probe>>);

impl Probes {
    /// Waits for the request with this in its address.
    pub fn begin(&self, nonce: Secret<String>, now: Timestamp) {
        let mut probes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        probes.retain(|probe| is_waited_for(probe, now));
        if probes.len() >= PROBES_MAX {
            probes.remove(0);
        }
        probes.push(Probe {
            nonce,
            begun: now,
            seen: None,
        });
    }

    /// Notes how a request arrived if it is waited for; the first one counts.
    pub fn note(&self, nonce: &str, now: Timestamp, seen: impl FnOnce() -> Seen) {
        let mut probes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = probes.iter_mut().find(|probe| {
            is_waited_for(probe, now)
                && same_bytes(probe.nonce.expose().as_bytes(), nonce.as_bytes())
        });
        if let Some(probe) = waiting
            && probe.seen.is_none()
        {
            probe.seen = Some(seen());
        }
    }

    /// Waits no longer; how the request arrived if it did.
    pub fn end(&self, nonce: &str) -> Option<Seen> {
        let mut probes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = probes
            .iter()
            .position(|probe| same_bytes(probe.nonce.expose().as_bytes(), nonce.as_bytes()))?;
        probes.remove(place).seen
    }
}

fn is_waited_for(probe: &Probe, now: Timestamp) -> bool {
    // A clock that was set back ends the wait as well.
    (0..WAIT_MILLIS_MAX).contains(&(now.millis() - probe.begun.millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str) -> Seen {
        Seen {
            peer: peer.to_owned(),
            ..Seen::default()
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn the_first_arrival_is_told_once() {
        let probes = Probes::default();
        probes.begin(Secret::new("a".to_owned()), at(0));
        probes.note("b", at(1), || panic!("nobody waits for it"));
        probes.note("a", at(1), || seen("one"));
        probes.note("a", at(2), || seen("two"));
        assert_eq!(probes.end("a"), Some(seen("one")));
        assert_eq!(probes.end("a"), None);
    }

    #[test]
    fn nobody_waits_for_ever_or_for_many() {
        let probes = Probes::default();
        probes.begin(Secret::new("late".to_owned()), at(0));
        probes.note("late", at(WAIT_MILLIS_MAX), || seen("late"));
        assert_eq!(probes.end("late"), None);
        for number in 0..=PROBES_MAX {
            probes.begin(Secret::new(number.to_string()), at(0));
        }
        for number in 0..=PROBES_MAX {
            probes.note(&number.to_string(), at(1), || seen("x"));
            assert_eq!(probes.end(&number.to_string()).is_some(), number > 0);
        }
    }
}
