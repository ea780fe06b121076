//! What was deleted after a backup is deleted again in the store that was restored from it.

use super::access_rules::end_all_access;
use super::boost_post::remove_boost;
use super::delete_account::remove_account;
use super::delete_post::remove_post;
use super::review_account::remove_newcomer;
use crate::store::backup::Deletion;
use crate::store::tables::{accounts, posts};
use crate::store::writer::{Unit, UnitError, Write};

/// Deletes once more. Nobody is asked: whoever might did it before.
#[derive(Debug, Clone)]
pub struct ReapplyDeletion {
    /// What.
    pub deletion: Deletion,
}

impl Unit for ReapplyDeletion {
    /// Whether it was there.
    type Answer = bool;

    fn apply(&self, write: &mut Write<'_>) -> Result<bool, UnitError> {
        match &self.deletion {
            Deletion::Account(account) => remove_account(write, *account)?,
            Deletion::SignUp(account) => {
                end_all_access(write, *account)?;
                remove_newcomer(write, *account)?;
            }
            Deletion::Name { account, mark } => {
                accounts::insert_deleted(write.connection, *account, mark)?;
                write.raise_ids(account.0);
            }
            Deletion::Post(post) => match posts::facts(write.connection, *post)? {
                None => return Ok(false),
                Some(boost) if boost.boost_of.is_some() => remove_boost(write, boost)?,
                Some(post) => remove_post(write, post)?,
            },
        }
        Ok(true)
    }
}
