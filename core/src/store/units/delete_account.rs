//! An account is deleted: hidden and emptied at once, its rows removed by a purge.

use super::access_rules::{
    end_all_access, require_authority, require_member, require_owner_remains, visibility_changed,
};
use super::enqueue::enqueue;
use super::mark_stale::mark_stale;
use super::update_profile::terms_of;
use crate::domain::access::Authority;
use crate::domain::job::Job;
use crate::ids::AccountId;
use crate::store::tables::{
    accounts, archives, arrivals, credentials, mail_settings, mail_standing, terms,
};
use crate::store::writer::{Unit, UnitError, Write};

/// Deletes an account. Its name stays taken, so that nobody can pass for whoever had it; what is kept for that is a mark
/// that only tells whether a name is the one.
#[derive(Debug, Clone, Copy)]
pub struct DeleteAccount {
    /// Who decides; a member may delete itself.
    pub by: Authority,
    /// Which account.
    pub account: AccountId,
}

impl Unit for DeleteAccount {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        let connection = write.connection;
        let member = require_member(connection, self.account)?;
        if self.by != Authority::Member(self.account) {
            require_authority(connection, self.by, &member)?;
        }
        require_owner_remains(connection, &member)?;
        remove_account(write, self.account)?;
        Ok(())
    }
}

/// Hides and empties an account, and asks for a purge of the rest.
pub(super) fn remove_account(write: &mut Write<'_>, account: AccountId) -> Result<(), UnitError> {
    if let Some(found) = accounts::find(write.connection, account)? {
        terms::remove_account(write.connection, account, &terms_of(&found))?;
        let mark = accounts::mark_of_name(write.connection, &found.name)?;
        credentials::strip(write.connection, account, &mark)?;
    }
    archives::delete_unmade(write.connection, account)?;
    arrivals::cut_off(write.connection, account, write.now)?;
    mail_settings::delete(write.connection, account)?;
    mail_standing::delete(write.connection, account)?;
    write.forget_soon()?;
    enqueue(write, &Job::PurgeAccount { account })?;
    // Whatever else it did is marked as it is purged.
    mark_stale(write, account.0)?;
    end_all_access(write, account)?;
    visibility_changed(write, account)?;
    Ok(())
}
