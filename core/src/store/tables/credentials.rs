//! The columns of `accounts` that decide who gets in: address, password, role, state.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::domain::access::Member;
use crate::domain::account::{AccountState, Role};
use crate::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::tables::{accounts, first_column};

const MEMBER: &str = "id, name, role, state, access_commit";

fn member(row: &Row<'_>) -> rusqlite::Result<Member> {
    Ok(Member {
        id: row.get(0)?,
        name: row.get(1)?,
        role: row.get(2)?,
        state: row.get(3)?,
        access_commit: row.get(4)?,
    })
}

/// An account, as far as access asks, in whatever state.
pub(in crate::store) fn find(
    connection: &Connection,
    id: AccountId,
) -> Result<Option<Member>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {MEMBER} FROM accounts WHERE id = ?1"))?;
    Ok(statement.query_row([id], member).optional()?)
}

/// The account whose mail address this is, whatever the case.
pub(in crate::store) fn id_by_email(
    connection: &Connection,
    email: &str,
) -> Result<Option<AccountId>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id FROM accounts WHERE email = ?1")?;
    Ok(statement.query_row([email], |row| row.get(0)).optional()?)
}

/// The account that somebody means by its name, with or without a leading `@`, or by its mail address.
pub(in crate::store) fn id_by_login(
    connection: &Connection,
    login: &str,
) -> Result<Option<AccountId>, StoreError> {
    let login = login.trim();
    let login = login.strip_prefix('@').unwrap_or(login);
    if login.contains('@') {
        id_by_email(connection, login)
    } else {
        accounts::id_by_name(connection, login)
    }
}

/// An account's mail address; none when it has none or isn't there.
pub(in crate::store) fn email(
    connection: &Connection,
    id: AccountId,
) -> Result<Option<String>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT email FROM accounts WHERE id = ?1")?;
    Ok(statement
        .query_row([id], |row| row.get(0))
        .optional()?
        .flatten())
}

/// Replaces the mail address; a wish for another one is over.
pub(in crate::store) fn set_email(
    connection: &Connection,
    id: AccountId,
    email: &str,
    is_confirmed: bool,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE accounts SET email = ?2, email_confirmed = ?3, new_email = NULL WHERE id = ?1",
        )?
        .execute(params![id, email, is_confirmed])?;
    Ok(())
}

/// Remembers which address takes the place of the other when it is confirmed; `None` for the one that is there.
pub(in crate::store) fn set_new_email(
    connection: &Connection,
    id: AccountId,
    email: Option<&str>,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE accounts SET new_email = ?2 WHERE id = ?1")?
        .execute(params![id, email])?;
    Ok(())
}

/// Takes out what a sign-up becomes whose address is confirmed now; `None` when it waits for nothing.
pub(in crate::store) fn take_confirms_to(
    connection: &Connection,
    id: AccountId,
) -> Result<Option<AccountState>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT confirms_to FROM accounts WHERE id = ?1")?;
    let found: Option<AccountState> = statement
        .query_row([id], |row| row.get(0))
        .optional()?
        .flatten();
    if found.is_some() {
        connection
            .prepare_cached("UPDATE accounts SET confirms_to = NULL WHERE id = ?1")?
            .execute([id])?;
    }
    Ok(found)
}

/// Remembers that somebody logged in; true when nobody had before.
pub(in crate::store) fn set_logged_in(
    connection: &Connection,
    id: AccountId,
) -> Result<bool, StoreError> {
    let first = connection
        .prepare_cached("UPDATE accounts SET logged_in = 1 WHERE id = ?1 AND logged_in = 0")?
        .execute([id])?;
    Ok(first == 1)
}

/// An account's password hash; none when it has none or isn't there.
pub(in crate::store) fn password_hash(
    connection: &Connection,
    id: AccountId,
) -> Result<Option<String>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT password_hash FROM accounts WHERE id = ?1")?;
    Ok(statement
        .query_row([id], |row| row.get(0))
        .optional()?
        .flatten())
}

