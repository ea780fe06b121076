//! A mail address is shown to be one's own, by the link that was mailed to it.

use super::access_rules::{
    DEAD_LINK, credentials_changed, end_all_access, require_member, visibility_changed,
};
use super::change_address::wish_for;
use super::enqueue::enqueue;
use super::mark_stale::mark_stale;
use super::register_account::tell_moderators;
use super::review_account::remove_newcomer;
use crate::domain::account::AccountState;
use crate::domain::job::Job;
use crate::domain::refusal::Refusal;
use crate::ids::AccountId;
use crate::secret::TokenHash;
use crate::store::tables::links::LinkKind;
use crate::store::tables::{credentials, jobs, links, mail_standing};
use crate::store::writer::{Unit, UnitError, Write};

/// How long after a mail with the link was asked for the next one may be, in milliseconds: 5 minutes.
pub const CONFIRMATION_PAUSE_MILLIS: i64 = 5 * 60 * 1000;
/// The sentence for an address that is one's own, but another account's too.
pub const ADDRESS_TAKEN: &str = "Another account here has this mail address already";
/// The sentence for somebody whose address needs no confirmation.
pub const NOTHING_TO_CONFIRM: &str =
    "This method is only available while the e-mail is awaiting confirmation";

/// Uses the link. A sign-up that waited for it is let in, or goes on to wait for approval.
#[derive(Debug, Clone, Copy)]
pub struct ConfirmAddress {
    /// The hash of the link's code.
    pub code: TokenHash,
    /// Who is logged in: an account in use must be, or a wrong address typed once would hand it to a stranger.
    pub reader: Option<AccountId>,
}

/// An account whose address was confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmed {
    /// Which.
    pub account: AccountId,
    /// Where it is in its life now.
    pub state: AccountState,
}

impl Unit for ConfirmAddress {
    type Answer = Confirmed;

    fn apply(&self, write: &mut Write<'_>) -> Result<Confirmed, UnitError> {
        let connection = write.connection;
        let found = links::find(connection, self.code, LinkKind::Confirm, write.now)?;
        let Some(Some(account)) = found else {
            return Err(Refusal::forbidden(DEAD_LINK).into());
        };
        let state = require_member(connection, account)?.state;
        if state != AccountState::Unconfirmed && self.reader != Some(account) {
            let sentence = "Log in to the account whose address this is first";
            return Err(Refusal::Unauthenticated(sentence.into()).into());
        }
        links::take(connection, self.code, LinkKind::Confirm, write.now)?;
        let Some(standing) = mail_standing::address(connection, account)? else {
            return Err(Refusal::forbidden(DEAD_LINK).into());
        };
        let email = standing.new_email.unwrap_or(standing.email);
        make_room(write, account, &email)?;
        credentials::set_email(connection, account, &email, true)?;
        mail_standing::clear_bounced(connection, account)?;
        // Links in the old mailbox lead nowhere any more.
        links::delete_of_account(connection, account)?;
        if let Some(key) = (Job::ConfirmationMail { account }).dedup_key() {
            jobs::delete_by_key(connection, &key)?;
        }
        let Some(state) = credentials::take_confirms_to(connection, account)? else {
            return Ok(Confirmed { account, state });
        };
        credentials::set_state(connection, account, state)?;
        credentials_changed(write, account)?;
        visibility_changed(write, account)?;
        match state {
            AccountState::Pending => tell_moderators(write, account)?,
            // Whoever is in use signed up on a day that has been counted without it.
            _ => mark_stale(write, account.0)?,
        }
        Ok(Confirmed { account, state })
    }
}

/// Whoever shows that an address is its own gets it before a sign-up that didn't.
fn make_room(write: &mut Write<'_>, account: AccountId, email: &str) -> Result<(), UnitError> {
    let Some(holder) = credentials::id_by_email(write.connection, email)? else {
        return Ok(());
    };
    if holder == account {
        return Ok(());
    }
    if require_member(write.connection, holder)?.state != AccountState::Unconfirmed {
        return Err(Refusal::Conflict(ADDRESS_TAKEN.into()).into());
    }
    end_all_access(write, holder)?;
    remove_newcomer(write, holder)?;
    Ok(())
}

/// Asks for the mail with the link once more. Answers whether one is sent: not when the last one was asked for just now.
#[derive(Debug, Clone)]
pub struct AskConfirmation {
    /// Whose address.
    pub account: AccountId,
    /// Another address for a sign-up whose first one was wrong, in the form in which it is compared.
    pub email: Option<String>,
}

impl Unit for AskConfirmation {
    type Answer = bool;

    fn apply(&self, write: &mut Write<'_>) -> Result<bool, UnitError> {
        let connection = write.connection;
        let state = require_member(connection, self.account)?.state;
        let waits = mail_standing::address(connection, self.account)?
            .is_some_and(|standing| !standing.is_confirmed || standing.new_email.is_some());
        let may = matches!(state, AccountState::Unconfirmed | AccountState::Active);
        // Whoever is in knows the password, and is asked for it before the address changes.
        let is_other_allowed = self.email.is_none() || state == AccountState::Unconfirmed;
        if !write.sends_mail || !waits || !may || !is_other_allowed {
            return Err(Refusal::forbidden(NOTHING_TO_CONFIRM).into());
        }
        if let Some(email) = &self.email {
            wish_for(write, self.account, email)?;
            return Ok(true);
        }
        let since = write.now.plus_millis(-CONFIRMATION_PAUSE_MILLIS);
        if !mail_standing::ask_confirmation(connection, self.account, write.now, since)? {
            return Ok(false);
        }
        let account = self.account;
        enqueue(write, &Job::ConfirmationMail { account })?;
        Ok(true)
    }
}
