//! What happened to whom.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::domain::notification::{Notification, NotificationKind};
use crate::domain::page::Page;
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

const COLUMNS: &str = "id, kind, sender, post";

fn notification(row: &Row<'_>) -> rusqlite::Result<Notification> {
    Ok(Notification {
        id: row.get(0)?,
        kind: row.get(1)?,
        from: row.get(2)?,
        post: row.get(3)?,
    })
}

/// An account's notifications within a page, nearest to its wanted end first; what was cleared is left out.
pub(in crate::store) fn page(
    connection: &Connection,
    account: AccountId,
    page: &Page,
) -> Result<Vec<Notification>, StoreError> {
    let order = if page.from_oldest() { "ASC" } else { "DESC" };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM notifications
         WHERE account = ?1 AND id < ?3
           AND id > max(?2, (SELECT notifications_cleared FROM accounts WHERE id = ?1))
         ORDER BY id {order} LIMIT ?4"
    ))?;
    let parameters = params![account, page.above(), page.below(), page.limit as i64];
    let rows = statement.query_map(parameters, notification)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// One of an account's notifications, unless it was cleared.
pub(in crate::store) fn find(
    connection: &Connection,
    account: AccountId,
    id: NotificationId,
) -> Result<Option<Notification>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM notifications WHERE account = ?1 AND id = ?2
           AND id > (SELECT notifications_cleared FROM accounts WHERE id = ?1)"
    ))?;
    Ok(statement
        .query_row(params![account, id], notification)
        .optional()?)
}

/// Removes one of an account's notifications; false when it isn't there.
pub(in crate::store) fn dismiss(
    connection: &Connection,
    account: AccountId,
    id: NotificationId,
) -> Result<bool, StoreError> {
    let deleted = connection
        .prepare_cached("DELETE FROM notifications WHERE account = ?1 AND id = ?2")?
        .execute(params![account, id])?;
    Ok(deleted == 1)
}

/// Hides all notifications that an account has at this moment.
pub(in crate::store) fn hide_all(
    connection: &Connection,
    account: AccountId,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE accounts SET notifications_cleared = max(
                 notifications_cleared,
                 coalesce((SELECT max(id) FROM notifications WHERE account = ?1), 0))
             WHERE id = ?1",
        )?
        .execute([account])?;
    Ok(())
}

/// Removes up to `limit` hidden notifications of an account; how many there were.
pub(in crate::store) fn delete_hidden(
    connection: &Connection,
    account: AccountId,
    limit: usize,
) -> Result<usize, StoreError> {
    Ok(connection
        .prepare_cached(
            "DELETE FROM notifications WHERE id IN (
                 SELECT id FROM notifications
                 WHERE account = ?1
                   AND id <= (SELECT notifications_cleared FROM accounts WHERE id = ?1)
                 ORDER BY id LIMIT ?2)",
        )?
        .execute(params![account, limit as i64])?)
}
