//! Everything that is derived has a check, each check notices what it is for, and a repair mends it without touching what isn't derived.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::tz::TimeZone;
use rusqlite::Connection;
use rusqlite::types::Value;

use super::*;
use crate::clock::Clock as _;
use crate::ids::AccountId;
use crate::randomness::Randomness;
use crate::store::invariants::tests::{BREAKERS, lively};
use crate::store::open::database_in;
use crate::store::queries::statistics::{
    ComputeAccountDays, ComputeDay, ComputeWindows, ComputedDay, PlanStatistics, StatisticsStep,
};
use crate::store::reader::Reader;
use crate::store::repair::{Cure, Repair, check_all};
use crate::store::tables::invariants::TABLES;
use crate::store::testing::TestStore;

/// A table: the columns that nothing else tells, and for every other one what holds it against what it is derived from. Where
/// no column is a source, rows are derived as well.
struct Table {
    name: &'static str,
    sources: &'static str,
    derived: &'static [(&'static str, &'static [&'static str])],
}

const fn table(
    name: &'static str,
    sources: &'static str,
    derived: &'static [(&'static str, &'static [&'static str])],
) -> Table {
    Table {
        name,
        sources,
        derived,
    }
}

/// What is written down in `meta` and follows from something else, with its checks; all else there is a source.
const DERIVED_IN_META: &[(&str, &[&str])] = &[
    ("commit", &["commits_are_below_the_last"]),
    ("last_id", &["ids_are_below_the_last"]),
    ("last_deletion", &["commits_are_below_the_last"]),
    ("timelines_epoch", &["commits_are_below_the_last"]),
    ("statistics_commit", &["commits_are_below_the_last"]),
    ("search_index", &["posts_are_indexed"]),
    // Random; whoever opens a store without them draws others, and links in old mails end.
    ("identity", &["the_store_knows_itself"]),
    ("unsubscribe_key", &["the_store_knows_itself"]),
];

const FIGURES: &[&str] = &[name::DAYS, "figures_are_counts", "days_have_no_gap"];

