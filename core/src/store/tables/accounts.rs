//! Accounts.

use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};

use super::meta;

use crate::domain::account::{
    Account, AccountCounts, AccountState, Preferences, ProfileChanges, ProfileField, Role,
};
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;

use crate::store::queries::instance::ListedMember;

/// No name begins with it.
const DELETED_NAME_SIGN: char = '~';

const COLUMNS: &str = "id, name, display_name, note, fields, locked, bot, discoverable, state, role, \
     followers_count, following_count, posts_count, last_open_post";

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    let fields: String = row.get(4)?;
    Ok(Account {
        id: row.get(0)?,
        name: row.get(1)?,
        display_name: row.get(2)?,
        note: row.get(3)?,
        fields: serde_json::from_str::<Vec<ProfileField>>(&fields).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(
                4,
                rusqlite::types::Type::Text,
                Box::new(error),
            )
        })?,
        locked: row.get(5)?,
        bot: row.get(6)?,
        discoverable: row.get(7)?,
        state: row.get(8)?,
        role: row.get(9)?,
        counts: AccountCounts {
            followers: row.get(10)?,
            following: row.get(11)?,
            posts: row.get(12)?,
            last_open_post: row.get(13)?,
        },
    })
}

/// What a new account starts with.
pub(in crate::store) struct NewAccount<'a> {
    pub(in crate::store) id: AccountId,
    pub(in crate::store) name: &'a str,
    pub(in crate::store) email: Option<&'a str>,
    pub(in crate::store) email_confirmed: bool,
    pub(in crate::store) password_hash: Option<&'a str>,
    pub(in crate::store) role: Role,
    pub(in crate::store) state: AccountState,
    /// What it becomes when its address is confirmed; only for a sign-up that waits for that.
    pub(in crate::store) confirms_to: Option<AccountState>,
    pub(in crate::store) signup_reason: Option<&'a str>,
}

/// Adds an account; false when the name or the address is taken.
pub(in crate::store) fn insert(
    connection: &Connection,
    new: &NewAccount<'_>,
) -> Result<bool, StoreError> {
    let inserted = connection
        .prepare_cached(
            "INSERT OR IGNORE INTO accounts
                 (id, name, email, email_confirmed, password_hash, role, state, confirms_to, signup_reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            new.id,
            new.name,
            new.email,
            new.email_confirmed,
            new.password_hash,
            new.role,
            new.state,
            new.confirms_to,
            new.signup_reason
        ])?;
    Ok(inserted == 1)
}

/// An account by its id, in whatever state.
pub(in crate::store) fn find(
    connection: &Connection,
    id: AccountId,
) -> Result<Option<Account>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM accounts WHERE id = ?1"))?;
    Ok(statement.query_row([id], account).optional()?)
}

/// What stands in the place of a deleted account's name: 16 bytes of a hash of the store's identity and the name in small
/// letters, behind a sign that no name has. It tells whether a name is the one that was deleted, and nothing else.
pub(in crate::store) fn mark_of_name(
    connection: &Connection,
    name: &str,
) -> Result<String, StoreError> {
    let mut hash = Sha256::new();
    hash.update(meta::identity(connection)?);
    hash.update(b"\nname of a deleted account\n");
    hash.update(name.to_ascii_lowercase());
    let hash = hash.finalize();
    let digits: String = hash[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(format!("{DELETED_NAME_SIGN}{digits}"))
}

/// Whether somebody has a name, or had it and was deleted; whatever the case.
pub(in crate::store) fn is_name_taken(
    connection: &Connection,
    name: &str,
) -> Result<bool, StoreError> {
    Ok(id_by_name(connection, name)?.is_some()
        || id_by_name(connection, &mark_of_name(connection, name)?)?.is_some())
}

/// Adds a deleted account: its name is taken from now on.
pub(in crate::store) fn insert_deleted(
    connection: &Connection,
    id: AccountId,
    mark: &str,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO accounts (id, name, state, discoverable) VALUES (?1, ?2, 3, 0)",
        )?
        .execute(params![id, mark])?;
    Ok(())
}

