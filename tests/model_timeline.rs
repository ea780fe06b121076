//! The real server against the naive model: random histories on a real directory, with windows of five entries, room
//! for few readers, snapshots and restarts; once with caches as servers have them, once with next to none. A history that
//! fails is printed in its smallest form, and its seed is kept in `tests/model_timeline.regressions`, so that it is tried
//! first the next time. `KINGLET_MODEL_CASES` says how many are tried.

mod support;

use std::cell::RefCell;
use std::collections::BTreeSet;

use kinglet::actors::budget::Part;
use kinglet::actors::instance::{ask_reader, read_reader};
use kinglet::actors::posts::fill::PostSource;
use kinglet::actors::timelines::Roads;
use kinglet::actors::users::ReadInstance;
use kinglet::domain::page::Page;
use kinglet::ids::{AccountId, PostId};
use kinglet::store::queries::accounts::FindAccounts;
use kinglet::store::queries::lists::{AuthorChoice, PostList};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use tokio::runtime::Runtime;

use support::history::{self, Op, PEOPLE, Step};
use support::model::{self, Replies};
use support::town::{Memory, Town};

const CASES: u32 = 16;
const OPS: std::ops::Range<usize> = 30..90;
const MEMORY: Memory = Memory {
    window_entries: 5,
    readers: 3,
    caches_bytes: None,
};
/// A dozen posts, or fewer with what else wants room.
const CACHES_BYTES: usize = 24 * 1024;
/// What readers ask for at once where the history doesn't say.
const PAGE: usize = 4;

