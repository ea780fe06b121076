//! What stands between an account and others.

use rusqlite::Connection;

use crate::domain::relationship::Relations;
use crate::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::reader::{Query, View};
use crate::store::tables::{blocks, follows, mutes};

/// All that one account has to do with others.
#[derive(Debug, Clone, Copy)]
pub struct LoadRelations {
    /// Which account.
    pub account: AccountId,
}

impl Query for LoadRelations {
    type Answer = Relations;

    fn run(&self, view: &View<'_>) -> Result<Relations, StoreError> {
        relations_of(view.connection, self.account)
    }
}

/// All that one account has to do with others.
pub(in crate::store) fn relations_of(
    connection: &Connection,
    account: AccountId,
) -> Result<Relations, StoreError> {
    Ok(Relations {
        follows: follows::followees(connection, account)?
            .into_iter()
            .collect(),
        blocks: blocks::targets(connection, account)?.into_iter().collect(),
        blocked_by: blocks::blockers(connection, account)?.into_iter().collect(),
        mutes: mutes::targets(connection, account)?.into_iter().collect(),
    })
}
