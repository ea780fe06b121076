//! `kinglet invite`: links by which people sign up.

use super::args::InviteCreate;
use super::{Beginning, CliError, ask, print_link};
use crate::config::Config;
use crate::control::protocol::Request;

pub(super) fn create(create: InviteCreate, config: &Config) -> Result<(), CliError> {
    let request = Request::CreateInvite {
        uses: create.uses,
        days: create.days,
    };
    let answer = ask(config, request, Beginning::Allowed)?;
    print_link(answer, create.output)
}
