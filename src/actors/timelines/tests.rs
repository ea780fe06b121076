//! A window that events keep true always equals what a fresh merge over the store finds.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};

use super::core::{Residency, Residents};
use super::shown;
use super::window::Below;
use crate::budget::Budget;
use crate::domain::access::Authority;
use crate::domain::event::{Boosting, Event};
use crate::domain::page::Page;
use crate::domain::relationship::MuteOptions;
use crate::domain::visibility::Visibility;
use crate::ids::{AccountId, PostId};
use crate::store::queries::home::{HomeEntry, MergeHome, MergedHome, RefreshHome, Refreshed};
use crate::store::snapshots::WindowSnapshot;
use crate::store::testing::{AddAccount, TestStore};
use crate::store::units::{
    BlockAccount, BoostPost, DeletePost, EditPost, FollowAccount, MuteAccount, PreparedText,
    PublishPost, SuspendAccount, UnblockAccount, UnboostPost, UnfollowAccount, UnmuteAccount,
    UnsuspendAccount,
};
use crate::store::writer::EventBatch;

const NAMES: [&str; 6] = ["wren", "robin", "finch", "owl", "heron", "crane"];
const PEOPLE: usize = NAMES.len();
/// More than a history can have.
const ALL: usize = 10_000;
/// The rule on boosts turns on the last millisecond of a day.
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

