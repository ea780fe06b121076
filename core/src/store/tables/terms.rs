//! The search index: terms made by the tokeniser, never the text itself.

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::page::Page;
use crate::features;
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;
use crate::store::tables::posts::imported_keys;

/// A change of the index of posts, which are told by their dense keys.
#[derive(Debug)]
pub(in crate::store) enum IndexChange {
    /// A post is new.
    Add {
        /// Its dense key.
        key: i64,
        /// What it is found by.
        terms: String,
    },
    /// A post that may be in the index has to be there.
    Fill {
        /// Its dense key.
        key: i64,
        /// What it is found by.
        terms: String,
    },
    /// A post, which may be in the index, has other terms from now on.
    Replace {
        /// Its dense key.
        key: i64,
        /// What it was found by.
        before: String,
        /// What it is found by.
        terms: String,
    },
    /// A post, which may be in the index, is gone.
    Remove {
        /// Its dense key.
        key: i64,
        /// What it was found by.
        before: String,
    },
}

impl IndexChange {
    /// The post's dense key. Changes are cheapest in the order of keys: FTS5 writes what it has collected whenever one is
    /// smaller than the last.
    pub(in crate::store) fn key(&self) -> i64 {
        match self {
            Self::Add { key, .. }
            | Self::Fill { key, .. }
            | Self::Replace { key, .. }
            | Self::Remove { key, .. } => *key,
        }
    }
}

/// Changes the index. Without search nothing is left of a post that is changed: what an author took back is found no
/// longer, whatever is searched with later.
pub(in crate::store) fn apply(
    connection: &Connection,
    change: &IndexChange,
) -> Result<(), StoreError> {
    match change {
        IndexChange::Add { key, terms } => add(connection, POSTS, *key, terms),
        IndexChange::Fill { key, terms } => match size(connection, POSTS, *key)? {
            Some(_) => Ok(()),
            None => add(connection, POSTS, *key, terms),
        },
        IndexChange::Replace { key, before, terms } => {
            remove(connection, POSTS, *key, before)?;
            add(connection, POSTS, *key, terms)
        }
        IndexChange::Remove { key, before } => remove(connection, POSTS, *key, before),
    }
}

/// The statements for an index. It has no content, so whoever takes something out has to know what was put in.
struct Index {
    add: &'static str,
    size: &'static str,
    remove: &'static str,
    look_into: &'static str,
    recorded: &'static str,
    is_kept: bool,
}

const POSTS: &Index = &Index {
    add: "INSERT INTO post_terms (rowid, terms) VALUES (?1, ?2)",
    size: "SELECT sz FROM post_terms_docsize WHERE id = ?1",
    remove: "INSERT INTO post_terms (post_terms, rowid, terms) VALUES ('delete', ?1, ?2)",
    look_into: "CREATE VIRTUAL TABLE IF NOT EXISTS temp.post_instances
         USING fts5vocab ('main', 'post_terms', 'instance')",
    recorded: "SELECT term FROM temp.post_instances WHERE doc = ?1 ORDER BY \"offset\"",
    is_kept: features::SEARCH,
};

const ACCOUNTS: &Index = &Index {
    add: "INSERT INTO account_terms (rowid, terms) VALUES (?1, ?2)",
    size: "SELECT sz FROM account_terms_docsize WHERE id = ?1",
    remove: "INSERT INTO account_terms (account_terms, rowid, terms) VALUES ('delete', ?1, ?2)",
    look_into: "CREATE VIRTUAL TABLE IF NOT EXISTS temp.account_instances
         USING fts5vocab ('main', 'account_terms', 'instance')",
    recorded: "SELECT term FROM temp.account_instances WHERE doc = ?1 ORDER BY \"offset\"",
    is_kept: true,
};

fn add(connection: &Connection, index: &Index, key: i64, terms: &str) -> Result<(), StoreError> {
    if index.is_kept {
        connection
            .prepare_cached(index.add)?
            .execute(params![key, terms])?;
    }
    Ok(())
}

/// How many terms something that is in an index has there.
fn size(connection: &Connection, index: &Index, key: i64) -> Result<Option<u64>, StoreError> {
    let mut statement = connection.prepare_cached(index.size)?;
    let size: Option<Vec<u8>> = statement.query_row([key], |row| row.get(0)).optional()?;
    Ok(size.map(|bytes| decode_varint(&bytes)))
}

