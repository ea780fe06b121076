//! A real community's follower graph: everybody writes, boosts and answers, and then every home timeline equals the
//! model's, page by page, by every cursor. Where the graph's file is absent, a generated one of its size stands in for
//! it; which one it was is printed.

#![expect(
    clippy::panic,
    reason = "clippy takes only the test functions themselves for tests"
)]

mod support;

use kinglet::domain::page::Page;
use kinglet::domain::visibility::Visibility;
use kinglet::ids::PostId;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use support::graph;
use support::history::{Answer, Step};
use support::model;
use support::town::{Memory, Town};

const SEED: u64 = 962;
/// How often each member does something, on average.
const ACTS_PER_MEMBER: usize = 5;
/// What a client asks for at once.
const PAGE: usize = 40;
/// More than anybody's home can have.
const HOME_MAX: usize = 10_000;

#[tokio::test]
async fn every_home_of_a_real_community_equals_the_models() {
    let graph = graph::load().expect("the graph can be read");
    let directory = tempfile::tempdir().expect("a directory");
    let memory = Memory {
        window_entries: 800,
        readers: 300,
        caches_bytes: None,
    };
    let mut town = Town::found(directory.path(), memory, graph.people).await;
    let follows: Vec<_> = graph
        .follows
        .iter()
        .map(|&(follower, followee)| {
            let person = |place: u32| town.people[place as usize];
            (person(follower), person(followee))
        })
        .collect();
    town.follow_all(&follows).await;
    let mut random = StdRng::seed_from_u64(SEED);
    let mut posts: Vec<PostId> = Vec::new();
    for _ in 0..graph.people * ACTS_PER_MEMBER {
        let actor = town.people[random.random_range(0..graph.people)];
        town.clock.advance_millis(random.random_range(1..60_000));
        let lately = posts.len().saturating_sub(200)..posts.len();
        let lately = (!lately.is_empty()).then(|| posts[random.random_range(lately)]);
        let step = match (random.random_range(0..10), lately) {
            (0..3, Some(post)) => Step::Boost {
                actor,
                post,
                visibility: None,
            },
            (3..5, Some(post)) => publish(&mut random, actor, Some(post)),
            _ => publish(&mut random, actor, None),
        };
        let is_post = matches!(step, Step::Publish { .. });
        if let Some(id) = act(&mut town, step).await
            && is_post
        {
            posts.push(id);
        }
    }
    let mut entries = 0;
    for reader in town.people.clone() {
        let expected = town.model.home(reader);
        entries += expected.len();
        for cursor in [Cursor::Max, Cursor::Min, Cursor::Since] {
            walk(&town, reader, &expected, cursor).await;
        }
    }
    println!(
        "{} homes with {entries} entries, {:?}",
        town.people.len(),
        town.roads().await
    );
    assert!(entries > graph.people * ACTS_PER_MEMBER);
}

fn publish(random: &mut StdRng, author: kinglet::ids::AccountId, reply_to: Option<PostId>) -> Step {
    let visibility = match random.random_range(0..10) {
        0 => Visibility::Unlisted,
        1 => Visibility::Followers,
        _ => Visibility::Public,
    };
    Step::Publish {
        author,
        visibility,
        mentions: Vec::new(),
        reply_to,
        text: "something about birds",
    }
}

/// Does a step on both sides; answers the new entry, if it is one: nobody boosts what isn't meant to be.
async fn act(town: &mut Town, step: Step) -> Option<PostId> {
    let served = town.serve(&step).await;
    let Answer::Entry(id) = served else {
        assert_eq!(served, Answer::Refused);
        return None;
    };
    let expected = step.perform(&mut town.model, id);
    assert_eq!(expected, Ok(Some(id)), "{step:?}");
    Some(id)
}

#[derive(Debug, Clone, Copy)]
enum Cursor {
    /// From the newest page downwards.
    Max,
    /// From the oldest page upwards, page after page.
    Min,
    /// From the newest page, down to some entry.
    Since,
}

/// Reads a home from one end to the other.
async fn walk(town: &Town, reader: kinglet::ids::AccountId, expected: &[PostId], cursor: Cursor) {
    let (mut max, mut since, mut min) = (None, None, None);
    match cursor {
        Cursor::Max => {}
        Cursor::Min => min = Some(PostId(0)),
        Cursor::Since => since = expected.get(expected.len() / 2).copied(),
    }
    for _ in 0..HOME_MAX / PAGE {
        let page = Page {
            max_id: max.map(|id: PostId| id.0),
            since_id: since.map(|id: PostId| id.0),
            min_id: min.map(|id: PostId| id.0),
            limit: PAGE,
        };
        let read = town.home(reader, page).await.expect("the home can be read");
        let wanted = model::page(expected, max, since, min, PAGE);
        assert_eq!(read, wanted, "{page:?} of {reader:?}");
        let (Some(first), Some(last)) = (read.first(), read.last()) else {
            return;
        };
        match cursor {
            Cursor::Min => min = Some(*first),
            Cursor::Max | Cursor::Since => max = Some(*last),
        }
    }
    panic!("the home of {reader:?} has no end");
}
