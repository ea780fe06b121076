//! What is listened on: the configured addresses, for which a start waits a while since a server that is being replaced
//! may hold them still, and sockets that were handed over.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::time::{sleep, timeout};

use super::{BootError, HANDOVER_MAX, HANDOVER_PAUSE, Plan};
use crate::config::{Config, FileMode, InstanceUrl, ListenAddress, ListenAddresses, TrustedProxy};
use crate::net::inherited::Inherited;
use crate::net::listener::{Endpoint, Greeting, Listener, Use};
use crate::net::peer::TrustedProxies;
#[cfg(feature = "acme")]
use crate::net::tls::acme::Acme;

/// Everything that is listened on.
pub(super) struct Listening {
    /// Where the instance answers.
    pub(super) listeners: Vec<Listener>,
    /// Where HTTP is sent on to the instance's address.
    pub(super) redirects: Vec<Listener>,
    /// All of them, for whoever wants to connect.
    pub(super) endpoints: Vec<Endpoint>,
    /// Who keeps the certificate fresh.
    #[cfg(feature = "acme")]
    pub(super) acme: Option<Acme>,
}

impl Listening {
    /// Listens.
    pub(super) async fn start(plan: &Plan, inherited: &Inherited) -> Result<Self, BootError> {
        let config = &plan.config;
        let mode = config.http.socket_mode;
        let http = listeners(&config.http.listen, Use::Http, inherited, mode).await?;
        let https = listeners(&config.tls.listen, Use::Https, inherited, mode).await?;
        let redirects = &config.tls.redirect_listen;
        let redirects = listeners(redirects, Use::Redirect, inherited, mode).await?;
        check(config, &http, &https, &redirects)?;

        let trusted = TrustedProxies::new(config.http.trusted_proxies.clone());
        let greeting = || Greeting::plain(trusted.clone(), config.http.proxy_protocol);
        let plain = Arc::new(greeting());
        let http = http
            .into_iter()
            .map(|listener| listener.with_greeting(&plain));
        let redirects: Vec<_> = redirects
            .into_iter()
            .map(|listener| listener.with_greeting(&plain))
            .collect();
        #[cfg(not(feature = "tls"))]
        let encrypted = plain.clone();
        #[cfg(feature = "tls")]
        let (encrypted, _keeper) = if https.is_empty() {
            (Arc::clone(&plain), None)
        } else {
            let (tls, keeper) = super::tls::acceptor(plan)?;
            let tls = Some(Arc::new(tls));
            let encrypted = Greeting { tls, ..greeting() };
            (Arc::new(encrypted), keeper)
        };
        let mut endpoints = Vec::new();
        let mut listeners: Vec<Listener> = Vec::new();
        // HTTPS comes first: the instance's address follows the first place.
        let https = https
            .into_iter()
            .map(|listener| (Use::Https, listener.with_greeting(&encrypted)));
        for (usage, listener) in https.chain(http.map(|listener| (Use::Http, listener))) {
            endpoints.push(endpoint(usage, &listener)?);
            listeners.push(listener);
        }
        for listener in &redirects {
            endpoints.push(endpoint(Use::Redirect, listener)?);
        }
        Ok(Self {
            listeners,
            redirects,
            endpoints,
            #[cfg(feature = "acme")]
            acme: _keeper,
        })
    }

    /// The address that the instance's own follows, unless that is configured, and whether it is one for HTTPS.
    pub(super) fn main_address(&self) -> (SocketAddr, bool) {
        let answering = self
            .endpoints
            .iter()
            .filter(|place| place.usage != Use::Redirect);
        let mut tcp = answering.filter_map(|place| Some((place.tcp()?, place.usage == Use::Https)));
        tcp.next()
            .unwrap_or_else(|| Config::default().main_address())
    }

