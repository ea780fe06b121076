//! A password changes: by whoever knows the old one, or by a link that the operator handed out or that was mailed.

use super::access_rules::{DEAD_LINK, end_all_access, end_sessions, require_member};
use super::rules::require_active;
use crate::domain::access::LINK_MILLIS_MAX;
use crate::domain::refusal::Refusal;
use crate::ids::{AccountId, SessionId};
use crate::secret::TokenHash;
use crate::store::error::StoreError;
use crate::store::tables::links::LinkKind;
use crate::store::tables::{codes, credentials, links};
use crate::store::writer::{Unit, UnitError, Write};

/// Replaces a password and ends the account's other sessions.
#[derive(Debug, Clone)]
pub struct ChangePassword {
    /// Whose.
    pub account: AccountId,
    /// The hash that the old password was held against; it must still be the one that counts.
    pub old_hash: String,
    /// The hash of the new password.
    pub new_hash: String,
    /// The session that goes on.
    pub keep: Option<SessionId>,
}

impl Unit for ChangePassword {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_active(write.connection, self.account)?;
        if credentials::password_hash(write.connection, self.account)?.as_deref()
            != Some(&self.old_hash)
        {
            return Err(Refusal::Conflict("The password was changed meanwhile".into()).into());
        }
        credentials::set_password_hash(write.connection, self.account, &self.new_hash)?;
        end_sessions(write, self.account, self.keep)?;
        end_wishes(write, self.account)?;
        codes::delete_of_account(write.connection, self.account)?;
        Ok(())
    }
}

/// Links end with the password that they were asked for under, and so does the wish for another mail address: it may
/// have been somebody else's.
fn end_wishes(write: &Write<'_>, account: AccountId) -> Result<(), StoreError> {
    links::delete_of_account(write.connection, account)?;
    credentials::set_new_email(write.connection, account, None)
}

/// Makes a link by which an account gets a new password, once and within a day; an older one ends.
#[derive(Debug, Clone, Copy)]
pub struct CreateResetLink {
    /// Whose password.
    pub account: AccountId,
    /// The hash of the link's code.
    pub code: TokenHash,
}

impl Unit for CreateResetLink {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_member(write.connection, self.account)?;
        links::delete_of_kind(write.connection, self.account, LinkKind::Reset)?;
        let expires_at = write.now.plus_millis(LINK_MILLIS_MAX);
        links::insert(
            write.connection,
            self.code,
            LinkKind::Reset,
            Some(self.account),
            1,
            expires_at,
        )?;
        Ok(())
    }
}

/// Sets a new password by a link. Whoever had got in with the old one is out: sessions, tokens and codes end.
#[derive(Debug, Clone)]
pub struct ResetPassword {
    /// The hash of the link's code.
    pub code: TokenHash,
    /// The hash of the new password.
    pub new_hash: String,
}

impl Unit for ResetPassword {
    /// Whose password it was.
    type Answer = AccountId;

    fn apply(&self, write: &mut Write<'_>) -> Result<AccountId, UnitError> {
        let taken = links::take(write.connection, self.code, LinkKind::Reset, write.now)?;
        let Some(Some(account)) = taken else {
            return Err(Refusal::forbidden(DEAD_LINK).into());
        };
        require_member(write.connection, account)?;
        credentials::set_password_hash(write.connection, account, &self.new_hash)?;
        end_all_access(write, account)?;
        end_wishes(write, account)?;
        Ok(account)
    }
}
