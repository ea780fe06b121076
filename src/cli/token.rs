//! `kinglet token`: access tokens for programs.

use super::args::TokenCreate;
use super::{Beginning, CliError, ask, print};
use crate::config::Config;
use crate::control::protocol::{Answer, Request};

pub(super) fn create(create: &TokenCreate, config: &Config) -> Result<(), CliError> {
    let request = Request::CreateToken {
        name: create.name.clone(),
        scopes: create.scopes.clone(),
    };
    match ask(config, request, Beginning::Refused)? {
        Answer::Token { token } => print(token.expose()),
        _ => Err(CliError::Mismatch),
    }
}
