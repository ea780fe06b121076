//! Posts with all that their rendering needs.

use std::collections::HashMap;

use crate::domain::account::Account;
use crate::domain::post::{Marks, Post};
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;
use crate::store::reader::{Query, View};
use crate::store::tables::{accounts, bookmarks, favourites, posts};

/// Loads what a cache of posts misses, out of one snapshot.
#[derive(Debug, Clone, Default)]
pub struct LoadPosts {
    /// Entries; the posts that they boost and the authors of all of them are loaded too.
    pub posts: Vec<PostId>,
    /// Further accounts.
    pub accounts: Vec<AccountId>,
    /// Whose marks are wanted, on which posts; of a boost among `posts`, also those on the boosted post.
    pub marks: Option<(AccountId, Vec<PostId>)>,
}

/// What was found. What is asked for and not in here isn't there.
#[derive(Debug, Default)]
pub struct LoadedPosts {
    /// Entries by id.
    pub posts: HashMap<PostId, Post>,
    /// Accounts by id.
    pub accounts: HashMap<AccountId, Account>,
    /// Marks by post.
    pub marks: HashMap<PostId, Marks>,
}

impl Query for LoadPosts {
    type Answer = LoadedPosts;

    fn run(&self, view: &View<'_>) -> Result<LoadedPosts, StoreError> {
        let connection = view.connection;
        let mut loaded = LoadedPosts::default();
        let mut accounts_wanted = self.accounts.clone();
        let mut marks_wanted = Vec::new();
        let mut posts_wanted = self.posts.clone();
        // A boost adds the boosted post, which is no boost: the loop ends after two rounds.
        while let Some(id) = posts_wanted.pop() {
            if loaded.posts.contains_key(&id) {
                continue;
            }
            if let Some(post) = posts::find(connection, id)? {
                accounts_wanted.push(post.facts.author);
                marks_wanted.push(id);
                posts_wanted.extend(post.facts.boost_of.map(|boosted| boosted.post));
                loaded.posts.insert(id, post);
            }
        }
        for id in accounts_wanted {
            if !loaded.accounts.contains_key(&id)
                && let Some(account) = accounts::find(connection, id)?
            {
                loaded.accounts.insert(id, account);
            }
        }
        if let Some((viewer, posts)) = &self.marks {
            for post in posts.iter().copied().chain(marks_wanted) {
                let marks = Marks {
                    favourited: favourites::stands(connection, *viewer, post)?,
                    boosted: posts::boost_by(connection, *viewer, post)?.is_some(),
                    bookmarked: bookmarks::stands(connection, *viewer, post)?,
                };
                loaded.marks.insert(post, marks);
            }
        }
        Ok(loaded)
    }
}
