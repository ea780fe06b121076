//! The first account: its link is printed for whoever started the instance.

use super::access_rules::DEAD_LINK;
use super::register_account::{NewMember, Start, insert_member};
use crate::domain::access::LINK_MILLIS_MAX;
use crate::domain::account::Role;
use crate::domain::refusal::Refusal;
use crate::ids::AccountId;
use crate::secret::TokenHash;
use crate::store::tables::links::LinkKind;
use crate::store::tables::{credentials, links};
use crate::store::writer::{Unit, UnitError, Write};

/// Makes the link for the owner's account; an older one ends. Refused as soon as there is an owner.
#[derive(Debug, Clone, Copy)]
pub struct CreateSetupLink {
    /// The hash of the link's code.
    pub code: TokenHash,
}

impl Unit for CreateSetupLink {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_no_owner(write)?;
        links::delete_set_up(write.connection)?;
        let expires_at = write.now.plus_millis(LINK_MILLIS_MAX);
        links::insert(
            write.connection,
            self.code,
            LinkKind::SetUp,
            None,
            1,
            expires_at,
        )?;
        Ok(())
    }
}

/// Makes the owner's account by the link.
#[derive(Debug, Clone)]
pub struct SetUpOwner {
    /// The hash of the link's code.
    pub code: TokenHash,
    /// The owner.
    pub member: NewMember,
}

impl Unit for SetUpOwner {
    type Answer = AccountId;

    fn apply(&self, write: &mut Write<'_>) -> Result<AccountId, UnitError> {
        require_no_owner(write)?;
        if links::take(write.connection, self.code, LinkKind::SetUp, write.now)?.is_none() {
            return Err(Refusal::forbidden(DEAD_LINK).into());
        }
        insert_member(write, &self.member, &Start::trusted(Role::Owner))
    }
}

fn require_no_owner(write: &Write<'_>) -> Result<(), UnitError> {
    if credentials::has_owner(write.connection)? {
        return Err(Refusal::forbidden("This instance has an owner already").into());
    }
    Ok(())
}
