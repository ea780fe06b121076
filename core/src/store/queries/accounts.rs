//! Accounts, and lists of them.

use std::collections::HashSet;

use super::filling::fill;
use crate::domain::account::{Account, OwnAccount};
use crate::domain::page::{Filled, Page};
use crate::domain::relationship::Relationship;
use crate::domain::visibility::{Onlooker, may_see};
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;
use crate::store::reader::{Query, View};
use crate::store::tables::{accounts, blocks, favourites, follow_requests, follows, mutes, posts};

/// The most accounts that one query answers; further ids are left out.
pub const ACCOUNTS_PER_QUERY_MAX: usize = 1000;
/// Requests to follow are counted up to here.
const FOLLOW_REQUESTS_COUNTED_MAX: usize = 1000;

/// Accounts by their ids, in that order. Who isn't there and who is hidden is left out.
#[derive(Debug, Clone)]
pub struct FindAccounts {
    /// Which; at most [`ACCOUNTS_PER_QUERY_MAX`].
    pub ids: Vec<AccountId>,
}

impl Query for FindAccounts {
    type Answer = Vec<Account>;

    fn run(&self, view: &View<'_>) -> Result<Vec<Account>, StoreError> {
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for id in self.ids.iter().take(ACCOUNTS_PER_QUERY_MAX) {
            if seen.insert(*id) {
                found.extend(visible(view, *id)?);
            }
        }
        Ok(found)
    }
}

/// An account by its name, whatever the case; `None` when nobody has it or who has it is hidden.
#[derive(Debug, Clone)]
pub struct FindAccountByName {
    /// The name, without `@` and host.
    pub name: String,
}

impl Query for FindAccountByName {
    type Answer = Option<Account>;

    fn run(&self, view: &View<'_>) -> Result<Option<Account>, StoreError> {
        match accounts::id_by_name(view.connection, &self.name)? {
            None => Ok(None),
            Some(id) => visible(view, id),
        }
    }
}

pub(super) fn visible(view: &View<'_>, id: AccountId) -> Result<Option<Account>, StoreError> {
    let found = accounts::find(view.connection, id)?;
    Ok(found.filter(|account| !account.state.is_hidden()))
}

/// An account as its holder sees it.
#[derive(Debug, Clone, Copy)]
pub struct FindOwnAccount {
    /// Whose.
    pub account: AccountId,
}

impl Query for FindOwnAccount {
    type Answer = Option<OwnAccount>;

    fn run(&self, view: &View<'_>) -> Result<Option<OwnAccount>, StoreError> {
        let connection = view.connection;
        let Some(account) = visible(view, self.account)? else {
            return Ok(None);
        };
        Ok(Some(OwnAccount {
            preferences: accounts::preferences(connection, account.id)?.unwrap_or_default(),
            follow_requests_count: follow_requests::count(
                connection,
                account.id,
                FOLLOW_REQUESTS_COUNTED_MAX,
            )?,
            account,
        }))
    }
}

/// How an account stands to others, in their order. Who isn't there and who is hidden is left out.
#[derive(Debug, Clone)]
pub struct FindRelationships {
    /// Whose relationships.
    pub account: AccountId,
    /// To whom; at most [`ACCOUNTS_PER_QUERY_MAX`].
    pub others: Vec<AccountId>,
}

impl Query for FindRelationships {
    type Answer = Vec<Relationship>;

    fn run(&self, view: &View<'_>) -> Result<Vec<Relationship>, StoreError> {
        let connection = view.connection;
        let account = self.account;
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for other in self.others.iter().copied().take(ACCOUNTS_PER_QUERY_MAX) {
            if !seen.insert(other) || !accounts::is_visible(connection, other)? {
                continue;
            }
            found.push(Relationship {
                other,
                following: follows::find(connection, account, other)?,
                followed_by: follows::find(connection, other, account)?.is_some(),
                requested: follow_requests::find(connection, account, other)?,
                requested_by: follow_requests::find(connection, other, account)?.is_some(),
                blocking: blocks::stands(connection, account, other)?,
                blocked_by: blocks::stands(connection, other, account)?,
                muting: mutes::find(connection, account, other)?,
            });
        }
        Ok(found)
    }
}

/// A list of accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountList {
    /// Who follows an account.
    FollowersOf(AccountId),
    /// Whom an account follows.
    FollowedBy(AccountId),
    /// Whom an account blocks; its holder's list.
    BlockedBy(AccountId),
    /// Whom an account mutes; its holder's list.
    MutedBy(AccountId),
    /// Who asks to follow an account; its holder's list.
    AskingToFollow(AccountId),
    /// Who favours a post; whether the viewer may see the post is asked before.
    Favouring(PostId),
    /// Who boosts a post; whether the viewer may see the post is asked before.
    Boosting(PostId),
}

/// A page of a list of accounts. Left out is who is hidden and, except in one's own list of blocks, who is blocked either
/// way.
#[derive(Debug, Clone)]
pub struct ListAccounts {
    /// Which list.
    pub list: AccountList,
    /// Who looks.
    pub onlooker: Onlooker,
    /// Which part; cursors are rows of the list, known to nobody but the list.
    pub page: Page,
}

impl Query for ListAccounts {
    type Answer = Filled<Account>;

    fn run(&self, view: &View<'_>) -> Result<Filled<Account>, StoreError> {
        let connection = view.connection;
        let page = self.page;
        let keep = |id| self.shown(view, id);
        match self.list {
            AccountList::FollowersOf(account) => fill(
                page,
                |page| follows::followers_page(connection, account, page),
                keep,
            ),
            AccountList::FollowedBy(account) => fill(
                page,
                |page| follows::followees_page(connection, account, page),
                keep,
            ),
            AccountList::BlockedBy(account) => fill(
                page,
                |page| blocks::targets_page(connection, account, page),
                |id| visible(view, id),
            ),
            AccountList::MutedBy(account) => fill(
                page,
                |page| mutes::targets_page(connection, account, page),
                keep,
            ),
            AccountList::AskingToFollow(account) => fill(
                page,
                |page| follow_requests::requesters_page(connection, account, page),
                keep,
            ),
            AccountList::Favouring(post) => fill(
                page,
                |page| favourites::accounts_page(connection, post, page),
                keep,
            ),
            AccountList::Boosting(post) => fill(
                page,
                |page| posts::boosts_page(connection, post, page),
                |boost| match posts::facts(connection, boost)? {
                    // A boost has a visibility of its own.
                    Some(facts) if may_see(self.onlooker.viewer(), &facts) => {
                        visible(view, facts.author)
                    }
                    _ => Ok(None),
                },
            ),
        }
    }
}

impl ListAccounts {
    fn shown(&self, view: &View<'_>, id: AccountId) -> Result<Option<Account>, StoreError> {
        if self.onlooker.viewer().is_blocked_from(id) {
            return Ok(None);
        }
        visible(view, id)
    }
}