/// A number as SQLite writes it in as few bytes as possible, seven bits in each; the ninth byte, which no text reaches, would
/// have eight.
fn decode_varint(bytes: &[u8]) -> u64 {
    let mut number = 0;
    for byte in bytes.iter().take(8) {
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    number
}

/// Takes something out of an index, every trace of it.
fn remove(
    connection: &Connection,
    index: &Index,
    key: i64,
    before: &str,
) -> Result<(), StoreError> {
    let Some(size) = size(connection, index, key)? else {
        return Ok(());
    };
    let recorded;
    let before = if before.split_ascii_whitespace().count() as u64 == size {
        before
    } else {
        recorded = recorded_terms(connection, index, key)?;
        &recorded
    };
    connection
        .prepare_cached(index.remove)?
        .execute(params![key, before])?;
    Ok(())
}

/// By what something really stands in an index. That is read from end to end, so it is asked only when what should be there
/// can't be: taking other terms out than were put in would damage the index.
fn recorded_terms(connection: &Connection, index: &Index, key: i64) -> Result<String, StoreError> {
    tracing::warn!(target: "kinglet::store::tables::terms", key, "something stands in the search index by other terms than its own: the index is read for them");
    connection.execute_batch(index.look_into)?;
    let mut statement = connection.prepare(index.recorded)?;
    let terms = statement.query_map([key], |row| row.get::<_, String>(0))?;
    Ok(terms.collect::<Result<Vec<_>, _>>()?.join(" "))
}

/// Posts that aren't in the index: of the first `limit` above `after` those without terms, with their dense keys and
/// texts; and the last that was looked at, if there were as many.
pub(in crate::store) fn unindexed_posts(
    connection: &Connection,
    after: PostId,
    limit: usize,
) -> Result<(Vec<UnindexedPost>, Option<PostId>), StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, key, spoiler, text,
                boost_of IS NULL AND NOT EXISTS (SELECT 1 FROM post_terms_docsize AS known WHERE known.id = posts.key)
         FROM posts WHERE id > ?1 ORDER BY id LIMIT ?2",
    )?;
    let mut rows = statement.query(params![after, limit as i64])?;
    let (mut unindexed, mut seen, mut last) = (Vec::new(), 0, after);
    while let Some(row) = rows.next()? {
        seen += 1;
        last = row.get(0)?;
        if row.get(4)? {
            unindexed.push(UnindexedPost {
                key: row.get(1)?,
                spoiler: row.get(2)?,
                text: row.get(3)?,
            });
        }
    }
    Ok((unindexed, (seen == limit).then_some(last)))
}

/// A post that isn't in the index.
#[derive(Debug)]
pub(in crate::store) struct UnindexedPost {
    /// Its dense key.
    pub(in crate::store) key: i64,
    /// Its warning; empty for none.
    pub(in crate::store) spoiler: String,
    /// Its text.
    pub(in crate::store) text: String,
}