#[derive(Debug, Clone)]
enum Op {
    Publish {
        author: usize,
        visibility: Visibility,
        names: Vec<usize>,
        reply_to: Option<usize>,
    },
    Edit {
        post: usize,
        names: Vec<usize>,
    },
    Delete {
        entry: usize,
    },
    Boost {
        author: usize,
        post: usize,
        visibility: Visibility,
    },
    Unboost {
        author: usize,
        post: usize,
    },
    Follow {
        one: usize,
        other: usize,
        shows_boosts: bool,
    },
    Unfollow {
        one: usize,
        other: usize,
    },
    Block {
        one: usize,
        other: usize,
        on: bool,
    },
    Mute {
        one: usize,
        other: usize,
        on: bool,
    },
    Suspend {
        account: usize,
        on: bool,
    },
    Wait {
        millis: i64,
    },
    /// A reader's window leaves memory.
    Evict {
        reader: usize,
    },
    /// A reader scrolls to the end of its window, and what lies below comes some steps later.
    Scroll {
        reader: usize,
        steps: usize,
    },
    /// A window is merged now and admitted some steps later.
    Merge {
        reader: usize,
        steps: usize,
    },
    /// Windows that changed are persisted.
    Persist,
    /// The events of the next steps come late.
    Hold {
        steps: usize,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let person = || 0..PEOPLE;
    let pair = || (0..PEOPLE, 1..PEOPLE).prop_map(|(one, step)| (one, (one + step) % PEOPLE));
    let names = || prop::collection::vec(0..PEOPLE, 0..3);
    // Counted back from the newest: mostly what is still in somebody's window.
    let entry = || prop_oneof![3 => 0..6_usize, 1 => 0..60_usize];
    let visibility = || {
        prop_oneof![
            4 => Just(Visibility::Public),
            1 => Just(Visibility::Unlisted),
            2 => Just(Visibility::Followers),
            2 => Just(Visibility::Direct),
        ]
    };
    prop_oneof![
        12 => (person(), visibility(), names(), prop::option::weighted(0.4, entry())).prop_map(
            |(author, visibility, names, reply_to)| Op::Publish { author, visibility, names, reply_to }
        ),
        10 => (person(), entry(), visibility())
            .prop_map(|(author, post, visibility)| Op::Boost { author, post, visibility }),
        3 => (person(), entry()).prop_map(|(author, post)| Op::Unboost { author, post }),
        3 => (entry(), names()).prop_map(|(post, names)| Op::Edit { post, names }),
        4 => entry().prop_map(|entry| Op::Delete { entry }),
        5 => (pair(), prop::bool::weighted(0.7)).prop_map(
            |((one, other), shows_boosts)| Op::Follow { one, other, shows_boosts }
        ),
        2 => pair().prop_map(|(one, other)| Op::Unfollow { one, other }),
        1 => (pair(), prop::bool::weighted(0.4))
            .prop_map(|((one, other), on)| Op::Block { one, other, on }),
        2 => (pair(), any::<bool>()).prop_map(|((one, other), on)| Op::Mute { one, other, on }),
        1 => (person(), prop::bool::weighted(0.4))
            .prop_map(|(account, on)| Op::Suspend { account, on }),
        6 => prop_oneof![
            3 => 0..10 * 60_000_i64,
            2 => DAY_MILLIS / 4..DAY_MILLIS,
            1 => DAY_MILLIS - 1..=DAY_MILLIS + 1,
        ].prop_map(|millis| Op::Wait { millis }),
        2 => person().prop_map(|reader| Op::Evict { reader }),
        4 => (person(), 0..6_usize).prop_map(|(reader, steps)| Op::Merge { reader, steps }),
        4 => (person(), 0..6_usize).prop_map(|(reader, steps)| Op::Scroll { reader, steps }),
        3 => Just(Op::Persist),
        3 => (1..4_usize).prop_map(|steps| Op::Hold { steps }),
    ]
}

fn follows() -> impl Strategy<Value = Vec<Op>> {
    let follow = (0..PEOPLE, 1..PEOPLE).prop_map(|(one, step)| Op::Follow {
        one,
        other: (one + step) % PEOPLE,
        shows_boosts: true,
    });
    prop::collection::vec(follow, 6..20)
}

struct Merging {
    reader: AccountId,
    /// Set when it is what lies below a window.
    below: Option<Below>,
    merged: MergedHome,
    commit: i64,
    steps: usize,
}

struct World {
    store: TestStore,
    people: Vec<AccountId>,
    /// Every post and boost ever made, with its author; some are gone.
    entries: Vec<(PostId, AccountId)>,
    edits: usize,
    residency: Residency,
    residents: Residents,
    merging: Vec<Merging>,
    snapshots: HashMap<AccountId, WindowSnapshot>,
    /// How many snapshots were brought up to date and compared.
    refreshed: usize,
    /// How many had so much come since that nothing of them was needed.
    replaced: usize,
    held: VecDeque<Arc<EventBatch>>,
    hold: usize,
    /// Whether events tell all other boosts of a post with a boost, as they do until a post has many.
    are_all_told: bool,
}

impl World {
    fn new(residency: Residency, are_all_told: bool) -> Self {
        let store = TestStore::open();
        let people = NAMES
            .map(|name| store.apply(AddAccount(name)).unwrap())
            .to_vec();
        store.batches();
        Self {
            are_all_told,
            store,
            people,
            entries: Vec::new(),
            edits: 0,
            residency,
            residents: Residents::new(residency, &Budget::new(1 << 24), 0),
            merging: Vec::new(),
            snapshots: HashMap::new(),
            refreshed: 0,
            replaced: 0,
            held: VecDeque::new(),
            hold: 0,
        }
    }

    fn entry(&self, back: usize) -> Option<(PostId, AccountId)> {
        let last = self.entries.len().checked_sub(1)?;
        Some(self.entries[last - back % self.entries.len()])
    }

    fn text(&mut self, names: &[usize]) -> PreparedText {
        self.edits += 1;
        PreparedText {
            text: format!("version {} {names:?}", self.edits),
            mentioned_names: names.iter().map(|name| NAMES[*name].to_owned()).collect(),
            ..PreparedText::default()
        }
    }