const SCHEMA: &[Table] = &[
    table("meta", "name value", &[]),
    table(
        "accounts",
        "id name email email_confirmed new_email password_hash confirms_to logged_in role state display_name note fields \
         locked bot discoverable post_visibility post_sensitive post_language signup_reason notifications_cleared",
        &[
            ("followers_count", &["followers_count"]),
            ("following_count", &["following_count"]),
            ("posts_count", &["posts_count"]),
            ("last_open_post", &["last_open_post"]),
            ("last_entry", &["last_entry"]),
            ("sources_commit", &["commits_are_below_the_last"]),
            ("access_commit", &["commits_are_below_the_last"]),
        ],
    ),
    table("follows", "id follower followee shows_boosts notifies", &[]),
    table(
        "follow_requests",
        "id follower followee shows_boosts notifies",
        &[],
    ),
    table("blocks", "id account target", &[]),
    table("mutes", "id account target hides_notifications", &[]),
    table(
        "posts",
        "id author visibility boost_of reply_to sensitive spoiler text language app edited_at",
        &[
            ("key", &["keys_grow_with_ids"]),
            ("boost_author", &["boosts_know_their_author"]),
            ("reply_author", &["replies_know_their_author"]),
            ("replies_count", &["replies_count"]),
            ("boosts_count", &["boosts_count"]),
            ("favourites_count", &["favourites_count"]),
        ],
    ),
    // Whom a name meant was decided when the post was written.
    table("mentions", "post account", &[]),
    table(
        "tags",
        "",
        &[
            ("id", &["tags_are_in_use", name::TAGS]),
            ("name", &[name::TAGS]),
        ],
    ),
    table(
        "post_tags",
        "",
        &[
            ("tag", &[name::TAGS, "foreign_keys"]),
            ("post", &[name::TAGS, "post_tags_have_their_post"]),
        ],
    ),
    table("post_edits", "id post made_at sensitive spoiler text", &[]),
    table("favourites", "id account post", &[]),
    table("bookmarks", "id account post", &[]),
    table(
        "notifications",
        "",
        &[
            ("id", &["younger_than_what_they_are_about"]),
            ("account", &["notifications_have_their_cause"]),
            (
                "kind",
                &[
                    "notifications_have_their_cause",
                    "notifications_about_posts",
                ],
            ),
            ("sender", &["notifications_have_their_cause"]),
            (
                "post",
                &[
                    "notifications_have_their_cause",
                    "notifications_have_their_post",
                ],
            ),
        ],
    ),
    table(
        "markers",
        "account timeline last_read version updated_at",
        &[],
    ),
    table(
        "idempotency_keys",
        "",
        &[
            ("post", &["idempotency_keys_have_their_post"]),
            ("hash", &["idempotency_keys_have_their_post"]),
        ],
    ),
    table(
        "post_terms",
        "",
        &[(
            "terms",
            &[
                name::POST_WORDS,
                "posts_are_indexed",
                "indexed_posts_are_there",
            ],
        )],
    ),
    table(
        "account_terms",
        "",
        &[(
            "terms",
            &[
                name::ACCOUNT_WORDS,
                "accounts_are_indexed",
                "indexed_accounts_are_there",
            ],
        )],
    ),
    table(
        "apps",
        "id client_id secret_hash name website redirect_uris scopes made_at",
        &[("used", &["used_apps_say_so"])],
    ),
    table(
        "codes",
        "hash app account redirect_uri scopes challenge expires_at used",
        &[],
    ),
    table(
        "tokens",
        "id hash app account scopes code made_at last_used",
        &[],
    ),
    table("sessions", "id hash account agent made_at last_used", &[]),
    table("links", "hash kind account uses_left expires_at", &[]),
    table(
        "destinations",
        "name lane failures open_until paused last_error",
        &[],
    ),
    table(
        "jobs",
        "id kind version payload attempts made_at last_error",
        &[
            ("destination", &[name::JOBS]),
            ("priority", &[name::JOBS]),
            ("dedup_key", &[name::JOBS]),
            ("state", &[name::LEASES]),
            ("run_at", &[name::LEASES]),
        ],
    ),
    table(
        "schedules",
        "task expression due_at paused started_at finished_at last_error",
        &[],
    ),
    table(
        "mail_settings",
        "account mentions follow_requests sign_ups log_ins quiet_from quiet_until time_zone",
        &[],
    ),
    table(
        "mail_standing",
        "account hour sent bounced_at bounce_reason asked_at reset_hour resets",
        &[],
    ),
    table("digest_items", "id account kind subject made_at", &[]),
    table(
        "instance_days",
        "",
        &[
            ("day", &["days_have_no_gap"]),
            ("closed", FIGURES),
            ("windows_stale", FIGURES),
            ("posts", FIGURES),
            ("replies", FIGURES),
            ("boosts", FIGURES),
            ("favourites", FIGURES),
            ("mentions", FIGURES),
            ("follows", FIGURES),
            ("sign_ups", FIGURES),
            ("active_day", FIGURES),
            ("active_week", FIGURES),
            ("active_month", FIGURES),
            ("hours", FIGURES),
            ("public_posts", FIGURES),
            ("public_replies", FIGURES),
            ("public_boosts", FIGURES),
            ("public_favourites", FIGURES),
            ("public_mentions", FIGURES),
            ("public_follows", FIGURES),
            ("public_sign_ups", FIGURES),
            ("public_active_day", FIGURES),
            ("public_active_week", FIGURES),
            ("public_active_month", FIGURES),
            ("public_hours", FIGURES),
        ],
    ),
    table(
        "account_days",
        "",
        &[
            ("account", &["foreign_keys", name::DAYS]),
            ("day", FIGURES),
            ("posts", FIGURES),
            ("replies", FIGURES),
            ("boosts", FIGURES),
            ("boosts_received", FIGURES),
            ("favourites_received", FIGURES),
            ("replies_received", FIGURES),
            ("mentions_received", FIGURES),
            ("reach", FIGURES),
            ("new_followers", FIGURES),
        ],
    ),
    table(
        "day_shares",
        "",
        &[
            ("day", &["shares_have_their_day"]),
            ("dimension", &[name::DAYS]),
            ("label", &[name::DAYS]),
            ("posts", &[name::DAYS]),
            ("authors", &[name::DAYS]),
        ],
    ),
    table(
        "measured_quarters",
        "quarter database_bytes mail_sent mail_failed",
        &[],
    ),
    table(
        "stale_quarters",
        "quarter",
        &[("commit", &["commits_are_below_the_last"])],
    ),
    table(
        "stale_accounts",
        "",
        &[("account", &["foreign_keys"]), ("after", &[name::DAYS])],
    ),
    table("imports", "account origin post", &[]),
    table(
        "arrivals",
        "account asked_at file name bytes things done report outcome ended_at reason",
        &[],
    ),
    table(
        "archives",
        "account asked_at",
        &[
            ("made_at", &["archives_are_whole"]),
            ("file", &["archives_are_whole", name::ARCHIVE_FILES]),
            ("bytes", &["archives_are_whole", name::ARCHIVE_FILES]),
        ],
    ),
];

