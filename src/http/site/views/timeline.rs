//! Timelines: home, public, tags, search.

use askama::Template;

use super::account::AccountRow;
use super::post::{ComposeForm, PostCard};
use super::{Frame, Pager, filters};

/// `GET /` for the signed-out, `GET /public` for everybody: the public timeline. Without a reader
/// it begins with a word of welcome.
#[derive(Debug, Clone, Template)]
#[template(path = "public.html")]
pub struct PublicPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// Number of accounts, for the welcome.
    pub accounts: u64,
    /// Number of posts, for the welcome.
    pub posts_total: u64,
    /// The posts, newest first.
    pub posts: Vec<PostCard>,
    /// Neighbouring pages.
    pub pager: Pager,
}

/// `GET /` for the signed-in: the home timeline.
#[derive(Debug, Clone, Template)]
#[template(path = "home.html")]
pub struct HomePage {
    /// What surrounds the page.
    pub frame: Frame,
    /// The form at the top; `None` on older pages.
    pub compose: Option<ComposeForm>,
    /// The posts, newest first.
    pub posts: Vec<PostCard>,
    /// Neighbouring pages.
    pub pager: Pager,
}

/// `GET /tags/NAME`.
#[derive(Debug, Clone, Template)]
#[template(path = "tag.html")]
pub struct TagPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// The tag as people write it, without `#`.
    pub tag: String,
    /// The posts, newest first.
    pub posts: Vec<PostCard>,
    /// Neighbouring pages.
    pub pager: Pager,
}

/// A tag that search found.
#[derive(Debug, Clone)]
pub struct FoundTag {
    /// The tag without `#`.
    pub name: String,
    /// Its page, percent-encoded: `/tags/NAME`.
    pub path: String,
}

/// The kinds of things to search for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchKind {
    /// A little of each (no `type`).
    All,
    /// Accounts (`type=accounts`).
    Accounts,
    /// Tags (`type=hashtags`).
    Tags,
    /// Posts (`type=statuses`).
    Posts,
}

impl SearchKind {
    /// Whether `name` is the value of the query's `type` for this kind.
    #[must_use]
    pub fn is(self, name: &str) -> bool {
        let own = match self {
            Self::All => "",
            Self::Accounts => "accounts",
            Self::Tags => "hashtags",
            Self::Posts => "statuses",
        };
        own == name
    }
}

/// `GET /search?q=&type=`.
#[derive(Debug, Clone, Template)]
#[template(path = "search.html")]
pub struct SearchPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// What was asked for; empty shows only the form.
    pub query: String,
    /// The same, percent-encoded for links.
    pub query_encoded: String,
    /// The kind that was asked for.
    pub kind: SearchKind,
    /// Found accounts.
    pub accounts: Vec<AccountRow>,
    /// Found tags.
    pub tags: Vec<FoundTag>,
    /// Found posts.
    pub posts: Vec<PostCard>,
    /// Neighbouring pages, when one kind is shown.
    pub pager: Pager,
}

impl SearchPage {
    /// Whether nothing at all was found.
    #[must_use]
    pub fn found_nothing(&self) -> bool {
        self.accounts.is_empty() && self.tags.is_empty() && self.posts.is_empty()
    }
}