/// Posts that match an FTS5 expression, within a page, by one author or by anybody; the cursor is the post.
pub(in crate::store) fn posts_page(
    connection: &Connection,
    expression: &str,
    author: Option<AccountId>,
    page: &Page,
) -> Result<Vec<(i64, PostId)>, StoreError> {
    if !features::SEARCH {
        return Ok(Vec::new());
    }
    // Keys grow with ids, those of imported posts among themselves, so the index is walked from one end in each of the two
    // ranges and stops as soon as the page is full.
    let order = if page.from_oldest() { "ASC" } else { "DESC" };
    let found = |above: i64, below: i64| -> Result<Vec<(i64, PostId)>, StoreError> {
        let mut statement = connection.prepare_cached(&format!(
            "SELECT posts.id FROM post_terms JOIN posts ON posts.key = post_terms.rowid
             WHERE post_terms MATCH ?1 AND post_terms.rowid > ?2 AND post_terms.rowid < ?3
                 AND posts.id > ?4 AND posts.id < ?5 AND (?6 IS NULL OR posts.author = ?6)
             ORDER BY post_terms.rowid {order} LIMIT ?7"
        ))?;
        let parameters = params![
            expression,
            above,
            below,
            page.above(),
            page.below(),
            author,
            page.limit as i64
        ];
        let rows = statement.query_map(parameters, |row| Ok((row.get(0)?, row.get(0)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    };
    let mut posts = found(0, i64::MAX)?;
    let (above, below) = imported_keys(page);
    posts.extend(found(above, below.min(0))?);
    posts.sort_unstable_by_key(|(id, _)| if page.from_oldest() { *id } else { -id });
    posts.truncate(page.limit);
    Ok(posts)
}

/// Indexes the names of a new account.
pub(in crate::store) fn add_account(
    connection: &Connection,
    account: AccountId,
    terms: &str,
) -> Result<(), StoreError> {
    add(connection, ACCOUNTS, account.0, terms)
}

/// Indexes an account's names in place of those that it had before.
pub(in crate::store) fn replace_account(
    connection: &Connection,
    account: AccountId,
    before: &str,
    terms: &str,
) -> Result<(), StoreError> {
    if before == terms {
        return Ok(());
    }
    remove(connection, ACCOUNTS, account.0, before)?;
    add(connection, ACCOUNTS, account.0, terms)
}

/// Takes an account out of the index, where it stands by these names.
pub(in crate::store) fn remove_account(
    connection: &Connection,
    account: AccountId,
    before: &str,
) -> Result<(), StoreError> {
    remove(connection, ACCOUNTS, account.0, before)
}

/// Which accounts a search is for.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct AccountSearch<'a> {
    /// The FTS5 expression.
    pub(in crate::store) expression: &'a str,
    /// Whoever has just this name comes first.
    pub(in crate::store) name: &'a str,
    /// Who searches; blocks between the two leave an account out.
    pub(in crate::store) viewer: Option<AccountId>,
    /// Only whom the viewer follows.
    pub(in crate::store) followed_only: bool,
    /// The most accounts.
    pub(in crate::store) limit: usize,
    /// How many to leave out at the beginning.
    pub(in crate::store) offset: usize,
}

/// Accounts that match, the most followed first.
pub(in crate::store) fn find_accounts(
    connection: &Connection,
    search: AccountSearch<'_>,
) -> Result<Vec<AccountId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT accounts.id FROM account_terms JOIN accounts ON accounts.id = account_terms.rowid
         WHERE account_terms MATCH ?1 AND accounts.state = 0
           AND NOT EXISTS (SELECT 1 FROM blocks WHERE account = ?3 AND target = accounts.id)
           AND NOT EXISTS (SELECT 1 FROM blocks WHERE account = accounts.id AND target = ?3)
           AND (?4 = 0 OR EXISTS (SELECT 1 FROM follows WHERE follower = ?3 AND followee = accounts.id))
         ORDER BY accounts.name = ?2 DESC, accounts.followers_count DESC, accounts.id LIMIT ?5 OFFSET ?6",
    )?;
    let parameters = params![
        search.expression,
        search.name,
        search.viewer,
        search.followed_only,
        search.limit as i64,
        search.offset as i64
    ];
    let rows = statement.query_map(parameters, |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Nine words, two of which begin like others.
    const WORDS: [&str; 9] = [
        "finch",
        "fin",
        "wren",
        "wrens",
        "tit",
        "\u{6771}\u{4eac}",
        "robin",
        "1984",
        "\u{6771}",
    ];

    fn open() -> Connection {
        let connection = Connection::open_in_memory().expect("memory");
        connection
            .execute_batch(include_str!("../../../migrations/0003_search.sql"))
            .expect("the index is made");
        connection
    }

    /// Every term of the index with its post and its place, by FTS5's own account.
    fn instances(connection: &Connection, index: &str) -> Vec<(i64, i64, String)> {
        connection
            .execute_batch(&format!(
                "CREATE VIRTUAL TABLE IF NOT EXISTS temp.seen_{index} USING fts5vocab ('main', '{index}', 'instance')"
            ))
            .expect("it can be looked into");
        let sql = format!("SELECT doc, \"offset\", term FROM temp.seen_{index} ORDER BY 1, 2");
        let mut statement = connection.prepare(&sql).expect("a statement");
        let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        rows.and_then(Iterator::collect).expect("rows")
    }

    fn integrity(connection: &Connection) -> String {
        connection
            .query_row("PRAGMA integrity_check", (), |row| row.get(0))
            .expect("an answer")
    }

    fn line() -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(&WORDS[..]), 0..200)
            .prop_map(|words| words.join(" "))
    }

    /// Old posts and new ones, and imported ones, whose keys are negative.
    fn key() -> impl Strategy<Value = i64> {
        prop_oneof![1..40_i64, (0..40_i64).prop_map(|at| i64::MIN + (at << 40))]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn the_index_holds_what_is_there_and_nothing_that_was(
            commits in prop::collection::vec(prop::collection::vec((key(), line()), 1..8), 1..30),
        ) {
            let connection = open();
            let mut model: BTreeMap<i64, String> = BTreeMap::new();
            for commit in commits {
                let mut changes = Vec::new();
                for (key, terms) in commit {
                    // What is there is changed or goes; an empty line is also one that somebody wrote.
                    changes.push(match model.remove(&key) {
                        None => {
                            model.insert(key, terms.clone());
                            IndexChange::Add { key, terms }
                        }
                        Some(before) if terms.len() % 2 == 0 => IndexChange::Remove { key, before },
                        Some(before) => {
                            model.insert(key, terms.clone());
                            IndexChange::Replace { key, before, terms }
                        }
                    });
                }
                changes.sort_by_key(IndexChange::key);
                connection.execute_batch("BEGIN").expect("begun");
                for change in &changes {
                    apply(&connection, change).expect("changed");
                }
                connection.execute_batch("COMMIT").expect("committed");
            }
            prop_assert_eq!(integrity(&connection), "ok");
            let expected: Vec<(i64, i64, String)> = if features::SEARCH {
                model
                    .iter()
                    .flat_map(|(key, line)| {
                        let words = line.split(' ').filter(|word| !word.is_empty());
                        words.zip(0..).map(|(word, at)| (*key, at, word.to_owned()))
                    })
                    .collect()
            } else {
                Vec::new()
            };
            prop_assert_eq!(instances(&connection, "post_terms"), expected);
        }
    }

    #[test]
    fn what_was_indexed_by_other_terms_goes_all_the_same() {
        if !features::SEARCH {
            return;
        }
        let connection = open();
        add(&connection, POSTS, 1, "finch wren finch").expect("added");
        add(&connection, POSTS, 2, "wren tit").expect("added");
        remove(&connection, POSTS, 1, "quite other words than those").expect("removed");
        remove(&connection, POSTS, 1, "").expect("it isn't there any more");
        let left = [(2, 0, "wren".to_owned()), (2, 1, "tit".to_owned())];
        assert_eq!(instances(&connection, "post_terms"), left);
        assert_eq!(integrity(&connection), "ok");
    }

    #[test]
    fn accounts_leave_their_index_with_all_prefixes() {
        let connection = open();
        for (key, name) in [(1, "kingfisher"), (2, "kinglet bird"), (3, "kite")] {
            add_account(&connection, AccountId(key), name).expect("added");
        }
        replace_account(&connection, AccountId(2), "kinglet bird", "kinglet").expect("replaced");
        remove_account(&connection, AccountId(1), "kingfisher").expect("removed");
        let matching = |expression: &str| -> i64 {
            let sql = "SELECT count(*) FROM account_terms WHERE account_terms MATCH ?1";
            connection
                .query_row(sql, [expression], |row| row.get(0))
                .expect("a number")
        };
        assert_eq!(["ki*", "kin*", "bi*"].map(matching), [2, 1, 0]);
        assert_eq!(integrity(&connection), "ok");
        let leaves: Vec<Vec<u8>> = connection
            .prepare("SELECT block FROM account_terms_data")
            .and_then(|mut leaves| leaves.query_map((), |row| row.get(0))?.collect())
            .expect("leaves");
        let holds = |text: &str| {
            leaves
                .iter()
                .any(|leaf| leaf.windows(text.len()).any(|part| part == text.as_bytes()))
        };
        assert!(holds("kinglet") && !holds("fisher") && !holds("bird"));
    }
}
