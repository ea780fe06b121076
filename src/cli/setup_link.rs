//! `kinglet setup-link`: a link by which the owner's account is made.

use super::args::Output;
use super::{Beginning, CliError, ask, print_link};
use crate::config::Config;
use crate::control::protocol::Request;

pub(super) fn run(output: Output, config: &Config) -> Result<(), CliError> {
    let answer = ask(config, Request::CreateSetupLink, Beginning::Allowed)?;
    print_link(answer, output)
}
