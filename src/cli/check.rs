//! `kinglet check`: whether the stored data is as it must be.

use super::args::Output;
use super::{Beginning, CliError, ask, print, print_json};
use crate::config::Config;
use crate::control::protocol::{Answer, Request};

pub(super) fn run(output: Output, config: &Config) -> Result<(), CliError> {
    let Answer::Checked { broken } = ask(config, Request::Check, Beginning::Refused)? else {
        return Err(CliError::Mismatch);
    };
    if output.json {
        print_json(&serde_json::json!({"broken": broken}))?;
    } else if broken.is_empty() {
        print("every invariant holds")?;
    } else {
        for finding in &broken {
            print(&format!("{}: {}", finding.invariant, finding.detail))?;
        }
    }
    if broken.is_empty() {
        Ok(())
    } else {
        Err(CliError::Findings)
    }
}
