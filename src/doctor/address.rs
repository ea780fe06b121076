//! The public address: whether its name leads anywhere, whether its certificate is believed, whether it answers.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::visit::{Target, Visit, VisitError, visit};
use super::{Finding, Server, Subject};
use crate::clock::Timestamp;
use crate::config::{Config, InstanceUrl};
#[cfg(feature = "tls")]
use crate::net::tls::client::Distrust;

const SUBJECT: Subject = Subject::Address;
/// Addresses of the name that are tried.
const ADDRESSES_MAX: usize = 8;
/// How long one of them may take.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(3);
/// A certificate has to be good for longer, in days: everybody who renews by themselves has done so by then.
const CERTIFICATE_DAYS_MIN: i64 = 14;
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

pub(super) async fn look(
    url: &InstanceUrl,
    config: &Config,
    now: Timestamp,
    server: &Server,
) -> Vec<Finding> {
    let target = Target::of(url);
    let addresses = match resolve(&target).await {
        Ok(addresses) => addresses,
        Err(finding) => return vec![*finding],
    };
    let mut found = vec![of_addresses(&target, &addresses)];
    if !target.is_https && !addresses.iter().all(|address| is_local(address.ip())) {
        found.push(SUBJECT.warning(
            format!("{url} has no encryption: passwords and tokens can be read on the way"),
            format!(
                "have a proxy speak HTTPS or set tls.listen (docs/web.md), and instance.url = \"https://{}\"",
                url.host()
            ),
        ));
    }
    let dead = unreachable(&addresses).await;
    if dead.len() < addresses.len() {
        found.extend(dead.iter().map(|address| {
            SUBJECT.warning(
                format!("{address}, one of the addresses of {}, doesn't answer", target.host),
                "let the proxy or the server listen there and the firewall let it through, or remove its A or AAAA record",
            )
        }));
    }
    match visit(&target, "/health", "").await {
        Ok(answer) => {
            found.extend(of_certificate(&answer, config, now));
            found.push(of_health(url, &answer, server));
            if target.is_https && target.port == 443 {
                found.push(of_redirect(url, &redirect(&target).await));
            }
        }
        Err(error) => found.push(of_error(url, error, config, server)),
    }
    found
}

async fn resolve(target: &Target) -> Result<Vec<SocketAddr>, Box<Finding>> {
    let fix = format!(
        "make an A or AAAA record for {} that leads to this machine, or correct instance.url",
        target.host
    );
    match lookup_host((target.host.as_str(), target.port)).await {
        Ok(addresses) => {
            let mut addresses: Vec<_> = addresses.collect();
            addresses.sort_unstable();
            addresses.dedup();
            addresses.truncate(ADDRESSES_MAX);
            if addresses.is_empty() {
                let what = format!("{} has no address", target.host);
                return Err(Box::new(SUBJECT.fault(what, fix)));
            }
            Ok(addresses)
        }
        Err(error) => {
            let what = format!("{} can't be resolved: {error}", target.host);
            Err(Box::new(SUBJECT.fault(what, fix)))
        }
    }
}

