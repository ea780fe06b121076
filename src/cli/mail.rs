//! `kinglet mail`: whether mail leaves.

use super::args::MailTest;
use super::{Beginning, CliError, ask, print};
use crate::config::Config;
use crate::control::protocol::{Answer, Request};

pub(super) fn test(test: &MailTest, config: &Config) -> Result<(), CliError> {
    let request = Request::SendTestMail {
        address: test.address.clone(),
    };
    match ask(config, request, Beginning::Refused)? {
        Answer::Done => print(&format!("a mail to {} has left", test.address)),
        _ => Err(CliError::Mismatch),
    }
}
