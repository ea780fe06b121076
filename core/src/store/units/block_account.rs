//! Blocking: neither sees the other any more, and neither follows the other.

use super::follow_account::unfollow;
use super::rules::{require_active, require_other};
use crate::domain::event::Event;
use crate::ids::AccountId;
use crate::store::tables::{accounts, blocks};
use crate::store::writer::{Unit, UnitError, Write};

/// Blocks an account; doing it twice changes nothing.
#[derive(Debug, Clone)]
pub struct BlockAccount {
    /// Who blocks.
    pub account: AccountId,
    /// Whom.
    pub target: AccountId,
}

impl Unit for BlockAccount {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_active(write.connection, self.account)?;
        require_other(write.connection, self.account, self.target)?;
        if blocks::insert(write.connection, self.account, self.target)? {
            unfollow(write, self.account, self.target)?;
            unfollow(write, self.target, self.account)?;
            relations_changed(write, self.account, self.target)?;
        }
        Ok(())
    }
}

/// Ends a block; nothing happens when there is none. Follows do not come back.
#[derive(Debug, Clone)]
pub struct UnblockAccount {
    /// Who blocks.
    pub account: AccountId,
    /// Whom.
    pub target: AccountId,
}

impl Unit for UnblockAccount {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_active(write.connection, self.account)?;
        require_other(write.connection, self.account, self.target)?;
        if blocks::delete(write.connection, self.account, self.target)? {
            relations_changed(write, self.account, self.target)?;
        }
        Ok(())
    }
}

/// A block changes what both see.
fn relations_changed(
    write: &mut Write<'_>,
    one: AccountId,
    other: AccountId,
) -> Result<(), UnitError> {
    accounts::touch_sources(write.connection, one, write.commit)?;
    accounts::touch_sources(write.connection, other, write.commit)?;
    write.tell(Event::RelationsChanged {
        from: one,
        to: other,
    });
    Ok(())
}