fn is_local(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

fn of_addresses(target: &Target, addresses: &[SocketAddr]) -> Finding {
    let host = &target.host;
    if host.parse::<IpAddr>().is_ok() {
        return SUBJECT.good(format!("{host} is an address and needs no name"));
    }
    let list: Vec<_> = addresses
        .iter()
        .map(|address| address.ip().to_string())
        .collect();
    let list = list.join(", ");
    if addresses.iter().all(|address| is_private(address.ip())) {
        return SUBJECT.warning(
            format!("{host} is {list}, which only this network reaches"),
            format!("let the public A or AAAA record of {host} name the address by which the internet reaches this machine"),
        );
    }
    SUBJECT.good(format!("{host} is {list}"))
}

/// Those that nobody can connect to.
async fn unreachable(addresses: &[SocketAddr]) -> Vec<IpAddr> {
    let tried = addresses.iter().map(|address| async move {
        let connected = timeout(CONNECT_TIME_MAX, TcpStream::connect(*address)).await;
        (!matches!(connected, Ok(Ok(_)))).then(|| address.ip())
    });
    let tried = futures_util::future::join_all(tried).await;
    tried.into_iter().flatten().collect()
}

fn of_health(url: &InstanceUrl, answer: &Visit, server: &Server) -> Finding {
    match answer.status {
        200 => SUBJECT.good(format!("{url}/health answers")),
        301 | 302 | 307 | 308 => SUBJECT.fault(
            format!(
                "{url} sends visitors on to {}",
                answer.location.as_deref().unwrap_or("somewhere else")
            ),
            "set instance.url to the address that people end at, or have the proxy pass requests on instead",
        ),
        status if matches!(server, Server::Absent) => SUBJECT.unknown(
            format!("{url}/health answers {status}, and no server runs on this directory"),
            Some("start the server, and ask again".to_owned()),
        ),
        status => SUBJECT.fault(
            format!("{url}/health answers {status}: what stands there doesn't pass requests on to this server"),
            "let the proxy pass everything on to http.listen (docs/web.md)",
        ),
    }
}

fn of_certificate(answer: &Visit, config: &Config, now: Timestamp) -> Option<Finding> {
    let not_after = answer.not_after?;
    let days = (not_after.millis() - now.millis()).div_euclid(DAY_MILLIS);
    Some(if days < CERTIFICATE_DAYS_MIN {
        SUBJECT.warning(
            format!(
                "the certificate is good for {days} more days only, until {}",
                not_after.date()
            ),
            renewal(config),
        )
    } else {
        SUBJECT.good(format!(
            "the certificate is believed, and good until {}",
            not_after.date()
        ))
    })
}

/// Who renews the certificate, and how.
fn renewal(config: &Config) -> String {
    let tls = &config.tls;
    if tls.listen.is_empty() {
        return "renew the certificate of the proxy: certbot renew && systemctl reload nginx, or see the log of Caddy".to_owned();
    }
    match &tls.certificate {
        Some(file) => format!(
            "renew {} (tls.certificate), for example by certbot renew; the server reads it again by itself",
            file.display()
        ),
        None => "see in the log why tls.acme_domains got no new one: the port 443 has to be reachable from the internet".to_owned(),
    }
}

#[cfg_attr(
    not(feature = "tls"),
    expect(
        unused_variables,
        reason = "certificates are what the settings are asked for"
    )
)]
fn of_error(url: &InstanceUrl, error: VisitError, config: &Config, server: &Server) -> Finding {
    let start = || Some("start the server, and ask again".to_owned());
    let listening = "let the server or a proxy listen there (http.listen, tls.listen), and the firewall and the router let it through";
    match error {
        VisitError::Unreachable(error) => {
            let what = format!("nobody answers at {url}: {error}");
            match server {
                Server::Absent => SUBJECT.unknown(what, start()),
                _ => SUBJECT.fault(what, listening),
            }
        }
        VisitError::Late => {
            let what = format!("{url} gives no answer in time");
            match server {
                Server::Absent => SUBJECT.unknown(what, start()),
                _ => SUBJECT.fault(what, listening),
            }
        }
        VisitError::NoHttp => SUBJECT.fault(
            format!("what answers at {url} speaks no HTTP"),
            "set http:// or https:// in instance.url as it is spoken there; with http.proxy_protocol = true the proxy has to speak it",
        ),
        #[cfg(feature = "tls")]
        VisitError::NoTls(error) => SUBJECT.fault(
            format!("there is no encryption at {url}: {error}"),
            "let the proxy speak TLS at this port, or set tls.listen; or is instance.url http://?",
        ),
        #[cfg(feature = "tls")]
        VisitError::Untrusted(distrust) => of_distrust(url, &distrust, config),
        #[cfg(not(feature = "tls"))]
        VisitError::LeftOut => SUBJECT.unknown(
            "this kinglet was built without the feature tls, so it can't look at HTTPS",
            Some(format!("curl --verbose {url}/health")),
        ),
    }
}

