//! How SQLite runs every statement of `tables/`: nothing that grows is read from end to end or sorted by hand.
//!
//! The statements are read out of the source, so a new one can't be forgotten. What may scan or sort is named here,
//! with its reason.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::migrate;

/// Statements that may scan or sort, told by a part of their text, and why.
const EXCEPTIONS: &[(&str, &str)] = &[
    (
        "FROM destinations ORDER BY name",
        "there are as many as lanes of work",
    ),
    (
        "FROM jobs WHERE state = 1",
        "jobs that run are as few as workers and have an index of their own, destinations as few as lanes",
    ),
    (
        "FROM jobs WHERE state = 2",
        "reads as many as are wanted, in the order of the index of dead jobs",
    ),
    (
        "FROM apps WHERE used = 0 ORDER BY made_at LIMIT 1 OFFSET",
        "walks the index of unused clients as far as there may be some, once for each that registers",
    ),
    (
        "FROM archives WHERE file IS NOT NULL",
        "there are as many as members asked for lately",
    ),
    ("SELECT account, file, bytes FROM archives", "as above"),
    (
        "UPDATE arrivals SET file = NULL, outcome = coalesce",
        "ends all that members uploaded lately, once in a copy of the instance",
    ),
    (
        "SELECT NOT EXISTS (SELECT 1 FROM meta",
        "stops at the first row",
    ),
    (
        "FROM arrivals WHERE file IS NOT NULL",
        "there are as many as members uploaded lately",
    ),
    (
        "SELECT count(*) FROM newer.posts AS there",
        "compares every post of two databases, once when an upgrade is taken back",
    ),
    (
        "FROM schedules ORDER BY task",
        "there are as many as periodic tasks",
    ),
    (
        "WHERE role > 0 AND state = 0 ORDER BY role DESC",
        "owners and moderators are few",
    ),
    (
        "ORDER BY last_used DESC, id DESC LIMIT -1",
        "an account's own sessions or tokens, of which it may have few",
    ),
    (
        "SELECT id, last_entry FROM accounts WHERE last_entry > 0 AND state <> 3 LIMIT",
        "reads every account's newest entry, once for as long as they are kept in memory",
    ),
    (
        "coalesce(sum(last_open_post >= ?1), 0)",
        "a census of all accounts, for the instance's documents alone",
    ),
    (
        "ORDER BY accounts.name = ?2 DESC, accounts.followers_count DESC",
        "accounts are found by relevance, which no index has",
    ),
    (
        "FROM stale_accounts ORDER BY account LIMIT 1",
        "reads one row, in the table's own order",
    ),
    (
        "FROM accounts WHERE state = 0 AND last_entry >= ?1",
        "asks each account once, which is less than a month's posts",
    ),
    (
        "GROUP BY whose ORDER BY whose LIMIT",
        "sorts what one day's ids hold",
    ),
    (
        "ORDER BY 2 DESC, 3 DESC",
        "ranks the tags, languages and clients of one day, or the twenty of each of many",
    ),
    (
        "FROM instance_days WHERE closed = 0 ORDER BY day",
        "its index holds the open days alone",
    ),
    (
        "FROM instance_days WHERE windows_stale = 1 ORDER BY day",
        "its index holds the days to be counted again alone",
    ),
    (
        "FROM instance_days ORDER BY day",
        "adds up all days, of which there are a few thousand in a decade",
    ),
    (
        "FROM main.accounts AS here WHERE state IN (?1, ?2)",
        "reads every account of the older of two databases, once when it is restored",
    ),
    (
        "FROM newer.accounts AS there",
        "reads every account of the newer of two databases, once when the older is restored",
    ),
    (
        "_instances WHERE doc = ?1",
        "sorts the terms of one post, when something is wrong with the index",
    ),
    (
        "JOIN newer.accounts AS there ON there.id = here.id",
        "compares every account of two databases, once when one is restored",
    ),
];

/// `kinglet check` holds every row against every other: reading whole tables is what it is for.
/// And so does `kinglet repair`.
const READ_EVERYTHING: [&str; 3] = ["invariants.rs", "mends.rs", "walks.rs"];

/// Asks about the tables themselves, of which there are as many as files.
const READS_THE_SCHEMA: &str = "inspection.rs";

/// A string literal of the source, with what a continued line drops.
fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut characters = source.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '/' if characters.peek() == Some(&'/') => {
                characters.by_ref().find(|next| *next == '\n');
            }
            '\'' => {
                // A character; a lifetime has no second quote.
                let ahead: Vec<char> = characters.clone().take(2).collect();
                if ahead.get(1) == Some(&'\'') {
                    characters.nth(1);
                }
            }
            '"' => {
                let mut text = String::new();
                while let Some(next) = characters.next() {
                    match next {
                        '"' => break,
                        '\\' => match characters.next() {
                            Some('\n') => {
                                while characters.peek().is_some_and(|c| c.is_whitespace()) {
                                    characters.next();
                                }
                            }
                            Some(escaped) => text.push(escaped),
                            None => break,
                        },
                        other => text.push(other),
                    }
                }
                found.push(text);
            }
            _ => {}
        }
    }
    found
}

/// The constants of a file that statements are put together from.
fn constants(source: &str) -> Vec<(String, String)> {
    source
        .split("const ")
        .skip(1)
        .filter_map(|after| {
            let (name, rest) = after.split_once(": &str =")?;
            let text = literals(rest).into_iter().next()?;
            Some((format!("{{{name}}}"), text))
        })
        .collect()
}

