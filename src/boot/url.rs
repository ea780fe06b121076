//! The public address that an instance runs under.

use std::net::SocketAddr;

use super::BootError;
use crate::config::{Config, InstanceUrl};

/// Whether a start keeps to the public address that the instance remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UrlRule {
    /// A server: remembers what is configured, and doesn't run under another address.
    Keep,
    /// A command that was given for once.
    Overlook,
}

/// The public address in force: the configured one, else the remembered one, else that of the listener.
pub(super) fn public_url(
    config: &Config,
    remembered: Option<&str>,
    listening: (SocketAddr, bool),
    rule: UrlRule,
) -> Result<InstanceUrl, BootError> {
    let Some(remembered) = remembered else {
        return Ok(config.public_url(listening.0, listening.1));
    };
    match &config.instance.url {
        None => remembered
            .parse()
            .map_err(|error| BootError::Broken(format!("the remembered URL {remembered} {error}"))),
        Some(configured) if rule == UrlRule::Keep && configured.as_str() != remembered => {
            Err(BootError::UrlChanged {
                remembered: remembered.to_owned(),
                configured: configured.to_string(),
            })
        }
        Some(configured) => Ok(configured.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn the_remembered_address_rules_over_all_but_the_configured_one() {
        let listening = ("127.0.0.1:8420".parse().expect("an address"), false);
        let mut config = Config::default();
        let url = |config: &Config, remembered, rule| {
            public_url(config, remembered, listening, rule).map(|url| url.to_string())
        };
        let a = Some("https://a.example");
        let found = url(&config, None, UrlRule::Keep).expect("a URL");
        assert_eq!(found, "http://127.0.0.1:8420");
        let found = url(&config, a, UrlRule::Keep).expect("a URL");
        assert_eq!(found, "https://a.example");
        config.instance.url = Some("https://b.example".parse().expect("a URL"));
        let found = url(&config, a, UrlRule::Overlook).expect("a URL");
        assert_eq!(found, "https://b.example");
        let refused = url(&config, a, UrlRule::Keep).expect_err("they differ");
        assert_eq!(refused.exit_code(), config::EXIT_CONFIG);
    }
}
