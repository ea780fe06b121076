//! Lists of posts: candidates in order, each with its cursor. Who may see them is asked when they are shown.

use std::collections::BTreeMap;

use crate::domain::page::Page;
use crate::domain::post::PostFacts;
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;
use crate::store::reader::{Query, View};
use crate::store::tables::posts::AuthorFilter;
use crate::store::tables::{bookmarks, favourites, posts, tags, terms};

/// The most further tags that a tag's timeline can be narrowed or widened by, of each kind.
pub const FURTHER_TAGS_MAX: usize = 4;

/// A list of posts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostList {
    /// Everybody's public posts.
    Public,
    /// Public posts with a tag.
    Tagged(TagChoice),
    /// An account's posts and boosts.
    By(AuthorChoice),
    /// What an account favours; cursors are rows of the list.
    FavouritesOf(AccountId),
    /// What an account keeps; cursors are rows of the list.
    BookmarksOf(AccountId),
    /// Posts that match a search.
    Matching {
        /// The FTS5 expression.
        expression: String,
        /// Only posts by this account.
        author: Option<AccountId>,
    },
}

/// Which tags, all in normal form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagChoice {
    /// The tag.
    pub name: String,
    /// Or one of these; at most [`FURTHER_TAGS_MAX`].
    pub any: Vec<String>,
    /// And every one of these; at most [`FURTHER_TAGS_MAX`].
    pub all: Vec<String>,
    /// And none of these; at most [`FURTHER_TAGS_MAX`].
    pub none: Vec<String>,
}

/// Which entries of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorChoice {
    /// Whose.
    pub author: AccountId,
    /// Leaves out answers to others.
    pub excludes_replies: bool,
    /// Leaves out boosts.
    pub excludes_boosts: bool,
    /// Only posts with this tag, in normal form.
    pub tagged: Option<String>,
}

/// The candidates of a part of a list, at most the page's limit, in any order; fewer only when there are no more.
#[derive(Debug, Clone)]
pub struct ListPosts {
    /// Which list.
    pub list: PostList,
    /// Which part.
    pub page: Page,
}

impl Query for ListPosts {
    type Answer = Vec<(i64, PostId)>;

    fn run(&self, view: &View<'_>) -> Result<Self::Answer, StoreError> {
        let connection = view.connection;
        let page = &self.page;
        match &self.list {
            PostList::Public => posts::public_page(connection, page),
            PostList::Tagged(choice) => choice.candidates(view, page),
            PostList::By(choice) => {
                let tag = match &choice.tagged {
                    None => None,
                    Some(name) => match tags::id(connection, name)? {
                        Some(tag) => Some(tag),
                        None => return Ok(Vec::new()),
                    },
                };
                let filter = AuthorFilter {
                    excludes_replies: choice.excludes_replies,
                    excludes_boosts: choice.excludes_boosts,
                    tag,
                };
                posts::by_author_page(connection, choice.author, filter, page)
            }
            PostList::FavouritesOf(account) => favourites::posts_page(connection, *account, page),
            PostList::BookmarksOf(account) => bookmarks::posts_page(connection, *account, page),
            PostList::Matching { expression, author } => {
                terms::posts_page(connection, expression, *author, page)
            }
        }
    }
}

/// A list of which the newest entries are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum NewestOf {
    /// Everybody's public posts.
    Public,
    /// All entries of an account.
    Author(AccountId),
    /// Public posts with a tag, in normal form.
    Tag(String),
}

/// An entry, with what decides which lists of its author it belongs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedEntry {
    /// The entry.
    pub id: PostId,
    /// The post it shows: itself, or the boosted one.
    pub shows: PostId,
    /// Whether it answers somebody else.
    pub answers_others: bool,
}

impl ListedEntry {
    /// Whether it is a boost.
    pub fn is_boost(&self) -> bool {
        self.shows != self.id
    }