    /// Does what the op says, as far as the rules allow it.
    fn perform(&mut self, op: &Op) {
        let people = self.people.clone();
        match *op {
            Op::Publish {
                author,
                visibility,
                ref names,
                reply_to,
            } => {
                let text = self.text(names);
                let made = self.store.apply(PublishPost {
                    author: people[author],
                    text,
                    visibility: Some(visibility),
                    reply_to: reply_to.and_then(|back| self.entry(back)).map(|(id, _)| id),
                    app: None,
                    idempotency_key: None,
                });
                self.entries.extend(made.map(|id| (id, people[author])));
            }
            Op::Boost {
                author,
                post,
                visibility,
            } => {
                let Some((post, _)) = self.entry(post) else {
                    return;
                };
                let made = self.store.apply(BoostPost {
                    author: people[author],
                    post,
                    visibility,
                });
                self.entries.extend(made.map(|id| (id, people[author])));
            }
            Op::Unboost { author, post } => {
                if let Some((post, _)) = self.entry(post) {
                    drop(self.store.apply(UnboostPost {
                        author: people[author],
                        post,
                    }));
                }
            }
            Op::Edit { post, ref names } => {
                let text = self.text(names);
                if let Some((post, author)) = self.entry(post) {
                    drop(self.store.apply(EditPost { author, post, text }));
                }
            }
            Op::Delete { entry } => {
                if let Some((post, author)) = self.entry(entry) {
                    drop(self.store.apply(DeletePost { author, post }));
                }
            }
            Op::Follow {
                one,
                other,
                shows_boosts,
            } => drop(self.store.apply(FollowAccount {
                follower: people[one],
                followee: people[other],
                shows_boosts: Some(shows_boosts),
                notifies: None,
                follows_max: 100,
            })),
            Op::Unfollow { one, other } => drop(self.store.apply(UnfollowAccount {
                follower: people[one],
                followee: people[other],
            })),
            Op::Block { one, other, on } => {
                let (account, target) = (people[one], people[other]);
                drop(if on {
                    self.store.apply(BlockAccount { account, target })
                } else {
                    self.store.apply(UnblockAccount { account, target })
                });
            }
            Op::Mute { one, other, on } => {
                let (account, target) = (people[one], people[other]);
                let options = MuteOptions {
                    hides_notifications: true,
                };
                drop(if on {
                    self.store.apply(MuteAccount {
                        account,
                        target,
                        options,
                    })
                } else {
                    self.store.apply(UnmuteAccount { account, target })
                });
            }
            Op::Suspend { account, on } => {
                let (by, account) = (Authority::Operator, people[account]);
                if on {
                    self.store.apply(SuspendAccount { by, account }).unwrap();
                } else {
                    self.store.apply(UnsuspendAccount { by, account }).unwrap();
                }
            }
            Op::Wait { millis } => self.store.clock.advance_millis(millis),
            Op::Evict { reader } => self.residents.evict(people[reader]),
            Op::Merge { reader, steps } => self.start_merge(people[reader], steps),
            Op::Scroll { reader, steps } => self.start_scrolling(people[reader], steps),
            Op::Persist => {
                let saved = self.residents.take_unsaved();
                self.snapshots.extend(
                    saved
                        .into_iter()
                        .map(|snapshot| (snapshot.reader, snapshot)),
                );
            }
            Op::Hold { steps } => self.hold = self.hold.max(steps),
        }
    }

    fn start_merge(&mut self, reader: AccountId, steps: usize) {
        self.residents.begin_merge();
        let (merged, commit) = match self.refresh(reader, self.residents.entries_at_first()) {
            Some(refreshed) => refreshed,
            None => self.store.look(MergeHome {
                reader,
                page: Page::newest(self.residents.entries_at_first()),
            }),
        };
        self.merging.push(Merging {
            reader,
            below: None,
            merged,
            commit,
            steps,
        });
    }

    fn start_scrolling(&mut self, reader: AccountId, steps: usize) {
        let Some(below) = self.residents.below(reader, &Page::newest(1)) else {
            return;
        };
        self.residents.begin_merge();
        let page = Page {
            max_id: Some(below.floor.0),
            ..Page::newest(below.entries.min(3))
        };
        let (merged, commit) = self.store.look(MergeHome { reader, page });
        self.merging.push(Merging {
            reader,
            below: Some(below),
            merged,
            commit,
            steps,
        });
    }

