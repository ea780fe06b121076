//! `kinglet token`: access tokens for programs.

use clap::{Args, Subcommand};

use super::{Beginning, CliError, ask, print};
use crate::config::Config;
use crate::control::protocol::{Answer, Request};

/// `token ...`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Token {
    /// Print a new access token, and nothing else
    #[command(after_help = "\
Examples:
  kinglet token create alice --scopes \"read write follow\"
  TOKEN=$(kinglet token create bot --scopes write:statuses)

Any scope may be asked for; what the account's role allows is looked at in every request.")]
    Create(TokenCreate),
}

/// Options of `token create`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct TokenCreate {
    /// Name of the account, without the @
    pub name: String,

    /// What the token is good for, separated by spaces
    #[arg(long, value_name = "SCOPES")]
    pub scopes: String,
}

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
