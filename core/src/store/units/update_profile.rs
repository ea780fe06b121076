//! An account's holder changes what others see of it and what its posts start with.

use super::rules::require_active;
use crate::domain::account::{Account, ProfileChanges};
use crate::domain::event::Event;
use crate::domain::refusal::Refusal;
use crate::domain::text::search_terms::name_terms;
use crate::ids::AccountId;
use crate::store::tables::{accounts, terms};
use crate::store::writer::{Unit, UnitError, Write};

/// Changes a profile. Opening a locked account accepts nobody who waits.
#[derive(Debug, Clone)]
pub struct UpdateProfile {
    /// Whose.
    pub account: AccountId,
    /// What; cleaned here once more, so that nothing else can be stored.
    pub changes: ProfileChanges,
}

impl Unit for UpdateProfile {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        let connection = write.connection;
        require_active(connection, self.account)?;
        let changes = self
            .changes
            .clone()
            .cleaned()
            .map_err(|fault| Refusal::invalid(fault.to_string()))?;
        let before = accounts::find(connection, self.account)?.ok_or(Refusal::NotFound)?;
        accounts::update_profile(connection, self.account, &changes)?;
        let account = accounts::find(connection, self.account)?.ok_or(Refusal::NotFound)?;
        let (before, terms) = (terms_of(&before), terms_of(&account));
        terms::replace_account(connection, self.account, &before, &terms)?;
        // Whoever takes a name or a bio back wants it gone.
        write.forget_soon()?;
        write.tell(Event::AccountChanged(self.account));
        Ok(())
    }
}

/// The terms that an account is found by.
pub(super) fn terms_of(account: &Account) -> String {
    name_terms(&account.name, &account.display_name)
}
