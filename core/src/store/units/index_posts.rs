//! Making posts searchable that were written while there was no search.

use rusqlite::Connection;

use super::step_job::Step;
use crate::clock::Timestamp;
use crate::domain::job::Job;
use crate::domain::text::search_terms::post_terms;
use crate::features;
use crate::ids::PostId;
use crate::store::error::StoreError;
use crate::store::tables::terms::IndexChange;
use crate::store::tables::{jobs, meta, terms};
use crate::store::writer::Write;

/// The most posts that one unit looks at.
const POSTS_PER_UNIT_MAX: usize = 100;

/// Looks at the search index when the store is opened. A kinglet without search writes down that posts are going to be
/// missing; the next one with search puts them in, from the first post on: some that were in may have been edited.
pub(in crate::store) fn begin(connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
    let is_partial = meta::is_search_index_partial(connection)?;
    if !features::SEARCH {
        return if is_partial {
            Ok(())
        } else {
            meta::set_search_index_partial(connection)
        };
    }
    if !is_partial {
        return Ok(());
    }
    let job = Job::IndexPosts { after: PostId(0) };
    if let Some(key) = job.dedup_key() {
        jobs::delete_by_key(connection, &key)?;
    }
    jobs::insert(connection, &job, now, now)?;
    Ok(())
}

/// Indexes the next posts.
pub(super) fn index_posts(write: &mut Write<'_>, after: PostId) -> Result<Step, StoreError> {
    if !features::SEARCH {
        return Ok(Step::Done);
    }
    let (posts, last) = terms::unindexed_posts(write.connection, after, POSTS_PER_UNIT_MAX)?;
    for post in posts {
        let line = post_terms(&post.spoiler, &post.text);
        write.index(IndexChange::Fill {
            key: post.key,
            terms: line,
        });
    }
    match last {
        Some(after) => Ok(Step::Left(Job::IndexPosts { after })),
        None => {
            meta::set_search_index_whole(write.connection)?;
            Ok(Step::Done)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::Role;
    use crate::domain::visibility::Visibility;
    use crate::store::invariants::CheckInvariants;
    use crate::store::testing::TestStore;
    use crate::store::units::{Admission, NewMember, PreparedText, PublishPost, RegisterAccount};

    #[test]
    fn what_was_written_without_search_is_found_again_and_nobody_complains_meanwhile() {
        let mut store = TestStore::open();
        let register = RegisterAccount {
            member: NewMember {
                name: "alice".to_owned(),
                email: "alice@example.org".to_owned(),
                password_hash: "none".to_owned(),
            },
            admission: Admission::Operator(Role::User),
        };
        let author = store.apply(register).expect("the name is free").account;
        let posts = 2 * POSTS_PER_UNIT_MAX + 7;
        for number in 0..posts {
            let text = format!("finch number{number}");
            let unit = PublishPost {
                author,
                text: PreparedText {
                    terms: post_terms("", &text),
                    text,
                    ..PreparedText::default()
                },
                visibility: Some(Visibility::Public),
                reply_to: None,
                app: None,
                idempotency_key: None,
            };
            store.apply(unit).expect("a post");
        }
        store.tamper(
            "INSERT INTO post_terms (post_terms, rowid, terms)
             SELECT 'delete', key, text FROM posts WHERE key % 3 > 0",
        );
        assert_eq!(store.find(CheckInvariants).len(), 21, "20 and \"and more\"");
        store.tamper("INSERT INTO meta (name, value) VALUES ('search_index', 'partial')");
        assert_eq!(store.find(CheckInvariants), [], "it is known");

        let mut store = store.reopen();
        let matching =
            |word: &str| format!("SELECT count(*) FROM post_terms WHERE post_terms MATCH '{word}'");
        assert!(store.number(&matching("finch")) < posts as i64);
        while store.step_in_house() {}
        assert_eq!(store.number(&matching("finch")), posts as i64);
        assert_eq!(store.number(&matching("number150")), 1);
        assert_eq!(
            store.number("SELECT count(*) FROM meta WHERE name = 'search_index'"),
            0
        );
        assert_eq!(store.find(CheckInvariants), []);
    }
}