    /// An entry as its facts tell.
    pub fn of(entry: &PostFacts) -> Self {
        Self {
            id: entry.id,
            shows: entry.shown_post(),
            answers_others: entry
                .reply_to
                .is_some_and(|parent| parent.author != entry.author),
        }
    }
}

/// The newest entries of a list. Who may see them is asked when they are shown.
#[derive(Debug, Clone)]
pub struct ListNewest {
    /// Which list.
    pub of: NewestOf,
    /// How many.
    pub limit: usize,
}

/// What [`ListNewest`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewestEntries {
    /// Newest first.
    pub entries: Vec<ListedEntry>,
    /// Whether the list has no others.
    pub is_complete: bool,
}

impl Query for ListNewest {
    type Answer = NewestEntries;

    fn run(&self, view: &View<'_>) -> Result<NewestEntries, StoreError> {
        let connection = view.connection;
        let page = Page::newest(self.limit);
        // There are no boosts on these, and nobody asks which are answers.
        let plain = |rows: Vec<(i64, PostId)>| {
            let entries = rows.into_iter().map(|(_, id)| ListedEntry {
                id,
                shows: id,
                answers_others: false,
            });
            entries.collect::<Vec<_>>()
        };
        let entries = match &self.of {
            NewestOf::Public => plain(posts::public_page(connection, &page)?),
            NewestOf::Author(author) => posts::newest_by_author(connection, *author, self.limit)?,
            NewestOf::Tag(name) => match tags::id(connection, name)? {
                Some(tag) => plain(tags::public_posts_page(connection, tag, &page)?),
                None => Vec::new(),
            },
        };
        let is_complete = entries.len() < self.limit;
        Ok(NewestEntries {
            entries,
            is_complete,
        })
    }
}

impl TagChoice {
    /// Posts with one of the tags. Those that lack one of `all` or have one of `none` are candidates too, which
    /// [`KeepTagged`] takes out: a candidate that were left out here would look like the end of the list.
    fn candidates(&self, view: &View<'_>, page: &Page) -> Result<Vec<(i64, PostId)>, StoreError> {
        let mut merged = BTreeMap::new();
        let further = self.any.iter().take(FURTHER_TAGS_MAX);
        for name in std::iter::once(&self.name).chain(further) {
            if let Some(tag) = tags::id(view.connection, name)? {
                merged.extend(tags::public_posts_page(view.connection, tag, page)?);
            }
        }
        let all = merged.into_iter();
        Ok(if page.from_oldest() {
            all.take(page.limit).collect()
        } else {
            all.rev().take(page.limit).collect()
        })
    }

    /// Whether every candidate is wanted.
    pub fn is_plain(&self) -> bool {
        self.all.is_empty() && self.none.is_empty()
    }
}

/// Those of some posts that have all and none of the further tags of a choice.
#[derive(Debug, Clone)]
pub struct KeepTagged {
    /// The choice.
    pub choice: TagChoice,
    /// The posts.
    pub posts: Vec<PostId>,
}

impl Query for KeepTagged {
    type Answer = Vec<PostId>;

    fn run(&self, view: &View<'_>) -> Result<Vec<PostId>, StoreError> {
        let rows = |names: &[String]| -> Result<Vec<Option<i64>>, StoreError> {
            let names = names.iter().take(FURTHER_TAGS_MAX);
            names.map(|name| tags::id(view.connection, name)).collect()
        };
        let (all, none) = (rows(&self.choice.all)?, rows(&self.choice.none)?);
        let has = |tag: &Option<i64>, post| match tag {
            Some(tag) => tags::stands(view.connection, *tag, post),
            None => Ok(false),
        };
        let mut kept = Vec::new();
        for post in &self.posts {
            let mut wanted = true;
            for tag in &all {
                wanted = wanted && has(tag, *post)?;
            }
            for tag in &none {
                wanted = wanted && !has(tag, *post)?;
            }
            if wanted {
                kept.push(*post);
            }
        }
        Ok(kept)
    }
}