/// An account's id by its name, whatever the case and the state.
pub(in crate::store) fn id_by_name(
    connection: &Connection,
    name: &str,
) -> Result<Option<AccountId>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id FROM accounts WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

/// An account's state, `None` when there is no such account.
pub(in crate::store) fn state(
    connection: &Connection,
    id: AccountId,
) -> Result<Option<AccountState>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT state FROM accounts WHERE id = ?1")?;
    Ok(statement.query_row([id], |row| row.get(0)).optional()?)
}

/// Whether an account is there for others: known and not hidden.
pub(in crate::store) fn is_visible(
    connection: &Connection,
    id: AccountId,
) -> Result<bool, StoreError> {
    Ok(state(connection, id)?.is_some_and(|state| !state.is_hidden()))
}

/// Whether followers are asked for approval.
pub(in crate::store) fn is_locked(
    connection: &Connection,
    id: AccountId,
) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached("SELECT locked FROM accounts WHERE id = ?1")?;
    Ok(statement
        .query_row([id], |row| row.get(0))
        .optional()?
        .unwrap_or(false))
}

/// What a new post of the account starts with.
pub(in crate::store) fn preferences(
    connection: &Connection,
    id: AccountId,
) -> Result<Option<Preferences>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT post_visibility, post_sensitive, post_language FROM accounts WHERE id = ?1",
    )?;
    let preferences = statement.query_row([id], |row| {
        Ok(Preferences {
            visibility: row.get(0)?,
            sensitive: row.get(1)?,
            language: row.get(2)?,
        })
    });
    Ok(preferences.optional()?)
}

/// An account's state and what a new post of it starts with, `None` when there is no such account.
pub(in crate::store) fn author(
    connection: &Connection,
    id: AccountId,
) -> Result<Option<(AccountState, Preferences)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT state, post_visibility, post_sensitive, post_language FROM accounts WHERE id = ?1",
    )?;
    let author = statement.query_row([id], |row| {
        let preferences = Preferences {
            visibility: row.get(1)?,
            sensitive: row.get(2)?,
            language: row.get(3)?,
        };
        Ok((row.get(0)?, preferences))
    });
    Ok(author.optional()?)
}

/// The newest entry of any visibility, 0 for none.
pub(in crate::store) fn last_entry(
    connection: &Connection,
    id: AccountId,
) -> Result<PostId, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT last_entry FROM accounts WHERE id = ?1")?;
    Ok(statement
        .query_row([id], |row| row.get(0))
        .optional()?
        .unwrap_or(PostId(0)))
}

/// At most `limit` accounts that have entries and weren't deleted, each with the newest of any visibility.
pub(in crate::store) fn with_last_entry(
    connection: &Connection,
    limit: usize,
) -> Result<Vec<(AccountId, PostId)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, last_entry FROM accounts WHERE last_entry > 0 AND state <> 3 LIMIT ?1",
    )?;
    let rows = statement.query_map([limit as i64], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Counts a new entry; `open` when strangers may see it.
pub(in crate::store) fn add_entry(
    connection: &Connection,
    id: AccountId,
    entry: PostId,
    open: bool,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE accounts SET last_entry = max(last_entry, ?2), posts_count = posts_count + ?3,
                 last_open_post = CASE WHEN ?3 THEN max(coalesce(last_open_post, 0), ?2) ELSE last_open_post END
             WHERE id = ?1",
        )?
        .execute(params![id, entry, open])?;
    Ok(())
}

/// Takes back what [`add_entry`] counted of a removed entry, and where it was the newest, looks up the one that is now.
/// `last_entry` stays: it only has to be no smaller than the newest entry.
pub(in crate::store) fn remove_entry(
    connection: &Connection,
    id: AccountId,
    entry: PostId,
    open: bool,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE accounts SET posts_count = posts_count - ?2,
                 last_open_post = CASE last_open_post
                     WHEN ?3 THEN (SELECT max(id) FROM posts WHERE author = ?1 AND visibility <= 1)
                     ELSE last_open_post END
             WHERE id = ?1",
        )?
        .execute(params![id, open, entry])?;
    Ok(())
}

