//! Forward-only migrations, embedded in the binary, counted in `PRAGMA user_version`.

use rusqlite::{Connection, TransactionBehavior};

use super::error::StoreError;

/// Every migration in order; the schema's number is how many of them a database has had.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_accounts.sql"),
    include_str!("../../migrations/0002_posts.sql"),
    include_str!("../../migrations/0003_search.sql"),
    include_str!("../../migrations/0004_access.sql"),
];

/// Brings the database to this binary's schema.
///
/// # Errors
/// [`StoreError::NewerSchema`] when a newer kinglet wrote it, else what SQLite says; a migration that fails leaves the
/// database as it was before that migration.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let known = i64::try_from(MIGRATIONS.len()).expect("a handful of migrations");
    let found = schema(connection)?;
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    for (number, sql) in (1..)
        .zip(MIGRATIONS)
        .skip_while(|(number, _)| *number <= found)
    {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(())
}

/// How many migrations a database has had.
pub(super) fn schema(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("PRAGMA user_version", (), |row| row.get(0))?)
}
