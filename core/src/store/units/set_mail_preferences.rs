//! What an account wants mailed: chosen by its holder, or turned off by a link in a mail.

use super::rules::require_active;
use crate::domain::account::AccountState;
use crate::domain::mail::{MailKind, MailPreferences};
use crate::domain::refusal::Refusal;
use crate::ids::AccountId;
use crate::store::tables::{credentials, mail_settings};
use crate::store::writer::{Unit, UnitError, Write};

/// Replaces what an account wants mailed.
#[derive(Debug, Clone)]
pub struct SetMailPreferences {
    /// Whose.
    pub account: AccountId,
    /// What it wants.
    pub preferences: MailPreferences,
}

impl Unit for SetMailPreferences {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_active(write.connection, self.account)?;
        let preferences = self.preferences.clone().cleaned();
        let preferences = preferences.map_err(|fault| Refusal::invalid(fault.to_string()))?;
        mail_settings::set(write.connection, self.account, &preferences)?;
        Ok(())
    }
}

/// Turns one kind of mail off. Who asks has shown a signed link; whether the account is still there is not told.
#[derive(Debug, Clone, Copy)]
pub struct Unsubscribe {
    /// Whose mail.
    pub account: AccountId,
    /// Which.
    pub kind: MailKind,
}

impl Unit for Unsubscribe {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        let member = credentials::find(write.connection, self.account)?;
        if member.is_none_or(|member| member.state == AccountState::Deleted) {
            return Ok(());
        }
        let mut preferences = mail_settings::find(write.connection, self.account)?;
        // Whoever presses the button again and again doesn't keep the disk busy.
        if !preferences.wants(self.kind) {
            return Ok(());
        }
        preferences.unsubscribe(self.kind);
        mail_settings::set(write.connection, self.account, &preferences)?;
        Ok(())
    }
}
