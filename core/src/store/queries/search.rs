//! Search for accounts and tags. Posts are searched as a list of posts, so that they are shown by the same rules.

use super::accounts::visible;
use crate::domain::account::Account;
use crate::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::reader::{Query, View};
use crate::store::tables::terms::AccountSearch;
use crate::store::tables::{tags, terms};

/// The most results of a search of one kind.
pub const RESULTS_MAX: usize = 80;
/// How far a search can be turned over; beyond there is nothing.
pub const OFFSET_MAX: usize = 2000;

/// Accounts by their names: whoever has just this name first, then by followers. Hidden accounts and those blocked either
/// way are left out.
#[derive(Debug, Clone)]
pub struct SearchAccounts {
    /// The FTS5 expression.
    pub expression: String,
    /// What was typed, as a name.
    pub name: String,
    /// Who searches.
    pub viewer: Option<AccountId>,
    /// Only whom the viewer follows.
    pub followed_only: bool,
    /// The most results, at most [`RESULTS_MAX`].
    pub limit: usize,
    /// How many to leave out at the beginning; beyond [`OFFSET_MAX`] there is nothing.
    pub offset: usize,
}

impl Query for SearchAccounts {
    type Answer = Vec<Account>;

    fn run(&self, view: &View<'_>) -> Result<Vec<Account>, StoreError> {
        if self.offset > OFFSET_MAX {
            return Ok(Vec::new());
        }
        let search = AccountSearch {
            expression: &self.expression,
            name: &self.name,
            viewer: self.viewer,
            followed_only: self.followed_only,
            limit: self.limit.min(RESULTS_MAX),
            offset: self.offset,
        };
        let mut found = Vec::new();
        for id in terms::find_accounts(view.connection, search)? {
            found.extend(visible(view, id)?);
        }
        Ok(found)
    }
}

/// Tags by the beginning of their name, as far as they stand on public posts.
#[derive(Debug, Clone)]
pub struct SearchTags {
    /// The beginning, in normal form; at least one character.
    pub prefix: String,
    /// The most results, at most [`RESULTS_MAX`].
    pub limit: usize,
    /// How many to leave out at the beginning; beyond [`OFFSET_MAX`] there is nothing.
    pub offset: usize,
}

impl Query for SearchTags {
    type Answer = Vec<String>;

    fn run(&self, view: &View<'_>) -> Result<Vec<String>, StoreError> {
        if self.offset > OFFSET_MAX || self.prefix.is_empty() {
            return Ok(Vec::new());
        }
        tags::find_public(
            view.connection,
            &self.prefix,
            self.limit.min(RESULTS_MAX),
            self.offset,
        )
    }
}
