//! What SQLite left of deleted rows in unused parts of pages is overwritten.

use crate::store::queries::residue::Residue;
use crate::store::residue::Layout;
use crate::store::tables::meta::Scrub;
use crate::store::tables::{meta, pages};
use crate::store::writer::{Unit, UnitError, Write};

/// Overwrites what was found. Each page is looked at once more: it may be another one since.
#[derive(Debug, Clone)]
pub struct ScrubPages {
    /// What was found.
    pub residue: Residue,
}

impl Unit for ScrubPages {
    /// Whether there are more pages to be looked at.
    type Answer = bool;

    fn apply(&self, write: &mut Write<'_>) -> Result<bool, UnitError> {
        let connection = write.connection;
        let first = pages::read(connection, 1)?.unwrap_or_default();
        let count = pages::count(connection)?;
        if let Some(layout) = Layout::of(&first) {
            for number in self.residue.pages.iter().copied() {
                // The file may have become shorter.
                if number > count {
                    continue;
                }
                let map = match layout.map_of(number) {
                    Some((map, _)) => pages::read(connection, map)?.unwrap_or_default(),
                    None => Vec::new(),
                };
                let mut page = pages::read(connection, number)?.unwrap_or_default();
                if let Some(unused) = layout.residue(number, &page, &map) {
                    page[unused].fill(0);
                    pages::write(connection, number, &page)?;
                    write.overwrote();
                }
            }
        }
        let scrub = meta::scrub(connection)?;
        let began = self.residue.began;
        meta::set_scrub(
            connection,
            match self.residue.until {
                Some(after) => Scrub {
                    after,
                    began,
                    ..scrub
                },
                None => Scrub {
                    after: 0,
                    began,
                    done: began,
                    ended: write.now,
                    ..scrub
                },
            },
        )?;
        Ok(self.residue.until.is_some())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::clock::Clock;
    use crate::domain::access::Authority;
    use crate::domain::account::Role;
    use crate::domain::text::search_terms::post_terms;
    use crate::domain::visibility::Visibility;
    use crate::store::invariants::CheckInvariants;
    use crate::store::queries::residue::FindResidue;
    use crate::store::testing::TestStore;
    use crate::store::units::{
        Admission, DeletePost, NewMember, PlanTask, PreparedText, PublishPost, RegisterAccount,
        RunTaskNow, TidyDatabase,
    };

    /// Of each word so many letters are looked for.
    const TAIL_LETTERS: usize = 7;

    /// The words of each text: long, so that a page soon is full, and each once.
    fn text(number: usize) -> String {
        let mut state = number as u64 + 1;
        let words = (0..12).map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            format!("{:011x}", state >> 20)
        });
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn after_a_scrub_no_deleted_word_is_in_the_file() {
        let mut store = TestStore::open();
        let register = RegisterAccount {
            member: NewMember {
                name: "wren".to_owned(),
                email: "wren@example.org".to_owned(),
                password_hash: "none".to_owned(),
            },
            admission: Admission::Operator(Role::User),
        };
        let author = store.apply(register).expect("the name is free").account;
        let now = store.clock.now();
        assert_eq!(store.find(FindResidue { now }), None, "nothing was deleted");
        let mut deleted = Vec::new();
        let mut posts = Vec::new();
        for number in 0..600 {
            let text = text(number);
            let tag = text.split(' ').next().unwrap_or_default().to_owned();
            let unit = PublishPost {
                author,
                text: PreparedText {
                    terms: post_terms("", &text),
                    text: text.clone(),
                    tags: vec![tag],
                    ..PreparedText::default()
                },
                visibility: Some(Visibility::Public),
                reply_to: None,
                app: None,
                idempotency_key: None,
            };
            posts.push((store.apply(unit).expect("a post"), text));
            if number % 3 == 0 {
                let (post, text) = posts.swap_remove(posts.len() * 7 / 11);
                store
                    .apply(DeletePost { author, post })
                    .expect("it is deleted");
                deleted.push(text);
            }
        }
        while store.step_in_house() {}
        let mut overwritten = 0;
        while let Some(residue) = store.find(FindResidue { now }) {
            overwritten += residue.pages.len();
            store.apply(ScrubPages { residue }).expect("overwritten");
        }
        assert!(overwritten > 0, "SQLite leaves something");
        assert_eq!(store.find(CheckInvariants), []);
        while store.apply(TidyDatabase).expect("no refusal") {}
        let database = store.database();
        let mut store = store.reopen();
        let file = std::fs::read(&database).expect("the database");
        // The index leaves out what a term has in common with the one before.
        let parts: HashSet<&[u8]> = file.windows(TAIL_LETTERS).collect();
        let holds = |word: &str| parts.contains(&word.as_bytes()[word.len() - TAIL_LETTERS..]);
        assert!(posts[0].1.split(' ').all(holds));
        for word in deleted.iter().flat_map(|text| text.split(' ')) {
            assert!(!holds(word), "{word}");
        }
        assert_eq!(
            store.find(FindResidue { now }),
            None,
            "nothing was deleted since"
        );
    }

    #[test]
    fn who_deletes_all_the_time_has_an_end_of_it_and_who_asks_has_another_pass() {
        struct Forget;
        impl Unit for Forget {
            type Answer = ();

            fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
                Ok(write.forget_soon()?)
            }
        }
        let mut store = TestStore::open();
        let plan = PlanTask {
            task: "database".to_owned(),
            expression: "@daily".to_owned(),
            due_at: store.clock.now(),
        };
        store.apply(plan).expect("it is planned");
        // A pass during which something is deleted; whether there was one.
        let pass = |store: &mut TestStore| {
            let now = store.clock.now();
            let Some(residue) = store.find(FindResidue { now }) else {
                return false;
            };
            assert_eq!(residue.until, None, "a small database");
            store.apply(Forget).expect("something is deleted");
            store.apply(ScrubPages { residue }).expect("overwritten");
            true
        };
        assert!(!pass(&mut store));
        store.apply(Forget).expect("something is deleted");
        assert!(pass(&mut store));
        assert!(!pass(&mut store), "one was a moment ago");
        let ask = RunTaskNow {
            by: Authority::Operator,
            task: "database".to_owned(),
        };
        store.apply(ask).expect("it is planned");
        assert!(pass(&mut store));
        assert!(!pass(&mut store), "it was asked for once");
        store.clock.advance_millis(60 * 60 * 1000);
        assert!(pass(&mut store));
        store.clock.advance_millis(-60 * 1000);
        assert!(pass(&mut store), "the clock was set back");
    }
}
