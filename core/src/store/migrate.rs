//! Forward-only migrations, embedded in the binary, counted in `PRAGMA user_version`.

use rusqlite::{Connection, TransactionBehavior};

use super::error::StoreError;

/// Every migration in order; the schema's number is how many of them a database has had.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_accounts.sql"),
    include_str!("../../migrations/0002_posts.sql"),
    include_str!("../../migrations/0003_search.sql"),
    include_str!("../../migrations/0004_access.sql"),
    include_str!("../../migrations/0005_jobs.sql"),
    include_str!("../../migrations/0006_statistics.sql"),
    include_str!("../../migrations/0007_archives.sql"),
];

/// Brings the database to this binary's schema.
///
/// # Errors
/// [`StoreError::NewerSchema`] when a newer kinglet wrote it, else what SQLite says; a migration that fails leaves the
/// database as it was before that migration.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let known = known();
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

/// How many migrations this kinglet knows.
pub(super) fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).expect("a handful of migrations")
}

/// How many migrations a database has had.
pub(super) fn schema(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("PRAGMA user_version", (), |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_database_gets_every_migration_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        for _ in 0..2 {
            migrate(&mut connection).unwrap();
            let version: i64 = connection
                .query_row("PRAGMA user_version", (), |row| row.get(0))
                .unwrap();
            assert_eq!(version, MIGRATIONS.len() as i64);
        }
    }

    #[test]
    fn a_newer_schema_is_refused_and_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection
            .pragma_update(None, "user_version", 4711)
            .unwrap();
        let refused = migrate(&mut connection).unwrap_err();
        let known = MIGRATIONS.len();
        assert_eq!(
            refused.to_string(),
            format!(
                "the database has schema 4711, this kinglet knows up to {known}: run the newer kinglet that wrote it"
            )
        );
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))
            .unwrap();
        assert_eq!(tables, 0);
    }
}