    /// A reader's window out of its snapshot, if there is one that can be brought up to date, or out of what came since, if that
    /// is so much.
    fn refresh(&mut self, reader: AccountId, new_entries_max: usize) -> Option<(MergedHome, i64)> {
        let snapshot = self.snapshots.get(&reader)?.clone();
        let (refreshed, commit) = self.store.look(RefreshHome {
            snapshot,
            new_entries_max,
            sources: None,
        });
        match refreshed {
            Refreshed::Outdated => None,
            Refreshed::Replaced(home) => {
                self.replaced += 1;
                Some((home, commit))
            }
            Refreshed::UpToDate(home) => Some((home, commit)),
        }
    }

    /// Time goes by: events come, unless they are held back, and merges end.
    fn step(&mut self) {
        let batches = self.store.batches();
        let all_told = self.are_all_told;
        let told = batches
            .into_iter()
            .map(|batch| if all_told { batch } else { told_little(&batch) });
        self.held.extend(told);
        if self.hold > 0 {
            self.hold -= 1;
        } else {
            for batch in self.held.drain(..) {
                self.residents.take_in(batch);
            }
        }
        for index in (0..self.merging.len()).rev() {
            if self.merging[index].steps > 0 {
                self.merging[index].steps -= 1;
                continue;
            }
            let Merging {
                reader,
                below,
                merged,
                commit,
                ..
            } = self.merging.swap_remove(index);
            match below {
                None => drop(self.residents.admit(reader, merged, commit)),
                Some(below) => self.residents.extend(reader, &below, merged, commit),
            }
            self.residents.end_merge();
        }
    }

