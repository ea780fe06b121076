//! Forward-only migrations, embedded in the binary, counted in `PRAGMA user_version`.
//!
//! A migration that only adds takes no time that grows with the data, and a kinglet that doesn't know it goes on with the file: tables,
//! columns with a default, indexes on new tables. It is done whenever a database is opened; rows that it wants filled are
//! filled by a job, in steps, as [`Job::IndexPosts`](crate::domain::job::Job::IndexPosts) does. One that rewrites or drops
//! something is done by [`upgrade`](super::upgrade) alone, after a snapshot, and by nothing that opens a database.

use rusqlite::{Connection, TransactionBehavior};

use super::error::StoreError;
use super::tables::meta;

/// What a migration does to what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It leaves it alone.
    Adds,
    /// It rewrites or drops some of it.
    Rewrites,
}

/// One migration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Migration {
    pub(super) sql: &'static str,
    pub(super) kind: Kind,
}

const fn adds(sql: &'static str) -> Migration {
    Migration {
        sql,
        kind: Kind::Adds,
    }
}

const fn rewrites(sql: &'static str) -> Migration {
    Migration {
        sql,
        kind: Kind::Rewrites,
    }
}

/// Every migration in order; the schema's number is how many of them a database has had.
pub(super) const MIGRATIONS: &[Migration] = &[
    rewrites(include_str!("../../migrations/0001_accounts.sql")),
    rewrites(include_str!("../../migrations/0002_posts.sql")),
    rewrites(include_str!("../../migrations/0003_search.sql")),
    rewrites(include_str!("../../migrations/0004_access.sql")),
    rewrites(include_str!("../../migrations/0005_jobs.sql")),
    rewrites(include_str!("../../migrations/0006_statistics.sql")),
    adds(include_str!("../../migrations/0007_archives.sql")),
    adds(include_str!("../../migrations/0008_arrivals.sql")),
];

/// Brings a database that is opened to this binary's schema, as far as that takes no rewriting.
///
/// # Errors
/// [`StoreError::NewerSchema`] when a newer kinglet wrote it, [`StoreError::NeedsUpgrade`] when it has to be rewritten, else what
/// SQLite says; a migration that fails leaves the database as it was before that migration.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    migrate_by(connection, MIGRATIONS)
}

fn migrate_by(connection: &mut Connection, migrations: &[Migration]) -> Result<(), StoreError> {
    refuse_newer_by(connection, migrations)?;
    let found = schema(connection)?;
    // An empty file has nothing that could be lost. In any other nothing is begun that can't be ended.
    if found > 0 && needs_rewriting(found, migrations) {
        return Err(StoreError::NeedsUpgrade {
            found,
            known: count(migrations),
        });
    }
    apply(connection, migrations)
}

/// Whether something of this schema has to be rewritten.
pub(super) fn needs_rewriting(found: i64, migrations: &[Migration]) -> bool {
    missing(found, migrations).any(|(_, migration)| migration.kind == Kind::Rewrites)
}

/// Applies every migration that is missing, whatever it does; each in a transaction of its own.
pub(super) fn apply(
    connection: &mut Connection,
    migrations: &[Migration],
) -> Result<(), StoreError> {
    let found = schema(connection)?;
    for (number, migration) in missing(found, migrations) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration.sql)?;
        if migration.kind == Kind::Rewrites {
            meta::set_least_schema(&transaction, number)?;
        }
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(())
}

fn missing(found: i64, migrations: &[Migration]) -> impl Iterator<Item = (i64, &Migration)> {
    (1..)
        .zip(migrations)
        .skip_while(move |(number, _)| *number <= found)
}

fn count(migrations: &[Migration]) -> i64 {
    i64::try_from(migrations.len()).expect("a handful of migrations")
}

/// The schema of this binary.
pub(super) fn known() -> i64 {
    count(MIGRATIONS)
}

/// Refuses a database that a newer kinglet rewrote. What one only added to it does no harm.
pub(super) fn refuse_newer(connection: &Connection) -> Result<(), StoreError> {
    refuse_newer_by(connection, MIGRATIONS)
}

/// The same for a kinglet that knows these migrations.
pub(super) fn refuse_newer_by(
    connection: &Connection,
    migrations: &[Migration],
) -> Result<(), StoreError> {
    let known = count(migrations);
    let found = schema(connection)?;
    if found <= known {
        return Ok(());
    }
    match least_schema(connection) {
        Some(least) if least <= known => Ok(()),
        _ => Err(StoreError::NewerSchema { found, known }),
    }
}

/// The oldest schema that a kinglet may know to go on with the database; none where that isn't told.
fn least_schema(connection: &Connection) -> Option<i64> {
    meta::least_schema(connection).ok().flatten()
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

    const ADDS: Migration = Migration {
        sql: "CREATE TABLE added (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT '') STRICT",
        kind: Kind::Adds,
    };
    const DROPS: Migration = Migration {
        sql: "DROP TABLE markers",
        kind: Kind::Rewrites,
    };

    fn with(more: &[Migration]) -> Vec<Migration> {
        [MIGRATIONS, more].concat()
    }

    #[test]
    fn what_is_added_is_added_at_once_and_an_older_kinglet_goes_on() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate_by(&mut connection, &with(&[ADDS])).unwrap();
        assert_eq!(schema(&connection).unwrap(), known() + 1);
        connection
            .execute("INSERT INTO added DEFAULT VALUES", ())
            .unwrap();
        migrate(&mut connection).unwrap();
        assert_eq!(schema(&connection).unwrap(), known() + 1, "it stays");
    }

    #[test]
    fn what_rewrites_is_begun_by_no_start_and_ends_the_way_back() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        let newer = with(&[ADDS, DROPS]);
        let refused = migrate_by(&mut connection, &newer).unwrap_err();
        assert!(
            matches!(refused, StoreError::NeedsUpgrade { .. }),
            "{refused}"
        );
        assert!(refused.to_string().contains("kinglet upgrade"), "{refused}");
        assert_eq!(schema(&connection).unwrap(), known(), "nothing was begun");
        apply(&mut connection, &newer).unwrap();
        migrate_by(&mut connection, &newer).unwrap();
        let refused = migrate(&mut connection).unwrap_err();
        assert!(
            matches!(refused, StoreError::NewerSchema { .. }),
            "{refused}"
        );
        // Another kinglet that knows the rewriting, and not what was added since.
        migrate_by(&mut connection, &with(&[ADDS, DROPS, ADDS])).unwrap_err();
        let renamed = Migration {
            sql: "CREATE TABLE more (id INTEGER PRIMARY KEY) STRICT",
            kind: Kind::Adds,
        };
        migrate_by(&mut connection, &with(&[ADDS, DROPS, renamed])).unwrap();
        migrate_by(&mut connection, &newer).unwrap();
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
