//! `GET /.well-known/kinglet-probe/:nonce`: by it the operator's doctor sees how requests arrive behind all proxies.

use http::header::{FORWARDED, HOST, HeaderMap};

use super::context::Context;
use super::extract::auth::Guest;
use super::extract::call::Call;
use super::extract::peer::client_address;
use super::problem::Problem;
use super::reply::Response;
use super::routing::{Access, Family};
use crate::instance::probes::{HEADER_BYTES_MAX, Seen};
use crate::net::peer::{Peer, TrustedProxies};

/// Headers that only proxies add.
const PROXY_HEADERS: &[&str] = &[
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-server",
    "x-real-ip",
    "via",
    "cf-connecting-ip",
];

/// The family's routes.
pub fn family() -> Family<Context> {
    Family::new("probe").get("/.well-known/kinglet-probe/:nonce", Access::Public, arrive)
}

/// `GET /.well-known/kinglet-probe/:nonce`: not found, whoever asks. A request that is waited for is noted.
async fn arrive(app: Context, _: Guest, call: Call) -> Result<Response, Problem> {
    let instance = &app.instance;
    let proxies = TrustedProxies::new(instance.config.http.trusted_proxies.clone());
    let note = || seen(&proxies, call.context.peer, &call.headers);
    instance
        .probes
        .note(call.param("nonce"), instance.clock.now(), note);
    Err(Problem::not_found())
}

fn seen(proxies: &TrustedProxies, peer: Peer, headers: &HeaderMap) -> Seen {
    let joined = |name: &str| {
        let lines = headers.get_all(name).iter();
        let lines: Vec<_> = lines
            .map(|line| String::from_utf8_lossy(line.as_bytes()))
            .collect();
        let text: String = lines
            .join(", ")
            .chars()
            .take(HEADER_BYTES_MAX / 4)
            .collect();
        (!lines.is_empty()).then_some(text)
    };
    let other = PROXY_HEADERS.iter().copied();
    Seen {
        peer: match peer {
            Peer::Address(address) | Peer::Told(address) => address.to_string(),
            Peer::Unix => "unix".to_owned(),
        },
        peer_trusted: proxies.trusts(peer),
        client: client_address(proxies, peer, headers).to_string(),
        x_forwarded_for: joined("x-forwarded-for"),
        forwarded: joined(FORWARDED.as_str()),
        host: joined(HOST.as_str()),
        other: other
            .filter(|name| headers.contains_key(*name))
            .map(str::to_owned)
            .collect(),
    }
}
