//! Lets somebody watch the statements of a connection.

use std::sync::Arc;

use rusqlite::trace::{TraceEvent, TraceEventCodes};
use rusqlite::{Connection, StatementStatus};

use super::error::StoreError;
use crate::clock::Moment;
use crate::telemetry::statements::{Run, Statements};

/// Statements that may be at work at once on a connection: rows of one are walked while others run.
const STATEMENTS_AT_WORK_MAX: usize = 32;

/// The tap of one connection. SQLite calls nobody while it is closed.
pub(super) struct Tap {
    statements: Arc<Statements>,
    is_open: bool,
}

impl Tap {
    /// A tap that opens when somebody watches.
    pub(super) fn new(statements: Arc<Statements>) -> Self {
        Self {
            statements,
            is_open: false,
        }
    }

    /// To be told when the connection is another.
    pub(super) fn begin_anew(&mut self) {
        self.is_open = false;
    }

    /// Opens or closes as it is wanted now. To be called before each piece of work.
    ///
    /// # Errors
    /// What SQLite says.
    pub(super) fn follow(&mut self, connection: &mut Connection) -> Result<(), StoreError> {
        let wanted = self.statements.are_watched();
        if wanted != self.is_open {
            self.is_open = wanted;
            let events = TraceEventCodes::SQLITE_TRACE_STMT | TraceEventCodes::SQLITE_TRACE_PROFILE;
            if wanted {
                let note = noting(Arc::clone(&self.statements));
                connection.trace_v2(events, Some(note))?;
            } else {
                let nobody = None::<fn(TraceEvent<'_>)>;
                connection.trace_v2(TraceEventCodes::empty(), nobody)?;
            }
        }
        Ok(())
    }
}

/// Takes the time of each statement. SQLite would tell it as well, in whole milliseconds.
fn noting(statements: Arc<Statements>) -> impl FnMut(TraceEvent<'_>) + Send + 'static {
    let mut at_work: Vec<(String, Moment)> = Vec::new();
    move |event| match event {
        // A trigger's statements begin with a comment instead of an own text; they belong to whatever set it off.
        TraceEvent::Stmt(statement, text) if !text.starts_with("--") => {
            if at_work.len() == STATEMENTS_AT_WORK_MAX {
                at_work.remove(0);
            }
            at_work.push((statement.sql().into_owned(), Moment::now()));
        }
        TraceEvent::Profile(statement, _) => {
            let ended = Moment::now();
            let sql = statement.sql();
            let begun = at_work.iter().rposition(|(text, _)| *text == sql);
            if let Some(place) = begun {
                let (_, begun) = at_work.remove(place);
                let run = Run {
                    nanos: ended.nanos_since(begun),
                    scans: statement.get_status(StatementStatus::FullscanStep) > 0,
                    sorts: statement.get_status(StatementStatus::Sort) > 0,
                };
                statements.note(&sql, run);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(connection: &Connection, sql: &str, value: i64) {
        connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row([value], |_| Ok(())))
            .expect("it has a row");
    }

    #[test]
    fn statements_are_seen_while_somebody_watches_and_never_their_values() {
        let mut connection = Connection::open_in_memory().expect("SQLite");
        let made = "CREATE TABLE birds (name, size); INSERT INTO birds VALUES ('robin', 424242), ('wren', 1)";
        connection.execute_batch(made).expect("a table");
        let statements = Arc::new(Statements::default());
        let mut tap = Tap::new(Arc::clone(&statements));
        let sql = "SELECT name FROM birds WHERE size = ?1 ORDER BY name";

        tap.follow(&mut connection).expect("it follows");
        ran(&connection, sql, 424_242);
        let watching = statements.watch();
        ran(&connection, sql, 424_242);
        assert_eq!(watching.read(), [], "nobody told the connection yet");
        tap.follow(&mut connection).expect("it follows");
        for _ in 0..3 {
            ran(&connection, sql, 424_242);
        }
        let seen = watching.read();
        let [figures] = &seen[..] else {
            panic!("{seen:?}");
        };
        assert_eq!(figures.sql.as_deref(), Some(sql));
        assert_eq!(figures.count, 3);
        assert!(figures.scans && figures.sorts);
        assert!(!format!("{seen:?}").contains("424242"));
        drop(watching);
        tap.follow(&mut connection).expect("it follows");
        ran(&connection, sql, 424_242);
        assert_eq!(statements.watch().read(), []);
    }

    #[test]
    fn a_statement_within_the_rows_of_another_has_its_own_time() {
        let mut connection = Connection::open_in_memory().expect("SQLite");
        let statements = Arc::new(Statements::default());
        let watching = statements.watch();
        Tap::new(Arc::clone(&statements))
            .follow(&mut connection)
            .expect("it follows");
        let mut outer = connection
            .prepare("SELECT 1 UNION ALL SELECT 2")
            .expect("SQL");
        let mut rows = outer.query(()).expect("rows");
        while rows.next().expect("a row").is_some() {
            ran(&connection, "SELECT ?1", 1);
        }
        drop(rows);
        let counts: Vec<u64> = watching
            .read()
            .iter()
            .map(|figures| figures.count)
            .collect();
        assert_eq!(counts.iter().sum::<u64>(), 3);
        assert_eq!(counts.len(), 2);
    }
}
