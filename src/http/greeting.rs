//! What comes before HTTP on a connection, with bounds: whoever is slow there can't shut the others out.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

use super::extract::peer::AddressGroup;
use crate::net::listener::{Greeting, GreetingError};
use crate::net::peer::Peer;
use crate::net::proxy_header::HeaderError;
use crate::net::stream::Stream;
use crate::telemetry::metrics::Counter;

/// The share of the places that one client may take.
const SHARE_OF_ONE: usize = 8;
/// The most places that one client may take, however many there are.
const PLACES_OF_ONE_MAX: usize = 64;

/// The places of those who haven't begun with HTTP. There are half as many as connections, and one client, who is an
/// address or a household, may take a part of them only. Trusted proxies aren't counted but those they connect for.
pub(super) struct Greetings {
    places: Arc<Semaphore>,
    clients: Arc<Clients>,
}

struct Clients {
    of_one_max: usize,
    /// No client without a place is in it.
    taken: Mutex<HashMap<AddressGroup, usize>>,
}

/// Somebody at a place.
pub(super) struct Guest {
    peer: Peer,
    clients: Arc<Clients>,
    /// Nothing as long as it is a proxy that hasn't said for whom it connects.
    _share: Option<Share>,
    _place: OwnedSemaphorePermit,
}

struct Share {
    clients: Arc<Clients>,
    client: AddressGroup,
}

impl Greetings {
    pub(super) fn new(connections_max: usize) -> Self {
        let places = connections_max.div_ceil(2);
        let clients = Clients {
            of_one_max: (places / SHARE_OF_ONE).clamp(1, PLACES_OF_ONE_MAX),
            taken: Mutex::default(),
        };
        Self {
            places: Arc::new(Semaphore::new(places)),
            clients: Arc::new(clients),
        }
    }

    /// A place, if there is one for this peer.
    pub(super) fn enter(&self, greeting: &Greeting, peer: Peer) -> Option<Guest> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let share = if greeting.trusted.trusts(peer) {
            None
        } else {
            Some(self.clients.share(peer)?)
        };
        Some(Guest {
            peer,
            clients: Arc::clone(&self.clients),
            _share: share,
            _place: place,
        })
    }
}

impl Clients {
    fn taken(&self) -> MutexGuard<'_, HashMap<AddressGroup, usize>> {
        // Each change is one step.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn share(self: &Arc<Self>, peer: Peer) -> Option<Share> {
        let client = AddressGroup::from(peer.ip());
        let mut taken = self.taken();
        let count = taken.entry(client).or_default();
        if *count == self.of_one_max {
            return None;
        }
        *count += 1;
        Some(Share {
            clients: Arc::clone(self),
            client,
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self.clients.taken().entry(self.client) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// Why nobody is served.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Greeting(#[from] GreetingError),
    #[error("too many connections of this client haven't begun")]
    Crowded,
}

/// Hears what comes before HTTP within `time_max`; `None` when the connection is over.
pub(super) async fn greet(
    greeting: &Greeting,
    stream: Stream,
    guest: Guest,
    time_max: Duration,
    refused: &Counter,
    mut stopped: watch::Receiver<bool>,
) -> Option<(Stream, Peer)> {
    let peer = guest.peer;
    let heard = tokio::select! {
        heard = timeout(time_max, hear(greeting, stream, guest)) => heard,
        // Who hasn't said anything yet isn't waited for; the same when the server is gone.
        _ = stopped.wait_for(|stopped| *stopped) => return None,
    };
    let heard = heard.unwrap_or_else(|_| Err(GreetingError::TooSlow.into()));
    heard.unwrap_or_else(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        match error {
            // What a trusted proxy does wrong is for the operator.
            Fault::Greeting(GreetingError::ProxyHeader(
                HeaderError::Absent | HeaderError::Malformed(_),
            )) => {
                tracing::warn!(target: "kinglet::http", %peer, %error, cause, "a proxy's connection was closed before HTTP");
            }
            // What strangers send is no news, whether a proxy passes it on or not.
            Fault::Greeting(_) => {
                tracing::debug!(target: "kinglet::http", %peer, %error, cause, "a connection was closed before HTTP");
            }
            Fault::Crowded => {
                refused.count();
                tracing::debug!(target: "kinglet::http", %peer, %error, cause, "a connection was closed before HTTP");
            }
        }
        None
    })
}

async fn hear(
    greeting: &Greeting,
    stream: Stream,
    mut guest: Guest,
) -> Result<Option<(Stream, Peer)>, Fault> {
    let (stream, peer) = greeting.hear_proxy(stream, guest.peer).await?;
    if peer != guest.peer && !greeting.trusted.contains(peer.ip()) {
        guest._share = Some(guest.clients.share(peer).ok_or(Fault::Crowded)?);
    }
    let encrypted = greeting.encrypt(stream).await?;
    Ok(encrypted.map(|stream| (stream, peer)))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::net::peer::TrustedProxies;

    fn peer(text: &str) -> Peer {
        let address = text.parse().expect("an address");
        SocketAddr::new(address, 1).into()
    }

    #[test]
    fn one_client_never_holds_all_places() {
        let greetings = Greetings::new(64);
        let trusted = vec!["10.0.0.1".parse().expect("a proxy")];
        let greeting = Greeting {
            trusted: TrustedProxies::new(trusted),
            ..Greeting::default()
        };
        let enter = |from: &str| greetings.enter(&greeting, peer(from));
        let mut held: Vec<_> = (0..4)
            .map(|_| enter("192.0.2.1").expect("a place"))
            .collect();
        assert!(enter("192.0.2.1").is_none());
        let household = (0..9).filter_map(|host| enter(&format!("2001:db8::{host}")));
        let household: Vec<_> = household.collect();
        assert_eq!(household.len(), 4);
        drop(household);
        held.extend(enter("192.0.2.2"));
        assert_eq!(held.len(), 5);
        // A trusted proxy connects for many.
        let proxied: Vec<_> = (0..40).filter_map(|_| enter("10.0.0.1")).collect();
        assert_eq!(proxied.len(), 32 - 5);
        drop((proxied, held));
        assert!(greetings.clients.taken().is_empty());
        assert!(enter("192.0.2.1").is_some());
    }
}
