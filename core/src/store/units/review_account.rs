//! A moderator decides on somebody who signed up and waits.

use super::access_rules::{
    credentials_changed, end_all_access, require_authority, require_member, visibility_changed,
};
use super::enqueue::{enqueue, has_sound_address};
use super::mark_stale::mark_stale;
use super::update_profile::terms_of;
use crate::domain::access::{Authority, Member};
use crate::domain::account::AccountState;
use crate::domain::event::Event;
use crate::domain::job::Job;
use crate::domain::refusal::Refusal;
use crate::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::tables::{
    account_rows, accounts, credentials, mail_settings, mail_standing, terms,
};
use crate::store::writer::{Unit, UnitError, Write};

/// The most jobs of mail that are forgotten with somebody who never was in: each kind is there once at a time, and dies seldom.
const MAILS_PER_NEWCOMER_MAX: usize = 100;

/// Lets somebody in who waits.
#[derive(Debug, Clone, Copy)]
pub struct ApproveAccount {
    /// Who decides.
    pub by: Authority,
    /// On whom.
    pub account: AccountId,
}

impl Unit for ApproveAccount {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_pending(write, self.by, self.account)?;
        credentials::take_confirms_to(write.connection, self.account)?;
        credentials::set_state(write.connection, self.account, AccountState::Active)?;
        credentials_changed(write, self.account)?;
        mark_stale(write, self.account.0)?;
        visibility_changed(write, self.account)?;
        let account = self.account;
        if write.sends_mail && has_sound_address(write.connection, account)? {
            enqueue(write, &Job::ApprovedMail { account })?;
        }
        Ok(())
    }
}

/// Turns somebody away who waits: nothing of the account remains, its name is free again.
#[derive(Debug, Clone, Copy)]
pub struct RejectAccount {
    /// Who decides.
    pub by: Authority,
    /// On whom.
    pub account: AccountId,
}

impl Unit for RejectAccount {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_pending(write, self.by, self.account)?;
        end_all_access(write, self.account)?;
        remove_newcomer(write, self.account)?;
        Ok(())
    }
}

/// Removes an account that never was in use, so that its name is free again.
pub(super) fn remove_newcomer(write: &mut Write<'_>, account: AccountId) -> Result<(), StoreError> {
    if let Some(found) = accounts::find(write.connection, account)? {
        terms::remove_account(write.connection, account, &terms_of(&found))?;
    }
    account_rows::delete_notifications_by(write.connection, account)?;
    account_rows::delete_mail(write.connection, account, MAILS_PER_NEWCOMER_MAX)?;
    mail_settings::delete(write.connection, account)?;
    mail_standing::delete(write.connection, account)?;
    credentials::delete(write.connection, account)?;
    write.forget_soon()?;
    write.tell(Event::AccountChanged(account));
    Ok(())
}

fn require_pending(
    write: &Write<'_>,
    by: Authority,
    account: AccountId,
) -> Result<Member, UnitError> {
    let member = require_member(write.connection, account)?;
    require_authority(write.connection, by, &member)?;
    // The operator may answer for an address that no mail can confirm.
    let may_skip_confirmation =
        by == Authority::Operator && member.state == AccountState::Unconfirmed;
    if member.state != AccountState::Pending && !may_skip_confirmation {
        return Err(Refusal::Conflict("This account doesn't wait for approval".into()).into());
    }
    Ok(member)
}
