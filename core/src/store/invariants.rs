//! What must be true of the store as a whole, checked by `kinglet check` and after every backup.

use super::check::{MORE, name};
use super::error::StoreError;
use super::growth;
use super::migrate;
use super::reader::{Query, View};
use super::tables::invariants::{FOREIGN_KEYS, INTEGRITY, INVARIANTS};

/// The most violations of one invariant that are told.
pub const FINDINGS_PER_INVARIANT_MAX: usize = 20;

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Finding {
    /// Which invariant is broken.
    pub invariant: String,
    /// By what.
    pub detail: String,
}

/// Checks every invariant in one snapshot. Its answer is empty for a sound store, else at most
/// [`FINDINGS_PER_INVARIANT_MAX`] findings for each invariant and one that says that there are more.
#[derive(Debug, Clone, Copy)]
pub struct CheckInvariants;

impl Query for CheckInvariants {
    type Answer = Vec<Finding>;

    fn run(&self, view: &View<'_>) -> Result<Vec<Finding>, StoreError> {
        let mut findings = violations(view, name::INTEGRITY, INTEGRITY)?;
        // What stands in a broken file says nothing about the rules.
        if !findings.is_empty() {
            return Ok(findings);
        }
        findings.extend(violations(view, name::FOREIGN_KEYS, FOREIGN_KEYS)?);
        for invariant in INVARIANTS {
            findings.extend(violations(view, invariant.name, invariant.violations)?);
        }
        // A newer kinglet knows what bounds the tables that it added.
        if migrate::schema(view.connection)? <= migrate::known() {
            findings.extend(growth::findings(view)?);
        }
        Ok(findings)
    }
}

/// Checks what SQLite knows itself, whatever the schema: the file, and references between rows.
#[derive(Debug, Clone, Copy)]
pub struct CheckFile;

impl Query for CheckFile {
    type Answer = Vec<Finding>;

    fn run(&self, view: &View<'_>) -> Result<Vec<Finding>, StoreError> {
        let mut findings = violations(view, name::INTEGRITY, INTEGRITY)?;
        if findings.is_empty() {
            findings.extend(violations(view, name::FOREIGN_KEYS, FOREIGN_KEYS)?);
        }
        Ok(findings)
    }
}

/// What a statement finds that breaks an invariant, no more of it than a person reads.
pub(super) fn violations(
    view: &View<'_>,
    invariant: &str,
    violations: &str,
) -> Result<Vec<Finding>, StoreError> {
    let mut statement = view.connection.prepare(violations)?;
    let details = statement.query_map((), |row| row.get::<_, String>(0))?;
    let mut findings = Vec::new();
    for (number, detail) in details.take(FINDINGS_PER_INVARIANT_MAX + 1).enumerate() {
        findings.push(Finding {
            invariant: invariant.to_owned(),
            detail: if number < FINDINGS_PER_INVARIANT_MAX {
                detail?
            } else {
                MORE.to_owned()
            },
        });
    }
    Ok(findings)
}

#[cfg(test)]
pub(in crate::store) mod tests {
    use crate::domain::idempotency::IdempotencyKey;
    use std::collections::HashSet;

    use super::*;
    use crate::domain::account::Role;
    use crate::domain::visibility::Visibility;
    use crate::ids::{AccountId, PostId};
    use crate::store::population::prepared;
    use crate::store::reader::Reader;
    use crate::store::testing::TestStore;
    use crate::store::units::{
        Admission, BlockAccount, BoostPost, DeleteAccount, DeletePost, EditPost, FollowAccount,
        Mark, MarkPost, NewMember, PreparedText, PublishPost, RegisterAccount,
    };

    fn register(store: &TestStore, name: &str) -> AccountId {
        let unit = RegisterAccount {
            member: NewMember {
                name: name.to_owned(),
                email: format!("{name}@example.org"),
                password_hash: "none".to_owned(),
            },
            admission: Admission::Operator(Role::User),
        };
        store.apply(unit).expect("the name is free").account
    }