/// Counts `by` followers more or fewer.
pub(in crate::store) fn count_follower(
    connection: &Connection,
    id: AccountId,
    by: i64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE accounts SET followers_count = followers_count + ?2 WHERE id = ?1")?
        .execute(params![id, by])?;
    Ok(())
}

/// Counts `by` followees more or fewer.
pub(in crate::store) fn count_followee(
    connection: &Connection,
    id: AccountId,
    by: i64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE accounts SET following_count = following_count + ?2 WHERE id = ?1")?
        .execute(params![id, by])?;
    Ok(())
}

/// How many accounts it follows.
pub(in crate::store) fn following_count(
    connection: &Connection,
    id: AccountId,
) -> Result<i64, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT following_count FROM accounts WHERE id = ?1")?;
    Ok(statement
        .query_row([id], |row| row.get(0))
        .optional()?
        .unwrap_or(0))
}

/// Remembers that what the account's home is made of changed with this commit.
pub(in crate::store) fn touch_sources(
    connection: &Connection,
    id: AccountId,
    commit: i64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE accounts SET sources_commit = ?2 WHERE id = ?1")?
        .execute(params![id, commit])?;
    Ok(())
}

/// The commit that last changed what the account's home is made of.
pub(in crate::store) fn sources_commit(
    connection: &Connection,
    id: AccountId,
) -> Result<i64, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT sources_commit FROM accounts WHERE id = ?1")?;
    Ok(statement
        .query_row([id], |row| row.get(0))
        .optional()?
        .unwrap_or(0))
}

/// The accounts with ids above `after`, in the order of their ids, at most `limit`.
pub(in crate::store) fn list_members(
    connection: &Connection,
    after: AccountId,
    limit: usize,
) -> Result<Vec<ListedMember>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, name, email, role, state, posts_count FROM accounts WHERE id > ?1 ORDER BY id LIMIT ?2",
    )?;
    let rows = statement.query_map(params![after, limit as i64], |row| {
        Ok(ListedMember {
            id: row.get(0)?,
            name: row.get(1)?,
            email: row.get(2)?,
            role: row.get(3)?,
            state: row.get(4)?,
            posts_count: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Changes what the account's holder may change; what is `None` stays.
pub(in crate::store) fn update_profile(
    connection: &Connection,
    id: AccountId,
    changes: &ProfileChanges,
) -> Result<(), StoreError> {
    let fields = match &changes.fields {
        None => None,
        Some(fields) => Some(
            serde_json::to_string(fields)
                .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?,
        ),
    };
    connection
        .prepare_cached(
            "UPDATE accounts SET
                 display_name = coalesce(?2, display_name), note = coalesce(?3, note),
                 fields = coalesce(?4, fields), locked = coalesce(?5, locked), bot = coalesce(?6, bot),
                 discoverable = coalesce(?7, discoverable),
                 post_visibility = coalesce(?8, post_visibility),
                 post_sensitive = coalesce(?9, post_sensitive),
                 post_language = CASE WHEN ?10 THEN ?11 ELSE post_language END
             WHERE id = ?1",
        )?
        .execute(params![
            id,
            changes.display_name,
            changes.note,
            fields,
            changes.locked,
            changes.bot,
            changes.discoverable,
            changes.post_visibility,
            changes.post_sensitive,
            changes.post_language.is_some(),
            changes.post_language.as_ref().and_then(Option::as_ref),
        ])?;
    Ok(())
}

/// The first account with the highest role: whom visitors may turn to.
pub(in crate::store) fn contact(connection: &Connection) -> Result<Option<Account>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM accounts WHERE role > 0 AND state = 0 ORDER BY role DESC, id LIMIT 1"
    ))?;
    Ok(statement.query_row((), account).optional()?)
}

/// How many accounts are in use, how many of them wrote since `since`, and how many open posts they have.
pub(in crate::store) fn totals(
    connection: &Connection,
    since: PostId,
) -> Result<(i64, i64, i64), StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT count(*), coalesce(sum(last_open_post >= ?1), 0), coalesce(sum(posts_count), 0)
         FROM accounts WHERE state = 0",
    )?;
    let totals = statement.query_row([since], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(totals)
}