fn cases() -> u32 {
    std::env::var("KINGLET_MODEL_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(CASES)
}

/// What the histories came through.
#[derive(Debug, Default)]
struct Passed {
    roads: Roads,
    restarts: usize,
    /// What the caches with a common budget held together, at most, in bytes.
    caches_bytes: usize,
}

#[test]
fn every_home_equals_the_models_after_every_step() {
    try_histories(MEMORY).unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn every_home_equals_the_models_when_next_to_nothing_is_kept() {
    let memory = Memory {
        caches_bytes: Some(CACHES_BYTES),
        ..MEMORY
    };
    let passed = try_histories(memory).unwrap_or_else(|failure| panic!("{failure}"));
    // Else there was room for everything, and nothing had to go.
    assert!((CACHES_BYTES / 2..=CACHES_BYTES).contains(&passed.caches_bytes));
}

fn try_histories(memory: Memory) -> Result<Passed, String> {
    let runtime = Runtime::new().expect("a runtime");
    let passed = RefCell::new(Passed::default());
    let mut runner = TestRunner::new(ProptestConfig {
        source_file: Some(file!()),
        ..history::config(cases())
    });
    let outcome = runner.run(&history::history(OPS), |ops| {
        let mut past = passed.borrow_mut();
        runtime.block_on(live(&ops, memory, &mut past))
    });
    outcome.map_err(|failure| failure.to_string())?;
    let passed = passed.into_inner();
    println!("{passed:?}");
    // Else a road was never taken, and nothing is known of it.
    let Roads {
        window,
        snapshot,
        merge,
    } = passed.roads;
    assert!(window > 0 && snapshot > 0 && merge > 0);
    assert!(passed.restarts > 0);
    Ok(passed)
}

async fn live(ops: &[Op], memory: Memory, passed: &mut Passed) -> Result<(), TestCaseError> {
    let directory = tempfile::tempdir()?;
    let mut town = Town::found(directory.path(), memory, usize::from(PEOPLE)).await;
    for op in ops {
        let Some(step) = op.resolve(&town.model, &town.people) else {
            continue;
        };
        if matches!(step, Step::Restart) {
            passed.restarts += 1;
            passed.count(&town).await;
        }
        let served = town.serve(&step).await;
        if let Err(disagreement) = step.settle(&mut town.model, served) {
            return Err(TestCaseError::fail(disagreement.to_string()));
        }
        for reader in readers(&town) {
            let page = Page::newest(PAGE);
            let home = town.home(reader, page).await.map_err(failed)?;
            let expected = town.model.home(reader);
            let expected = model::page(&expected, None, None, None, PAGE);
            prop_assert_eq!(home, expected, "{:?} after {:?}", reader, step);
        }
        compare_remembered(&town, &step).await?;
    }
    for reader in readers(&town) {
        walk_home(&town, reader).await?;
    }
    compare_lists(&town).await?;
    passed.count(&town).await;
    Ok(())
}

impl Passed {
    /// Takes in what a server did since its start.
    async fn count(&mut self, town: &Town) {
        let here = town.roads().await;
        self.roads = Roads {
            window: self.roads.window + here.window,
            snapshot: self.roads.snapshot + here.snapshot,
            merge: self.roads.merge + here.merge,
        };
        let caches = town.instance().actors.caches().await;
        let parts = Part::ALL.map(Part::name);
        let shared = caches.iter().filter(|cache| parts.contains(&cache.name));
        let bytes = shared.map(|cache| cache.bytes).sum();
        self.caches_bytes = self.caches_bytes.max(bytes);
    }
}

fn failed(error: kinglet::actors::error::AskError) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}

/// Whoever can read: the suspended can't.
fn readers(town: &Town) -> Vec<AccountId> {
    let people = town.people.iter().copied();
    people
        .filter(|&reader| !town.model.is_suspended(reader))
        .collect()
}

/// Every page of a home by every cursor, and the home put together by walking either way.
async fn walk_home(town: &Town, reader: AccountId) -> Result<(), TestCaseError> {
    let expected = town.model.home(reader);
    let read = async |max: Option<PostId>, since: Option<PostId>, min: Option<PostId>, limit| {
        let page = Page {
            max_id: max.map(|id| id.0),
            since_id: since.map(|id| id.0),
            min_id: min.map(|id| id.0),
            limit,
        };
        let home = town.home(reader, page).await.map_err(failed)?;
        let wanted = model::page(&expected, max, since, min, limit);
        prop_assert_eq!(&home, &wanted, "{:?} of {:?}", page, reader);
        Ok(home)
    };
    for limit in [1, 3, 20] {
        let mut down = Vec::new();
        let mut below = None;
        loop {
            let page = read(below, None, None, limit).await?;
            let Some(last) = page.last() else { break };
            below = Some(*last);
            down.extend(page);
        }
        prop_assert_eq!(&down, &expected);
        let mut up = Vec::new();
        let mut above = PostId(0);
        loop {
            let mut page = read(None, None, Some(above), limit).await?;
            let Some(first) = page.first() else { break };
            above = *first;
            page.extend(up);
            up = page;
        }
        prop_assert_eq!(&up, &expected);
    }
    // Cursors also lie on what is gone, was never shown, or is not on this home.
    let mut cursors: BTreeSet<PostId> = town.model.entries().into_iter().collect();
    cursors.extend(town.model.deleted());
    for cursor in cursors.into_iter().step_by(3) {
        read(None, Some(cursor), None, PAGE).await?;
        read(Some(cursor), None, None, PAGE).await?;
        read(None, None, Some(cursor), PAGE).await?;
        let above = expected.last().copied();
        read(Some(cursor), above, None, PAGE).await?;
        read(Some(cursor), None, above, PAGE).await?;
        read(None, Some(cursor), above, PAGE).await?;
    }
    Ok(())
}

/// What is remembered of readers and of the instance, against what the store says at this moment.
async fn compare_remembered(town: &Town, step: &Step) -> Result<(), TestCaseError> {
    let actors = &town.instance().actors;
    for reader in readers(town) {
        let remembered = read_reader(actors, reader).await.map_err(failed)?;
        let asked = ask_reader(actors, reader).await.map_err(failed)?;
        prop_assert_eq!(remembered.as_deref(), asked.as_ref(), "after {:?}", step);
    }
    let counted = actors.users.send(ReadInstance).await;
    let counted = counted.map_err(|closed| failed(closed.into()))?;
    let counted = counted.map_err(failed)?;
    let ids = town.people.clone();
    let accounts = actors.find(FindAccounts { ids }).await.map_err(failed)?;
    let posts: i64 = accounts.iter().map(|account| account.counts.posts).sum();
    let active = accounts.iter();
    let active = active.filter(|account| account.counts.last_open_post.is_some());
    prop_assert_eq!(
        (counted.accounts, counted.active_accounts, counted.posts),
        (accounts.len() as i64, active.count() as i64, posts),
        "after {:?}",
        step
    );
    Ok(())
}

/// What isn't a home, but is made of the same posts.
async fn compare_lists(town: &Town) -> Result<(), TestCaseError> {
    let viewers = readers(town).into_iter().map(Some).chain([None]);
    for viewer in viewers {
        let public = town.model.public_timeline(viewer, Replies::All);
        compare(town, viewer, PostList::Public, &public).await?;
        for &author in &town.people {
            if town.model.is_suspended(author) {
                continue;
            }
            let list = PostList::By(AuthorChoice {
                author,
                excludes_replies: false,
                excludes_boosts: false,
                tagged: None,
            });
            let expected = town.model.account_timeline(viewer, author);
            compare(town, viewer, list, &expected).await?;
        }
        if let Some(account) = viewer {
            let expected = town.model.favourites(account);
            compare(town, viewer, PostList::FavouritesOf(account), &expected).await?;
            let expected = town.model.bookmarks(account);
            compare(town, viewer, PostList::BookmarksOf(account), &expected).await?;
        }
    }
    Ok(())
}

/// Walks a list to its end; its cursors may be others than its entries' ids.
async fn compare(
    town: &Town,
    viewer: Option<AccountId>,
    list: PostList,
    expected: &[PostId],
) -> Result<(), TestCaseError> {
    let source = PostSource::List(list);
    let mut walked: Vec<PostId> = Vec::new();
    let mut page = Page::newest(PAGE);
    loop {
        let (entries, older) = town.list(viewer, &source, page).await.map_err(failed)?;
        walked.extend(entries.into_iter().map(|(_, id)| id));
        match older {
            Some(cursor) => page.max_id = Some(cursor),
            None => break,
        }
    }
    prop_assert_eq!(&walked, expected, "{:?} as {:?} sees it", source, viewer);
    Ok(())
}