/// Checks that look elsewhere than into the database.
const ELSEWHERE: &[&str] = &[
    name::HOMES,
    name::ORPHANED_HOMES,
    name::ARCHIVE_FILES,
    name::STRAY_FILES,
    name::ADDRESS,
];

fn columns(connection: &Connection, table: &str) -> BTreeSet<String> {
    let mut statement = connection
        .prepare("SELECT name FROM pragma_table_info(?1)")
        .unwrap();
    let rows = statement.query_map([table], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// What has a check by the catalogue but isn't there, and what is there but not in the catalogue.
fn forgotten(connection: &Connection, schema: &[Table]) -> Vec<String> {
    let mut statement = connection.prepare(TABLES).unwrap();
    let names = statement.query_map((), |row| row.get(0)).unwrap();
    let names: Vec<String> = names.collect::<Result<_, _>>().unwrap();
    let mut wrong = Vec::new();
    for name in &names {
        let is_shadow = names
            .iter()
            .any(|other| other.ends_with("_terms") && name.starts_with(&format!("{other}_")));
        match schema.iter().find(|table| table.name == name) {
            _ if is_shadow => {}
            None => wrong.push(format!(
                "{name}: what of it is derived, and what checks that?"
            )),
            Some(table) => {
                let derived = table.derived.iter().map(|(column, _)| *column);
                let told: BTreeSet<String> = table
                    .sources
                    .split_whitespace()
                    .chain(derived)
                    .map(str::to_owned)
                    .collect();
                for column in columns(connection, name).symmetric_difference(&told) {
                    wrong.push(format!(
                        "{name}.{column}: is it derived, and what checks that?"
                    ));
                }
            }
        }
    }
    for table in schema {
        if !names.iter().any(|name| name == table.name) {
            wrong.push(format!("{} is gone", table.name));
        }
    }
    wrong
}

/// The names of everything that is checked.
fn names() -> BTreeSet<&'static str> {
    let own = Check::all().into_iter().map(Check::name);
    own.chain([name::LEASES, name::UNKNOWN_JOBS, name::READABLE])
        .chain(ELSEWHERE.iter().copied())
        .collect()
}

#[test]
fn whatever_is_derived_has_a_check() {
    let store = TestStore::open();
    let connection = Connection::open(store.database()).unwrap();
    assert_eq!(forgotten(&connection, SCHEMA), Vec::<String>::new());
    let names = names();
    let derived = SCHEMA.iter().flat_map(|table| table.derived);
    for (column, checks) in derived.chain(DERIVED_IN_META) {
        assert!(!checks.is_empty(), "{column}");
        for check in *checks {
            assert!(names.contains(check), "{column}: {check}");
        }
    }
}

#[test]
fn a_migration_that_forgets_the_check_is_noticed() {
    let store = TestStore::open();
    store.tamper(
        "CREATE TABLE comets (id INTEGER PRIMARY KEY, seen_count INTEGER NOT NULL DEFAULT 0) STRICT;
         ALTER TABLE accounts ADD COLUMN bookmarks_count INTEGER NOT NULL DEFAULT 0",
    );
    let connection = Connection::open(store.database()).unwrap();
    assert_eq!(
        forgotten(&connection, SCHEMA),
        [
            "accounts.bookmarks_count: is it derived, and what checks that?",
            "comets: what of it is derived, and what checks that?"
        ]
    );
}

/// What is said of posts, in a store whose days are counted, some time later.
fn lived() -> TestStore {
    let (mut store, ..) = lively();
    while store.step_in_house() {}
    store.clock.advance_millis(3 * 24 * 60 * 60 * 1000);
    count_days(&mut store);
    store
}

fn count_days(store: &mut TestStore) {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    for _ in 0..1000 {
        let plan = PlanStatistics {
            now: store.clock.now(),
            zone: zone.clone(),
        };
        match store.find(plan) {
            StatisticsStep::Begin(begin) => store.apply(begin).unwrap(),
            StatisticsStep::Close(day) => count_day(store, day, &zone),
            StatisticsStep::CountWindows(day) => {
                let zone = zone.clone();
                let windows = store.find(ComputeWindows { day, zone });
                assert!(store.apply(windows).unwrap());
            }
            StatisticsStep::Open(days) => {
                days.into_iter()
                    .for_each(|day| count_day(store, day, &zone));
                return;
            }
            other => panic!("{other:?}"),
        }
    }
    panic!("the days are never counted");
}

fn count_day(store: &mut TestStore, computed: ComputedDay, zone: &TimeZone) {
    let ComputedDay { day, is_closed, .. } = computed;
    let mut after = Some(AccountId(0));
    while let Some(from) = after {
        let zone = zone.clone();
        let page = store.find(ComputeAccountDays {
            day,
            zone,
            after: from,
        });
        after = page.next;
        assert!(store.apply(page.record).unwrap());
    }
    let figures = ComputeDay {
        day,
        zone: zone.clone(),
        is_closed,
        since_commit: None,
    };
    if let Some(record) = store.find(figures) {
        assert!(store.apply(record).unwrap());
    }
}

pub(in crate::store) fn check(database: &Path, now: Timestamp) -> Vec<Finding> {
    let mut reader = Reader::open(database).unwrap();
    check_all(&mut reader, now, &mut |_, _, _| {}).unwrap().0
}

/// Everything that nothing else tells, table by table.
pub(in crate::store) fn sources(database: &Path) -> BTreeMap<&'static str, Vec<Vec<Value>>> {
    let connection = Connection::open(database).unwrap();
    let mut found = BTreeMap::new();
    for table in SCHEMA.iter().filter(|table| !table.sources.is_empty()) {
        let columns: Vec<&str> = table.sources.split_whitespace().collect();
        let list = columns.join(", ");
        let sql = format!("SELECT {list} FROM {} ORDER BY {list}", table.name);
        let mut statement = connection.prepare(&sql).unwrap();
        let rows = statement.query_map((), |row| {
            (0..columns.len()).map(|column| row.get(column)).collect()
        });
        let mut rows: Vec<Vec<Value>> = rows.unwrap().collect::<Result<_, _>>().unwrap();
        if table.name == "meta" {
            rows.retain(|row| {
                let derived = |(name, _): &(&str, _)| row[0] == Value::Text((*name).to_owned());
                !DERIVED_IN_META.iter().any(derived)
            });
        }
        found.insert(table.name, rows);
    }
    found
}

