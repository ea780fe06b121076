//! Registered clients.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::clock::Timestamp;
use crate::domain::access::App;
use crate::domain::scope::Scopes;
use crate::ids::AppId;
use crate::secret::TokenHash;
use crate::store::error::StoreError;

const COLUMNS: &str = "id, client_id, name, website, redirect_uris, scopes, made_at";
/// No redirect URI holds white space, so a line is one.
const REDIRECT_URI_SEPARATOR: &str = "\n";

fn app(row: &Row<'_>) -> rusqlite::Result<App> {
    let redirect_uris: String = row.get(4)?;
    Ok(App {
        id: row.get(0)?,
        client_id: row.get(1)?,
        name: row.get(2)?,
        website: row.get(3)?,
        redirect_uris: redirect_uris
            .split(REDIRECT_URI_SEPARATOR)
            .map(str::to_owned)
            .collect(),
        scopes: row.get(5)?,
        made_at: row.get(6)?,
    })
}

/// What a new client starts with.
pub(in crate::store) struct NewApp<'a> {
    pub(in crate::store) client_id: &'a str,
    pub(in crate::store) secret: TokenHash,
    pub(in crate::store) name: &'a str,
    pub(in crate::store) website: Option<&'a str>,
    pub(in crate::store) redirect_uris: &'a [String],
    pub(in crate::store) scopes: &'a Scopes,
    pub(in crate::store) made_at: Timestamp,
}

/// Adds a client.
pub(in crate::store) fn insert(
    connection: &Connection,
    new: &NewApp<'_>,
) -> Result<AppId, StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO apps (client_id, secret_hash, name, website, redirect_uris, scopes, made_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            new.client_id,
            new.secret,
            new.name,
            new.website,
            new.redirect_uris.join(REDIRECT_URI_SEPARATOR),
            new.scopes,
            new.made_at
        ])?;
    Ok(AppId(connection.last_insert_rowid()))
}

/// A client by its row.
pub(in crate::store) fn find(
    connection: &Connection,
    id: AppId,
) -> Result<Option<App>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM apps WHERE id = ?1"))?;
    Ok(statement.query_row([id], app).optional()?)
}

/// A client by its name in OAuth.
pub(in crate::store) fn by_client_id(
    connection: &Connection,
    client_id: &str,
) -> Result<Option<App>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM apps WHERE client_id = ?1"))?;
    Ok(statement.query_row([client_id], app).optional()?)
}

/// The hash of a client's secret.
pub(in crate::store) fn secret(
    connection: &Connection,
    id: AppId,
) -> Result<Option<TokenHash>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT secret_hash FROM apps WHERE id = ?1")?;
    Ok(statement.query_row([id], |row| row.get(0)).optional()?)
}

/// Remembers that a post was written with the client: it is named there for as long as there is an instance.
pub(in crate::store) fn set_used(connection: &Connection, id: AppId) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE apps SET used = 1 WHERE id = ?1 AND used = 0")?
        .execute([id])?;
    Ok(())
}

/// Whether there are at least `most` clients that nobody ever wrote with.
pub(in crate::store) fn are_unused_at_least(
    connection: &Connection,
    most: usize,
) -> Result<bool, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT 1 FROM apps WHERE used = 0 ORDER BY made_at LIMIT 1 OFFSET ?1")?;
    Ok(statement.exists([most.saturating_sub(1) as i64])?)
}

/// Clients registered until `until` that no member has a token or a code for and nobody ever wrote with, oldest first,
/// at most `limit`.
pub(in crate::store) fn unused_until(
    connection: &Connection,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<AppId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id FROM apps WHERE used = 0 AND made_at <= ?1
             AND NOT EXISTS (SELECT 1 FROM codes WHERE codes.app = apps.id)
             AND NOT EXISTS (
                 SELECT 1 FROM tokens WHERE tokens.app = apps.id AND tokens.account IS NOT NULL)
         ORDER BY made_at LIMIT ?2",
    )?;
    let rows = statement.query_map(params![until, limit as i64], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Forgets a client.
pub(in crate::store) fn delete(connection: &Connection, id: AppId) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM apps WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}
