//! What was deleted since a backup: it stays deleted when the backup is restored.
//!
//! The old database itself tells it, if it can still be read: whatever post the backup has and the newer database hasn't was
//! deleted meanwhile, and so was whoever is deleted there and not here. No journal has to be kept for that, which
//! would hold what should be forgotten.

use std::path::{Path, PathBuf};

use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;
use crate::store::open;
use crate::store::tables::{deletions, meta};

/// How many deletions are looked for at a time.
const DELETIONS_PER_LOOK: i64 = 10_000;

/// Something that was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deletion {
    /// A post, or a boost.
    Post(PostId),
    /// An account.
    Account(AccountId),
    /// An account that was made after the backup: nothing of it is there, and its name has to stay taken.
    Name {
        /// Its id.
        account: AccountId,
        /// What tells its name.
        mark: String,
    },
}

/// Why it can't be told what was deleted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeletionsError {
    /// There is no database.
    #[error(
        "{0}: there is no instance in this directory, so nobody knows what was deleted since the backup"
    )]
    Missing(PathBuf),
    /// It is another instance.
    #[error("{0} holds another instance than the backup")]
    Foreign(PathBuf),
    /// It is older than the backup.
    #[error("{0} is older than the backup: it can't know what was deleted since")]
    Older(PathBuf),
    /// It can't be read.
    #[error(
        "{path} can't be read, so it can't be told what was deleted since the backup; without --deletions-from all of it comes back"
    )]
    Unreadable {
        /// Which database.
        path: PathBuf,
        /// Why.
        #[source]
        source: StoreError,
    },
}

/// Hands out everything that a restored database has and that is deleted in a newer one: accounts first, for their posts go
/// with them.
pub(super) fn each(
    restored: &Path,
    newer: &Path,
    take: &mut dyn FnMut(Deletion) -> Result<(), super::BackupError>,
) -> Result<(), super::BackupError> {
    if !newer.exists() {
        return Err(DeletionsError::Missing(newer.to_owned()).into());
    }
    let unreadable = |source| DeletionsError::Unreadable {
        path: newer.to_owned(),
        source,
    };
    let connection = open::open_still(restored)?;
    open::attach(&connection, newer, "newer").map_err(unreadable)?;
    let theirs = deletions::newer_identity(&connection).map_err(unreadable)?;
    if theirs != meta::identity(&connection)? {
        return Err(DeletionsError::Foreign(newer.to_owned()).into());
    }
    if deletions::newer_commit(&connection).map_err(unreadable)? < meta::commit(&connection)? {
        return Err(DeletionsError::Older(newer.to_owned()).into());
    }
    for account in deletions::accounts(&connection).map_err(unreadable)? {
        take(Deletion::Account(account))?;
    }
    for (account, mark) in deletions::marks(&connection).map_err(unreadable)? {
        take(Deletion::Name { account, mark })?;
    }
    let mut after = PostId(0);
    loop {
        let found = deletions::posts(&connection, after, DELETIONS_PER_LOOK).map_err(unreadable)?;
        let Some(last) = found.last() else {
            return Ok(());
        };
        after = *last;
        for post in found {
            take(Deletion::Post(post))?;
        }
    }
}