/// Replaces the password.
pub(in crate::store) fn set_password_hash(
    connection: &Connection,
    id: AccountId,
    hash: &str,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE accounts SET password_hash = ?2 WHERE id = ?1")?
        .execute(params![id, hash])?;
    Ok(())
}

/// Changes the state.
pub(in crate::store) fn set_state(
    connection: &Connection,
    id: AccountId,
    state: AccountState,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE accounts SET state = ?2 WHERE id = ?1")?
        .execute(params![id, state])?;
    Ok(())
}

/// Changes the role.
pub(in crate::store) fn set_role(
    connection: &Connection,
    id: AccountId,
    role: Role,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE accounts SET role = ?2 WHERE id = ?1")?
        .execute(params![id, role])?;
    Ok(())
}

/// Remembers that what was read of the account's access before this commit is no longer to be trusted.
pub(in crate::store) fn touch(
    connection: &Connection,
    id: AccountId,
    commit: i64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE accounts SET access_commit = ?2 WHERE id = ?1")?
        .execute(params![id, commit])?;
    Ok(())
}

/// Empties an account for ever: what remains is its id, the mark of its name and its counters, which the purge takes down.
pub(in crate::store) fn strip(
    connection: &Connection,
    id: AccountId,
    mark: &str,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE accounts SET name = ?2, email = NULL, email_confirmed = 0, password_hash = NULL, role = 0,
                 state = 3, display_name = '', note = '', fields = '[]', locked = 0, bot = 0,
                 discoverable = 0, post_visibility = 0, post_sensitive = 0, post_language = NULL,
                 signup_reason = NULL, new_email = NULL, confirms_to = NULL, logged_in = 0
             WHERE id = ?1",
        )?
        .execute(params![id, mark])?;
    Ok(())
}

/// Removes an account that never was in use, so that its name is free again.
pub(in crate::store) fn delete(connection: &Connection, id: AccountId) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM accounts WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}

/// Whether there is an owner, in whatever state but deleted.
pub(in crate::store) fn has_owner(connection: &Connection) -> Result<bool, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT 1 FROM accounts WHERE role > 0 AND role = 2 AND state <> 3")?;
    Ok(statement.exists(())?)
}

/// Whether there is another owner who can get in.
pub(in crate::store) fn has_other_owner(
    connection: &Connection,
    id: AccountId,
) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM accounts WHERE role > 0 AND role = 2 AND state = 0 AND id <> ?1",
    )?;
    Ok(statement.exists([id])?)
}

/// Who looks after members, owners first: at most `limit`.
pub(in crate::store) fn moderators(
    connection: &Connection,
    limit: usize,
) -> Result<Vec<AccountId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id FROM accounts WHERE role > 0 AND state = 0 ORDER BY role DESC LIMIT ?1",
    )?;
    let rows = statement.query_map([limit as i64], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Those who wait for approval, oldest first, at most `limit`: name, address, and what they wrote.
pub(in crate::store) fn pending(
    connection: &Connection,
    limit: usize,
) -> Result<Vec<(AccountId, Option<String>)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, signup_reason FROM accounts WHERE state = 1 ORDER BY id LIMIT ?1",
    )?;
    let rows = statement.query_map([limit as i64], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What somebody who waits for approval wrote.
pub(in crate::store) fn signup_reason(
    connection: &Connection,
    id: AccountId,
) -> Result<Option<String>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT signup_reason FROM accounts WHERE id = ?1")?;
    Ok(statement
        .query_row([id], |row| row.get(0))
        .optional()?
        .flatten())
}

/// Up to `limit` accounts with ids up to `until` whose mail address was never confirmed.
pub(in crate::store) fn unconfirmed_until(
    connection: &Connection,
    until: AccountId,
    limit: usize,
) -> Result<Vec<AccountId>, StoreError> {
    first_column(
        connection,
        "SELECT id FROM accounts WHERE state = 4 AND id <= ?1 ORDER BY id LIMIT ?2",
        params![until, limit as i64],
    )
}