    fn text(text: &str, names: &[&str]) -> PreparedText {
        PreparedText {
            mentioned_names: names.iter().map(|name| (*name).to_owned()).collect(),
            ..prepared(format!("{text} #birds"))
        }
    }

    fn publish(store: &TestStore, author: AccountId, reply_to: Option<PostId>) -> PostId {
        let unit = PublishPost {
            author,
            text: text("hello", &["alice", "bob"]),
            visibility: Some(Visibility::Public),
            reply_to,
            app: None,
            idempotency_key: Some(IdempotencyKey::of(author, "once"))
                .filter(|_| reply_to.is_none()),
        };
        store.apply(unit).expect("a post")
    }

    /// alice and bob follow each other; bob replies to alice, boosts, favours and keeps; carol is blocked.
    pub(in crate::store) fn lively() -> (TestStore, [AccountId; 3], [PostId; 2]) {
        let store = TestStore::open();
        let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| register(&store, name));
        for (follower, followee) in [(alice, bob), (bob, alice), (carol, bob)] {
            let unit = FollowAccount {
                follower,
                followee,
                shows_boosts: None,
                notifies: Some(true),
                follows_max: 10,
            };
            store.apply(unit).expect("follows");
        }
        let post = publish(&store, alice, None);
        let reply = publish(&store, bob, Some(post));
        let boost = BoostPost {
            author: bob,
            post,
            visibility: Visibility::Public,
        };
        store.apply(boost).expect("boosts");
        for mark in [Mark::Favourite, Mark::Bookmark] {
            let unit = MarkPost {
                account: bob,
                post,
                mark,
                on: true,
            };
            store.apply(unit).expect("marks");
        }
        let edit = EditPost {
            author: alice,
            post,
            text: text("hello again", &["bob"]),
        };
        store.apply(edit).expect("edits");
        let block = BlockAccount {
            account: alice,
            target: carol,
        };
        store.apply(block).expect("blocks");
        (store, [alice, bob, carol], [post, reply])
    }

    #[test]
    fn what_units_do_breaks_nothing_before_between_and_after_purges() {
        let (mut store, [alice, bob, _], [post, _]) = lively();
        assert_eq!(store.find(CheckInvariants), []);
        let delete = DeletePost {
            author: alice,
            post,
        };
        store.apply(delete).expect("deletes");
        assert_eq!(store.find(CheckInvariants), [], "a purge waits");
        let by = crate::domain::access::Authority::Operator;
        let delete = DeleteAccount { by, account: bob };
        store.apply(delete).expect("deletes");
        loop {
            assert_eq!(store.find(CheckInvariants), [], "purges wait");
            if !store.step_in_house() {
                break;
            }
        }
        assert_eq!(store.find(CheckInvariants), [], "all is purged");
    }

    /// For every invariant something that breaks it, in terms of what [`lively`] leaves.
    pub(in crate::store) const BREAKERS: &[(&str, &str)] = &[
        (
            "foreign_keys",
            "INSERT INTO mutes (account, target, hides_notifications) VALUES (1, 2, 0)",
        ),
        (
            "followers_count",
            "UPDATE accounts SET followers_count = 7 WHERE name = 'bob'",
        ),
        (
            "following_count",
            "UPDATE accounts SET following_count = 0 WHERE name = 'bob'",
        ),
        (
            "posts_count",
            "UPDATE accounts SET posts_count = posts_count + 1 WHERE name = 'alice'",
        ),
        (
            "last_open_post",
            "UPDATE accounts SET last_open_post = NULL WHERE name = 'alice'",
        ),
        (
            "last_entry",
            "UPDATE accounts SET last_entry = 1 WHERE name = 'alice'",
        ),
        ("replies_count", "UPDATE posts SET replies_count = 0"),
        (
            "boosts_count",
            "UPDATE posts SET boosts_count = 2 WHERE boosts_count = 1",
        ),
        ("favourites_count", "DELETE FROM favourites"),
        (
            "boosts_have_their_post",
            "UPDATE posts SET boost_of = 17 WHERE boost_of IS NOT NULL",
        ),
        (
            "boosts_know_their_author",
            "UPDATE posts SET boost_author = author WHERE boost_of IS NOT NULL",
        ),
        (
            "boosts_are_of_posts",
            "UPDATE posts SET boost_of = (SELECT id FROM posts WHERE boost_of IS NOT NULL)
             WHERE reply_to IS NOT NULL",
        ),
        (
            "replies_know_their_author",
            "UPDATE posts SET reply_author = author WHERE reply_to IS NOT NULL",
        ),
        (
            "answered_and_boosted_accounts",
            "UPDATE posts SET reply_author = 17 WHERE reply_to IS NOT NULL",
        ),
        (
            "keys_grow_with_ids",
            "UPDATE posts SET key = -1 WHERE reply_to IS NOT NULL",
        ),
        (
            "mentions_have_their_post",
            "UPDATE mentions SET post = 17 WHERE post = (SELECT min(post) FROM mentions)",
        ),
        (
            "post_tags_have_their_post",
            "INSERT INTO post_tags SELECT id, 17 FROM tags",
        ),
        (
            "tags_are_in_use",
            "INSERT INTO tags (name) VALUES ('lonely')",
        ),
        (
            "post_edits_have_their_post",
            "UPDATE post_edits SET post = 17",
        ),
        ("edited_posts_say_so", "UPDATE posts SET edited_at = NULL"),
        (
            "favourites_have_their_post",
            "UPDATE favourites SET post = 17",
        ),
        (
            "bookmarks_have_their_post",
            "UPDATE bookmarks SET post = 17",
        ),
        (
            "notifications_have_their_post",
            "UPDATE notifications SET post = 17 WHERE kind = 1",
        ),
        (
            "notifications_about_posts",
            "UPDATE notifications SET post = NULL WHERE kind = 1",
        ),
        (
            "idempotency_keys_have_their_post",
            "UPDATE idempotency_keys SET post = 17 WHERE post IN (SELECT max(post) FROM idempotency_keys)",
        ),
        (
            "posts_are_indexed",
            "DELETE FROM post_terms_docsize WHERE id = 1",
        ),
        (
            "indexed_posts_are_there",
            "INSERT INTO post_terms (rowid, terms) VALUES (17, 'ghost')",
        ),
        ("accounts_are_indexed", "DELETE FROM account_terms_docsize"),
        (
            "indexed_accounts_are_there",
            "INSERT INTO account_terms (rowid, terms) VALUES (17, 'ghost')",
        ),
        (
            "nobody_relates_to_itself",
            "UPDATE blocks SET target = account",
        ),
        (
            "blocks_end_follows",
            "INSERT INTO blocks (account, target) SELECT follower, followee FROM follows",
        ),
        (
            "requests_end_with_the_follow",
            "INSERT INTO follow_requests SELECT * FROM follows",
        ),
        (
            "purged_posts_are_gone",
            "INSERT INTO jobs (kind, version, payload, destination, priority, run_at, made_at)
             SELECT 'purge_post', 1, json_object('post', CAST(id AS TEXT)), 'house', 2, 0, 0 FROM posts",
        ),
        (
            "purged_accounts_are_deleted",
            "INSERT INTO jobs (kind, version, payload, destination, priority, run_at, made_at)
             SELECT 'purge_account', 1, json_object('account', CAST(id AS TEXT)), 'house', 2, 0, 0
             FROM accounts",
        ),
        (
            "purges_are_complete",
            "UPDATE accounts SET state = 3, email = NULL WHERE name = 'bob'",
        ),
        (
            "deleted_accounts_get_no_mail",
            "UPDATE accounts SET state = 3, email = 'bob@birds.example' WHERE name = 'bob'",
        ),
        (
            "sign_ups_know_what_they_become",
            "UPDATE accounts SET state = 4 WHERE name = 'bob'",
        ),
        ("known_words", "UPDATE posts SET visibility = 9"),
        (
            "public_figures_are_part_of_all",
            "INSERT INTO instance_days VALUES (1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, '', 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, '')",
        ),
        (
            "figures_are_counts",
            "INSERT INTO instance_days VALUES (1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '', -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, '')",
        ),
        (
            "days_have_no_gap",
            "INSERT INTO instance_days VALUES
             (1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ''),
             (3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '')",
        ),
        (
            "younger_than_what_they_are_about",
            "UPDATE favourites SET id = 1",
        ),
        (
            "ids_are_below_the_last",
            "UPDATE meta SET value = '5' WHERE name = 'last_id'",
        ),
        (
            "commits_are_below_the_last",
            "UPDATE accounts SET sources_commit = 1000000 WHERE name = 'bob'",
        ),
        ("posts_know_their_app", "UPDATE posts SET app = 17"),
        (
            "used_apps_say_so",
            "INSERT INTO apps (client_id, secret_hash, name, redirect_uris, scopes, made_at)
             VALUES ('one', x'00', 'one', '', 'read', 0);
             UPDATE posts SET app = (SELECT id FROM apps) WHERE boost_of IS NULL",
        ),
        (
            "notifications_have_their_cause",
            "INSERT INTO notifications (id, account, kind, sender)
             SELECT 1, alice.id, 3, carol.id FROM accounts AS alice, accounts AS carol
             WHERE alice.name = 'alice' AND carol.name = 'carol'",
        ),
        (
            "shares_have_their_day",
            "INSERT INTO day_shares VALUES (7, 0, 'birds', 1, 1)",
        ),
        (
            "archives_are_whole",
            "INSERT INTO archives (account, asked_at, file) SELECT id, 0, 'one' FROM accounts WHERE name = 'alice'",
        ),
        (
            "the_store_knows_itself",
            "DELETE FROM meta WHERE name = 'identity'",
        ),
    ];

    #[test]
    fn every_invariant_notices_what_breaks_it() {
        for (invariant, breaker) in BREAKERS {
            let (mut store, ..) = lively();
            store.tamper(breaker);
            let findings = store.find(CheckInvariants);
            assert!(
                findings
                    .iter()
                    .any(|finding| finding.invariant == *invariant),
                "{invariant} overlooks {breaker}: {findings:?}"
            );
        }
        let tried: HashSet<&str> = BREAKERS.iter().map(|(invariant, _)| *invariant).collect();
        for invariant in INVARIANTS {
            assert!(tried.contains(invariant.name), "{}", invariant.name);
        }
    }

    #[test]
    fn a_damaged_file_is_noticed() {
        let (store, ..) = lively();
        store.tamper(
            "PRAGMA writable_schema = on; DELETE FROM sqlite_schema WHERE name = 'posts_by_author'",
        );
        // A connection that was open before keeps the schema that it knows.
        let mut reader = Reader::open(&store.database()).expect("it opens");
        let findings = reader.run(&CheckInvariants).expect("it can be asked").0;
        assert!(
            findings
                .iter()
                .all(|finding| finding.invariant == "integrity")
                && !findings.is_empty(),
            "{findings:?}"
        );
    }

    #[test]
    fn no_more_is_told_than_a_person_reads() {
        let (mut store, ..) = lively();
        store.tamper(
            "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100)
             INSERT INTO tags (name) SELECT 'lonely' || n FROM numbers",
        );
        let findings = store.find(CheckInvariants);
        assert_eq!(findings.len(), FINDINGS_PER_INVARIANT_MAX + 1);
        assert_eq!(findings[FINDINGS_PER_INVARIANT_MAX].detail, "and more");
    }
}
