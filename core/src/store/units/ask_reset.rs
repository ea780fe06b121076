//! Somebody forgot a password and asks for a link by mail.

use super::enqueue::{enqueue, enqueue_new};
use crate::domain::account::AccountState;
use crate::domain::job::Job;
use crate::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::tables::{credentials, mail_standing};
use crate::store::writer::{Unit, UnitError, Write};

/// The most links that one account has mailed within an hour: to a new password, or to confirm another address.
pub const LINKS_PER_HOUR_MAX: i64 = 3;

/// Asks for a link to a new password. One job is written whoever is meant, so that neither the answer nor the time that
/// it takes tells whether there is such an account.
#[derive(Debug, Clone)]
pub struct AskReset {
    /// What was typed: a name, with or without a leading `@`, or a mail address.
    pub login: String,
}

impl Unit for AskReset {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        if !write.sends_mail {
            return Ok(());
        }
        if let Some(account) = self.recipient(write)?
            && enqueue_new(
                write,
                &Job::ResetMail {
                    account: Some(account),
                },
            )?
        {
            return Ok(());
        }
        enqueue(write, &Job::ResetMail { account: None })?;
        Ok(())
    }
}

impl AskReset {
    /// Who is meant, unless too many links were asked for already.
    fn recipient(&self, write: &Write<'_>) -> Result<Option<AccountId>, StoreError> {
        let connection = write.connection;
        let Some(account) = credentials::id_by_login(connection, &self.login)? else {
            return Ok(None);
        };
        let member = credentials::find(connection, account)?;
        if member.is_none_or(|member| member.state == AccountState::Deleted) {
            return Ok(None);
        }
        let hour = write.now.hours();
        let counted = mail_standing::count_link(connection, account, hour, LINKS_PER_HOUR_MAX)?;
        Ok(counted.then_some(account))
    }
}
