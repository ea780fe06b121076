//! Muting: one no longer meets the other in timelines; the other doesn't notice.

use super::rules::{require_active, require_other};
use crate::domain::event::Event;
use crate::domain::relationship::MuteOptions;
use crate::ids::AccountId;
use crate::store::tables::{accounts, mutes};
use crate::store::writer::{Unit, UnitError, Write};

/// Mutes an account; again, it changes the options.
#[derive(Debug, Clone)]
pub struct MuteAccount {
    /// Who mutes.
    pub account: AccountId,
    /// Whom.
    pub target: AccountId,
    /// What the mute covers.
    pub options: MuteOptions,
}

impl Unit for MuteAccount {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_active(write.connection, self.account)?;
        require_other(write.connection, self.account, self.target)?;
        mutes::upsert(write.connection, self.account, self.target, self.options)?;
        accounts::touch_sources(write.connection, self.account, write.commit)?;
        write.tell(Event::RelationsChanged {
            from: self.account,
            to: self.target,
        });
        Ok(())
    }
}

/// Ends a mute; nothing happens when there is none.
#[derive(Debug, Clone)]
pub struct UnmuteAccount {
    /// Who mutes.
    pub account: AccountId,
    /// Whom.
    pub target: AccountId,
}

impl Unit for UnmuteAccount {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_active(write.connection, self.account)?;
        require_other(write.connection, self.account, self.target)?;
        if mutes::delete(write.connection, self.account, self.target)? {
            accounts::touch_sources(write.connection, self.account, write.commit)?;
            write.tell(Event::RelationsChanged {
                from: self.account,
                to: self.target,
            });
        }
        Ok(())
    }
}
