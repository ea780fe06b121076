//! What the instance tells of itself.

use crate::clock::Timestamp;
use crate::domain::account::{Account, AccountState, Role};
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;
use crate::store::reader::{Query, View};
use crate::store::tables::{accounts, meta};

/// How far back an account counts as active: four weeks.
const ACTIVE_MILLIS: i64 = 28 * 24 * 60 * 60 * 1000;

/// Counts for the instance's documents.
#[derive(Debug, Clone, Copy)]
pub struct DescribeInstance {
    /// The present moment.
    pub now: Timestamp,
}

/// What the instance is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceFacts {
    /// Accounts in use.
    pub accounts: i64,
    /// Those of them with an open post within four weeks.
    pub active_accounts: i64,
    /// Open posts and boosts.
    pub posts: i64,
    /// Whom visitors may turn to.
    pub contact: Option<Account>,
}

impl Query for DescribeInstance {
    type Answer = InstanceFacts;

    fn run(&self, view: &View<'_>) -> Result<InstanceFacts, StoreError> {
        let since = PostId::floor_of(self.now.plus_millis(-ACTIVE_MILLIS));
        let (accounts, active_accounts, posts) = accounts::totals(view.connection, since)?;
        Ok(InstanceFacts {
            accounts,
            active_accounts,
            posts,
            contact: accounts::contact(view.connection)?,
        })
    }
}

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
pub struct ListMembers {
    /// The id after which the list begins.
    pub after: AccountId,
    /// The most accounts that are listed.
    pub limit: usize,
}

/// An account, as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedMember {
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

impl Query for ListMembers {
    type Answer = Vec<ListedMember>;

    fn run(&self, view: &View<'_>) -> Result<Vec<ListedMember>, StoreError> {
        accounts::list_members(view.connection, self.after, self.limit)
    }
}
