//! Who can make which table grow, and what bounds it: for every table of the schema, held against the schema itself.

use super::error::StoreError;
use super::invariants::Finding;
use super::reader::View;
use super::tables::invariants::TABLES;
use super::units;
use crate::domain::access::{CONFIRMATION_MILLIS_MAX, SESSION_IDLE_MILLIS_MAX};
use crate::domain::job::DEAD_MILLIS_MAX;
use crate::domain::schedule::PeriodicTask;
use crate::domain::statistics::ACCOUNT_DAYS_KEPT;

const HOUR_MILLIS: i64 = 60 * 60 * 1000;
const DAY_MILLIS: i64 = 24 * HOUR_MILLIS;

/// What the findings of this file are called.
const INVARIANT: &str = "growth";

/// Who can add rows to a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grower {
    /// Whoever has the data directory, and the schema itself.
    Operator,
    /// Members, and therefore anybody where anybody can sign up.
    Member,
    /// Anybody, without an account.
    Anybody,
}

/// What keeps a table from growing without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    /// A task forgets rows of this age, in milliseconds.
    Age(PeriodicTask, i64),
    /// There are never more than so many of these.
    Most(usize, &'static str),
    /// As many as of what it hangs on, which has a bound of its own.
    With(&'static str),
    /// What people write and want to keep: it goes when they delete it.
    Kept(&'static str),
    /// Nothing.
    Nothing,
}

/// One table.
struct Growth {
    table: &'static str,
    grower: Grower,
    bounds: &'static [Bound],
}

const fn table(table: &'static str, grower: Grower, bounds: &'static [Bound]) -> Growth {
    Growth {
        table,
        grower,
        bounds,
    }
}

use Bound::{Age, Kept, Most, With};
use Grower::{Anybody, Member, Operator};

const CATALOGUE: &[Growth] = &[
    table("meta", Operator, &[With("the settings that there are")]),
    table(
        "destinations",
        Operator,
        &[With("the lanes that there are")],
    ),
    table("schedules", Operator, &[With("the tasks that there are")]),
    table(
        "accounts",
        Anybody,
        &[
            Age(PeriodicTask::SignUps, CONFIRMATION_MILLIS_MAX),
            Most(units::PENDING_SIGN_UPS_MAX, "that wait for approval"),
            Kept("accounts in use, and the names of deleted ones, so that nobody takes them"),
        ],
    ),
    table("account_terms", Anybody, &[With("accounts")]),
    table("posts", Member, &[Kept("posts and boosts")]),
    table("post_terms", Member, &[With("posts")]),
    table(
        "post_edits",
        Member,
        &[Most(
            units::EDITS_PER_POST_MAX as usize,
            "earlier versions of a post",
        )],
    ),
    table(
        "mentions",
        Member,
        &[With("the names that fit into a post")],
    ),
    table(
        "tags",
        Member,
        &[With(
            "the posts that have them: the last one takes its tag away",
        )],
    ),
    table(
        "post_tags",
        Member,
        &[With("the tags that fit into a post")],
    ),
    table(
        "favourites",
        Member,
        &[Kept("one of an account for a post")],
    ),
    table("bookmarks", Member, &[Kept("one of an account for a post")]),
    table("follows", Member, &[Kept("one between two accounts")]),
    table(
        "follow_requests",
        Member,
        &[Kept("one between two accounts")],
    ),
    table("blocks", Member, &[Kept("one between two accounts")]),
    table("mutes", Member, &[Kept("one between two accounts")]),
    table(
        "notifications",
        Member,
        &[Kept(
            "one for each act, until it is undone or the reader clears them",
        )],
    ),
    table("archives", Member, &[Most(1, "of an account")]),
    table("arrivals", Member, &[Most(1, "of an account")]),
    table(
        "imports",
        Member,
        &[Kept("one for each entry that an account brought along")],
    ),
    table("markers", Member, &[With("accounts and their timelines")]),
    table(
        "idempotency_keys",
        Member,
        &[Age(PeriodicTask::IdempotencyKeys, HOUR_MILLIS)],
    ),
    table(
        "apps",
        Anybody,
        &[
            Age(PeriodicTask::Applications, units::APP_UNUSED_MILLIS_MAX),
            Most(units::APPS_UNUSED_MAX, "that nobody wrote with"),
            With("tokens, and posts that were written with them"),
        ],
    ),
    table("codes", Member, &[Age(PeriodicTask::Codes, DAY_MILLIS)]),
    table(
        "tokens",
        Anybody,
        &[
            Most(units::TOKENS_PER_ACCOUNT_MAX, "of an account"),
            Most(units::CLIENT_TOKENS_PER_APP_MAX, "of an application's own"),
        ],
    ),
    table(
        "sessions",
        Member,
        &[
            Most(units::SESSIONS_PER_ACCOUNT_MAX, "of an account"),
            Age(PeriodicTask::Sessions, SESSION_IDLE_MILLIS_MAX),
        ],
    ),
    table(
        "links",
        Anybody,
        &[Age(PeriodicTask::Codes, CONFIRMATION_MILLIS_MAX)],
    ),
    table(
        "jobs",
        Anybody,
        &[
            With("the work that is left to do"),
            Age(PeriodicTask::Jobs, DEAD_MILLIS_MAX),
        ],
    ),
    table("mail_settings", Member, &[With("accounts")]),
    table("mail_standing", Member, &[With("accounts")]),
    table(
        "digest_items",
        Member,
        &[
            Most(units::ITEMS_PER_ACCOUNT_MAX, "for an account"),
            Age(PeriodicTask::Jobs, units::ITEM_AGE_MILLIS_MAX),
        ],
    ),
    table(
        "instance_days",
        Member,
        &[With("days since the first post")],
    ),
    table(
        "account_days",
        Member,
        &[Age(
            PeriodicTask::Statistics,
            ACCOUNT_DAYS_KEPT as i64 * DAY_MILLIS,
        )],
    ),
    table(
        "day_shares",
        Member,
        &[With("days, with a few tags, languages and clients each")],
    ),
    table(
        "measured_quarters",
        Operator,
        &[With("time: 96 rows of a few bytes a day")],
    ),
    table(
        "stale_quarters",
        Member,
        &[With(
            "time: at most 96 rows a day, until they are counted again",
        )],
    ),
    table(
        "stale_accounts",
        Member,
        &[With("accounts, until their days are counted again")],
    ),
];

/// What a full-text index keeps in tables of its own, beside itself.
const SHADOWS: [&str; 5] = ["_data", "_idx", "_content", "_docsize", "_config"];

impl Growth {
    /// Whether it speaks of this table, or of the index that the table belongs to.
    fn covers(&self, name: &str) -> bool {
        name.strip_prefix(self.table)
            .is_some_and(|rest| rest.is_empty() || SHADOWS.contains(&rest))
    }

    fn is_bounded(&self) -> bool {
        self.grower == Operator
            || (!self.bounds.is_empty() && !self.bounds.contains(&Bound::Nothing))
    }

    /// Every number in the catalogue is a bound only when it is one.
    #[cfg(test)]
    fn is_sound(&self) -> bool {
        self.bounds.iter().all(|bound| match bound {
            Age(_, millis) => *millis > 0,
            Most(most, of_what) => *most > 0 && !of_what.is_empty(),
            With(what) | Kept(what) => !what.is_empty(),
            Bound::Nothing => true,
        })
    }
}

/// Tables that strangers can grow and nothing bounds, as far as anybody knows.
pub(super) fn findings(view: &View<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut statement = view.connection.prepare(TABLES)?;
    let names = statement
        .query_map((), |row| row.get(0))?
        .collect::<Result<Vec<String>, _>>()?;
    Ok(without_bound(&names, CATALOGUE))
}

fn without_bound(names: &[String], catalogue: &[Growth]) -> Vec<Finding> {
    let finding = |name: &str, what: &str| Finding {
        invariant: INVARIANT.to_owned(),
        detail: format!("table {name}: {what}"),
    };
    let mut found = Vec::new();
    for name in names {
        match catalogue.iter().find(|growth| growth.covers(name)) {
            None => found.push(finding(
                name,
                "nobody says who can make it grow and what bounds it",
            )),
            Some(growth) if !growth.is_bounded() => found.push(finding(
                name,
                match growth.grower {
                    Anybody => "anybody can make it grow, and nothing bounds it",
                    _ => "whoever can sign up can make it grow, and nothing bounds it",
                },
            )),
            Some(_) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::store::invariants::CheckInvariants;
    use crate::store::testing::TestStore;

    #[test]
    fn every_table_of_the_schema_is_spoken_of_and_bounded() {
        let mut store = TestStore::open();
        assert_eq!(store.find(CheckInvariants), []);
        assert!(CATALOGUE.iter().all(Growth::is_sound));
        let distinct: BTreeSet<&str> = CATALOGUE.iter().map(|growth| growth.table).collect();
        assert_eq!(distinct.len(), CATALOGUE.len());
        for growth in CATALOGUE {
            let sql = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ";
            assert_eq!(
                store.number(&format!("{sql}'{}'", growth.table)),
                1,
                "{} is gone",
                growth.table
            );
        }
    }

    #[test]
    fn a_new_table_that_nobody_speaks_of_is_reported() {
        let mut store = TestStore::open();
        store.tamper("CREATE TABLE comets (id INTEGER PRIMARY KEY) STRICT");
        let found = store.find(CheckInvariants);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].invariant, "growth");
        assert!(found[0].detail.starts_with("table comets: nobody says"));
    }

    #[test]
    fn a_table_that_nothing_bounds_is_reported_if_strangers_can_grow_it() {
        let names = ["comets", "comets_data", "cometsdata", "meteors", "moons"].map(str::to_owned);
        let catalogue = [
            table("comets", Anybody, &[With("the sky"), Bound::Nothing]),
            table("meteors", Member, &[]),
            table("moons", Operator, &[Bound::Nothing]),
        ];
        let found = without_bound(&names, &catalogue);
        let details: Vec<&str> = found.iter().map(|f| f.detail.as_str()).collect();
        assert_eq!(
            details,
            [
                "table comets: anybody can make it grow, and nothing bounds it",
                "table comets_data: anybody can make it grow, and nothing bounds it",
                "table cometsdata: nobody says who can make it grow and what bounds it",
                "table meteors: whoever can sign up can make it grow, and nothing bounds it",
            ]
        );
    }
}
