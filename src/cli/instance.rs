//! `kinglet instance`: what the instance is.

use clap::{Args, Subcommand};

use super::{Beginning, CliError, ask, print};
use crate::config::{Config, InstanceUrl};
use crate::control::protocol::{Answer, Request};

/// `instance ...`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Instance {
    /// Change the public address that the instance remembers
    #[command(after_help = "\
Examples:
  kinglet instance set-url https://example.org

It has to agree with instance.url where that is configured.")]
    SetUrl(InstanceSetUrl),
}

/// Options of `instance set-url`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct InstanceSetUrl {
    /// The new address
    #[arg(value_name = "URL")]
    pub url: InstanceUrl,
}

pub(super) fn set_url(set: &InstanceSetUrl, config: &Config) -> Result<(), CliError> {
    if let Some(configured) = &config.instance.url
        && *configured != set.url
    {
        return Err(CliError::Unusable(format!(
            "instance.url is configured as {configured}: change it to {} there first",
            set.url
        )));
    }
    let request = Request::SetUrl {
        url: set.url.to_string(),
    };
    let Answer::UrlSet { before, now } = ask(config, request, Beginning::Allowed)? else {
        return Err(CliError::Mismatch);
    };
    match before {
        Some(before) if before != now => print(&format!(
            "the instance moves from {before} to {now} with the next start"
        )),
        _ => print(&format!("the instance is {now}")),
    }
}
