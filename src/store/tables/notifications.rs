//! What happened to whom.

use rusqlite::{Connection, params};

use crate::domain::notification::NotificationKind;
use crate::ids::{AccountId, NotificationId, PostId};
use crate::store::error::StoreError;

/// What a new notification says.
pub(in crate::store) struct NewNotification {
    pub(in crate::store) id: NotificationId,
    pub(in crate::store) account: AccountId,
    pub(in crate::store) kind: NotificationKind,
    pub(in crate::store) sender: AccountId,
    pub(in crate::store) post: Option<PostId>,
}

/// Adds a notification; false when the same was said already.
pub(in crate::store) fn insert(
    connection: &Connection,
    new: &NewNotification,
) -> Result<bool, StoreError> {
    // SQL holds two NULLs for different, so a notification without a post is looked up first.
    if new.post.is_none() {
        let mut statement = connection.prepare_cached(
            "SELECT 1 FROM notifications WHERE account = ?1 AND kind = ?2 AND sender = ?3 AND post IS NULL",
        )?;
        if statement.exists(params![new.account, new.kind, new.sender])? {
            return Ok(false);
        }
    }
    let inserted = connection
        .prepare_cached(
            "INSERT OR IGNORE INTO notifications (id, account, kind, sender, post) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![new.id, new.account, new.kind, new.sender, new.post])?;
    Ok(inserted == 1)
}

/// Takes a notification back.
pub(in crate::store) fn delete(
    connection: &Connection,
    account: AccountId,
    kind: NotificationKind,
    sender: AccountId,
    post: Option<PostId>,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "DELETE FROM notifications WHERE account = ?1 AND kind = ?2 AND sender = ?3 AND post IS ?4",
        )?
        .execute(params![account, kind, sender, post])?;
    Ok(())
}

/// Removes up to `limit` notifications about a post; how many there were.
pub(in crate::store) fn delete_of_post(
    connection: &Connection,
    post: PostId,
    limit: usize,
) -> Result<usize, StoreError> {
    Ok(connection
        .prepare_cached(
            "DELETE FROM notifications WHERE id IN (SELECT id FROM notifications WHERE post = ?1 LIMIT ?2)",
        )?
        .execute(params![post, limit as i64])?)
}
