//! What an account takes along when it leaves: page by page, each out of a snapshot of its own, so that no reader holds
//! the log back however much there is.

use super::accounts::visible;
use crate::domain::account::Account;
use crate::domain::archive::KeptArchive;
use crate::domain::arriving::Arriving;
use crate::domain::page::Page;
use crate::domain::post::Post;
use crate::domain::relationship::{FollowOptions, MuteOptions};
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;
use crate::store::reader::{Query, View};
pub use crate::store::tables::archives::ArchiveFile;
use crate::store::tables::{
    accounts, archives, arrivals, blocks, bookmarks, favourites, follows, mutes, posts,
};
use crate::store::units::Mark;

/// The most entries or marks of one page.
pub const ARCHIVE_PAGE_MAX: usize = 200;

/// Another's post, as it is addressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressed {
    /// The post.
    pub post: PostId,
    /// The name of its author.
    pub author: String,
}

/// An entry, with the addresses of what it refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedEntry {
    /// The entry.
    pub post: Post,
    /// What it answers, if that is there.
    pub reply_to: Option<Addressed>,
    /// What it boosts.
    pub boost_of: Option<Addressed>,
}

/// Reads an account's next entries, oldest first; at most [`ARCHIVE_PAGE_MAX`].
#[derive(Debug, Clone, Copy)]
pub struct ReadArchivedEntries {
    /// Whose.
    pub account: AccountId,
    /// After which.
    pub after: PostId,
}

impl Query for ReadArchivedEntries {
    /// They, and the last that was looked at, if there may be more.
    type Answer = (Vec<ArchivedEntry>, Option<PostId>);

    fn run(&self, view: &View<'_>) -> Result<Self::Answer, StoreError> {
        let connection = view.connection;
        let page = forwards(self.after.0);
        let mut entries = Vec::new();
        let ids = posts::by_author(connection, self.account, &page)?;
        let next = ids.last().copied().filter(|_| ids.len() == page.limit);
        for id in ids {
            let Some(post) = posts::find(connection, id)? else {
                continue;
            };
            let reply_to = match post.facts.reply_to {
                None => None,
                Some(parent) => addressed(view, self.account, parent.post)?,
            };
            let boost_of = match post.facts.boost_of {
                None => None,
                Some(boosted) => match addressed(view, self.account, boosted.post)? {
                    // A boost of what is gone is none.
                    None => continue,
                    found => found,
                },
            };
            entries.push(ArchivedEntry {
                post,
                reply_to,
                boost_of,
            });
        }
        Ok((entries, next))
    }
}

/// Reads the next marks that an account put on posts, oldest first; at most [`ARCHIVE_PAGE_MAX`].
#[derive(Debug, Clone, Copy)]
pub struct ReadArchivedMarks {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub mark: Mark,
    /// After which row.
    pub after: i64,
}

impl Query for ReadArchivedMarks {
    /// The marked posts, and the last row that was looked at, if there may be more.
    type Answer = (Vec<Addressed>, Option<i64>);

    fn run(&self, view: &View<'_>) -> Result<Self::Answer, StoreError> {
        let page = forwards(self.after);
        let rows = match self.mark {
            Mark::Favourite => favourites::posts_page(view.connection, self.account, &page)?,
            Mark::Bookmark => bookmarks::posts_page(view.connection, self.account, &page)?,
        };
        let next = rows.iter().map(|(row, _)| *row).max();
        let next = next.filter(|_| rows.len() == page.limit);
        let mut rows = rows;
        rows.sort_unstable();
        let mut marked = Vec::new();
        for (_, post) in rows {
            marked.extend(addressed(view, self.account, post)?);
        }
        Ok((marked, next))
    }
}

/// What stands between an account and others, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArchivedRelations {
    /// Whom it follows.
    pub follows: Vec<(String, FollowOptions)>,
    /// Whom it blocks.
    pub blocks: Vec<String>,
    /// Whom it mutes.
    pub mutes: Vec<(String, MuteOptions)>,
}