#[cfg(feature = "tls")]
fn of_distrust(url: &InstanceUrl, distrust: &Distrust, config: &Config) -> Finding {
    let host = url.host();
    match distrust {
        Distrust::Expired => {
            SUBJECT.fault(format!("the certificate of {url} has expired"), renewal(config))
        }
        Distrust::NotYet => SUBJECT.fault(
            format!("the certificate of {url} is not good yet"),
            "set the clock (timedatectl set-ntp true), or wait until the certificate's time has come",
        ),
        Distrust::OtherName => {
            let holder = match (&config.tls.certificate, config.tls.listen.is_empty()) {
                (Some(file), false) => format!("tls.certificate = \"{}\"", file.display()),
                (None, false) => format!("tls.acme_domains = [\"{host}\"]"),
                _ => "the proxy".to_owned(),
            };
            SUBJECT.fault(
                format!("the certificate at {url} is for another name than {host}"),
                format!("get one for {host} ({holder}), or set instance.url to the name that it is for"),
            )
        }
        Distrust::UnknownAuthority => SUBJECT.fault(
            format!("the certificate of {url} is signed by nobody whom this machine knows: browsers warn, apps refuse"),
            "get one from a public authority (tls.acme_domains, certbot, Caddy), put the certificates between it and the root \
             into the same file, or let this machine know the root (update-ca-certificates, SSL_CERT_FILE)",
        ),
        Distrust::Other(reason) => SUBJECT.fault(
            format!("the certificate of {url} is not believed: {reason}"),
            renewal(config),
        ),
    }
}

/// What plain HTTP answers at the same name.
async fn redirect(target: &Target) -> Result<Visit, VisitError> {
    let plain = Target {
        port: 80,
        is_https: false,
        ..target.clone()
    };
    visit(&plain, "/health", "").await
}

fn of_redirect(url: &InstanceUrl, answer: &Result<Visit, VisitError>) -> Finding {
    let fix =
        "set tls.redirect_listen = \"[::]:80\", or have the proxy redirect port 80 (docs/web.md)";
    match answer {
        Ok(answer) => {
            let leads_here = answer
                .location
                .as_deref()
                .is_some_and(|location| location.starts_with(url.as_str()));
            if leads_here {
                SUBJECT.good("plain HTTP is sent on to HTTPS")
            } else {
                SUBJECT.warning(
                    format!(
                        "plain HTTP answers {} instead of sending on to {url}",
                        answer.status
                    ),
                    fix,
                )
            }
        }
        Err(_) => SUBJECT.warning(
            format!(
                "who types {} without https:// may find nobody: port 80 doesn't answer",
                url.host()
            ),
            fix,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    fn answer(status: u16, location: Option<&str>, not_after: Option<Timestamp>) -> Visit {
        Visit {
            status,
            location: location.map(str::to_owned),
            own: "127.0.0.1:1".parse().expect("an address"),
            not_after,
        }
    }

    #[test]
    fn plain_http_has_to_send_on() {
        let url: InstanceUrl = "https://example.org".parse().expect("a URL");
        let state = |status, location| of_redirect(&url, &Ok(answer(status, location, None))).state;
        assert_eq!(state(301, Some("https://example.org/health")), State::Good);
        assert_eq!(state(301, Some("https://example.com/")), State::Warning);
        assert_eq!(state(200, None), State::Warning);
        let silent = of_redirect(&url, &Err(VisitError::Late));
        assert!(
            silent
                .fix
                .is_some_and(|fix| fix.contains("tls.redirect_listen"))
        );
    }

    #[test]
    fn a_certificate_that_ends_soon_is_told() {
        let now = Timestamp::from_millis(1_790_000_000_000);
        let config = Config::default();
        let state = |days| {
            let not_after = now.plus_millis(days * DAY_MILLIS);
            let found = of_certificate(&answer(200, None, Some(not_after)), &config, now);
            found.map(|finding| finding.state)
        };
        assert_eq!(state(60), Some(State::Good));
        assert_eq!(state(13), Some(State::Warning));
        assert_eq!(of_certificate(&answer(200, None, None), &config, now), None);
    }

    #[test]
    fn private_addresses_are_told() {
        let target = Target::of(&"https://example.org".parse().expect("a URL"));
        let state = |addresses: &[&str]| {
            let addresses = addresses
                .iter()
                .map(|text| text.parse().expect("an address"));
            of_addresses(&target, &addresses.collect::<Vec<_>>()).state
        };
        assert_eq!(state(&["192.168.1.2:443"]), State::Warning);
        assert_eq!(state(&["[fd00::1]:443"]), State::Warning);
        assert_eq!(state(&["192.168.1.2:443", "198.51.100.1:443"]), State::Good);
    }
}