/// Nothing is another than before; jobs may have come, which do what is left to be done.
#[track_caller]
pub(in crate::store) fn require_untouched(
    before: &BTreeMap<&str, Vec<Vec<Value>>>,
    database: &Path,
    what: &str,
) {
    let mut after = sources(database);
    let known = &before["jobs"];
    let jobs = after.get_mut("jobs").expect("it is a table");
    jobs.retain(|row| known.contains(row));
    for (table, rows) in before {
        assert_eq!(rows, &after[table], "{what}: {table}");
    }
}

/// Damages a store, and repairs it as often as may be.
#[track_caller]
fn damage_and_repair(invariant: &str, breakers: &[&str]) {
    let store = lived();
    let now = store.clock.now();
    assert_eq!(
        check(&store.database(), now),
        [],
        "before {invariant} is broken"
    );
    let clock = store.clock.clone();
    for breaker in breakers {
        store.tamper(breaker);
    }
    let directory = store.close();
    let database = database_in(directory.path());
    let found = check(&database, now);
    let named = |findings: &[Finding]| findings.iter().any(|found| found.invariant == invariant);
    assert!(
        named(&found),
        "{invariant} overlooks {breakers:?}: {found:?}"
    );
    let of_it = found.iter().filter(|found| found.invariant == invariant);
    let is_derived = of_it.map(Cure::of).all(|cure| cure == Cure::Repair);
    let before = sources(&database);
    let mut rng = Randomness::seeded(1).rng();
    let repair = Repair::open(directory.path(), clock, &mut rng).unwrap();
    let mut found = found;
    for _ in 0..crate::store::repair::ROUNDS_MAX {
        if !found.iter().any(|found| Cure::of(found) == Cure::Repair) {
            break;
        }
        repair.mend(&found).unwrap();
        found = check(&database, now);
    }
    repair.close().unwrap();
    require_untouched(&before, &database, invariant);
    assert!(
        found.iter().all(|found| Cure::of(found) != Cure::Repair),
        "{invariant} isn't mended: {found:?}"
    );
    if is_derived {
        assert_eq!(found, [], "{invariant}");
    } else if invariant != "answered_and_boosted_accounts" {
        // An author that is missing there may be that of a post, and derived.
        assert!(named(&found), "{invariant} isn't derived: {found:?}");
    }
    // Whatever was mended or not, it is a store that can be opened, and repairing it again changes nothing.
    drop(TestStore::open_again(directory));
}