/// Reads what stands between an account and others.
#[derive(Debug, Clone, Copy)]
pub struct ReadArchivedRelations {
    /// Whose.
    pub account: AccountId,
}

impl Query for ReadArchivedRelations {
    type Answer = ArchivedRelations;

    fn run(&self, view: &View<'_>) -> Result<ArchivedRelations, StoreError> {
        let connection = view.connection;
        let mut found = ArchivedRelations::default();
        for (other, options) in follows::followees(connection, self.account)? {
            if let Some(other) = visible(view, other)? {
                found.follows.push((other.name, options));
            }
        }
        for other in blocks::targets(connection, self.account)? {
            if let Some(other) = visible(view, other)? {
                found.blocks.push(other.name);
            }
        }
        for (other, options) in mutes::targets(connection, self.account)? {
            if let Some(other) = visible(view, other)? {
                found.mutes.push((other.name, options));
            }
        }
        found.follows.sort_by(|one, other| one.0.cmp(&other.0));
        found.blocks.sort();
        found.mutes.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(found)
    }
}

/// Reads an account that is to be archived, hidden or not.
#[derive(Debug, Clone, Copy)]
pub struct ReadArchivedAccount {
    /// Which.
    pub account: AccountId,
}

impl Query for ReadArchivedAccount {
    type Answer = Option<Account>;

    fn run(&self, view: &View<'_>) -> Result<Option<Account>, StoreError> {
        accounts::find(view.connection, self.account)
    }
}

fn forwards(after: i64) -> Page {
    Page {
        min_id: Some(after),
        ..Page::newest(ARCHIVE_PAGE_MAX)
    }
}

/// A post, unless its author is hidden; whoever takes its own along gets them in any case.
fn addressed(
    view: &View<'_>,
    account: AccountId,
    post: PostId,
) -> Result<Option<Addressed>, StoreError> {
    let Some(facts) = posts::facts(view.connection, post)? else {
        return Ok(None);
    };
    let author = accounts::find(view.connection, facts.author)?;
    let author = author.filter(|author| author.id == account || !author.state.is_hidden());
    Ok(author.map(|author| Addressed {
        post,
        author: author.name,
    }))
}

/// The archive that an account asked for last.
#[derive(Debug, Clone, Copy)]
pub struct FindArchive {
    /// Whose.
    pub account: AccountId,
}

impl Query for FindArchive {
    type Answer = Option<KeptArchive>;

    fn run(&self, view: &View<'_>) -> Result<Option<KeptArchive>, StoreError> {
        archives::find(view.connection, self.account)
    }
}

/// The archive that an account uploaded last.
#[derive(Debug, Clone, Copy)]
pub struct FindArrival {
    /// Whose.
    pub account: AccountId,
}

impl Query for FindArrival {
    type Answer = Option<Arriving>;

    fn run(&self, view: &View<'_>) -> Result<Option<Arriving>, StoreError> {
        arrivals::find(view.connection, self.account)
    }
}

/// The names of the uploads' files that are needed.
#[derive(Debug, Clone, Copy)]
pub struct ListArrivalFiles;

impl Query for ListArrivalFiles {
    type Answer = Vec<String>;

    fn run(&self, view: &View<'_>) -> Result<Vec<String>, StoreError> {
        arrivals::files(view.connection)
    }
}

/// The archives that can be fetched, as files.
#[derive(Debug, Clone, Copy)]
pub struct ListArchives;

impl Query for ListArchives {
    type Answer = Vec<ArchiveFile>;

    fn run(&self, view: &View<'_>) -> Result<Vec<ArchiveFile>, StoreError> {
        archives::made(view.connection)
    }
}

/// The names of the archives' files: any other file beside them is nobody's.
#[derive(Debug, Clone, Copy)]
pub struct ListArchiveFiles;

impl Query for ListArchiveFiles {
    type Answer = Vec<String>;

    fn run(&self, view: &View<'_>) -> Result<Vec<String>, StoreError> {
        archives::files(view.connection)
    }
}
