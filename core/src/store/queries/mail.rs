//! What an account wants mailed, and how mail to it fares.

use crate::domain::mail::MailPreferences;
use crate::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::reader::{Query, View};
use crate::store::tables::{mail_settings, mail_standing};

pub use crate::store::tables::mail_standing::MailAddressStanding;

/// An account's settings about mail, for its holder.
#[derive(Debug, Clone, Copy)]
pub struct ReadMailSettings {
    /// Whose.
    pub account: AccountId,
}

/// An account's settings about mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailSettings {
    /// Its address; none when it has none.
    pub address: Option<MailAddressStanding>,
    /// What it wants.
    pub preferences: MailPreferences,
}

impl Query for ReadMailSettings {
    type Answer = MailSettings;

    fn run(&self, view: &View<'_>) -> Result<MailSettings, StoreError> {
        Ok(MailSettings {
            address: mail_standing::address(view.connection, self.account)?,
            preferences: mail_settings::find(view.connection, self.account)?,
        })
    }
}