    /// Whether the instance's address fits what is listened on.
    pub(super) fn check_url(&self, url: &InstanceUrl) -> Result<(), BootError> {
        if !self.redirects.is_empty() && !url.is_https() {
            return Err(BootError::Settings(
                "tls.redirect_listen sends people to instance.url, so that has to begin with https://",
            ));
        }
        if self.endpoints.iter().any(|place| place.usage == Use::Https) && !url.is_https() {
            tracing::warn!(%url, "HTTPS is served, but instance.url is not https://, so links and cookies are for HTTP");
        }
        Ok(())
    }
}

/// What no setting says about itself.
fn check(
    config: &Config,
    http: &[Listener],
    https: &[Listener],
    redirects: &[Listener],
) -> Result<(), BootError> {
    let tls = &config.tls;
    let has_files = tls.certificate.is_some() || tls.key.is_some();
    let has_acme = !tls.acme_domains.is_empty();
    let fault = if http.is_empty() && https.is_empty() {
        Some("http.listen and tls.listen are both empty: nobody could connect")
    } else if https.is_empty() && (has_files || has_acme) {
        Some(
            "there is a certificate, but tls.listen is empty: set it to the addresses for HTTPS, such as [::]:443",
        )
    } else if https.is_empty() {
        None
    } else if !cfg!(feature = "tls") {
        Some("this kinglet was built without TLS, so tls.listen has to be empty")
    } else if has_acme && has_files {
        Some(
            "tls.acme_domains and tls.certificate or tls.key are both set: which certificate shall it be?",
        )
    } else if has_acme && !cfg!(feature = "acme") {
        Some("this kinglet was built without ACME, so tls.acme_domains has to be empty")
    } else if !has_acme && (tls.certificate.is_none() || tls.key.is_none()) {
        Some("tls.listen needs tls.certificate and tls.key, or tls.acme_domains")
    } else {
        None
    };
    if let Some(fault) = fault {
        return Err(BootError::Settings(fault));
    }
    if config.http.proxy_protocol && config.http.trusted_proxies.is_empty() {
        return Err(BootError::Settings(
            "http.proxy_protocol is true, but http.trusted_proxies is empty: nobody would be believed",
        ));
    }
    let all = http.iter().chain(https).chain(redirects);
    let mut addresses = all.filter_map(|listener| listener.address().ok());
    let has_unix = addresses.any(|address| matches!(address, ListenAddress::Unix(_)));
    if has_unix && !config.http.trusted_proxies.contains(&TrustedProxy::Unix) {
        tracing::warn!(
            "a unix socket is listened on, but http.trusted_proxies has no \"unix\": all who come by it count as one client"
        );
    }
    Ok(())
}

fn endpoint(usage: Use, listener: &Listener) -> Result<Endpoint, BootError> {
    let address = listener.address().map_err(BootError::Inherit)?;
    Ok(Endpoint { usage, address })
}

/// The sockets for one use: those handed over, without them the configured ones.
async fn listeners(
    addresses: &ListenAddresses,
    usage: Use,
    inherited: &Inherited,
    mode: FileMode,
) -> Result<Vec<Listener>, BootError> {
    let handed = inherited.of(usage).map_err(BootError::Inherit)?;
    if !handed.is_empty() {
        let handed = handed.into_iter().map(Listener::inherit);
        return handed
            .collect::<io::Result<_>>()
            .map_err(BootError::Inherit);
    }
    let mut listeners = Vec::new();
    for address in addresses.iter() {
        listeners.push(listen(address, mode).await?);
    }
    Ok(listeners)
}

/// Listens on one address.
pub(crate) async fn listen(address: &ListenAddress, mode: FileMode) -> Result<Listener, BootError> {
    let listening = timeout(HANDOVER_MAX, async {
        loop {
            match Listener::bind(address, mode).await {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    sleep(HANDOVER_PAUSE).await;
                }
                listening => return listening,
            }
        }
    });
    listening
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::AddrInUse.into()))
        .map_err(|source| BootError::Listen {
            address: address.clone(),
            source,
        })
}
