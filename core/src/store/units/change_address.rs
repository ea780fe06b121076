//! An account gets another mail address, by whoever knows its password.

use super::ask_reset::LINKS_PER_HOUR_MAX;
use super::enqueue::enqueue;
use super::register_account::EMAIL_TAKEN;
use super::rules::require_active;
use crate::domain::job::Job;
use crate::domain::refusal::Refusal;
use crate::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::tables::links::LinkKind;
use crate::store::tables::{credentials, jobs, links, mail_standing};
use crate::store::writer::{Unit, UnitError, Write};

/// Wishes for another mail address. It takes the place of the other when the link that is mailed to it is used; where
/// no mail is sent, at once.
///
/// Whether another account has the address is told only to whoever gets that mail.
#[derive(Debug, Clone)]
pub struct ChangeAddress {
    /// Whose.
    pub account: AccountId,
    /// The hash that the password was held against; it must still be the one that counts.
    pub password_hash: String,
    /// The address, in the form in which it is compared.
    pub email: String,
}

/// How a mail address stands that was wished for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressChange {
    /// It waits for its confirmation.
    Waits,
    /// It is the account's.
    Holds,
}

impl Unit for ChangeAddress {
    type Answer = AddressChange;

    fn apply(&self, write: &mut Write<'_>) -> Result<AddressChange, UnitError> {
        require_active(write.connection, self.account)?;
        let hash = credentials::password_hash(write.connection, self.account)?;
        if hash.as_deref() != Some(&self.password_hash) {
            return Err(Refusal::Conflict("The password was changed meanwhile".into()).into());
        }
        wish_for(write, self.account, &self.email)
    }
}

/// Remembers the wish for an address, and asks for the mail that confirms it.
pub(super) fn wish_for(
    write: &mut Write<'_>,
    account: AccountId,
    email: &str,
) -> Result<AddressChange, UnitError> {
    let connection = write.connection;
    // A link that was made for an older wish must not confirm this one.
    links::delete_of_kind(connection, account, LinkKind::Confirm)?;
    let standing = mail_standing::address(connection, account)?;
    let is_the_same = standing
        .as_ref()
        .is_some_and(|standing| standing.email.eq_ignore_ascii_case(email));
    if is_the_same {
        credentials::set_new_email(connection, account, None)?;
    }
    let Some(standing) = standing.filter(|_| write.sends_mail) else {
        if !is_the_same {
            if credentials::id_by_email(connection, email)?.is_some() {
                return Err(Refusal::invalid(EMAIL_TAKEN).into());
            }
            credentials::set_email(connection, account, email, false)?;
            mail_standing::clear_bounced(connection, account)?;
            links::delete_of_account(connection, account)?;
        }
        return Ok(AddressChange::Holds);
    };
    if is_the_same && standing.is_confirmed {
        return Ok(AddressChange::Holds);
    }
    let hour = write.now.hours();
    if !mail_standing::count_link(connection, account, hour, LINKS_PER_HOUR_MAX)? {
        return Err(Refusal::forbidden(
            "Too many links were asked for within the hour: try again later",
        )
        .into());
    }
    if !is_the_same {
        credentials::set_new_email(connection, account, Some(email))?;
    }
    mail_standing::ask_confirmation(connection, account, write.now, write.now)?;
    send_confirmation(write, account)?;
    Ok(AddressChange::Waits)
}

/// Asks for the mail with the link, in the place of one that may be on its way to another address.
pub(super) fn send_confirmation(
    write: &mut Write<'_>,
    account: AccountId,
) -> Result<(), StoreError> {
    let job = Job::ConfirmationMail { account };
    if let Some(key) = job.dedup_key() {
        jobs::delete_by_key(write.connection, &key)?;
    }
    enqueue(write, &job)
}

/// The holder of an address that mail came back from says that it takes mail again.
#[derive(Debug, Clone, Copy)]
pub struct TrustAddress {
    /// Whose.
    pub account: AccountId,
}

impl Unit for TrustAddress {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_active(write.connection, self.account)?;
        mail_standing::clear_bounced(write.connection, self.account)?;
        Ok(())
    }
}
