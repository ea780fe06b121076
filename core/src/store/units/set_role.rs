//! An account's role changes.

use super::access_rules::{credentials_changed, require_member, require_owner_remains};
use crate::domain::access::Authority;
use crate::domain::account::Role;
use crate::domain::event::Event;
use crate::domain::refusal::Refusal;
use crate::ids::AccountId;
use crate::store::tables::credentials;
use crate::store::writer::{Unit, UnitError, Write};

/// Gives an account a role. Only owners and the operator may; the last owner stays one.
#[derive(Debug, Clone, Copy)]
pub struct SetRole {
    /// Who decides.
    pub by: Authority,
    /// On whom.
    pub account: AccountId,
    /// The role from now on.
    pub role: Role,
}

impl Unit for SetRole {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        let connection = write.connection;
        let member = require_member(connection, self.account)?;
        if let Authority::Member(by) = self.by {
            let by = require_member(connection, by)?;
            if by.role != Role::Owner || by.state.is_hidden() {
                return Err(Refusal::forbidden("Your role doesn't allow this action").into());
            }
        }
        if member.role == self.role {
            return Ok(());
        }
        require_owner_remains(connection, &member)?;
        credentials::set_role(connection, self.account, self.role)?;
        credentials_changed(write, self.account)?;
        write.tell(Event::AccountChanged(self.account));
        Ok(())
    }
}
