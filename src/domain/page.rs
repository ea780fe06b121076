//! Pages: which part of a list, newest first, a caller asks for.

/// How many entries a page has when the caller doesn't say.
pub const PAGE_DEFAULT: usize = 20;
/// The most entries of a page of posts.
pub const PAGE_MAX: usize = 40;
/// The most entries of a page of accounts or of ids.
pub const PAGE_OF_ACCOUNTS_MAX: usize = 80;

/// A part of a list that is ordered by falling id, in the terms of Mastodon's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Page {
    /// Only entries below this one.
    pub max_id: Option<i64>,
    /// Only entries above this one; the page holds the newest of them.
    pub since_id: Option<i64>,
    /// Only entries above this one; the page holds the oldest of them.
    pub min_id: Option<i64>,
    /// The most entries; at least 1.
    pub limit: usize,
}

impl Page {
    /// The newest `limit` entries.
    pub const fn newest(limit: usize) -> Self {
        Self {
            max_id: None,
            since_id: None,
            min_id: None,
            limit,
        }
    }

    /// The exclusive lower bound, whichever of `since_id` and `min_id` asks for more.
    pub fn above(&self) -> i64 {
        self.since_id.unwrap_or(0).max(self.min_id.unwrap_or(0))
    }

    /// The exclusive upper bound.
    pub fn below(&self) -> i64 {
        self.max_id.unwrap_or(i64::MAX)
    }

    /// Whether the entries nearest the lower bound are wanted, instead of the newest.
    pub fn from_oldest(&self) -> bool {
        self.min_id.is_some()
    }

    /// Whether an id lies within the bounds.
    pub fn contains(&self, id: i64) -> bool {
        id > self.above() && id < self.below()
    }
}
