//! Who mutes whom.

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::page::Page;
use crate::domain::relationship::MuteOptions;
use crate::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::tables::paged;

/// Adds a mute or changes its options.
pub(in crate::store) fn upsert(
    connection: &Connection,
    account: AccountId,
    target: AccountId,
    options: MuteOptions,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO mutes (account, target, hides_notifications) VALUES (?1, ?2, ?3)
             ON CONFLICT (account, target) DO UPDATE SET hides_notifications = ?3",
        )?
        .execute(params![account, target, options.hides_notifications])?;
    Ok(())
}

/// Removes a mute; false when there was none.
pub(in crate::store) fn delete(
    connection: &Connection,
    account: AccountId,
    target: AccountId,
) -> Result<bool, StoreError> {
    let deleted = connection
        .prepare_cached("DELETE FROM mutes WHERE account = ?1 AND target = ?2")?
        .execute(params![account, target])?;
    Ok(deleted == 1)
}

/// The options of a mute, `None` when there is none.
pub(in crate::store) fn find(
    connection: &Connection,
    account: AccountId,
    target: AccountId,
) -> Result<Option<MuteOptions>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT hides_notifications FROM mutes WHERE account = ?1 AND target = ?2",
    )?;
    let options = statement.query_row(params![account, target], |row| {
        Ok(MuteOptions {
            hides_notifications: row.get(0)?,
        })
    });
    Ok(options.optional()?)
}

/// Whom an account mutes.
pub(in crate::store) fn targets(
    connection: &Connection,
    account: AccountId,
) -> Result<Vec<(AccountId, MuteOptions)>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT target, hides_notifications FROM mutes WHERE account = ?1")?;
    let rows = statement.query_map([account], |row| {
        Ok((
            row.get(0)?,
            MuteOptions {
                hides_notifications: row.get(1)?,
            },
        ))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whom an account mutes, within a page; the cursor is the row.
pub(in crate::store) fn targets_page(
    connection: &Connection,
    account: AccountId,
    page: &Page,
) -> Result<Vec<(i64, AccountId)>, StoreError> {
    paged::rows(
        connection,
        "SELECT id, target FROM mutes WHERE account = ?1",
        "id",
        page,
        account.0,
        &[],
    )
}
