//! Suspension: an account vanishes from every road at once, and comes back whole.

use super::access_rules::{
    credentials_changed, end_all_access, require_authority, require_member, require_owner_remains,
    visibility_changed,
};
use crate::domain::access::Authority;
use crate::domain::account::AccountState;
use crate::domain::refusal::Refusal;
use crate::ids::AccountId;
use crate::store::tables::{credentials, stale_quarters};
use crate::store::writer::{Unit, UnitError, Write};

/// Hides everything of an account and ends its sessions, tokens and codes; doing it twice changes nothing.
#[derive(Debug, Clone, Copy)]
pub struct SuspendAccount {
    /// Who decides.
    pub by: Authority,
    /// On whom.
    pub account: AccountId,
}

impl Unit for SuspendAccount {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        let member = require_member(write.connection, self.account)?;
        require_authority(write.connection, self.by, &member)?;
        match member.state {
            AccountState::Suspended => return Ok(()),
            // Whoever was never let in is turned away instead: otherwise the end of the suspension would let them in.
            AccountState::Pending => {
                return Err(Refusal::Conflict("This account waits for approval".into()).into());
            }
            AccountState::Unconfirmed => {
                return Err(Refusal::Conflict(
                    "This account's mail address isn't confirmed".into(),
                )
                .into());
            }
            AccountState::Active | AccountState::Deleted => {}
        }
        require_owner_remains(write.connection, &member)?;
        credentials::set_state(write.connection, self.account, AccountState::Suspended)?;
        end_all_access(write, self.account)?;
        stale_quarters::insert_account(write.connection, self.account)?;
        visibility_changed(write, self.account)?;
        Ok(())
    }
}

/// Ends a suspension; nothing happens when there is none.
#[derive(Debug, Clone, Copy)]
pub struct UnsuspendAccount {
    /// Who decides.
    pub by: Authority,
    /// On whom.
    pub account: AccountId,
}

impl Unit for UnsuspendAccount {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        let member = require_member(write.connection, self.account)?;
        require_authority(write.connection, self.by, &member)?;
        if member.state != AccountState::Suspended {
            return Ok(());
        }
        credentials::set_state(write.connection, self.account, AccountState::Active)?;
        credentials_changed(write, self.account)?;
        stale_quarters::insert_account(write.connection, self.account)?;
        visibility_changed(write, self.account)?;
        Ok(())
    }
}