/// The beginnings of statements that `paged.rs` completes, each with its cursor.
fn paged(source: &str) -> Vec<(String, String)> {
    source
        .split("paged::rows(")
        .skip(1)
        .filter_map(|call| {
            let mut literals = literals(call).into_iter();
            Some((literals.next()?, literals.next()?))
        })
        .collect()
}

/// Every statement of a file.
fn statements(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let constants = constants(source);
    let paged = paged(source);
    let whole = literals(source)
        .into_iter()
        .filter(|text| !paged.iter().any(|(select, _)| select == text));
    let pages = paged.iter().map(|(select, cursor)| {
        let bounds = format!("AND {cursor} > ?2 AND {cursor} < ?3");
        format!("{select} {bounds} ORDER BY {cursor} {{order}} LIMIT 5")
    });
    whole
        .chain(pages)
        .map(|mut text| {
            for (name, value) in &constants {
                text = text.replace(name, value);
            }
            text
        })
        .flat_map(|text| {
            let orders = if text.contains("{order}") { 2 } else { 1 };
            ["ASC", "DESC"]
                .into_iter()
                .take(orders)
                .map(move |order| text.replace("{order}", order))
        })
        .filter(|text| {
            ["SELECT ", "UPDATE ", "DELETE ", "INSERT ", "WITH "]
                .iter()
                .any(|verb| text.starts_with(verb))
        })
        .collect()
}

/// A database, and the newer one that a restored one is compared with.
fn database() -> Connection {
    let newer = tempfile::NamedTempFile::new().unwrap();
    migrate::migrate(&mut Connection::open(newer.path()).unwrap()).unwrap();
    let mut connection = Connection::open_in_memory().unwrap();
    migrate::migrate(&mut connection).unwrap();
    let path = newer.path().to_str().unwrap();
    connection.execute("ATTACH ?1 AS newer", [path]).unwrap();
    for index in ["post", "account"] {
        let sql = format!(
            "CREATE VIRTUAL TABLE temp.{index}_instances USING fts5vocab ('main', '{index}_terms', 'instance')"
        );
        connection.execute_batch(&sql).unwrap();
    }
    connection
}

fn plan(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
    let rows = statement.raw_query();
    rows.mapped(|row| row.get(3)).collect()
}

/// What is wrong with a plan.
fn faults(plan: &[String]) -> Vec<&String> {
    plan.iter()
        .filter(|step| {
            let scans = step.starts_with("SCAN ")
                && !step.contains("VIRTUAL TABLE INDEX")
                // What is in a subquery has steps of its own.
                && !step.starts_with("SCAN (")
                && !step.ends_with("CONSTANT ROW")
                && !step.ends_with("CONSTANT ROWS");
            scans || step.contains("TEMP B-TREE") || step.contains("AUTOMATIC")
        })
        .collect()
}

#[test]
fn no_statement_reads_a_whole_table_or_sorts_one() {
    let connection = database();
    let tables = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/tables");
    let mut wrong = Vec::new();
    let mut seen = 0;
    let mut used = vec![false; EXCEPTIONS.len()];
    for file in fs::read_dir(tables).unwrap() {
        let path = file.unwrap().path();
        if READ_EVERYTHING.iter().any(|name| path.ends_with(name))
            || path.ends_with(READS_THE_SCHEMA)
        {
            continue;
        }
        for sql in statements(&fs::read_to_string(&path).unwrap()) {
            seen += 1;
            let name = path.file_name().unwrap().display();
            let plan = match plan(&connection, &sql) {
                Ok(plan) => plan,
                Err(error) => {
                    wrong.push(format!("{name}: {error}\n    {sql}"));
                    continue;
                }
            };
            let faults = faults(&plan);
            if faults.is_empty() {
                continue;
            }
            match EXCEPTIONS.iter().position(|(part, _)| sql.contains(part)) {
                Some(exception) => used[exception] = true,
                None => wrong.push(format!("{name}: {faults:?}\n    {sql}")),
            }
        }
    }
    assert!(seen > 80, "only {seen} statements were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for ((part, reason), used) in EXCEPTIONS.iter().zip(used) {
        assert!(used, "no statement needs the exception {part:?} ({reason})");
    }
}

#[test]
fn a_scan_and_a_sort_are_seen() {
    let connection = database();
    let faults = |sql: &str| faults(&plan(&connection, sql).unwrap()).len();
    assert_eq!(faults("SELECT id FROM posts WHERE text = ?1"), 1);
    assert_eq!(
        faults("SELECT id FROM posts WHERE author = ?1 ORDER BY boosts_count"),
        1
    );
    assert_eq!(
        faults("SELECT id FROM posts WHERE author = ?1 ORDER BY id"),
        0
    );
}

#[test]
fn statements_are_found_as_they_are_written() {
    let source = "
        const COLUMNS: &str = \"id, \\
             name\";
        // \"SELECT in a comment\"
        fn one<'a>(c: char) { let _ = c == '\"'; format!(\"SELECT {COLUMNS}
            FROM accounts\"); other(\"no statement\") }
        ";
    assert_eq!(
        statements(source),
        ["SELECT id, name\n            FROM accounts"]
    );
}
