//! An account is deleted: hidden and emptied at once, its rows removed by a purge.

use super::access_rules::{
    end_all_access, require_authority, require_member, require_owner_remains, visibility_changed,
};
use super::enqueue::enqueue;
use super::mark_stale::mark_stale;
use crate::domain::access::Authority;
use crate::domain::job::Job;
use crate::ids::AccountId;
use crate::store::tables::{archives, credentials, mail_settings, mail_standing, terms};
use crate::store::writer::{Unit, UnitError, Write};

/// Deletes an account. Its name stays taken, so that nobody can pass for whoever had it.
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
        credentials::strip(connection, self.account)?;
        archives::delete(connection, self.account)?;
        mail_settings::delete(connection, self.account)?;
        mail_standing::delete(connection, self.account)?;
        terms::delete_account(connection, self.account)?;
        enqueue(
            write,
            &Job::PurgeAccount {
                account: self.account,
            },
        )?;
        // Whatever else it did is marked as it is purged.
        mark_stale(write, self.account.0)?;
        end_all_access(write, self.account)?;
        visibility_changed(write, self.account)?;
        Ok(())
    }
}