    /// Compares windows, and the pages they answer, with a fresh merge. How many pages they answered. Of the readers one
    /// in three comes, so that something waits for most of them.
    fn check(&mut self, step: usize) -> Result<usize, TestCaseError> {
        if !self.held.is_empty() {
            return Ok(0);
        }
        let mut answered = 0;
        for reader in self.people.clone().into_iter().skip(step % 3).step_by(3) {
            let page = Page::newest(ALL);
            let (fresh, _) = self.store.look(MergeHome { reader, page });
            if let Some(window) = self.residents.window(reader) {
                let held: Vec<HomeEntry> = window.entries().collect();
                prop_assert!(held.len() <= self.residency.window_entries_max);
                prop_assert_eq!(
                    &held[..],
                    &fresh.entries[..held.len().min(fresh.entries.len())]
                );
                if window.is_complete() {
                    prop_assert_eq!(held.len(), fresh.entries.len());
                }
            }
            for new_entries_max in [1, ALL] {
                let Some((refreshed, _)) = self.refresh(reader, new_entries_max) else {
                    continue;
                };
                let (entries, all) = (&refreshed.entries, &fresh.entries);
                prop_assert_eq!(&entries[..], &all[..entries.len().min(all.len())]);
                prop_assert!(!refreshed.is_complete || entries.len() == all.len());
                self.refreshed += 1;
            }
            let home = shown(&fresh.entries);
            for page in pages(&home) {
                let expected = page_of(&home, &page);
                let (merged, _) = self.store.look(MergeHome { reader, page });
                prop_assert_eq!(shown(&merged.entries), &expected[..], "merge {:?}", page);
                if let Some(ids) = self.residents.read(reader, &page) {
                    answered += 1;
                    prop_assert_eq!(ids, expected, "window {:?} of {:?}", page, reader);
                }
            }
        }
        Ok(answered)
    }
}

/// What happened, as it is told of posts that are boosted very often: hardly any of the other boosts with a boost.
fn told_little(batch: &EventBatch) -> Arc<EventBatch> {
    let mut events = batch.events.clone();
    for event in &mut events {
        if let Event::PostPublished {
            boosting: Some(boosting),
            ..
        } = event
        {
            let mut little = Boosting::clone(boosting);
            little.are_all_told &= little.lately.len() <= 1;
            little.lately.truncate(1);
            *boosting = Arc::new(little);
        }
    }
    let commit = batch.commit;
    Arc::new(EventBatch { commit, events })
}

/// Pages of all kinds around a few places of a home.
fn pages(home: &[PostId]) -> Vec<Page> {
    let mut pages = vec![Page::newest(1), Page::newest(3), Page::newest(20)];
    for place in [0, 2, 4, 7] {
        let Some(id) = home.get(place).map(|id| id.0) else {
            break;
        };
        let page = Page::newest(2);
        pages.push(Page {
            max_id: Some(id),
            ..page
        });
        pages.push(Page {
            since_id: Some(id),
            ..page
        });
        pages.push(Page {
            min_id: Some(id - 1),
            ..page
        });
        pages.push(Page {
            min_id: Some(id),
            max_id: Some(home[0].0),
            ..page
        });
    }
    pages
}

fn page_of(home: &[PostId], page: &Page) -> Vec<PostId> {
    let within: Vec<PostId> = home
        .iter()
        .copied()
        .filter(|id| page.max_id.is_none_or(|max| id.0 < max))
        .filter(|id| page.since_id.is_none_or(|since| id.0 > since))
        .filter(|id| page.min_id.is_none_or(|min| id.0 > min))
        .collect();
    let skipped = if page.min_id.is_some() {
        within.len().saturating_sub(page.limit)
    } else {
        0
    };
    within.into_iter().skip(skipped).take(page.limit).collect()
}

/// Somebody's window is kept, and then posts come: so many that nothing of it is needed. Of all that may happen by chance this is rare.
fn much_is_new() -> Vec<Op> {
    let post = || Op::Publish {
        author: 0,
        visibility: Visibility::Public,
        names: Vec::new(),
        reply_to: None,
    };
    let reader = 0;
    let kept = [post(), Op::Merge { reader, steps: 0 }, Op::Persist];
    // As many as it takes until each reader came by.
    kept.into_iter()
        .chain(std::iter::repeat_with(post).take(5))
        .collect()
}

fn windows_equal_fresh_merges(residency: Residency, are_all_told: bool) {
    let cases = 24;
    let history = (follows(), prop::collection::vec(op(), 20..80));
    let answered = Cell::new(0);
    let (refreshed, replaced) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    });
    let outcome = runner.run(&history, |(follows, ops)| {
        let mut world = World::new(residency, are_all_told);
        for op in &follows {
            world.perform(op);
        }
        for (step, op) in ops.iter().chain(&much_is_new()).enumerate() {
            world.perform(op);
            world.step();
            answered.set(answered.get() + world.check(step)?);
        }
        refreshed.set(refreshed.get() + world.refreshed);
        replaced.set(replaced.get() + world.replaced);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    // Else the windows were never there when they were asked, and nothing was compared.
    assert!(answered.get() > 20 * cases as usize, "{}", answered.get());
    assert!(refreshed.get() > 0 && replaced.get() > 0);
}

/// Windows of these sizes at first and at most; nobody is told at once of whom more than so many follow.
fn residency(least: usize, most: usize, readers_told_max: usize) -> Residency {
    Residency {
        window_entries_min: least,
        window_entries_max: most,
        resident_readers_max: PEOPLE - 1,
        readers_told_max,
    }
}

#[test]
fn windows_of_5_entries_equal_fresh_merges() {
    windows_equal_fresh_merges(residency(5, 5, PEOPLE), true);
}

#[test]
fn windows_of_800_entries_equal_fresh_merges() {
    windows_equal_fresh_merges(residency(800, 800, PEOPLE), true);
}

#[test]
fn growing_windows_equal_fresh_merges() {
    windows_equal_fresh_merges(residency(2, 12, PEOPLE), true);
}

#[test]
fn windows_that_take_in_large_authors_when_they_are_read_equal_fresh_merges() {
    windows_equal_fresh_merges(residency(2, 12, 2), true);
    windows_equal_fresh_merges(residency(2, 800, 0), true);
}

#[test]
fn windows_that_are_told_little_of_boosts_equal_fresh_merges() {
    windows_equal_fresh_merges(residency(3, 20, 2), false);
}
