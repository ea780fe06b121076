//! What accounts want to be told by mail.

use rusqlite::types::FromSqlError;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::domain::mail::{MailPreferences, QuietHours};
use crate::ids::AccountId;
use crate::store::error::StoreError;

fn preferences(row: &Row<'_>) -> rusqlite::Result<MailPreferences> {
    let from: Option<u16> = row.get(4)?;
    let until: Option<u16> = row.get(5)?;
    Ok(MailPreferences {
        mentions: row.get(0)?,
        follow_requests: row.get(1)?,
        sign_ups: row.get(2)?,
        log_ins: row.get(3)?,
        quiet: match (from, until) {
            (Some(from_minute), Some(until_minute)) => Some(QuietHours {
                from_minute,
                until_minute,
            }),
            (None, None) => None,
            _ => return Err(FromSqlError::InvalidType.into()),
        },
        time_zone: row.get(6)?,
    })
}

/// An account's preferences; the defaults when it never changed them.
pub(in crate::store) fn find(
    connection: &Connection,
    account: AccountId,
) -> Result<MailPreferences, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT mentions, follow_requests, sign_ups, log_ins, quiet_from, quiet_until, time_zone
         FROM mail_settings WHERE account = ?1",
    )?;
    Ok(statement
        .query_row([account], preferences)
        .optional()?
        .unwrap_or_default())
}

/// Keeps an account's preferences.
pub(in crate::store) fn set(
    connection: &Connection,
    account: AccountId,
    preferences: &MailPreferences,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO mail_settings
                 (account, mentions, follow_requests, sign_ups, log_ins, quiet_from, quiet_until, time_zone)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            account,
            preferences.mentions,
            preferences.follow_requests,
            preferences.sign_ups,
            preferences.log_ins,
            preferences.quiet.map(|quiet| quiet.from_minute),
            preferences.quiet.map(|quiet| quiet.until_minute),
            preferences.time_zone
        ])?;
    Ok(())
}

/// Forgets an account's preferences.
pub(in crate::store) fn delete(
    connection: &Connection,
    account: AccountId,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM mail_settings WHERE account = ?1")?
        .execute([account])?;
    Ok(())
}
