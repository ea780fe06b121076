//! `kinglet instance`: what the instance is.

use super::args::InstanceSetUrl;
use super::{Beginning, CliError, ask, print};
use crate::config::Config;
use crate::control::protocol::{Answer, Request};

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
