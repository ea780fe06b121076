//! What the store is made of, for whoever looks for a fault.

use serde::{Deserialize, Serialize};

use crate::store::error::StoreError;
use crate::store::reader::{Query, View};
use crate::store::tables::inspection;

/// How SQLite runs statements. Answers in the order of the texts, with nothing for those that can't be explained.
#[derive(Debug)]
pub struct ExplainStatements {
    /// Their texts.
    pub sql: Vec<String>,
}

impl Query for ExplainStatements {
    type Answer = Vec<Option<Vec<String>>>;

    fn run(&self, view: &View<'_>) -> Result<Self::Answer, StoreError> {
        self.sql
            .iter()
            .map(|sql| inspection::plan(view.connection, sql))
            .collect()
    }
}

/// How large everything is.
#[derive(Debug)]
pub struct ReadSizes;

/// How large the database is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreSizes {
    /// How many migrations were applied.
    pub schema_version: i64,
    /// The number of the newest commit.
    pub commit: i64,
    /// The size of the file, in bytes.
    pub bytes: i64,
    /// How much of it is free.
    pub free_bytes: i64,
    /// The tables.
    pub tables: Vec<TableSize>,
}

/// How large a table is. Nothing is counted, since that would read all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSize {
    /// Its name.
    pub name: String,
    /// The number of its newest row, with deleted ones counted, where rows have numbers that count them.
    pub rows_at_most: Option<i64>,
    /// How many rows the planner believed it to have when it last looked.
    pub rows_estimated: Option<i64>,
}

/// Ids hold the time, so that they say nothing of how many there are.
const COUNTED_ROWS_MAX: i64 = 1 << 40;

impl Query for ReadSizes {
    type Answer = StoreSizes;

    fn run(&self, view: &View<'_>) -> Result<StoreSizes, StoreError> {
        let connection = view.connection;
        let (pages, free, page_bytes) = inspection::pages(connection)?;
        let tables = inspection::tables(connection)?.into_iter();
        let sized = |name: String| TableSize {
            rows_at_most: inspection::rows_at_most(connection, &name)
                .filter(|rows| *rows < COUNTED_ROWS_MAX),
            rows_estimated: inspection::rows_estimated(connection, &name),
            name,
        };
        Ok(StoreSizes {
            schema_version: inspection::schema_version(connection)?,
            commit: view.commit(),
            bytes: pages * page_bytes,
            free_bytes: free * page_bytes,
            tables: tables.map(sized).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::TestStore;

    #[test]
    fn plans_are_told_and_nothing_is_carried_out() {
        let mut store = TestStore::open();
        let sql = [
            "SELECT id FROM accounts WHERE id = ?1",
            "DELETE FROM accounts",
            "PRAGMA user_version = 7777",
        ];
        let explain = ExplainStatements {
            sql: sql.map(str::to_owned).into(),
        };
        let (plans, _) = store.look(explain);
        let search = plans[0].as_ref().expect("it can be explained");
        assert!(search[0].starts_with("SEARCH accounts"), "{search:?}");
        assert!(plans[1].is_some());
        assert_eq!(plans[2], None);
        let (sizes, _) = store.look(ReadSizes);
        assert_ne!(sizes.schema_version, 7777);
        assert!(sizes.bytes > 0);
        let names: Vec<&str> = sizes.tables.iter().map(|table| &*table.name).collect();
        assert!(names.contains(&"accounts") && names.contains(&"posts"));
    }
}