/// For every check that is no statement, what breaks it.
const MORE_BREAKERS: &[(&str, &[&str])] = &[
    (name::GROWTH, &["CREATE TABLE comets (id INTEGER PRIMARY KEY) STRICT"]),
    (name::TAGS, &["DELETE FROM post_tags WHERE post = (SELECT min(post) FROM post_tags)"]),
    (name::TAGS, &["UPDATE tags SET name = 'cats'"]),
    (
        name::FOREIGN_KEYS,
        &["DELETE FROM tags"],
    ),
    (
        name::FOREIGN_KEYS,
        &["INSERT INTO account_days VALUES (17, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
           INSERT INTO stale_accounts VALUES (17, 0)"],
    ),
    (
        name::POST_WORDS,
        &["INSERT OR REPLACE INTO post_terms (rowid, terms) VALUES (1, 'quite another text')"],
    ),
    (
        name::POST_WORDS,
        &["UPDATE posts SET text = 'quite another text #birds' WHERE key = 1"],
    ),
    (name::POST_WORDS, &["DELETE FROM post_terms_docsize WHERE id = 1"]),
    (
        name::ACCOUNT_WORDS,
        &["INSERT OR REPLACE INTO account_terms (rowid, terms) SELECT id, 'somebody else' FROM accounts"],
    ),
    (
        name::JOBS,
        &["INSERT INTO jobs (kind, version, payload, destination, priority, run_at, made_at)
           VALUES ('index_posts', 1, '{\"after\":\"0\"}', 'mail', 0, 0, 0)"],
    ),
    (
        name::UNKNOWN_JOBS,
        &["INSERT INTO jobs (kind, version, payload, destination, priority, run_at, made_at)
           VALUES ('dance', 1, '{}', 'house', 1, 0, 0)"],
    ),
    (name::READABLE, &["UPDATE posts SET visibility = 9"]),
    (
        name::LEASES,
        &["INSERT INTO jobs (kind, version, payload, destination, priority, dedup_key, state, run_at, made_at)
           VALUES ('index_posts', 1, '{\"after\":\"0\"}', 'house', 2, 'index_posts', 1, 9000000000000, 0)"],
    ),
    (name::DAYS, &["UPDATE instance_days SET posts = posts + 1"]),
    (name::DAYS, &["UPDATE instance_days SET hours = 'whenever'"]),
    (name::DAYS, &["UPDATE account_days SET reach = reach + 1"]),
    (name::DAYS, &["DELETE FROM account_days"]),
    (name::DAYS, &["UPDATE day_shares SET posts = 70"]),
    (
        "days_have_no_gap",
        &["DELETE FROM instance_days WHERE day = 1 + (SELECT min(day) FROM instance_days)"],
    ),
    (
        name::INTEGRITY,
        &[
            "PRAGMA writable_schema = on;
             UPDATE sqlite_schema SET sql = sql || ' WHERE post < 0' WHERE name = 'favourites_by_post'",
            "UPDATE favourites SET id = id + 1",
            "PRAGMA writable_schema = on;
             UPDATE sqlite_schema SET sql = replace(sql, ' WHERE post < 0', '') WHERE name = 'favourites_by_post'",
        ],
    ),
    (
        name::INTEGRITY,
        &["UPDATE post_terms_data SET block = zeroblob(length(block)) WHERE id > 10"],
    ),
    (name::INTEGRITY, &["DELETE FROM account_terms_data WHERE id > 10"]),
    (
        name::INTEGRITY,
        &["PRAGMA writable_schema = on; DELETE FROM sqlite_schema WHERE name = 'posts_by_author'"],
    ),
];

#[test]
fn every_invariant_that_breaks_is_mended_or_refused_and_nothing_else_is_touched() {
    for (invariant, breaker) in BREAKERS {
        damage_and_repair(invariant, &[breaker]);
    }
}

#[test]
fn every_other_check_notices_what_breaks_it_and_is_mended_or_refused_as_well() {
    for (invariant, breakers) in MORE_BREAKERS {
        damage_and_repair(invariant, breakers);
    }
}

#[test]
fn every_check_is_tried() {
    let tried: BTreeSet<&str> = BREAKERS
        .iter()
        .map(|(invariant, _)| *invariant)
        .chain(MORE_BREAKERS.iter().map(|(invariant, _)| *invariant))
        .chain(ELSEWHERE.iter().copied())
        .collect();
    assert_eq!(tried, names());
}

#[test]
fn checks_need_no_memory_that_grows_with_what_they_look_at() {
    use crate::store::tables::invariants::INVARIANTS;
    let store = TestStore::open();
    let connection = Connection::open(store.database()).unwrap();
    for invariant in INVARIANTS {
        let sql = format!("EXPLAIN QUERY PLAN {}", invariant.violations);
        let mut statement = connection.prepare(&sql).unwrap();
        let rows = statement.query_map((), |row| row.get(3)).unwrap();
        let plan: Vec<String> = rows.collect::<Result<_, _>>().unwrap();
        for (at, step) in plan.iter().enumerate() {
            // Those few that are told of clients that say the opposite.
            let is_sorted = step.contains("TEMP B-TREE") && invariant.name != "used_apps_say_so";
            let is_kept = step.contains("MATERIALIZE") || step.contains("AUTOMATIC");
            // A list is made of what waits for a purge, and looked up in an index else.
            let next = plan.get(at + 1).map_or("", |step| step.as_str());
            let is_list = step.starts_with("LIST SUBQUERY") && !next.starts_with("SCAN jobs");
            assert!(
                !is_sorted && !is_kept && !is_list,
                "{}: {plan:#?}",
                invariant.name
            );
        }
    }
}
