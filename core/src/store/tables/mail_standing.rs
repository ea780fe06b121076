//! How mail to accounts fares: their addresses, how much was sent, what came back.

use rusqlite::{Connection, OptionalExtension, params};

use crate::clock::Timestamp;
use crate::ids::AccountId;
use crate::store::error::StoreError;

/// An account's mail address and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailAddressStanding {
    /// The address.
    pub email: String,
    /// Whether its owner showed that it is its own.
    pub is_confirmed: bool,
    /// The address that takes its place when it is confirmed.
    pub new_email: Option<String>,
    /// Since when mail to it comes back, and what was said.
    pub bounced: Option<(Timestamp, String)>,
}

impl MailAddressStanding {
    /// Whether mail may be sent to it.
    pub fn is_sound(&self) -> bool {
        self.is_confirmed && self.bounced.is_none()
    }
}

/// An account's address; `None` when it has none.
pub(in crate::store) fn address(
    connection: &Connection,
    account: AccountId,
) -> Result<Option<MailAddressStanding>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT email, email_confirmed, new_email, bounced_at, bounce_reason
         FROM accounts LEFT JOIN mail_standing ON mail_standing.account = accounts.id
         WHERE accounts.id = ?1 AND email IS NOT NULL",
    )?;
    let found = statement.query_row([account], |row| {
        let bounced_at: Option<Timestamp> = row.get(3)?;
        let reason: Option<String> = row.get(4)?;
        Ok(MailAddressStanding {
            email: row.get(0)?,
            is_confirmed: row.get(1)?,
            new_email: row.get(2)?,
            bounced: bounced_at.map(|at| (at, reason.unwrap_or_default())),
        })
    });
    Ok(found.optional()?)
}

/// Counts one more mail to an account within an hour since 1970, unless it got `most` in it already; true when it was
/// counted.
pub(in crate::store) fn count(
    connection: &Connection,
    account: AccountId,
    hour: i64,
    most: i64,
) -> Result<bool, StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO mail_standing (account, hour) VALUES (?1, ?2)
             ON CONFLICT (account) DO UPDATE SET hour = ?2, sent = 0 WHERE hour <> ?2",
        )?
        .execute(params![account, hour])?;
    let counted = connection
        .prepare_cached(
            "UPDATE mail_standing SET sent = sent + 1 WHERE account = ?1 AND sent < ?2",
        )?
        .execute(params![account, most])?;
    Ok(counted == 1)
}

/// Remembers that an address is no good.
pub(in crate::store) fn set_bounced(
    connection: &Connection,
    account: AccountId,
    at: Timestamp,
    reason: &str,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO mail_standing (account, bounced_at, bounce_reason) VALUES (?1, ?2, ?3)
             ON CONFLICT (account) DO UPDATE SET bounced_at = ?2, bounce_reason = ?3",
        )?
        .execute(params![account, at, reason])?;
    Ok(())
}

/// Forgets that an address was no good: it is another one, or its owner says that it is sound again.
pub(in crate::store) fn clear_bounced(
    connection: &Connection,
    account: AccountId,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE mail_standing SET bounced_at = NULL, bounce_reason = NULL WHERE account = ?1",
        )?
        .execute([account])?;
    Ok(())
}

/// Notes that a mail to confirm an address is asked for; false, and nothing is noted, when the last one was asked for
/// after `since`.
pub(in crate::store) fn ask_confirmation(
    connection: &Connection,
    account: AccountId,
    now: Timestamp,
    since: Timestamp,
) -> Result<bool, StoreError> {
    let noted = connection
        .prepare_cached(
            "INSERT INTO mail_standing (account, asked_at) VALUES (?1, ?2)
             ON CONFLICT (account) DO UPDATE SET asked_at = ?2
             WHERE asked_at IS NULL OR asked_at <= ?3 OR asked_at > ?2",
        )?
        .execute(params![account, now, since])?;
    Ok(noted == 1)
}

/// Counts one more link that is mailed on request within an hour since 1970, unless `most` were asked for in it already;
/// true when it was counted.
pub(in crate::store) fn count_link(
    connection: &Connection,
    account: AccountId,
    hour: i64,
    most: i64,
) -> Result<bool, StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO mail_standing (account, reset_hour) VALUES (?1, ?2)
             ON CONFLICT (account) DO UPDATE SET reset_hour = ?2, resets = 0 WHERE reset_hour <> ?2",
        )?
        .execute(params![account, hour])?;
    let counted = connection
        .prepare_cached(
            "UPDATE mail_standing SET resets = resets + 1 WHERE account = ?1 AND resets < ?2",
        )?
        .execute(params![account, most])?;
    Ok(counted == 1)
}

/// Forgets how mail to an account fared.
pub(in crate::store) fn delete(
    connection: &Connection,
    account: AccountId,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM mail_standing WHERE account = ?1")?
        .execute([account])?;
    Ok(())
}
