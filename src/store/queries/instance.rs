//! What the store knows of the instance itself.

use crate::domain::account::{AccountState, Role};
use crate::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::reader::{Query, View};
use crate::store::tables::{accounts, meta};

/// The public address that the instance remembers.
#[derive(Debug, Clone, Copy)]
pub struct FindInstanceUrl;

impl Query for FindInstanceUrl {
    type Answer = Option<String>;

    fn run(&self, view: &View<'_>) -> Result<Option<String>, StoreError> {
        meta::instance_url(view.connection)
    }
}

/// The accounts in the order of their ids, for the operator.
#[derive(Debug, Clone, Copy)]
pub struct ListAccounts {
    /// The id after which the list begins.
    pub after: AccountId,
    /// The most accounts that are listed.
    pub limit: usize,
}

/// An account, as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedAccount {
    /// Its id.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// Its mail address.
    pub email: Option<String>,
    /// What it may do.
    pub role: Role,
    /// Where it is in its life.
    pub state: AccountState,
    /// How many posts strangers can count.
    pub posts_count: i64,
}

impl Query for ListAccounts {
    type Answer = Vec<ListedAccount>;

    fn run(&self, view: &View<'_>) -> Result<Vec<ListedAccount>, StoreError> {
        accounts::list(view.connection, self.after, self.limit)
    }
}
